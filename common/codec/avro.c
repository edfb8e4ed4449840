#include "common/codec/avro.h"

static const unsigned char frame_magic[] = {0xc3, 0x01};

bool
avro_frame_read(struct str message, uint64_t *ret_fingerprint, struct str *ret_body)
{
	uint64_t fingerprint = 0;

	if (message.len < AVRO_FRAME_BYTES || message.len > AVRO_MESSAGE_MAX ||
	    memcmp(message.ptr, frame_magic, sizeof(frame_magic)) != 0)
		return false;
	for (size_t i = AVRO_FRAME_BYTES; i-- > sizeof(frame_magic);)
		fingerprint = fingerprint << 8 | (unsigned char)message.ptr[i];
	*ret_fingerprint = fingerprint;
	*ret_body = (struct str){message.ptr + AVRO_FRAME_BYTES, message.len - AVRO_FRAME_BYTES};
	return true;
}

void
avro_frame_write(const struct schema *schema, struct buf *buf)
{
	unsigned char frame[AVRO_FRAME_BYTES];

	memcpy(frame, frame_magic, sizeof(frame_magic));
	for (size_t i = sizeof(frame_magic); i < sizeof(frame); i++)
		frame[i] =
		    (unsigned char)(schema->fingerprint >> (8 * (i - sizeof(frame_magic))) & 0xff);
	buf_append(buf, frame, sizeof(frame));
}

void
avro_put_long(struct buf *buf, int64_t value)
{
	uint64_t bits = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
	unsigned char bytes[10];
	size_t len = 0;

	if (bits < 0x80) {
		buf_append_char(buf, (char)bits); /* as most are */
		return;
	}
	while (bits >= 0x80) {
		bytes[len++] = (unsigned char)(bits & 0x7f) | 0x80;
		bits >>= 7;
	}
	bytes[len++] = (unsigned char)bits;
	buf_append(buf, bytes, len);
}

void
avro_put_boolean(struct buf *buf, bool value)
{
	buf_append_char(buf, value ? 1 : 0);
}

void
avro_put_string(struct buf *buf, struct str text)
{
	avro_put_long(buf, (int64_t)text.len);
	buf_append_str(buf, text);
}

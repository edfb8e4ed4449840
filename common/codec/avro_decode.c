#include "common/codec/avro.h"

#include <avro.h>

#include "common/codec/avro_bind.h"
#include "common/codec/avro_bytes.h"

/* avro-c's side of one schema: made once, so that a message costs no setup. */
struct writer {
	uint64_t fingerprint;
	avro_value_iface_t *class;
	avro_value_t value; /* what the last message held; its memory serves the next one */
};

struct avro_decoder {
	avro_reader_t bytes;
	size_t writers_len; /* by fingerprint, as the set has them */
	struct writer writers[SCHEMAS_MAX];
};

static enum err_class
writer_init(const struct schema *schema, struct writer *writer, struct err *err)
{
	avro_schema_t avro;

	if (avro_schema_from_json_length(schema->text.ptr, schema->text.len, &avro) != 0)
		return err_set(err, ERR_FATAL, "%.*s: %s", STR_ARG(schema->name), avro_strerror());
	writer->fingerprint = schema->fingerprint;
	writer->class = avro_generic_class_from_schema(avro);
	avro_schema_decref(avro);
	if (writer->class == NULL)
		return err_set(err, ERR_FATAL, "%.*s: %s", STR_ARG(schema->name), avro_strerror());
	if (avro_generic_value_new(writer->class, &writer->value) != 0) {
		avro_value_iface_decref(writer->class);
		return err_set(err, ERR_FATAL, "%.*s: %s", STR_ARG(schema->name), avro_strerror());
	}
	return ERR_NONE;
}

enum err_class
avro_decoder_init(const struct schemas *schemas, struct avro_decoder **ret_decoder, struct err *err)
{
	struct avro_decoder *decoder = calloc(1, sizeof(*decoder));
	const struct schema *schema;

	if (decoder == NULL)
		return err_set(err, ERR_FATAL, "out of memory");
	decoder->bytes = avro_reader_memory("", 0);
	if (decoder->bytes == NULL) {
		err_set(err, ERR_FATAL, "out of memory");
		goto out;
	}
	while ((schema = schemas_any_at(schemas, decoder->writers_len)) != NULL) {
		CHECK(decoder->writers_len < SCHEMAS_MAX);
		if (writer_init(schema, &decoder->writers[decoder->writers_len], err) != ERR_NONE)
			goto out;
		decoder->writers_len++;
	}
	*ret_decoder = decoder;
	return ERR_NONE;

out:
	avro_decoder_free(decoder);
	return err->class;
}

void
avro_decoder_free(struct avro_decoder *decoder)
{
	if (decoder == NULL)
		return;
	for (size_t i = 0; i < decoder->writers_len; i++) {
		avro_value_decref(&decoder->writers[i].value);
		avro_value_iface_decref(decoder->writers[i].class);
	}
	if (decoder->bytes != NULL)
		avro_reader_free(decoder->bytes);
	free(decoder);
}

static struct writer *
writer_find(struct avro_decoder *decoder, uint64_t fingerprint)
{
	size_t low = 0, high = decoder->writers_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (decoder->writers[middle].fingerprint < fingerprint)
			low = middle + 1;
		else
			high = middle;
	}
	CHECK(low < decoder->writers_len && decoder->writers[low].fingerprint == fingerprint);
	return &decoder->writers[low];
}

enum err_class
avro_decode(struct avro_decoder *decoder, const struct schema *writer, struct str body,
    const struct schema *current, const struct record *record, struct arena *arena, void *value,
    struct err *err)
{
	struct writer *avro = writer_find(decoder, writer->fingerprint);
	struct avro_fault fault;

	if (avro_check(writer, body, err) != ERR_NONE)
		return err->class;
	avro_reader_memory_set_source(decoder->bytes, body.ptr, (int64_t)body.len);
	if (avro_value_reset(&avro->value) != 0 ||
	    avro_value_read(decoder->bytes, &avro->value) != 0)
		return err_set(err, ERR_POISON, "%.*s: %s", STR_ARG(writer->name), avro_strerror());
	memset(value, 0, record->size);
	if (!avro_bind(writer, &avro->value, current, record, arena, value, &fault))
		return avro_fault_err(&fault, writer, err);
	return ERR_NONE;
}

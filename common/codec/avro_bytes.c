#include "common/codec/avro_bytes.h"

#define VARINT_BYTES_MAX 10

struct avro_cursor
avro_cursor_at(struct str body)
{
	const unsigned char *bytes = (const unsigned char *)body.ptr;

	/* An empty body may be NULL, and NULL + 0 is not C. */
	return (struct avro_cursor){bytes, body.len == 0 ? bytes : bytes + body.len};
}

bool
avro_take_long(struct avro_cursor *cursor, int64_t *ret_value)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX && cursor->at < cursor->end; i++) {
		unsigned char byte = *cursor->at++;

		if (i == VARINT_BYTES_MAX - 1 && byte > 1)
			return false; /* the bits beyond 64, or an eleventh byte */
		bits |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0) {
			*ret_value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
			return true;
		}
	}
	return false;
}

bool
avro_take_int(struct avro_cursor *cursor, int32_t *ret_value)
{
	int64_t value;

	if (!avro_take_long(cursor, &value) || value < INT32_MIN || value > INT32_MAX)
		return false;
	*ret_value = (int32_t)value;
	return true;
}

bool
avro_take_boolean(struct avro_cursor *cursor, bool *ret_value)
{
	if (cursor->at == cursor->end || *cursor->at > 1)
		return false;
	*ret_value = *cursor->at++ == 1;
	return true;
}

bool
avro_take_string(struct avro_cursor *cursor, struct str *ret_text)
{
	int64_t len;

	if (!avro_take_long(cursor, &len) || len < 0 || len > cursor->end - cursor->at)
		return false;
	*ret_text = (struct str){(const char *)cursor->at, (size_t)len};
	cursor->at += len;
	return true;
}

bool
avro_fault(struct avro_fault *fault, const char *reason)
{
	*fault = (struct avro_fault){.class = ERR_POISON, .reason = reason};
	return false;
}

bool
avro_fault_full(struct avro_fault *fault)
{
	*fault = (struct avro_fault){
	    .class = ERR_RETRY, .reason = "the batch's memory is spent; fewer messages may fit"};
	return false;
}

/* Put ${text} before the path; a beginning that does not fit is left out. */
static void
path_prepend(struct avro_fault *fault, struct str text)
{
	if (text.len >= sizeof(fault->path) - fault->path_len)
		return;
	memmove(fault->path + text.len, fault->path, fault->path_len);
	memcpy(fault->path, text.ptr, text.len);
	fault->path_len += text.len;
}

bool
avro_fault_in_field(struct avro_fault *fault, struct str name)
{
	if (fault->path_len > 0 && fault->path[0] != '[')
		path_prepend(fault, STR("."));
	path_prepend(fault, name);
	return false;
}

bool
avro_fault_in_item(struct avro_fault *fault, size_t index)
{
	char text[32];

	snprintf(text, sizeof(text), "[%zu]", index);
	if (fault->path_len > 0)
		path_prepend(fault, STR("."));
	path_prepend(fault, str_from(text));
	return false;
}

enum err_class
avro_fault_err(const struct avro_fault *fault, const struct schema *schema, struct err *err)
{
	return err_set(err, fault->class, "%.*s%s%.*s: %s", STR_ARG(schema->name),
	    fault->path_len > 0 ? ": " : "", (int)fault->path_len, fault->path, fault->reason);
}

const struct field *
avro_field_of(const struct record *record, struct str name, size_t *at)
{
	for (size_t i = 0, index = *at; i < record->fields_len; i++, index++) {
		const char *field_name;

		if (index >= record->fields_len)
			index = 0;
		field_name = record->fields[index].name;
		/* The first letter is looked at here: a call for each name that differs was a
		 * fifth of the time of an encoding. */
		if (field_name[0] == name.ptr[0] && strncmp(field_name, name.ptr, name.len) == 0 &&
		    field_name[name.len] == '\0') {
			*at = index + 1;
			return &record->fields[index];
		}
	}
	return NULL;
}

bool
avro_index_of(const struct schema *schema, struct str name, size_t *at, size_t *ret_index)
{
	for (size_t i = 0; i < schema->fields_len; i++) {
		size_t index = (*at + i) % schema->fields_len;

		if (str_equal(schema->fields[index].name, name)) {
			*at = index + 1;
			*ret_index = index;
			return true;
		}
	}
	return false;
}

#include "common/base/arena.h"
#include "common/codec/fingerprint.h"
#include "common/codec/schema_build.h"

#define SCHEMA_ARENA_BYTES (1024 * 1024) /* the tree of one file */
#define SET_ARENA_BYTES (64 * 1024 * 1024)
#define CANONICAL_MAX (1024 * 1024)

struct schemas {
	struct arena arena;
	size_t json_len; /* what the trees borrow from */
	json_t *json[SCHEMAS_MAX];
	size_t current_len; /* in the order of folders[] */
	const struct schema *current[SCHEMAS_MAX];
	size_t all_len; /* by fingerprint, each once */
	const struct schema *all[SCHEMAS_MAX];
};

/* The folders, in the order in which their schemas count: the current one of two alike wins.  An
 * action's is never on a topic, so it is not found by fingerprint, and all of it is the client's.
 */
static const struct folder {
	const char *prefix;
	bool current;
	bool wire;
} folders[] = {
    {"schemas/commands/", true, true},
    {"schemas/events/", true, true},
    {"schemas/actions/", true, false},
    {"schemas/released/", false, true},
};

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Memory for Jansson, or the end: when there is none in the middle of a text, Jansson (2.14) goes
 * on and writes beyond its buffer. */
static void *
json_memory(size_t size)
{
	void *memory = malloc(size);

	CHECK(memory != NULL);
	return memory;
}

/* Where ${fingerprint} stands in the sorted list, or would stand. */
static size_t
all_position(const struct schemas *schemas, uint64_t fingerprint)
{
	size_t low = 0, high = schemas->all_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (schemas->all[middle]->fingerprint < fingerprint)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct schema *
schemas_by_fingerprint(const struct schemas *schemas, uint64_t fingerprint)
{
	size_t at = all_position(schemas, fingerprint);

	if (at == schemas->all_len || schemas->all[at]->fingerprint != fingerprint)
		return NULL;
	return schemas->all[at];
}

static bool
canonical_equal(const struct schema *a, const struct schema *b)
{
	struct buf a_form, b_form;
	bool equal;

	buf_init(&a_form, CANONICAL_MAX);
	buf_init(&b_form, CANONICAL_MAX);
	fingerprint_canonical(a, &a_form);
	fingerprint_canonical(b, &b_form);
	equal = str_equal(buf_str(&a_form), buf_str(&b_form));
	buf_release(&a_form);
	buf_release(&b_form);
	return equal;
}

/* Keep ${schema} for reading, unless one that reads the same bytes is there. */
static enum err_class
all_add(struct schemas *schemas, const struct schema *schema, struct err *err)
{
	const struct schema *same = schemas_by_fingerprint(schemas, schema->fingerprint);
	size_t at = all_position(schemas, schema->fingerprint);

	if (same != NULL && !canonical_equal(same, schema))
		return err_set(err, ERR_FATAL, "%.*s and another schema have one fingerprint",
		    STR_ARG(schema->name));
	if (same != NULL)
		return ERR_NONE;
	CHECK(schemas->all_len < SCHEMAS_MAX);
	for (size_t i = schemas->all_len; i > at; i--)
		schemas->all[i] = schemas->all[i - 1];
	schemas->all[at] = schema;
	schemas->all_len++;
	return ERR_NONE;
}

/* An action has no meta, and what is in its path is the action's own to read. */
static enum err_class
body_only_check(const struct schema *schema, struct err *err)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (schema->fields[i].source != SOURCE_BODY)
			return err_set(err, ERR_FATAL, "field %.*s: an action's come from the body",
			    STR_ARG(schema->fields[i].name));
	return ERR_NONE;
}

static enum err_class
file_add(struct schemas *schemas, const struct embedded_file *file, const struct folder *folder,
    struct err *err)
{
	struct str text = {file->ptr, file->len};
	const struct schema *schema = NULL;
	json_t *json;

	if (schemas->json_len == SCHEMAS_MAX)
		return err_set(err, ERR_FATAL, "more than %d schemas", SCHEMAS_MAX);
	if (schema_load(text, &json, err) != ERR_NONE)
		return err->class;
	schemas->json[schemas->json_len++] = json;
	if (schema_build(&schemas->arena, text, json, &schema, err) != ERR_NONE)
		return err->class;
	if (folder->current) {
		if (schemas_by_name(schemas, schema->name) != NULL)
			return err_set(err, ERR_FATAL, "another current schema is named %.*s",
			    STR_ARG(schema->name));
		schemas->current[schemas->current_len++] = schema;
	}
	return folder->wire ? all_add(schemas, schema, err) : body_only_check(schema, err);
}

static enum err_class
folder_add(struct schemas *schemas, const struct folder *folder, const struct embedded_file *files,
    size_t files_len, struct err *err)
{
	for (size_t i = 0; i < files_len; i++) {
		if (!begins_with(files[i].name, folder->prefix))
			continue;
		if (file_add(schemas, &files[i], folder, err) != ERR_NONE)
			return err_wrap(err, "%s", files[i].name);
	}
	return ERR_NONE;
}

enum err_class
schemas_open_files(const struct embedded_file *files, size_t files_len,
    struct schemas **ret_schemas, struct err *err)
{
	struct schemas *schemas = calloc(1, sizeof(*schemas));

	json_set_alloc_funcs(json_memory, free);
	if (schemas == NULL)
		return err_set(err, ERR_FATAL, "out of memory");
	arena_init(&schemas->arena, SET_ARENA_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (folder_add(schemas, &folders[i], files, files_len, err) != ERR_NONE) {
			schemas_free(schemas);
			return err->class;
		}
	}
	*ret_schemas = schemas;
	return ERR_NONE;
}

enum err_class
schemas_open(struct schemas **ret_schemas, struct err *err)
{
	return schemas_open_files(embedded_schemas, embedded_schemas_len, ret_schemas, err);
}

void
schemas_free(struct schemas *schemas)
{
	if (schemas == NULL)
		return;
	for (size_t i = 0; i < schemas->json_len; i++)
		json_decref(schemas->json[i]);
	arena_release(&schemas->arena);
	free(schemas);
}

const struct schema *
schemas_by_name(const struct schemas *schemas, struct str name)
{
	for (size_t i = 0; i < schemas->current_len; i++)
		if (str_equal(schemas->current[i]->name, name))
			return schemas->current[i];
	return NULL;
}

const struct schema *
schemas_at(const struct schemas *schemas, size_t index)
{
	return index < schemas->current_len ? schemas->current[index] : NULL;
}

const struct schema *
schemas_any_at(const struct schemas *schemas, size_t index)
{
	return index < schemas->all_len ? schemas->all[index] : NULL;
}

/* A schema apart from any set; what schema_free gets is its first field. */
struct schema_alone {
	struct schema schema;
	json_t *json;
	struct arena arena;
};

enum err_class
schema_parse(struct str text, struct schema **ret_schema, struct err *err)
{
	struct schema_alone *alone = calloc(1, sizeof(*alone));
	const struct schema *schema = NULL;

	json_set_alloc_funcs(json_memory, free);
	if (alone == NULL)
		return err_set(err, ERR_FATAL, "out of memory");
	arena_init(&alone->arena, SCHEMA_ARENA_BYTES);
	if (schema_load(text, &alone->json, err) != ERR_NONE)
		goto out;
	if (schema_build(&alone->arena, text, alone->json, &schema, err) != ERR_NONE)
		goto out;
	alone->schema = *schema;
	*ret_schema = &alone->schema;
	return ERR_NONE;

out:
	schema_free(&alone->schema);
	return err->class;
}

void
schema_free(struct schema *schema)
{
	struct schema_alone *alone = (struct schema_alone *)schema;

	if (alone == NULL)
		return;
	json_decref(alone->json);
	arena_release(&alone->arena);
	free(alone);
}

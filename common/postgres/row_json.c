/* String maps such as metadata: pairs in C, a jsonb object in PostgreSQL. */

#include <jansson.h>

#include "common/postgres/row_internal.h"

#define EMPTY_MAP STR("{}")

static enum err_class
arena_is_full(struct err *err)
{
	return err_set(err, ERR_POISON, "a row's map exceeds the arena");
}

enum err_class
row_map_write(const struct str_map *map, struct arena *arena, struct str *ret_json, struct err *err)
{
	json_t *object = NULL;
	char *text = NULL;
	enum err_class class;

	if (map->len == 0) {
		*ret_json = EMPTY_MAP;
		return ERR_NONE;
	}
	class = err_set(err, ERR_POISON, "a map's text is not UTF-8");
	object = json_object();
	if (object == NULL)
		goto out;
	for (size_t i = 0; i < map->len; i++) {
		const struct str_pair *pair = &map->pairs[i];
		json_t *value = json_stringn(pair->value.ptr, pair->value.len);

		/* Takes the value, and refuses NULL. */
		if (json_object_setn_new(object, pair->key.ptr, pair->key.len, value) != 0)
			goto out;
	}
	text = json_dumps(object, JSON_COMPACT);
	if (text == NULL || !arena_str(arena, str_from(text), ret_json)) {
		class = arena_is_full(err);
		goto out;
	}
	class = ERR_NONE;
out:
	free(text);
	json_decref(object);
	return class;
}

static enum err_class
read_pairs(json_t *object, struct arena *arena, struct str_map *ret_map, struct err *err)
{
	size_t len = json_object_size(object), at = 0;
	struct str_pair *pairs = arena_array(arena, len, sizeof(*pairs));

	if (pairs == NULL)
		return arena_is_full(err);
	for (void *pair = json_object_iter(object); pair != NULL;
	     pair = json_object_iter_next(object, pair)) {
		const json_t *value = json_object_iter_value(pair);
		struct str key = {json_object_iter_key(pair), json_object_iter_key_len(pair)};
		struct str text = {json_string_value(value), json_string_length(value)};

		if (!json_is_string(value))
			return err_set(err, ERR_FATAL,
			    "the value of \"%.*s\" in a row's map is no text", STR_ARG(key));
		CHECK(at < len);
		if (!arena_str(arena, key, &pairs[at].key) ||
		    !arena_str(arena, text, &pairs[at].value))
			return arena_is_full(err);
		at++;
	}
	*ret_map = (struct str_map){pairs, len};
	return ERR_NONE;
}

enum err_class
row_map_read(struct str json, struct arena *arena, struct str_map *ret_map, struct err *err)
{
	enum err_class class = ERR_NONE;
	json_t *object;

	*ret_map = (struct str_map){NULL, 0};
	if (json.ptr == NULL || str_equal(json, EMPTY_MAP))
		return ERR_NONE;
	object = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object))
		class = err_set(err, ERR_FATAL, "a row's map is no JSON object");
	else if (json_object_size(object) > 0)
		class = read_pairs(object, arena, ret_map, err);
	json_decref(object);
	return class;
}

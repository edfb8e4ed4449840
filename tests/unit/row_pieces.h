#ifndef TESTS_UNIT_ROW_PIECES_H
#define TESTS_UNIT_ROW_PIECES_H

/*
 * What the tests of rows share: a list's item with a field of each kind that may stand there, a
 * list in it included.
 */

#include "common/base/decimal.h"
#include "common/domain/money.h"
#include "common/postgres/row_internal.h"
#include "tests/unit/codec.h"

#define ROW_PIECES_ARENA_BYTES (1024 * 1024)

/* What a list holds: each kind that may stand there. */
struct piece {
	struct str name;
	int64_t size, limit;
	struct decimal price;
	const struct piece *pieces;
	size_t pieces_len;
	bool is_on;
	struct uuid id;
	struct uuid_list ids;
	struct str_list words;
	struct currency currency;
};

static const struct field inner_fields[] = {
    FIELD(struct piece, name, FIELD_STR),
};

static const struct record inner_record = RECORD(struct piece, "inner", inner_fields);

static const struct field piece_fields[] = {
    FIELD(struct piece, name, FIELD_STR),
    FIELD(struct piece, size, FIELD_INT64),
    FIELD(struct piece, limit, FIELD_INT64_OR_NONE),
    FIELD(struct piece, price, FIELD_DECIMAL),
    FIELD_LIST(struct piece, pieces, &inner_record),
    FIELD(struct piece, is_on, FIELD_BOOL),
    FIELD(struct piece, id, FIELD_UUID),
    FIELD(struct piece, ids, FIELD_UUIDS),
    FIELD(struct piece, words, FIELD_STRS),
    FIELD(struct piece, currency, FIELD_CURRENCY),
};

static const struct record piece_record = RECORD(struct piece, "piece", piece_fields);

/**
 * row_pieces_arena(arena):
 * Begin ${arena} anew.  Programs open their schemas before they read rows, and so does this: from
 * there on Jansson has memory, or they stop.
 */
static inline void
row_pieces_arena(struct arena *arena)
{
	codec_schemas_begin();
	arena_release(arena);
	arena_init(arena, ROW_PIECES_ARENA_BYTES);
}

#endif

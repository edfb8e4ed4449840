#ifndef WORKER_FACTS_INTERNAL_H
#define WORKER_FACTS_INTERNAL_H

/*
 * What the files of facts share.  For them alone.
 */

#include <stdalign.h>

#include "worker/facts.h"

#define LIST_CAPACITY_FIRST 64

enum fact_state {
	FACT_LOADED,  /* as the database has it */
	FACT_MOVED,   /* to be updated in its table's moving columns */
	FACT_CHANGED, /* to be updated as a whole */
	FACT_ADDED,   /* to be inserted */
};

/* What stands before each row's struct. */
struct fact {
	enum fact_state state;
	alignas(max_align_t) char value[];
};

/**
 * facts_grown(arena, old, len, capacity, size):
 * An array of ${capacity} items of ${size} bytes in the arena, the first ${len} of them those of
 * ${old}.
 */
void *facts_grown(struct arena *arena, void *old, size_t len, size_t capacity, size_t size);

/**
 * facts_identity(table, value, ret_organisation_id, ret_id):
 * Where a row is found by its id.  False, untouched: rows of ${table} are only written.
 */
NODISCARD bool facts_identity(enum table_id table, const void *value,
    struct uuid *ret_organisation_id, const struct uuid **ret_id);

/**
 * facts_row_new(facts, table, state), facts_enter_new(facts, table, value):
 * Room for one more row of ${table}; and, once the caller has filled it, enter it under all that it
 * can be looked up by.
 */
NODISCARD void *facts_row_new(struct facts *facts, enum table_id table, enum fact_state state);
void facts_enter_new(struct facts *facts, enum table_id table, void *value);

#endif

#include "worker/progress.h"

static const struct pg_statement statements[] = {
    {"progress_take",
	"UPDATE billd.progress p SET attempts = attempts + $2::int4 WHERE partition = ANY "
	"($1::int4[]) "
	"RETURNING partition, cluster_id, next_offset, last_hash, event_number, published_number, "
	"attempts, suspect_offset, suspect_attempts, "
	"(SELECT count(*) FROM billd.progress)::int4 AS partitions_all, "
	"(SELECT count(*) FROM billd.due_suspects s WHERE s.partition = p.partition)::int4"},
    {"progress_lock", "SELECT partition, next_offset, event_number FROM billd.progress "
		      "WHERE partition = ANY ($1::int4[]) ORDER BY partition FOR UPDATE"},
    {"progress_check", "SELECT partition, next_offset, event_number FROM billd.progress "
		       "WHERE partition = ANY ($1::int4[]) ORDER BY partition"},
    {"progress_move",
	"UPDATE billd.progress p SET next_offset = k.next_offset, "
	"last_hash = coalesce(k.last_hash, p.last_hash), "
	"event_number = k.event_number, "
	"published_number = greatest(p.published_number, k.published_number), "
	"attempts = k.attempts, suspect_attempts = 0 "
	"FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::bytea[], $5::int8[], $6::int8[], "
	"$7::int4[]) k(partition, began, next_offset, last_hash, event_number, published_number, "
	"attempts) WHERE p.partition = k.partition AND p.next_offset = k.began"},
    {"progress_suspect",
	"UPDATE billd.progress SET suspect_attempts = CASE WHEN suspect_offset = $2::int8 "
	"THEN suspect_attempts + 1 ELSE 1 END, suspect_offset = $2::int8 "
	"WHERE partition = $1::int4 AND next_offset = $2::int8"},
    {"progress_survived", "UPDATE billd.progress SET suspect_attempts = suspect_attempts - 1 "
			  "WHERE partition = $1::int4 AND next_offset = $2::int8 "
			  "AND suspect_offset = $2::int8 AND suspect_attempts > 0"},
    /* A row has at least one, so the first time stays counted. */
    {"progress_survived_due", "UPDATE billd.due_suspects SET attempts = attempts - 1 "
			      "WHERE partition = $1::int4 AND suspect = $2::int8 AND attempts > 1"},
    {"progress_suspect_due",
	"WITH one AS (SELECT k.suspect FROM unnest($2::int8[]) WITH ORDINALITY k(suspect, n) "
	"LEFT JOIN billd.due_suspects s ON s.partition = $1::int4 AND s.suspect = k.suspect "
	"ORDER BY s.suspect IS NULL, k.n LIMIT 1) "
	"INSERT INTO billd.due_suspects AS d (partition, suspect, attempts) "
	"SELECT p.partition, one.suspect, 1 FROM one CROSS JOIN billd.progress p "
	"WHERE p.partition = $1::int4 AND p.next_offset = $3::int8 "
	"ON CONFLICT (partition, suspect) DO UPDATE SET attempts = d.attempts + 1 "
	/* As it was before: without one that is new. */
	"RETURNING d.suspect, d.attempts, "
	"(SELECT count(*) FROM billd.due_suspects s WHERE s.partition = $1::int4)::int4"},
    {"progress_forget",
	"DELETE FROM billd.due_suspects d USING unnest($1::int4[], $2::int8[]) "
	"k(partition, suspect) WHERE d.partition = k.partition AND d.suspect = k.suspect "
	"RETURNING d.partition"},
    {"progress_note", "WITH noted AS (UPDATE billd.progress p SET "
		      "published_number = greatest(p.published_number, k.published_number), "
		      "attempts = k.attempts "
		      "FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int4[]) "
		      "k(partition, next_offset, event_number, published_number, attempts) "
		      "WHERE p.partition = k.partition AND p.next_offset = k.next_offset "
		      "AND p.event_number = k.event_number RETURNING p.partition, p.attempts) "
		      "DELETE FROM billd.due_suspects d USING noted "
		      "WHERE d.partition = noted.partition AND noted.attempts = 0"},
};

void
progress_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

struct partition *
partitions_find(struct partitions *partitions, int32_t id)
{
	size_t low = 0, high = partitions->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (partitions->items[middle].id == id)
			return &partitions->items[middle];
		if (partitions->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Where ${partition} is in ${set}, or would be. */
static size_t
place_in(const struct partition_set *set, const struct partition *partition)
{
	size_t low = 0, high = set->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->items[middle]->id < partition->id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
partition_set_has(const struct partition_set *set, const struct partition *partition)
{
	size_t at = place_in(set, partition);

	return at < set->len && set->items[at] == partition;
}

void
partition_set_add(struct partition_set *set, struct partition *partition)
{
	size_t at = place_in(set, partition);

	if (at < set->len && set->items[at] == partition)
		return;
	CHECK(set->len < CONSUMER_PARTITIONS_MAX);
	for (size_t i = set->len++; i > at; i--)
		set->items[i] = set->items[i - 1];
	set->items[at] = partition;
}

bool
partition_is_careful(const struct partition *partition)
{
	return partition->attempts > TAKEOVERS_MAX &&
	       partition->careful_messages < CAREFUL_MESSAGES;
}

static enum err_class
taken_read(const PGresult *result, int row, const struct progress_topic *topic,
    struct partitions *partitions, struct err *err)
{
	struct partition *partition = partitions_find(partitions, pg_get_int32(result, row, 0));
	struct str hash = pg_get_str(result, row, 3);

	CHECK(partition != NULL);
	if (!str_equal(pg_get_str(result, row, 1), str_from(topic->cluster_id)))
		return err_set(err, ERR_FATAL,
		    "the offsets of partition %d belong to the Kafka cluster %.*s, this is %s; see "
		    "docs/operation.md, \"Offsets that Kafka does not have\"",
		    partition->id, STR_ARG(pg_get_str(result, row, 1)), topic->cluster_id);
	if (pg_get_int32(result, row, 9) != topic->partitions)
		return err_set(err, ERR_FATAL,
		    "BILLD_PARTITIONS is %d, and billd.progress has %d partitions",
		    topic->partitions, pg_get_int32(result, row, 9));
	partition->next_offset = pg_get_int64(result, row, 2);
	partition->verify = partition->next_offset > 0 && hash.len == MESSAGE_HASH_BYTES;
	if (partition->verify)
		memcpy(partition->last_hash, hash.ptr, MESSAGE_HASH_BYTES);
	partition->event_number = pg_get_int64(result, row, 4);
	partition->published_number = pg_get_int64(result, row, 5);
	partition->attempts = pg_get_int32(result, row, 6);
	partition->suspect_offset = pg_get_int64(result, row, 7);
	partition->suspect_attempts = pg_get_int32(result, row, 8);
	partition->due_suspects = pg_get_int32(result, row, 10);
	return ERR_NONE;
}

enum err_class
progress_take(struct pg *pg, const struct progress_topic *topic, const int32_t *ids, size_t len,
    bool attempt, struct partitions *ret_partitions, struct err *err)
{
	enum err_class class = ERR_NONE;
	struct pg_params params;
	struct arena arena;
	PGresult *result = NULL;

	CHECK(len <= CONSUMER_PARTITIONS_MAX);
	ret_partitions->len = len;
	for (size_t i = 0; i < len; i++)
		ret_partitions->items[i] = (struct partition){
		    .id = ids[i], .due_until = INSTANT_NONE, .due_left = true, .run_left = true};

	arena_init(&arena, 64 * 1024);
	pg_params_init(&params, &arena);
	pg_params_int32s(&params, ids, len);
	pg_params_int32(&params, attempt ? 1 : 0);
	class = pg_run(pg, "progress_take", &params, &result, err);
	if (class != ERR_NONE) {
		err_wrap(err, "progress_take");
		goto out;
	}
	if ((size_t)PQntuples(result) != len) {
		class = err_set(err, ERR_FATAL,
		    "billd.progress has %d of our %zu partitions: run `billd topics apply`",
		    PQntuples(result), len);
		goto out;
	}
	for (int i = 0; i < PQntuples(result) && class == ERR_NONE; i++)
		class = taken_read(result, i, topic, ret_partitions, err);
out:
	PQclear(result);
	arena_release(&arena);
	return class;
}

/* One field of the partitions of ${set}, as an array parameter. */
static void
params_int32_field(struct pg_params *params, const struct partition_set *set, size_t offset)
{
	int32_t column[CONSUMER_PARTITIONS_MAX];

	for (size_t i = 0; i < set->len; i++)
		memcpy(&column[i], (const char *)set->items[i] + offset, sizeof(column[0]));
	pg_params_int32s(params, column, set->len);
}

static void
params_int64_field(struct pg_params *params, const struct partition_set *set, size_t offset)
{
	int64_t column[CONSUMER_PARTITIONS_MAX];

	for (size_t i = 0; i < set->len; i++)
		memcpy(&column[i], (const char *)set->items[i] + offset, sizeof(column[0]));
	pg_params_int64s(params, column, set->len);
}

/* Of the message that will be the last; none when it is the one that was. */
static struct str
last_hash(const struct partition *partition)
{
	if (partition->batch_next_offset == partition->next_offset)
		return STR_NONE;
	return (struct str){(const char *)partition->batch_hash, MESSAGE_HASH_BYTES};
}

static void
params_hashes(struct pg_params *params, const struct partition_set *set, struct arena *arena)
{
	struct str *hashes = arena_array(arena, set->len, sizeof(*hashes));

	CHECK(hashes != NULL);
	for (size_t i = 0; i < set->len; i++)
		hashes[i] = last_hash(set->items[i]);
	pg_params_bytes_array(params, hashes, set->len);
}

#define FIELD_AT(field) offsetof(struct partition, field)

/* Compare what ${result} says of the partitions of ${set} with what we know. */
static enum err_class
compare(const PGresult *result, const struct partition_set *set, struct err *err)
{
	enum err_class class = ERR_NONE;

	CHECK((size_t)PQntuples(result) == set->len);
	for (size_t i = 0; i < set->len; i++) {
		const struct partition *partition = set->items[i];
		int row = (int)i;

		CHECK(pg_get_int32(result, row, 0) == partition->id);
		if (pg_get_int64(result, row, 1) != partition->next_offset ||
		    pg_get_int64(result, row, 2) != partition->event_number)
			class = err_set(err, ERR_RETRY,
			    "partition %d is not where we left it: at %lld, we stood at %lld",
			    partition->id, (long long)pg_get_int64(result, row, 1),
			    (long long)partition->next_offset);
	}
	return class;
}

enum err_class
progress_send_lock(
    struct pg *pg, const struct partition_set *touched, struct arena *arena, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, arena);
	params_int32_field(&params, touched, FIELD_AT(id));
	return pg_send(pg, "progress_lock", &params, err);
}

enum err_class
progress_receive_lock(struct pg *pg, const struct partition_set *touched, struct err *err)
{
	enum err_class class;
	PGresult *result;

	if (pg_receive(pg, &result, err) != ERR_NONE)
		return err_wrap(err, "progress_lock");
	class = compare(result, touched, err);
	PQclear(result);
	return class;
}

enum err_class
progress_send_move(
    struct pg *pg, const struct partition_set *touched, struct arena *arena, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, arena);
	params_int32_field(&params, touched, FIELD_AT(id));
	params_int64_field(&params, touched, FIELD_AT(next_offset));
	params_int64_field(&params, touched, FIELD_AT(batch_next_offset));
	params_hashes(&params, touched, arena);
	params_int64_field(&params, touched, FIELD_AT(batch_event_number));
	params_int64_field(&params, touched, FIELD_AT(published_number));
	params_int32_field(&params, touched, FIELD_AT(attempts));
	return pg_send(pg, "progress_move", &params, err);
}

enum err_class
progress_receive_move(struct pg *pg, const struct partition_set *touched, struct err *err)
{
	PGresult *result;

	if (pg_receive(pg, &result, err) != ERR_NONE)
		return err_wrap(err, "progress_move");
	CHECK(pg_changed(result) == (int64_t)touched->len);
	PQclear(result);
	return ERR_NONE;
}

/* As much of an id as a column holds. */
static int64_t
due_number(struct uuid id)
{
	int64_t number = 0;

	for (size_t i = sizeof(id.b) - 7; i < sizeof(id.b); i++)
		number = number << 8 | id.b[i];
	return number;
}

enum err_class
progress_suspect(struct pg *pg, struct partition *partition, struct arena *arena, struct err *err)
{
	struct pg_params params;

	pg_params_init(&params, arena);
	pg_params_int32(&params, partition->id);
	pg_params_int64(&params, partition->next_offset);
	if (pg_run(pg, "progress_suspect", &params, NULL, err) != ERR_NONE)
		return err_wrap(err, "progress_suspect");
	partition->suspect_attempts = partition->suspect_offset == partition->next_offset
					  ? partition->suspect_attempts + 1
					  : 1;
	partition->suspect_offset = partition->next_offset;
	return ERR_NONE;
}

static void
survived(struct pg *pg, const char *name, int32_t partition, int64_t number, struct arena *arena)
{
	struct pg_params params;
	struct err ignored;

	arena_reset(arena);
	pg_params_init(&params, arena);
	pg_params_int32(&params, partition);
	pg_params_int64(&params, number);
	(void)!pg_run(pg, name, &params, NULL, &ignored);
}

void
progress_survived(struct pg *pg, const struct partition *partition, struct arena *arena)
{
	survived(pg, "progress_survived", partition->id, partition->next_offset, arena);
}

void
progress_survived_due(
    struct pg *pg, const struct partition *partition, struct uuid suspect, struct arena *arena)
{
	survived(pg, "progress_survived_due", partition->id, due_number(suspect), arena);
}

/* What ${result} says of the one of ${numbers} that was noted. */
static enum err_class
noted_read(const PGresult *result, struct partition *partition, const int64_t *numbers, size_t len,
    size_t *ret_which, int32_t *ret_attempts, struct err *err)
{
	size_t which = 0;

	if (PQntuples(result) == 0)
		return err_set(err, ERR_RETRY,
		    "partition %d is not where we left it: we stood at %lld", partition->id,
		    (long long)partition->next_offset);
	while (which < len && numbers[which] != pg_get_int64(result, 0, 0))
		which++;
	CHECK(which < len);
	*ret_which = which;
	*ret_attempts = pg_get_int32(result, 0, 1);
	partition->due_suspects = pg_get_int32(result, 0, 2) + (*ret_attempts == 1 ? 1 : 0);
	return ERR_NONE;
}

enum err_class
progress_suspect_due(struct pg *pg, struct partition *partition, const struct uuid *suspects,
    size_t len, struct arena *arena, size_t *ret_which, int32_t *ret_attempts, struct err *err)
{
	int64_t *numbers = arena_array(arena, len, sizeof(*numbers));
	struct pg_params params;
	enum err_class class;
	PGresult *result;

	CHECK(len > 0 && numbers != NULL);
	for (size_t i = 0; i < len; i++)
		numbers[i] = due_number(suspects[i]);
	pg_params_init(&params, arena);
	pg_params_int32(&params, partition->id);
	pg_params_int64s(&params, numbers, len);
	pg_params_int64(&params, partition->next_offset);
	if (pg_run(pg, "progress_suspect_due", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "progress_suspect_due");
	class = noted_read(result, partition, numbers, len, ret_which, ret_attempts, err);
	PQclear(result);
	return class;
}

void
progress_settle(struct due_settled *settled, const struct partition *partition, struct uuid suspect,
    struct arena *arena)
{
	if (partition->due_suspects == 0)
		return;
	if (settled->len == 0) {
		settled->partitions =
		    arena_array(arena, settled->max, sizeof(*settled->partitions));
		settled->suspects = arena_array(arena, settled->max, sizeof(*settled->suspects));
		CHECK(settled->partitions != NULL && settled->suspects != NULL);
	}
	CHECK(settled->len < settled->max);
	settled->partitions[settled->len] = partition->id;
	settled->suspects[settled->len++] = due_number(suspect);
}

enum err_class
progress_send_forget(
    struct pg *pg, const struct due_settled *settled, struct arena *arena, struct err *err)
{
	struct pg_params params;

	CHECK(settled->len > 0);
	pg_params_init(&params, arena);
	pg_params_int32s(&params, settled->partitions, settled->len);
	pg_params_int64s(&params, settled->suspects, settled->len);
	return pg_send(pg, "progress_forget", &params, err);
}

enum err_class
progress_receive_forget(struct pg *pg, struct partitions *partitions, struct err *err)
{
	PGresult *result;

	if (pg_receive(pg, &result, err) != ERR_NONE)
		return err_wrap(err, "progress_forget");
	for (int row = 0; row < PQntuples(result); row++) {
		struct partition *partition =
		    partitions_find(partitions, pg_get_int32(result, row, 0));

		CHECK(partition != NULL);
		if (partition->batch_due_suspects > 0)
			partition->batch_due_suspects--;
	}
	PQclear(result);
	return ERR_NONE;
}

/* What is lent is not here. */
static void
set_of_here(struct partition_set *set, struct partitions *partitions)
{
	set->len = 0;
	for (size_t i = 0; i < partitions->len; i++)
		if (!partitions->items[i].lent)
			set->items[set->len++] = &partitions->items[i];
}

enum err_class
progress_check(struct pg *pg, struct partitions *partitions, struct arena *arena, struct err *err)
{
	struct partition_set here;
	PGresult *result = NULL;
	struct pg_params params;
	enum err_class class;

	set_of_here(&here, partitions);
	pg_params_init(&params, arena);
	params_int32_field(&params, &here, FIELD_AT(id));
	if (pg_run(pg, "progress_check", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "progress_check");
	class = compare(result, &here, err);
	PQclear(result);
	return class;
}

bool
progress_has_forgotten(const struct partitions *partitions)
{
	for (size_t i = 0; i < partitions->len; i++) {
		const struct partition *partition = &partitions->items[i];

		if (!partition->lent && partition->attempts == 0 && partition->due_suspects > 0)
			return true;
	}
	return false;
}

enum err_class
progress_note(struct pg *pg, struct partitions *partitions, struct arena *arena, struct err *err)
{
	struct partition_set here;
	struct pg_params params;

	if (partitions->len == 0)
		return ERR_NONE;
	set_of_here(&here, partitions);
	pg_params_init(&params, arena);
	params_int32_field(&params, &here, FIELD_AT(id));
	params_int64_field(&params, &here, FIELD_AT(next_offset));
	params_int64_field(&params, &here, FIELD_AT(event_number));
	params_int64_field(&params, &here, FIELD_AT(published_number));
	params_int32_field(&params, &here, FIELD_AT(attempts));
	if (pg_run(pg, "progress_note", &params, NULL, err) != ERR_NONE)
		return err_wrap(err, "progress_note");
	for (size_t i = 0; i < here.len; i++)
		if (here.items[i]->attempts == 0)
			here.items[i]->due_suspects = 0;
	return ERR_NONE;
}

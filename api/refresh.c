#include "api/refresh.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#include "api/health.h"
#include "api/key_cache.h"
#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define INTERVAL_S 2
#define ARENA_MAX ((size_t)2 * 1024 * 1024)
#define HASH_TEXT_LEN (2 * API_KEY_HASH_BYTES + 6) /* "\\x…", and the comma */

struct refresher {
	struct ingress *ingress;
	struct pg *pg;
	struct arena arena;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop_asked;
	bool stop;
	bool down; /* the last look failed */
	bool partitions_known;
	struct key_entry entries[KEY_CACHE_MAX];
};

/* The hashes as an array of bytea in text, for the row-level policy. */
static void
put_hashes(const struct key_entry *entries, size_t len, struct buf *list)
{
	char hex[2 * API_KEY_HASH_BYTES + 1];

	buf_append_char(list, '{');
	for (size_t i = 0; i < len; i++) {
		sodium_bin2hex(hex, sizeof(hex), entries[i].hash, sizeof(entries[i].hash));
		buf_printf(list, "%s\"\\\\x%s\"", i == 0 ? "" : ",", hex);
	}
	buf_append_char(list, '}');
}

/* Ask which of the ${len} entries are good. */
static enum err_class
ask(struct refresher *refresher, size_t len, struct str list, PGresult **ret_result,
    struct err *err)
{
	struct str *hashes = arena_array(&refresher->arena, len, sizeof(*hashes));
	struct pg_params scope, params;
	struct pg *pg = refresher->pg;
	PGresult *result;

	CHECK(hashes != NULL);
	for (size_t i = 0; i < len; i++)
		hashes[i] =
		    (struct str){(const char *)refresher->entries[i].hash, API_KEY_HASH_BYTES};
	pg_params_init(&scope, &refresher->arena);
	pg_params_str(&scope, list);
	pg_params_init(&params, &refresher->arena);
	pg_params_bytes_array(&params, hashes, len);
	*ret_result = NULL;
	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, "scope_key", &scope, err) != ERR_NONE ||
	    pg_send(pg, "keys_known", &params, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE ||
	    pg_receive(pg, &result, err) != ERR_NONE) {
		pg_rollback(pg);
		return err->class;
	}
	PQclear(result);
	if (pg_receive(pg, ret_result, err) != ERR_NONE || pg_finish(pg, err) != ERR_NONE) {
		PQclear(*ret_result);
		*ret_result = NULL;
		pg_rollback(pg);
		return err->class;
	}
	return ERR_NONE;
}

/* Drop those of the ${len} entries that ${result} has no row for. */
static void
drop_others(struct refresher *refresher, size_t len, const PGresult *result)
{
	int rows = PQntuples(result);

	/* With all of them there, nothing needs to be found. */
	if ((size_t)rows == len)
		return;
	for (size_t i = 0; i < len; i++) {
		const struct key_entry *entry = &refresher->entries[i];
		int row = 0;

		while (row < rows &&
		       memcmp(pg_get_str(result, row, 0).ptr, entry->hash, API_KEY_HASH_BYTES) != 0)
			row++;
		if (row == rows)
			key_cache_drop(refresher->ingress->keys, entry->hash);
	}
}

/* With another number of partitions than the workers have, commands would go to the wrong ones. */
static enum err_class
check_partitions(struct refresher *refresher, struct err *err)
{
	struct ingress *ingress = refresher->ingress;
	PGresult *result;
	int32_t there;

	if (refresher->partitions_known)
		return ERR_NONE;
	if (pg_run(refresher->pg, "partitions", NULL, &result, err) != ERR_NONE)
		return err->class;
	there = pg_get_int32(result, 0, 0);
	PQclear(result);
	refresher->partitions_known = there > 0;
	if (there > 0 && there != ingress->settings->partitions) {
		log_line(LOG_ERROR, "BILLD_PARTITIONS is wrong: the topics have another number",
		    log_int("setting", ingress->settings->partitions), log_int("topics", there));
		ingress->exit_code = EXIT_USAGE;
		daemon_stop();
	}
	return ERR_NONE;
}

static void
look(struct refresher *refresher)
{
	size_t len = key_cache_list(refresher->ingress->keys, refresher->entries);
	PGresult *result;
	struct buf list;
	struct err err;
	bool well;

	arena_reset(&refresher->arena);
	buf_init(&list, KEY_CACHE_MAX * HASH_TEXT_LEN + 3);
	put_hashes(refresher->entries, len, &list);
	CHECK(!list.overflow);
	well = ask(refresher, len, buf_str(&list), &result, &err) == ERR_NONE;
	if (well) {
		drop_others(refresher, len, result);
		PQclear(result);
		well = check_partitions(refresher, &err) == ERR_NONE;
	}
	if (!well && !refresher->down)
		log_line(LOG_ERROR, "the database is out of reach", log_text("error", err.text));
	if (well && refresher->down)
		log_event(LOG_INFO, "the database is back");
	refresher->down = !well;
	health_database(refresher->ingress->health, well);
	buf_release(&list);
}

static void *
refresher_run(void *argument)
{
	struct refresher *refresher = argument;

	pthread_mutex_lock(&refresher->lock);
	while (!refresher->stop) {
		struct timespec until;

		pthread_mutex_unlock(&refresher->lock);
		look(refresher);
		CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
		until.tv_sec += INTERVAL_S;
		pthread_mutex_lock(&refresher->lock);
		if (!refresher->stop)
			pthread_cond_timedwait(&refresher->stop_asked, &refresher->lock, &until);
	}
	pthread_mutex_unlock(&refresher->lock);
	return NULL;
}

struct refresher *
refresher_new(const struct pg_settings *settings, struct ingress *ingress)
{
	struct refresher *refresher = calloc(1, sizeof(*refresher));
	pthread_condattr_t attributes;

	CHECK(refresher != NULL);
	refresher->ingress = ingress;
	refresher->pg = pg_new(settings);
	pg_prepare(refresher->pg, statement_table, statement_table_len);
	arena_init(&refresher->arena, ARENA_MAX);
	CHECK(pthread_mutex_init(&refresher->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&refresher->stop_asked, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
	CHECK(pthread_create(&refresher->thread, NULL, refresher_run, refresher) == 0);
	return refresher;
}

void
refresher_free(struct refresher *refresher)
{
	if (refresher == NULL)
		return;
	pthread_mutex_lock(&refresher->lock);
	refresher->stop = true;
	pthread_cond_signal(&refresher->stop_asked);
	pthread_mutex_unlock(&refresher->lock);
	pthread_join(refresher->thread, NULL);
	pg_free(refresher->pg);
	arena_release(&refresher->arena);
	pthread_cond_destroy(&refresher->stop_asked);
	pthread_mutex_destroy(&refresher->lock);
	free(refresher);
}

#include "api/refresh.h"

#include <pthread.h>
#include <time.h>

#include "api/health.h"
#include "api/recheck.h"
#include "api/statements.h"
#include "common/base/daemon.h"
#include "common/base/log.h"

#define INTERVAL_S 2

struct refresher {
	struct ingress *ingress;
	struct pg *pg;
	struct recheck *recheck;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop_asked;
	bool stop;
	bool down;      /* the last look failed */
	bool uses_fail; /* the last uses could not be written */
	bool partitions_known;
};

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

/* Write down which keys were used.  That it fails keeps nobody from being served. */
static void
note_uses(struct refresher *refresher)
{
	struct err err;
	bool well = recheck_uses(refresher->recheck, &err) == ERR_NONE;

	if (!well && !refresher->uses_fail)
		log_line(LOG_WARN, "the last use of API keys cannot be written",
		    log_text("error", err.text));
	refresher->uses_fail = !well;
}

static void
look(struct refresher *refresher)
{
	struct err err;
	/* Tokens wait for the ring, so it comes first. */
	bool well = recheck_ring(refresher->recheck, &err) == ERR_NONE &&
		    recheck_callers(refresher->recheck, &err) == ERR_NONE &&
		    check_partitions(refresher, &err) == ERR_NONE;

	if (!well && !refresher->down)
		log_line(LOG_ERROR, "the database is out of reach", log_text("error", err.text));
	if (well && refresher->down)
		log_event(LOG_INFO, "the database is back");
	refresher->down = !well;
	health_database(refresher->ingress->health, well);
	if (well)
		note_uses(refresher);
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
		until = clock_steady_after(INTERVAL_S * 1000);
		pthread_mutex_lock(&refresher->lock);
		if (!refresher->stop)
			pthread_cond_timedwait(&refresher->stop_asked, &refresher->lock, &until);
	}
	pthread_mutex_unlock(&refresher->lock);
	/* Of the last seconds. */
	if (!refresher->down)
		note_uses(refresher);
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
	refresher->recheck = recheck_new(ingress, refresher->pg);
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
	recheck_free(refresher->recheck);
	pg_free(refresher->pg);
	pthread_cond_destroy(&refresher->stop_asked);
	pthread_mutex_destroy(&refresher->lock);
	free(refresher);
}

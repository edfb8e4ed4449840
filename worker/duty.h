#ifndef WORKER_DUTY_H
#define WORKER_DUTY_H

/*
 * A duty: a thread beside the loop that looks after something of our partitions, again and again.
 * Here are its beginning and end, what wakes it, and which partitions are ours; what it does is its
 * owner's.  It is told of partitions by the loop's thread, and asks from its own.
 */

#include <pthread.h>

#include "worker/progress.h"

struct duty {
	int32_t partitions_all;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t news;
	bool stop, woken;
	size_t owned_len;
	int32_t owned[CONSUMER_PARTITIONS_MAX]; /* ids of partitions */
};

/**
 * duty_init(duty, partitions_all), duty_release(duty):
 * One that owns nothing and does not run, of a topic of ${partitions_all}.  Release comes behind
 * duty_stop.
 */
void duty_init(struct duty *duty, int32_t partitions_all);
void duty_release(struct duty *duty);

/**
 * duty_start(duty, run, argument), duty_stop(duty):
 * Begin ${run}, which ends when duty_await says so; and have it end, and wait for that.  Stop is
 * fine without start, and twice.
 */
void duty_start(struct duty *duty, void *(*run)(void *argument), void *argument);
void duty_stop(struct duty *duty);

/**
 * duty_own(duty, partitions), duty_wake(duty):
 * From now on these are ours; or there is something to do.  Both end the wait.
 */
void duty_own(struct duty *duty, const struct partitions *partitions);
void duty_wake(struct duty *duty);

/**
 * duty_await(duty, timeout_ms):
 * Wait for something to do, or for ${timeout_ms} to pass.  False: for the end.
 */
NODISCARD bool duty_await(struct duty *duty, int64_t timeout_ms);

/**
 * duty_stopping(duty):
 * Whether the end was asked for.
 */
NODISCARD bool duty_stopping(struct duty *duty);

/**
 * duty_owned(duty, ret_ids), duty_owns(duty, shard):
 * Our partitions now; and whether ${shard} is of one of them.  None when the end was asked for.
 */
NODISCARD size_t duty_owned(struct duty *duty, int32_t ret_ids[CONSUMER_PARTITIONS_MAX]);
NODISCARD bool duty_owns(struct duty *duty, int32_t shard);

#endif

#ifndef WORKER_HELPER_H
#define WORKER_HELPER_H

/*
 * A helper: a thread beside the loop that does one thing whenever it is lent what that takes, and
 * then gives it back.  What is lent is the helper's alone, and the loop's while it is not.
 */

#include <pthread.h>
#include <stdbool.h>

#include "common/base/err.h"

struct helper_task {
	void (*work)(void *what);
	void *what;
	void (*wake)(void *who); /* told when it is given back; NULL: nobody is */
	void *who;
};

struct helper {
	struct helper_task task;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t news;
	bool lent, stop;
};

/**
 * helper_start(helper, task), helper_end(helper):
 * Begin a thread for ${task}.  End waits for what is under way, and accepts zeroed ones.
 */
void helper_start(struct helper *helper, const struct helper_task *task);
void helper_end(struct helper *helper);

/**
 * helper_lend(helper), helper_has(helper), helper_await(helper):
 * Lend a started one its task's ${what}; whether it has it; and wait until it is given back.  One
 * that was not started has nothing.
 */
void helper_lend(struct helper *helper);
NODISCARD bool helper_has(struct helper *helper);
void helper_await(struct helper *helper);

#endif

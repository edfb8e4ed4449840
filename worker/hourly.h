#ifndef WORKER_HOURLY_H
#define WORKER_HOURLY_H

/*
 * Billing runs of the hour: of which organisations something is due at a full hour, and the command
 * that has it billed.  What is parked is not due, nor is what the last such run could not bill and
 * nobody has changed since: it is tried along with what is, and alone would be told each hour for
 * as long as nobody mends it.
 *
 * Whose turn it is to tell is decided by an advisory lock.  It lasts for the turn, which is a
 * transaction: a worker that hangs in the midst of it loses it with that
 * (idle_in_transaction_session_timeout), and one that cannot tell leaves the next turn to others.
 * The lock only spares work: the command's id derives from organisation and hour.
 */

#include "common/codec/command.h"
#include "common/postgres/pg.h"

#define HOURLY_GROUPS 16 /* of shards, each looked at in one statement */

/* Organisations with something due, as many as there are: a growing list. */
struct hourly_list {
	size_t len, capacity;
	struct uuid *ids; /* owned */
};

/**
 * hourly_prepare(pg):
 * Have the statements of this module prepared.
 */
void hourly_prepare(struct pg *pg);

/**
 * hourly_begin(pg, arena, ret_ours, err):
 * Begin a turn, unless another worker has its own.  ${ret_ours}: we have the lock, until hourly_end
 * or pg_rollback, one of which has to follow in any case.  On failure nothing was begun.
 */
NODISCARD enum err_class hourly_begin(
    struct pg *pg, struct arena *arena, bool *ret_ours, struct err *err);

/**
 * hourly_hold(pg, arena, err), hourly_end(pg, err):
 * Amid a turn, more often than idle_in_transaction_session_timeout: that it goes on; and its end.
 * ERR_RETRY when we do not have the lock any more.
 */
NODISCARD enum err_class hourly_hold(struct pg *pg, struct arena *arena, struct err *err);
NODISCARD enum err_class hourly_end(struct pg *pg, struct err *err);

/**
 * hourly_hour(now_ms, margin_ms):
 * The last full hour that is at least ${margin_ms} past, in hours since the epoch.
 */
NODISCARD int64_t hourly_hour(int64_t now_ms, int64_t margin_ms);

/**
 * hourly_find(pg, arena, group, hour, list, err):
 * Within a turn: add to ${list} the organisations that have something due at ${hour}, in real time
 * and in number ${group} (from 0) of the groups of shards, and no run of that hour.  What their
 * last finished scheduled run could not bill does not count, unless it was changed since.  One that
 * is in several groups is there several times, until hourly_unite.
 */
NODISCARD enum err_class hourly_find(struct pg *pg, struct arena *arena, int32_t group,
    int64_t hour, struct hourly_list *list, struct err *err);

/**
 * hourly_unite(list), hourly_release(list):
 * Have each organisation of ${list} once, in the order of their ids; and free it, who may be
 * zeroed.
 */
void hourly_unite(struct hourly_list *list);
void hourly_release(struct hourly_list *list);

/**
 * hourly_command(organisation_id, hour, now_ms):
 * What ScheduleBillingRun tells, as accepted at ${now_ms}.
 */
NODISCARD struct start_billing_run hourly_command(
    struct uuid organisation_id, int64_t hour, int64_t now_ms);

#endif

#ifndef WORKER_HOURLY_H
#define WORKER_HOURLY_H

/*
 * Billing runs of the hour: of which organisations something is due at a full hour, and the command
 * that has it billed.  What is parked is not due: it is tried along with what is, and alone would
 * be told each hour for as long as nobody mends it.  Whose turn it is to tell is decided by an
 * advisory lock, which a worker's connection keeps while it lives: others only spare themselves the
 * work, as the command's id derives from organisation and hour.
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
 * hourly_turn(pg, arena, ret_ours, ret_now_ms, err):
 * Take the lock, unless this connection has it.  ${ret_ours}: we have it; and the database's time
 * in milliseconds since the epoch, as it is one for all workers.
 */
NODISCARD enum err_class hourly_turn(
    struct pg *pg, struct arena *arena, bool *ret_ours, int64_t *ret_now_ms, struct err *err);

/**
 * hourly_hour(now_ms, margin_ms):
 * The last full hour that is at least ${margin_ms} past, in hours since the epoch.
 */
NODISCARD int64_t hourly_hour(int64_t now_ms, int64_t margin_ms);

/**
 * hourly_find(pg, arena, group, hour, list, err):
 * Add to ${list} the organisations that have something due at ${hour}, in real time and in number
 * ${group} (from 0) of the groups of shards, and no run of that hour.  One that is in several
 * groups is there several times, until hourly_unite.
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

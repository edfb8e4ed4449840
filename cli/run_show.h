#ifndef CLI_RUN_SHOW_H
#define CLI_RUN_SHOW_H

/*
 * What people read of billing runs: the report of one, and rows of lists.  Pure: from the API's
 * JSON to text.  What is missing there is left out here.
 */

#include "cli/run_state.h"

#define RUN_SHOW_MAX                                                                \
	((size_t)16 * 1024 * 1024) /* bytes of one report, or of one page of a list \
				    */

/**
 * run_show_report(run, out):
 * Append the report of ${run}: what was asked for, how far it is, the sums by currency and plan,
 * the difference to the run before, and of a dry run the first invoices.
 */
void run_show_report(const json_t *run, struct buf *out);

/**
 * run_show_list_head(out), run_show_list_row(run, out):
 * Append the head and a row of the table of runs.
 */
void run_show_list_head(struct buf *out);
void run_show_list_row(const json_t *run, struct buf *out);

/**
 * run_show_failure_head(out), run_show_failure_row(failure, out):
 * Append the head and a row of the table of a run's failures.
 */
void run_show_failure_head(struct buf *out);
void run_show_failure_row(const json_t *failure, struct buf *out);

/**
 * run_show_verdict(run, ret_verdict):
 * Whether the run ${run} did all that it should: it is finished, nothing failed, and its books are
 * balanced.  Else ${ret_verdict} says in a few words what is to be looked at.
 */
NODISCARD bool run_show_verdict(const json_t *run, const char **ret_verdict);

#endif

#ifndef CLI_RUN_WATCH_H
#define CLI_RUN_WATCH_H

/*
 * Watch a billing run until it is over: on a terminal one line that is written over and over, else
 * a line for each change; at the end its report.  Reads the API's stream of events, and comes back
 * to it when it ends or breaks, however often: the API may be restarted meanwhile.  Never changes
 * the run.
 */

#include "cli/run_http.h"

#define RUN_WATCH_DRAW_MS 500        /* between two drawings while nothing is heard */
#define RUN_WATCH_PAUSE_MS 1000      /* before the first reconnect, unless the API wants another; */
#define RUN_WATCH_PAUSE_MAX_MS 15000 /* doubled with each that fails, up to this */

/**
 * run_watch(http, id, patient, err):
 * Watch the run ${id}.  ERR_NONE when it did all that it should; ERR_RETRY when it is over and
 * there is something to look at: failures, books that are unbalanced, or it was canceled.
 * ERR_FATAL when it cannot be watched, or a signal asked to stop.  With ${patient} it is known that
 * the API can be asked, so that already the first try is made again and again.
 */
NODISCARD enum err_class run_watch(
    struct run_http *http, const char *id, bool patient, struct err *err);

#endif

#ifndef API_SUBMIT_H
#define API_SUBMIT_H

/*
 * Commands: from a request to a message on billd.commands, and from its delivery report to the
 * answer.  Needs no database.
 */

#include "api/request.h"

/**
 * submit_run(request):
 * Check the command, and queue it (run of struct route).
 */
NODISCARD bool submit_run(struct request *request);

/**
 * submit_delivered(request, delivery):
 * By the delivery thread, which has ${request} from the queue: answer it, or let it wait for its
 * outcome.
 */
void submit_delivered(struct request *request, const struct delivery *delivery);

#endif

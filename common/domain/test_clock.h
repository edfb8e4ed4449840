#ifndef COMMON_DOMAIN_TEST_CLOCK_H
#define COMMON_DOMAIN_TEST_CLOCK_H

/*
 * A test clock: its customers live in its time, which stands still until it is advanced.  The clock
 * and its customers lie in one shard, so that one worker has all of it in hand.  Plain facts.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"

#define TEST_CLOCK_ADVANCE_MAX_S (INT64_C(731) * 86400) /* two years at a time */

struct test_clock {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard;
	struct str name; /* none when it has none */
	struct str
	    status; /* "ready", or "advancing" while what falls due on the way is being done */
	struct instant now;
	struct instant target_at;         /* while advancing: where to; else INSTANT_NONE */
	struct uuid advance_operation_id; /* while advancing: the operation that succeeds at the
					     end; else nil */
	int64_t advance_accepted_ms;      /* likewise, and what else its row needs; else 0 */
	struct str advance_idempotency_key, advance_actor, advance_address, advance_request_id;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
};

#endif

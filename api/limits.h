#ifndef API_LIMITS_H
#define API_LIMITS_H

/*
 * How much each may ask: token buckets by name, in memory that is bounded whatever names come.
 * Each ingress counts for itself.
 *
 * A name's bucket is kept for as long as something is missing from it.  When a new name finds only
 * such buckets where it belongs, it takes the place of the fullest of them, and what is missing
 * from that one is missing from its own: so nobody gets more than the limit by coming under many
 * names, and a bucket that is pushed out was emptier for nobody.  Where a name belongs is decided
 * by a hash with a key of this process, so nobody chooses whom to meet.
 *
 * Thread-safe; the clock is the caller's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

enum limit_class {
	LIMIT_CALLER,        /* requests of an API key or a user */
	LIMIT_ORGANISATION,  /* requests of an organisation */
	LIMIT_LOGIN_ACCOUNT, /* attempts to log in with one email address */
	LIMIT_LOGIN_ADDRESS, /* attempts from one network address; of IPv6, from one /64 */
	LIMIT_CLASS_MAX,
};

struct limit_rule {
	int64_t quota;    /* of a full bucket; 0: no limit */
	int64_t window_s; /* in which an empty bucket fills */
};

/* What limits_take found. */
struct limit_state {
	int64_t quota; /* 0: there is no limit */
	int64_t window_s;
	int64_t remaining; /* that may come now */
	int64_t reset_s;   /* until the bucket is full; after a refusal until one may come */
};

struct limits;

/**
 * limits_new(rules), limits_free(limits):
 * One rule of each class.  Never NULL; free accepts NULL.
 */
NODISCARD struct limits *limits_new(const struct limit_rule rules[LIMIT_CLASS_MAX]);
void limits_free(struct limits *limits);

/**
 * limits_class_name(class):
 * "caller", as the header RateLimit has it.
 */
NODISCARD const char *limits_class_name(enum limit_class class);

/**
 * limits_take(limits, class, name, now_us, ret_state):
 * Take one from the bucket of ${name}: bytes that tell it from all others of the class, such as an
 * id's, or an address as text.  False, nothing taken, when it is empty.  ${now_us} never goes back
 * (clock_steady_us).  ${ret_state} is set in any case.
 */
NODISCARD bool limits_take(struct limits *limits, enum limit_class class, struct str name,
    int64_t now_us, struct limit_state *ret_state);

/**
 * limits_give_back(limits, class, name):
 * Put back what limits_take has taken.
 */
void limits_give_back(struct limits *limits, enum limit_class class, struct str name);

#endif

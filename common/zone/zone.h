#ifndef COMMON_ZONE_ZONE_H
#define COMMON_ZONE_ZONE_H

/*
 * Time zones: which names exist, and the transitions of one as the plain table that
 * domain/calendar.h computes with.  Never asks what time it is, and never the machine's own zone.
 *
 * The data is the system's tz database, from the package tzdata (or wherever the variable TZDIR
 * points to), so that rules change by an update of that package, without one of ours.  While a
 * process runs, its names are those of its start, but a zone is read when it is first needed: after
 * an update, restart.  Until then it knows no new names, and goes by the old rules in zones that a
 * cache holds and by the new ones in others.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/domain/calendar.h"

#define ZONE_NAME_MAX 63     /* bytes; the longest in use has 32 */
#define ZONE_CACHE_ZONES 128 /* zones that a cache holds, 2 MiB at most */

/**
 * zone_init(err):
 * Read the list of names, and one zone to see that the database can be used.  Fatal when there is
 * none, or not one that we understand; retry when memory or open files are out, or a file is
 * broken.  Does nothing once it has succeeded.  Safe to call from any thread.
 */
NODISCARD enum err_class zone_init(struct err *err);

/**
 * zone_is_known(name):
 * Whether ${name} is a name or alias of the tz database: "Europe/Vienna", "Asia/Calcutta", "UTC".
 * Upper and lower case matter.  False for what has a file there and is no place's time:
 * "localtime", "posixrules", "right/UTC", "Factory".  Touches no file, and is safe to call from any
 * thread; but when zone_init has not succeeded yet it is called first, and no name is known while
 * it fails: so call that at start.
 */
NODISCARD bool zone_is_known(struct str name);

/**
 * zone_read(name, ret_zone, err):
 * Read the offsets of ${name} from INSTANT_MIN_S to INSTANT_MAX_S, at whose end the table stops.
 * On an error ${ret_zone} holds nothing of use:
 * poison  the name is not known, or has more than ZONE_TRANSITIONS_MAX transitions
 * retry   its file is gone, unreadable or malformed: somebody must mend the database
 * fatal   its file counts leap seconds; and what zone_init says, which is called first
 * Safe to call from any thread.
 */
NODISCARD enum err_class zone_read(struct str name, struct zone *ret_zone, struct err *err);

struct zone_cache_entry {
	struct zone *zone; /* owned */
	char name[ZONE_NAME_MAX];
	size_t name_len;
	uint64_t used; /* the cache's count of calls when it was last asked for */
};

/* Zones that were read, at most ZONE_CACHE_ZONES; the one not asked for the longest makes room.
 * For one thread. */
struct zone_cache {
	struct zone_cache_entry entries[ZONE_CACHE_ZONES];
	size_t len;
	uint64_t calls;
};

/**
 * zone_cache_init(cache), zone_cache_release(cache):
 * Make ${cache} empty; and free its zones.  NULL or a zeroed cache is fine for release.
 */
void zone_cache_init(struct zone_cache *cache);
void zone_cache_release(struct zone_cache *cache);

/**
 * zone_cache_get(cache, name, ret_zone, err):
 * Borrow the zone ${name}, read as by zone_read when the cache has it not.  It is valid until the
 * next zone_cache_get or zone_cache_release.  On an error (as zone_read) ${cache} and ${ret_zone}
 * are untouched.
 */
NODISCARD enum err_class zone_cache_get(
    struct zone_cache *cache, struct str name, const struct zone **ret_zone, struct err *err);

#endif

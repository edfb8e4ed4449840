#ifndef COMMON_BASE_UUID_NEW_H
#define COMMON_BASE_UUID_NEW_H

/*
 * New ids of what no command makes: people, organisations, keys.  What a command makes has derived
 * ids (id.h).
 */

#include "common/base/uuid.h"

/**
 * uuid_new():
 * A new UUIDv7 (RFC 9562): the milliseconds of now, then random.  Thread-safe after sodium_init.
 */
NODISCARD struct uuid uuid_new(void);

#endif

#ifndef COMMON_ZONE_ZONE_FILE_H
#define COMMON_ZONE_ZONE_FILE_H

/*
 * One file of the system's tz database: TZif of version 2 or later (RFC 9636), which ends in a rule
 * for all later years.  Whatever the bytes are, reading them ends in a table that calendar.h can
 * compute with, or in an error; it never reads beyond them.  For zone.c, zone_names.c and tests.
 */

#include <stddef.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/domain/calendar.h"

#define ZONE_FILE_MAX 32768    /* bytes; the largest of release 2025b has 3,872 */
#define ZONE_FILE_MAGIC "TZif" /* what each begins with */

/**
 * zone_file_decode(bytes, len, ret_zone, err):
 * Read the file of ${len} bytes.  On an error ${ret_zone} holds nothing of use:
 * retry   the bytes are malformed, cut off, contradict themselves, or are of version 1
 * poison  there are more than ZONE_TRANSITIONS_MAX transitions from INSTANT_MIN_S to INSTANT_MAX_S
 * fatal   the file counts leap seconds, which no clock here does: the directory is the wrong one
 */
NODISCARD enum err_class zone_file_decode(
    const unsigned char *bytes, size_t len, struct zone *ret_zone, struct err *err);

/**
 * zone_file_read(path, ret_zone, err):
 * The same with the regular file ${path}; retry also when it cannot be read, or is larger than
 * ZONE_FILE_MAX.
 */
NODISCARD enum err_class zone_file_read(const char *path, struct zone *ret_zone, struct err *err);

#endif

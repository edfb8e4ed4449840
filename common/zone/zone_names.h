#ifndef COMMON_ZONE_ZONE_NAMES_H
#define COMMON_ZONE_ZONE_NAMES_H

/*
 * Where the system's tz database lies.  For zone.c only; the names are asked for by zone.h.
 */

#include "common/base/check.h"

/**
 * zone_names_directory():
 * The directory whose names zone_init has read.
 */
NODISCARD const char *zone_names_directory(void);

#endif

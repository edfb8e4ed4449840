#ifndef TESTS_UNIT_ZONES_H
#define TESTS_UNIT_ZONES_H

/*
 * What the C library knows of time zones: it reads the same database with code of its own, and so
 * is a witness for ours.
 */

#include "common/zone/zone.h"
#include "tests/unit/unit.h"

#define ZONES_MAX 1024

/**
 * zones_path(file, ret_path, size):
 * The path of ${file} in the tz database that is tested.
 */
static inline void
zones_path(const char *file, char *ret_path, size_t size)
{
	const char *directory = getenv("TZDIR");
	int len = snprintf(
	    ret_path, size, "%s/%s", directory == NULL ? "/usr/share/zoneinfo" : directory, file);

	ck_assert(len > 0 && (size_t)len < size);
}

/**
 * zones_names(ret_names):
 * The names in the database's own text, where a zone is "Z name …" and an alias "L zone name".
 * Returns how many.
 */
static inline size_t
zones_names(char ret_names[ZONES_MAX][ZONE_NAME_MAX + 1])
{
	char path[1024], line[1024], name[ZONE_NAME_MAX + 1];
	size_t len = 0;
	FILE *file;

	zones_path("tzdata.zi", path, sizeof(path));
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s is not there", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "Z %63s", name) != 1 && sscanf(line, "L %*s %63s", name) != 1)
			continue;
		if (strcmp(name, "Factory") == 0)
			continue;
		ck_assert_uint_lt(len, ZONES_MAX);
		memcpy(ret_names[len++], name, sizeof(name));
	}
	fclose(file);
	ck_assert_uint_gt(len, 590);
	return len;
}

/**
 * zones_read(name):
 * Our own table of the zone ${name}.
 */
static inline struct zone
zones_read(const char *name)
{
	static struct zone zone;
	struct err err;

	ck_assert_msg(zone_read(str_from(name), &zone, &err) == ERR_NONE, "%s: no such zone", name);
	return zone;
}

/**
 * zones_set(name):
 * Let zones_offset_s be that of the zone ${name}.
 */
static inline void
zones_set(const char *name)
{
	char variable[ZONE_NAME_MAX + 2];

	snprintf(variable, sizeof(variable), ":%s", name);
	ck_assert_int_eq(setenv("TZ", variable, 1), 0);
	tzset();
}

/**
 * zones_offset_s(at_s):
 * Local time minus UTC at ${at_s}, as the C library says.
 */
static inline int32_t
zones_offset_s(int64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm tm;

	ck_assert_ptr_nonnull(localtime_r(&at, &tm));
	return (int32_t)tm.tm_gmtoff;
}

#endif

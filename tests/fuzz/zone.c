/*
 * A file of the tz database.  It comes from the system's package, or from wherever TZDIR points.
 *
 * Whatever is read, the calendar can compute with: transitions ascend, and boundaries of periods
 * do, too.
 */

#include "common/zone/zone_file.h"

#include "common/domain/calendar.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct cadence cadences[] = {{INTERVAL_DAY, 1}, {INTERVAL_MONTH, 1}};
	static struct zone zone;
	struct err err;

	if (zone_file_decode(bytes, len, &zone, &err) != ERR_NONE) {
		CHECK(err.text[0] != '\0' && utf8_is_valid(str_from(err.text)));
		return 0;
	}
	CHECK(zone.transitions_len <= ZONE_TRANSITIONS_MAX);
	for (uint32_t i = 1; i < zone.transitions_len; i++)
		CHECK(zone.transitions[i - 1].at_s < zone.transitions[i].at_s);
	for (size_t i = 0; i < ARRAY_LEN(cadences); i++) {
		struct instant before = {INSTANT_MIN_S + 1000000000}, boundary;

		for (int32_t k = 1; k < 50; k++) {
			if (!calendar_boundary(
				&zone, (struct anchor){{1000000000}, 0}, cadences[i], k, &boundary))
				break;
			CHECK(instant_is_valid(boundary) && boundary.s >= before.s);
			before = boundary;
		}
	}
	return 0;
}

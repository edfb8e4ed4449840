#include "common/domain/proration.h"

static const char *const names[PRORATION_MAX] = {
    [PRORATION_SECOND] = "second",
    [PRORATION_DAY] = "day",
    [PRORATION_NONE] = "none",
};

struct str
proration_name(enum proration proration)
{
	CHECK(proration >= PRORATION_SECOND && proration < PRORATION_MAX);
	return str_from(names[proration]);
}

bool
proration_from(struct str name, enum proration *ret_proration)
{
	for (int i = 0; i < PRORATION_MAX; i++) {
		if (!str_equal(name, str_from(names[i])))
			continue;
		*ret_proration = (enum proration)i;
		return true;
	}
	return false;
}

static struct fraction
part_by_seconds(const struct zone *zone, struct period natural, struct period part)
{
	(void)zone;
	return (struct fraction){part.end.s - part.start.s, natural.end.s - natural.start.s};
}

/* The day of ${at}, within those of ${natural}: where a clock goes back over midnight, a later
 * moment lies in an earlier day. */
static int64_t
day_within(const struct zone *zone, struct period natural, struct instant at)
{
	int64_t first = calendar_day(zone, natural.start);
	int64_t end = calendar_day(zone, natural.end);
	int64_t day = calendar_day(zone, at);

	if (day > end)
		day = end;
	return day < first ? first : day;
}

static struct fraction
part_by_days(const struct zone *zone, struct period natural, struct period part)
{
	int64_t whole = calendar_day(zone, natural.end) - calendar_day(zone, natural.start);
	int64_t days = day_within(zone, natural, part.end) - day_within(zone, natural, part.start);

	/* A period of a day that was paused over a change of the clocks may lie in one day. */
	if (whole <= 0)
		return part_by_seconds(zone, natural, part);
	return (struct fraction){days > 0 ? days : 0, whole};
}

/* All for what ${natural} begins with, nothing for the rest. */
static struct fraction
part_undivided(const struct zone *zone, struct period natural, struct period part)
{
	bool begins = part.start.s == natural.start.s && part.end.s > part.start.s;

	(void)zone;
	return (struct fraction){begins ? 1 : 0, 1};
}

static struct fraction (*const part_table[PRORATION_MAX])(
    const struct zone *zone, struct period natural, struct period part) = {
    [PRORATION_SECOND] = part_by_seconds,
    [PRORATION_DAY] = part_by_days,
    [PRORATION_NONE] = part_undivided,
};

struct fraction
proration_fraction(
    enum proration proration, const struct zone *zone, struct period natural, struct period part)
{
	CHECK(proration >= PRORATION_SECOND && proration < PRORATION_MAX);
	CHECK(natural.start.s < natural.end.s);
	CHECK(natural.start.s <= part.start.s && part.start.s <= part.end.s);
	CHECK(part.end.s <= natural.end.s);

	return part_table[proration](zone, natural, part);
}

struct fraction
proration_max_fraction(
    enum proration proration, const struct zone *zone, struct period natural, struct period part)
{
	struct fraction fraction = proration_fraction(proration, zone, natural, part);

	if (fraction.part > 0 || part.start.s == part.end.s)
		return fraction;
	/* What is used in it is billed, so it has a maximum, though its time costs nothing. */
	return proration == PRORATION_NONE ? FRACTION_WHOLE : part_by_seconds(zone, natural, part);
}

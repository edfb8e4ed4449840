#include <sodium.h>

#include "api/limits.h"
#include "tests/unit/unit.h"

#define S INT64_C(1000000) /* microseconds */
#define START (1000 * S)
#define TABLE 8192 /* names of a class that are told apart at once */

/* Requests: five a second, ten seconds' worth at once; three attempts a minute. */
static const struct limit_rule rules[LIMIT_CLASS_MAX] = {
    [LIMIT_CALLER] = {50, 10},
    [LIMIT_ORGANISATION] = {0, 10},
    [LIMIT_LOGIN_ACCOUNT] = {3, 60},
    [LIMIT_LOGIN_ADDRESS] = {3, 60},
};

static struct limits *
limits_of(const struct limit_rule *own)
{
	ck_assert_int_ge(sodium_init(), 0);
	return limits_new(own);
}

/* Take one; what is left, or -1 when it was refused. */
static int64_t
take(struct limits *limits, enum limit_class class, const char *name, int64_t now_us)
{
	struct limit_state state;
	bool taken = limits_take(limits, class, str_from(name), now_us, &state);

	ck_assert(taken || state.remaining == 0);
	return taken ? state.remaining : -1;
}

START_TEST(test_burst)
{
	struct limits *limits = limits_of(rules);

	for (int64_t left = 49; left >= 0; left--)
		ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START), left);
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START), -1);
	/* Another name has its own. */
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "b", START), 49);
	limits_free(limits);
}
END_TEST

START_TEST(test_refill)
{
	struct limits *limits = limits_of(rules);

	while (take(limits, LIMIT_CALLER, "a", START) > 0)
		continue;
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START + S / 5 - 1), -1);
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START + S / 5), 0);
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START + S / 5), -1);
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START + S), 3);
	/* However long it takes, it holds no more than the quota. */
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START + 100000 * S), 49);
	limits_free(limits);
}
END_TEST

/* Over a long time it is the rate, and the burst at its beginning. */
START_TEST(test_rate)
{
	struct limits *limits = limits_of(rules);
	int taken = 0;

	for (int64_t ms = 0; ms < 100000; ms += 7)
		taken += take(limits, LIMIT_CALLER, "a", START + ms * 1000) >= 0;
	ck_assert_int_ge(taken, 50 + 5 * 100 - 1);
	ck_assert_int_le(taken, 50 + 5 * 100);
	limits_free(limits);
}
END_TEST

START_TEST(test_state)
{
	struct limits *limits = limits_of(rules);
	struct limit_state state;

	ck_assert(limits_take(limits, LIMIT_LOGIN_ACCOUNT, STR("a"), START, &state));
	ck_assert_int_eq(state.quota, 3);
	ck_assert_int_eq(state.window_s, 60);
	ck_assert_int_eq(state.remaining, 2);
	ck_assert_int_eq(state.reset_s, 20);
	ck_assert(limits_take(limits, LIMIT_LOGIN_ACCOUNT, STR("a"), START, &state));
	ck_assert(limits_take(limits, LIMIT_LOGIN_ACCOUNT, STR("a"), START, &state));
	ck_assert_int_eq(state.remaining, 0);
	ck_assert_int_eq(state.reset_s, 60);
	ck_assert(!limits_take(limits, LIMIT_LOGIN_ACCOUNT, STR("a"), START + 5 * S / 2, &state));
	ck_assert_int_eq(state.quota, 3);
	ck_assert_int_eq(state.remaining, 0);
	ck_assert_int_eq(state.reset_s, 18);
	limits_free(limits);
}
END_TEST

START_TEST(test_no_limit)
{
	struct limits *limits = limits_of(rules);
	struct limit_state state;

	for (int i = 0; i < 1000; i++)
		ck_assert(limits_take(limits, LIMIT_ORGANISATION, STR("a"), START, &state));
	ck_assert_int_eq(state.quota, 0);
	limits_give_back(limits, LIMIT_ORGANISATION, STR("a"));
	limits_free(limits);
}
END_TEST

START_TEST(test_give_back)
{
	struct limits *limits = limits_of(rules);

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "a", START), 2);
		limits_give_back(limits, LIMIT_LOGIN_ACCOUNT, STR("a"));
	}
	/* What comes back late makes no bucket fuller than full. */
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "a", START), 2);
	for (int i = 0; i < 10; i++)
		limits_give_back(limits, LIMIT_LOGIN_ACCOUNT, STR("a"));
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "a", START + 100 * S), 2);
	/* Nobody's is nothing. */
	limits_give_back(limits, LIMIT_LOGIN_ACCOUNT, STR("b"));
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "b", START + 100 * S), 2);
	limits_free(limits);
}
END_TEST

/* Classes are apart, though a name be the same. */
START_TEST(test_classes)
{
	struct limits *limits = limits_of(rules);

	for (int i = 0; i < 4; i++)
		(void)!take(limits, LIMIT_LOGIN_ACCOUNT, "::1", START);
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "::1", START), -1);
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ADDRESS, "::1", START), 2);
	ck_assert_str_eq(limits_class_name(LIMIT_CALLER), "caller");
	ck_assert_str_eq(limits_class_name(LIMIT_ORGANISATION), "organisation");
	limits_free(limits);
}
END_TEST

static const struct {
	const char *name, *one, *other;
	bool same;
} network_rows[] = {
    {"one address", "192.0.2.1", "192.0.2.1", true},
    {"two addresses of IPv4", "192.0.2.1", "192.0.2.2", false},
    {"one /64", "2001:db8::1", "2001:db8::ffff:1", true},
    {"one /64, written otherwise", "2001:db8::1", "2001:0DB8:0:0:9::", true},
    {"two networks of IPv6", "2001:db8::1", "2001:db8:0:1::1", false},
    {"no address at all", "", "x", false},
    {"longer than any address", "2001:db8::1", "2001:db8::1                                    ",
	false},
};

START_TEST(test_networks)
{
	struct limits *limits = limits_of(rules);

	for (int i = 0; i < 3; i++)
		(void)!take(limits, LIMIT_LOGIN_ADDRESS, network_rows[_i].one, START);
	ck_assert_msg(take(limits, LIMIT_LOGIN_ADDRESS, network_rows[_i].other, START) ==
			  (network_rows[_i].same ? -1 : 2),
	    "%s", network_rows[_i].name);
	limits_free(limits);
}
END_TEST

/* Whoever comes under many names pushes no empty bucket out, and gets nothing by it. */
START_TEST(test_many_names)
{
	struct limits *limits = limits_of(rules);
	char name[16];
	int taken = 0;

	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(take(limits, LIMIT_LOGIN_ACCOUNT, "victim", START), 0);
	for (int i = 0; i < 20 * TABLE; i++) {
		snprintf(name, sizeof(name), "%d", i);
		taken += take(limits, LIMIT_LOGIN_ACCOUNT, name, START) >= 0;
		if (i % TABLE == 0)
			ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "victim", START), -1);
	}
	/* All buckets are empty, and were emptied once. */
	ck_assert_int_eq(taken, 3 * TABLE - 3);
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "victim", START), -1);
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "late", START), -1);
	/* And full again after the window. */
	ck_assert_int_eq(take(limits, LIMIT_LOGIN_ACCOUNT, "late", START + 60 * S), 2);
	limits_free(limits);
}
END_TEST

/* The smallest and the largest that a setting may ask for. */
static const struct limit_rule edge_rows[] = {
    {1, 60}, {7, 60}, {10, 10}, {1000000, 60}, {INT64_C(10000000), 10}};

START_TEST(test_edges)
{
	struct limit_rule own[LIMIT_CLASS_MAX];
	struct limits *limits;
	struct limit_state state;

	memcpy(own, rules, sizeof(own));
	own[LIMIT_CALLER] = edge_rows[_i];
	limits = limits_of(own);
	ck_assert_int_eq(take(limits, LIMIT_CALLER, "a", START), edge_rows[_i].quota - 1);
	for (int64_t i = 1; i < edge_rows[_i].quota && i < 100; i++)
		ck_assert_int_eq(
		    take(limits, LIMIT_CALLER, "a", START), edge_rows[_i].quota - 1 - i);
	ck_assert(limits_take(limits, LIMIT_CALLER, STR("a"), INT64_MAX / 4000, &state));
	ck_assert_int_eq(state.remaining, edge_rows[_i].quota - 1);
	limits_free(limits);
}
END_TEST

START_TEST(test_no_rule)
{
	struct limit_rule own[LIMIT_CLASS_MAX] = {{0}};

	limits_free(limits_of(own));
}
END_TEST

UNIT_MAIN("limits", UNIT(test_burst), UNIT(test_refill), UNIT(test_rate), UNIT(test_state),
    UNIT(test_no_limit), UNIT(test_give_back), UNIT(test_classes),
    UNIT_ROWS(test_networks, network_rows), UNIT(test_many_names), UNIT_ROWS(test_edges, edge_rows),
    UNIT_ABORTS(test_no_rule))

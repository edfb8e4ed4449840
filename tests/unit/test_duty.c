#include "worker/duty.h"

#include <stdatomic.h>

#include "common/base/daemon.h"
#include "tests/unit/unit.h"

#define PARTITIONS 4
#define LONG_MS 60000

static struct duty duty;
static _Atomic int turns;

static struct partitions
partitions_of(size_t len, const int32_t *ids)
{
	struct partitions partitions = {.len = len};

	for (size_t i = 0; i < len; i++)
		partitions.items[i].id = ids[i];
	return partitions;
}

static void *
run(void *argument)
{
	int64_t *pause_ms = argument;

	while (duty_await(&duty, *pause_ms))
		turns++;
	return NULL;
}

static void
turns_await(int at_least)
{
	int64_t until_ms = clock_steady_ms() + LONG_MS;

	while (turns < at_least && clock_steady_ms() < until_ms)
		usleep(1000);
	ck_assert_int_ge(turns, at_least);
}

START_TEST(test_what_is_ours)
{
	const struct partitions none = partitions_of(0, NULL);
	const struct partitions two = partitions_of(2, (const int32_t[]){1, 3});
	int32_t ids[CONSUMER_PARTITIONS_MAX];

	duty_init(&duty, PARTITIONS);
	ck_assert_uint_eq(duty_owned(&duty, ids), 0);
	ck_assert(!duty_owns(&duty, 1));
	duty_own(&duty, &two);
	ck_assert_uint_eq(duty_owned(&duty, ids), 2);
	ck_assert_int_eq(ids[0], 1);
	ck_assert_int_eq(ids[1], 3);
	for (int32_t shard = 0; shard < 100; shard++)
		ck_assert(duty_owns(&duty, shard) == (shard % 2 == 1));
	duty_own(&duty, &none);
	ck_assert_uint_eq(duty_owned(&duty, ids), 0);
	ck_assert(!duty_owns(&duty, 1));
	duty_release(&duty);
}
END_TEST

/* A wait of a minute ends with news, with partitions, and with the end. */
START_TEST(test_what_ends_a_wait)
{
	const struct partitions one = partitions_of(1, (const int32_t[]){2});
	int32_t ids[CONSUMER_PARTITIONS_MAX];
	int64_t pause_ms = LONG_MS, begun_ms = clock_steady_ms();

	duty_init(&duty, PARTITIONS);
	duty_stop(&duty);
	duty_wake(&duty);
	duty_start(&duty, run, &pause_ms);
	turns_await(1);
	duty_wake(&duty);
	turns_await(2);
	duty_own(&duty, &one);
	turns_await(3);
	ck_assert(!duty_stopping(&duty));
	duty_stop(&duty);
	ck_assert(duty_stopping(&duty));
	/* Nothing is ours any more: what is in hand is to end. */
	ck_assert_uint_eq(duty_owned(&duty, ids), 0);
	ck_assert(!duty_owns(&duty, 2));
	duty_stop(&duty);
	duty_release(&duty);
	ck_assert_int_lt(clock_steady_ms() - begun_ms, LONG_MS);
}
END_TEST

START_TEST(test_it_turns_without_news)
{
	int64_t pause_ms = 1;

	duty_init(&duty, PARTITIONS);
	duty_start(&duty, run, &pause_ms);
	turns_await(20);
	duty_stop(&duty);
	duty_release(&duty);
}
END_TEST

UNIT_MAIN(
    "duty", UNIT(test_what_is_ours), UNIT(test_what_ends_a_wait), UNIT(test_it_turns_without_news))

#include "tests/unit/publishing.h"

/* What a lane goes on with when a partition is taken, and what late reports say of it. */

/* What a lane begins with, from the table and from what it knows itself. */
struct take_row {
	const char *name;
	bool ours;             /* until now */
	int64_t target, acked; /* as we know it */
	size_t in_flight;      /* likewise */
	int64_t event_number, published_number;
	int64_t expected_acked;
	bool behind, foreign;
};

static const struct take_row take_rows[] = {
    {"a fresh partition", false, 0, 0, 0, 0, 0, 0, false, false},
    {"all is published", false, 0, 0, 0, 9, 9, 9, false, false},
    {"the one before died before it published", false, 0, 0, 0, 9, 4, 4, true, false},
    {"nothing was ever published", false, 0, 0, 0, 9, 0, 0, true, false},
    {"it was ours once, and where we left it", false, 9, 9, 0, 9, 4, 4, true, false},
    {"it was ours once, and others passed us since", false, 9, 9, 0, 20, 4, 4, true, false},
    {"it was ours once, and others published", false, 9, 2, 0, 20, 20, 20, false, false},
    {"it was ours once, and some of ours are still under way", false, 9, 7, 2, 9, 9, 9, true, true},
    {"it stayed ours, and all is noted", true, 9, 9, 0, 9, 9, 9, false, false},
    {"it stayed ours, and we know better", true, 9, 9, 0, 9, 4, 9, false, false},
    {"it stayed ours, and we know a little better", true, 9, 6, 0, 9, 4, 6, true, false},
    {"it stayed ours, and some are still under way", true, 9, 7, 2, 9, 4, 7, true, false},
    {"it stayed ours, and the table knows better", true, 9, 2, 0, 9, 4, 4, true, false},
    {"it stayed ours, and we committed more than we knew", true, 9, 9, 0, 12, 4, 4, true, false},
    {"it is an older one", true, 9, 9, 0, 8, 8, 8, false, false},
    {"it is an older one, from before it was published", true, 9, 9, 0, 8, 4, 4, true, false},
    {"it is an older one, from behind what is under way", true, 9, 7, 2, 8, 8, 8, true, true},
    {"it is an older one that others have moved on", true, 9, 9, 0, 20, 7, 7, true, false},
};

START_TEST(test_take)
{
	const struct take_row *row = &take_rows[_i];

	publisher_init(&publisher, NULL);
	publisher.lanes[0] = (struct lane){
	    .ours = row->ours,
	    .target = row->target,
	    .acked = row->acked,
	    .in_flight = row->in_flight,
	    .sent = 100,
	    .behind = !row->behind,
	};
	publisher.lanes[1].ours = true;
	take(1, row->event_number, row->published_number);
	assert_lane(0, row->event_number, row->expected_acked, row->expected_acked, row->in_flight,
	    row->behind);
	ck_assert_msg(publisher.lanes[0].foreign == row->foreign, "%s", row->name);
	ck_assert_msg(publisher.lanes[0].ours && !publisher.lanes[1].ours, "%s", row->name);
	ck_assert_msg(publisher_unpublished(&publisher) == row->event_number - row->expected_acked,
	    "%s: %" PRId64, row->name, publisher_unpublished(&publisher));
	/* The table may hold dead letters of an earlier owner. */
	ck_assert(publisher.dead_letters_due);
	take(0, 0, 0);
	ck_assert(!publisher.lanes[0].ours);
	ck_assert(publisher_idle(&publisher));
	ck_assert(!publisher.dead_letters_due);
}
END_TEST

START_TEST(test_reports_for_a_partition_that_is_no_longer_ours)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 0, 0);
	mock_down(&mock);
	commit(0, 1, 5);
	/* It goes while five are in flight, and comes back before they are reported. */
	take(0, 0, 0);
	ck_assert(publisher_idle(&publisher));
	take(1, 5, 0);
	assert_lane(0, 5, 0, 0, 5, true);
	take(0, 0, 0);
	mock_up(&mock);
	settle();
	ck_assert_uint_eq(publisher.lanes[0].in_flight, 0);
	/* Whether these are the table's numbers nobody knows: they are published once more. */
	take(1, 5, 0);
	assert_lane(0, 5, 0, 0, 0, true);
	/* Of what another owner published there is nothing to be done. */
	take(0, 0, 0);
	take(1, 5, 5);
	commit(0, 6, 6);
	settle();
	assert_lane(0, 6, 6, 6, 0, false);
	teardown();
}
END_TEST

/* Whether ${published_number} is what is noted of partition 0. */
static void
assert_noted(int64_t published_number)
{
	(void)publisher_note(&publisher, &partitions.items[0]);
	ck_assert_int_eq(partitions.items[0].published_number, published_number);
}

/* An older standby took over, or a backup was restored: it gives numbers anew that we published. */
START_TEST(test_numbers_that_are_given_anew_are_published)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 96, 96);
	commit_as("old", 0, 97, 100);
	settle();
	assert_lane(0, 100, 100, 100, 0, false);
	assert_noted(100);
	take(1, 98, 98);
	assert_lane(0, 98, 98, 98, 0, false);
	ck_assert_int_eq(publisher_unpublished(&publisher), 0);
	assert_noted(98);
	publisher_committed(&publisher, 0, 98);
	commit_as("new", 0, 99, 101);
	ck_assert_int_eq(publisher_unpublished(&publisher), 3);
	assert_noted(98);
	settle();
	assert_lane(0, 101, 101, 101, 0, false);
	assert_noted(101);
	assert_published(" old97 old98 old99 old100 new99 new100 new101");
	teardown();
}
END_TEST

/* It went away, others gave our numbers anew and died before they published them, and it comes
 * back. */
START_TEST(test_numbers_that_others_gave_anew_are_published)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 96, 96);
	commit(0, 97, 100);
	settle();
	take(0, 0, 0);
	take(1, 150, 98);
	/* 99 to 150 come from the outbox, and until then nothing is noted, nor goes out of turn. */
	assert_lane(0, 150, 98, 98, 0, true);
	ck_assert_int_eq(publisher_unpublished(&publisher), 52);
	assert_noted(98);
	commit(0, 151, 151);
	assert_lane(0, 151, 98, 98, 0, true);
	ck_assert_uint_eq(producer_in_flight(producer), 0);
	teardown();
}
END_TEST

/* The older one comes while the numbers that it will give anew are under way. */
START_TEST(test_late_reports_say_nothing_of_numbers_given_anew)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 95, 95);
	mock_down(&mock);
	commit_as("old", 0, 96, 100);
	take(1, 96, 95);
	/* As when it is read again before they are reported. */
	take(1, 96, 95);
	assert_lane(0, 96, 95, 95, 5, true);
	commit_as("new", 0, 97, 98);
	assert_lane(0, 98, 95, 95, 5, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 98, 95, 95, 0, true);
	assert_noted(95);
	assert_published(" old96 old97 old98 old99 old100");
	teardown();
}
END_TEST

/* And those that come behind the last late one count. */
START_TEST(test_reports_count_again_behind_the_late_ones)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 95, 95);
	mock_down(&mock);
	commit_as("old", 0, 96, 100);
	take(1, 96, 96);
	assert_lane(0, 96, 96, 96, 5, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 96, 96, 96, 0, true);
	/* Nothing is left to come from the outbox. */
	take(1, 96, 96);
	assert_lane(0, 96, 96, 96, 0, false);
	commit_as("new", 0, 97, 98);
	settle();
	assert_lane(0, 98, 98, 98, 0, false);
	assert_published(" old96 old97 old98 old99 old100 new97 new98");
	teardown();
}
END_TEST

/* As while batches fail again and again: what is published is not forgotten each time. */
START_TEST(test_what_stays_ours_and_as_it_was_goes_on)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(1, 0, 0);
	commit(0, 1, 3);
	settle();
	take(1, 3, 0);
	assert_lane(0, 3, 3, 3, 0, false);
	mock_down(&mock);
	commit(0, 4, 6);
	take(1, 6, 0);
	assert_lane(0, 6, 3, 3, 3, true);
	mock_up(&mock);
	settle();
	assert_lane(0, 6, 3, 6, 0, true);
	take(1, 6, 0);
	assert_lane(0, 6, 6, 6, 0, false);
	assert_noted(6);
	assert_published(" 1 2 3 4 5 6");
	teardown();
}
END_TEST

/* Only what follows without a gap counts, and nothing moves back. */
START_TEST(test_acknowledgements_out_of_turn)
{
	setup(TIMEOUT_NEVER, QUEUE_MAX);
	take(2, 0, 0);
	mock_down(&mock);
	commit(0, 1, 5);
	/* Meanwhile another owner published as far as 7, and the partition came back. */
	take(2, 7, 7);
	/* Number 10 is under way, and 8 and 9 are not known to be persisted. */
	publisher.lanes[1].sent = 9;
	commit(1, 10, 10);
	mock_up(&mock);
	settle();
	assert_lane(0, 7, 7, 7, 0, true);
	assert_lane(1, 10, 10, 7, 0, false);
	teardown();
}
END_TEST

UNIT_MAIN("publish take", UNIT_ROWS(test_take, take_rows),
    UNIT(test_reports_for_a_partition_that_is_no_longer_ours),
    UNIT(test_numbers_that_are_given_anew_are_published),
    UNIT(test_numbers_that_others_gave_anew_are_published),
    UNIT(test_late_reports_say_nothing_of_numbers_given_anew),
    UNIT(test_reports_count_again_behind_the_late_ones),
    UNIT(test_what_stays_ours_and_as_it_was_goes_on), UNIT(test_acknowledgements_out_of_turn))

/* What holds for every subscription: each event in each state, and laws over random lives. */
#include "tests/unit/lives.h"

#define START "2026-06-01T00:00:00Z"
#define SOON "2026-06-11T00:00:00Z"
#define LIVES 400
#define MOVES 40

enum event {
	EVENT_CANCEL,
	EVENT_CANCEL_LATER,
	EVENT_UNCANCEL, /* of one that is to be canceled */
	EVENT_PAUSE,
	EVENT_RESUME,
	EVENT_CHANGE,
	EVENT_CHANGE_LATER,
	EVENT_DUE, /* its period's end, its start, its end when it is paused */
	EVENTS,
};

/* What each event makes of each state: a status, or '!' and the refusal.  F: SUBSCRIPTION_FINAL, S:
 * SUBSCRIPTION_STATE.  "-": cannot happen. */
struct walk_row {
	const char *status;
	const char *to[EVENTS];
};

static const struct walk_row walk_rows[SUBSCRIPTION_STATUS_MAX] = {
    [SUBSCRIPTION_SCHEDULED] = {"scheduled",
	{"canceled", "canceled", "scheduled", "!S", "!S", "scheduled", "scheduled", "active"}},
    [SUBSCRIPTION_TRIALING] = {"trialing",
	{"canceled", "trialing", "trialing", "paused", "!S", "trialing", "trialing", "active"}},
    [SUBSCRIPTION_ACTIVE] = {"active",
	{"canceled", "active", "active", "paused", "!S", "active", "active", "active"}},
    [SUBSCRIPTION_PAST_DUE] = {"past_due",
	{"canceled", "past_due", "past_due", "paused", "!S", "past_due", "past_due", "past_due"}},
    [SUBSCRIPTION_PAUSED] = {"paused",
	{"canceled", "canceled", "paused", "!S", "active", "!S", "paused", "canceled"}},
    [SUBSCRIPTION_CANCELED] = {"canceled", {"!F", "!F", "!F", "!F", "!F", "!F", "!F", "-"}},
    [SUBSCRIPTION_EXPIRED] = {"expired", {"!F", "!F", "!F", "!F", "!F", "!F", "!F", "-"}},
};

/* A life that has come to ${status}. */
static struct life *
life_in(enum subscription_status status)
{
	struct life *life = lives_begin("UTC", PRORATION_SECOND);
	struct subscription *subscription = &life->subscription;
	struct wish wish = lives_wish(1);

	if (status == SUBSCRIPTION_SCHEDULED)
		wish.start_at = unit_instant("2026-07-01T00:00:00Z");
	if (status == SUBSCRIPTION_TRIALING)
		wish.trial_days = 30;
	if (status == SUBSCRIPTION_PAUSED)
		wish.end_at = unit_instant("2026-09-01T00:00:00Z");
	ck_assert_int_eq(lives_create(life, PLAN_MIXED, &wish, unit_instant(START)), REFUSAL_NONE);
	if (status == SUBSCRIPTION_PAUSED) {
		ck_assert_int_eq(
		    lifecycle_pause(subscription, unit_instant(SOON), &life->step), REFUSAL_NONE);
		lives_go_on(life);
	}
	subscription->status = subscription_status_name(status);
	if (!subscription_is_live(subscription))
		subscription->due_at = INSTANT_NONE;
	return life;
}

static enum refusal
happen(struct life *life, enum event event)
{
	struct subscription *subscription = &life->subscription;
	struct instant now = unit_instant(SOON);
	struct terms terms = lives_terms(life);

	switch (event) {
	case EVENT_CANCEL:
	case EVENT_CANCEL_LATER:
		return lifecycle_cancel(subscription,
		    event == EVENT_CANCEL ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END, true, &terms, now,
		    &life->step, &life->bill);
	case EVENT_UNCANCEL:
		subscription->cancel_at_period_end = true;
		return lifecycle_uncancel(subscription, now, &life->step);
	case EVENT_PAUSE:
		return lifecycle_pause(subscription, now, &life->step);
	case EVENT_RESUME:
		return lifecycle_resume(subscription, &terms, now, &life->step, &life->bill);
	case EVENT_CHANGE:
	case EVENT_CHANGE_LATER:
		return lives_change(life, PLAN_60, 2,
		    event == EVENT_CHANGE ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END, true, now);
	case EVENT_DUE:
		return lifecycle_due(subscription, &terms, &life->step, &life->bill);
	case EVENTS:
		break;
	}
	ck_abort_msg("no event");
}

static enum refusal
refusal_of(char letter)
{
	return letter == 'F' ? REFUSAL_SUBSCRIPTION_FINAL : REFUSAL_SUBSCRIPTION_STATE;
}

START_TEST(test_every_event_in_every_state)
{
	const struct walk_row *row = &walk_rows[_i];

	for (int event = 0; event < EVENTS; event++) {
		const char *to = row->to[event];
		enum refusal refusal;
		struct life *life;

		if (to[0] == '-')
			continue;
		life = life_in((enum subscription_status)_i);
		refusal = happen(life, (enum event)event);
		ck_assert_msg(refusal == (to[0] == '!' ? refusal_of(to[1]) : REFUSAL_NONE),
		    "%s, event %d: %d", row->status, event, refusal);
		if (refusal == REFUSAL_NONE)
			unit_assert_str(life->step.after.status, to, row->status);
	}
}
END_TEST

/* What is final has nothing due, and says so at once. */
START_TEST(test_nothing_falls_due_of_what_has_ended)
{
	struct life *life = life_in(_i == 0 ? SUBSCRIPTION_CANCELED : SUBSCRIPTION_EXPIRED);
	struct terms terms = lives_terms(life);

	life->subscription.due_at = unit_instant(SOON);
	ck_assert_int_eq(
	    lifecycle_due(&life->subscription, &terms, &life->step, &life->bill), REFUSAL_NONE);
}
END_TEST

static const char final_rows[2];

/* Nothing is to be taken back unless something was asked for. */
START_TEST(test_uncancel_needs_a_wish)
{
	struct life *life = life_in((enum subscription_status)_i);
	bool live = subscription_is_live(&life->subscription);

	ck_assert_int_eq(lifecycle_uncancel(&life->subscription, unit_instant(SOON), &life->step),
	    live ? REFUSAL_NOT_CANCELING : REFUSAL_SUBSCRIPTION_FINAL);
}
END_TEST

START_TEST(test_the_first_wish_to_cancel_keeps_its_date)
{
	struct life *life = life_in(SUBSCRIPTION_ACTIVE);
	struct subscription *subscription = &life->subscription;
	static const char *const days[] = {SOON, "2026-06-12T00:00:00Z", "2026-06-13T00:00:00Z"};
	struct terms terms;

	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		terms = lives_terms(life);
		ck_assert_int_eq(
		    lifecycle_cancel(subscription, i == 2 ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END,
			false, &terms, unit_instant(days[i]), &life->step, &life->bill),
		    REFUSAL_NONE);
		lives_go_on(life);
		ck_assert(subscription->cancel_at_period_end == (i != 2));
		unit_assert_instant(
		    subscription->canceled_at, i == 2 ? days[2] : SOON, "canceled_at");
		unit_assert_instant(subscription->updated_at, days[i], "updated_at");
		unit_assert_instant(subscription->ended_at, i == 2 ? days[2] : NULL, "ended_at");
	}
}
END_TEST

START_TEST(test_event_names)
{
	static const char *const names[LIFECYCLE_EVENT_MAX] = {"created", "started", "trial_ended",
	    "renewed", "changed", "updated", "paused", "resumed", "canceled", "expired", "parked",
	    "earned"};

	for (int i = 0; i < LIFECYCLE_EVENT_MAX; i++)
		ck_assert_str_eq(lifecycle_event_name((enum lifecycle_event)i), names[i]);
}
END_TEST

static const char *const zones[] = {"UTC", "America/New_York", "Europe/Vienna", "Pacific/Apia",
    "Australia/Lord_Howe", "America/Sao_Paulo", "America/Havana"};
static const char *const anchors[] = {"start", "start", "calendar", "1", "15", "31"};
static const enum lives_plan monthly[] = {
    PLAN_30, PLAN_60, PLAN_SEATS, PLAN_MIXED, PLAN_CALLS, PLAN_30_NEXT};
static const enum lives_plan any[] = {PLAN_30, PLAN_60, PLAN_SEATS, PLAN_MIXED, PLAN_CALLS,
    PLAN_30_NEXT, PLAN_YEAR, PLAN_WEEK, PLAN_DAY, PLAN_TRIAL, PLAN_QUARTER};

#define PICK(random, table) ((table)[unit_random(random, ARRAY_LEN(table))])

/* A random one that was just made; false when it was refused. */
static bool
life_random(uint64_t *random, struct life **ret_life)
{
	enum proration proration = (enum proration)unit_random(random, PRORATION_MAX);
	struct life *life = lives_begin(PICK(random, zones), proration);
	struct instant now = {1300000000 + (int64_t)unit_random(random, 600000000)};
	struct wish wish = lives_wish((int64_t)unit_random(random, 5));

	wish.anchor = str_from(PICK(random, anchors));
	if (unit_random(random, 4) == 0)
		wish.trial_days = (int32_t)unit_random(random, 40);
	if (unit_random(random, 4) == 0)
		wish.start_at.s = now.s + (int64_t)unit_random(random, 8000000) - 4000000;
	if (unit_random(random, 4) == 0)
		wish.end_at.s = now.s + (int64_t)unit_random(random, 40000000);
	*ret_life = life;
	return lives_create(life, PICK(random, any), &wish, now) == REFUSAL_NONE;
}

/* Anything at ${now}, whether it is allowed or not. */
static enum refusal
move_random(struct life *life, uint64_t *random, struct instant now)
{
	struct subscription *subscription = &life->subscription;
	struct terms terms;
	enum refusal refusal;

	if (unit_random(random, 3) == 0)
		lives_report(life, (int64_t)unit_random(random, 1000));
	terms = lives_terms(life);
	switch (unit_random(random, 12)) {
	case 0:
		refusal = lifecycle_cancel(subscription, LIFECYCLE_PERIOD_END, false, &terms, now,
		    &life->step, &life->bill);
		break;
	case 1:
	case 2:
		refusal = lifecycle_uncancel(subscription, now, &life->step);
		break;
	case 3:
		refusal = lifecycle_pause(subscription, now, &life->step);
		break;
	case 4:
	case 5:
	case 6:
		refusal = lifecycle_resume(subscription, &terms, now, &life->step, &life->bill);
		break;
	default:
		return lives_change(life, PICK(random, any),
		    unit_random(random, 2) == 0 ? QUANTITY_NONE : (int64_t)unit_random(random, 9),
		    unit_random(random, 2) == 0 ? LIFECYCLE_NOW : LIFECYCLE_PERIOD_END,
		    unit_random(random, 3) != 0, now);
	}
	if (refusal == REFUSAL_NONE)
		lives_go_on(life);
	return refusal;
}

/* What is true after each step. */
static void
assert_sound(const struct life *life, const struct subscription *before)
{
	const struct subscription *after = &life->subscription;
	enum subscription_status status = subscription_status_from(after->status);
	bool final = !subscription_is_live(after);

	ck_assert(after->natural_start.s <= after->current_period_start.s);
	ck_assert(after->current_period_start.s < after->current_period_end.s);
	ck_assert(after->current_period_end.s <= after->natural_end.s);
	ck_assert(after->period_index >= -1);
	ck_assert(final == !instant_is_none(after->ended_at));
	ck_assert((status == SUBSCRIPTION_PAUSED) == !instant_is_none(after->paused_at));
	ck_assert((status == SUBSCRIPTION_CANCELED) <= !instant_is_none(after->canceled_at));
	ck_assert(instant_is_none(after->end_at) || final || status == SUBSCRIPTION_SCHEDULED ||
		  (!instant_is_none(after->due_at) && after->due_at.s <= after->end_at.s));
	ck_assert(uuid_is_nil(after->pending_plan_id) == uuid_is_nil(after->pending_version_id));
	ck_assert(
	    uuid_is_nil(after->pending_plan_id) == (after->pending_quantity == QUANTITY_NONE));
	ck_assert_int_eq(after->due_at.s, subscription_due_at(after).s);
	ck_assert(
	    strcmp(before->status.ptr, after->status.ptr) == 0 ||
	    subscription_transition_allowed(subscription_status_from(before->status), status));
	/* A change turns the period when it has another one. */
	if (life->step.event == LIFECYCLE_CHANGED && status == SUBSCRIPTION_ACTIVE)
		ck_assert(
		    life->step.turns_period == (before->natural_start.s != after->natural_start.s ||
						   before->natural_end.s != after->natural_end.s));
	else if (life->step.event != LIFECYCLE_RESUMED && life->step.event != LIFECYCLE_STARTED)
		ck_assert(
		    life->step.turns_period == (final || life->step.event == LIFECYCLE_RENEWED ||
						   life->step.event == LIFECYCLE_TRIAL_ENDED));
	if (life->step.bills) {
		ck_assert(life->step.reason.ptr != NULL);
		ck_assert(life->step.period.start.s < life->step.period.end.s);
	}
}

/* Periods of service follow each other without a gap or an overlap, unless a pause lies between. */
START_TEST(test_random_lives)
{
	uint64_t random = unit_seed("lifecycle_laws");
	int steps = 0;

	for (int n = 0; n < LIVES; n++) {
		struct life *life;
		struct instant now;

		if (!life_random(&random, &life))
			continue;
		now = life->step.at;
		for (int m = 0; m < MOVES; m++) {
			struct subscription before = life->subscription;
			bool due = !instant_is_none(before.due_at) && unit_random(&random, 2) == 0;
			enum refusal refusal;

			if (!due) {
				now.s += (int64_t)unit_random(&random, 4000000);
				if (!instant_is_none(before.due_at) && now.s >= before.due_at.s)
					now.s = before.due_at.s - 1;
				now = instant_later(now, before.updated_at);
				if (!instant_is_none(before.due_at) && now.s >= before.due_at.s)
					continue;
			}
			refusal = due ? lives_due(life) : move_random(life, &random, now);
			if (refusal != REFUSAL_NONE) {
				ck_assert_msg(!due, "what fell due was refused: %d", refusal);
				continue;
			}
			steps++;
			assert_sound(life, &before);
			if (!due)
				continue;
			now = life->step.at;
			ck_assert_int_eq(now.s, before.due_at.s);
			if (life->step.event == LIFECYCLE_RENEWED ||
			    life->step.event == LIFECYCLE_TRIAL_ENDED)
				ck_assert_int_eq(life->subscription.current_period_start.s,
				    before.current_period_end.s);
		}
	}
	ck_assert_int_gt(steps, LIVES);
}
END_TEST

/* Change there and back within one second, anywhere in a period: the two bills make 0. */
START_TEST(test_there_and_back_costs_nothing)
{
	uint64_t random = unit_seed("lifecycle_laws");

	for (int n = 0; n < LIVES; n++) {
		struct life *life = lives_begin(
		    PICK(&random, zones), (enum proration)unit_random(&random, PRORATION_MAX));
		struct instant start = {1300000000 + (int64_t)unit_random(&random, 600000000)};
		struct wish wish = lives_wish(1 + (int64_t)unit_random(&random, 5));
		enum lives_plan here = PICK(&random, monthly), there = PICK(&random, monthly);
		struct instant now;
		int64_t total = 0, arrears = 0;

		wish.anchor = str_from(PICK(&random, anchors));
		ck_assert_int_eq(lives_create(life, here, &wish, start), REFUSAL_NONE);
		now.s = start.s + (int64_t)unit_random(
				      &random, (uint64_t)(life->subscription.due_at.s - start.s));
		ck_assert_int_eq(
		    lives_change(life, there, 4, LIFECYCLE_NOW, true, now), REFUSAL_NONE);
		for (size_t i = 0; i < life->bill.len; i++)
			if (str_equal(life->bill.lines[i].rating.charge->billing, STR("arrears")))
				arrears += life->bill.lines[i].amount;
		total += life->bill.total;
		ck_assert_int_eq(lives_change(life, here, wish.quantity, LIFECYCLE_NOW, true, now),
		    REFUSAL_NONE);
		total += life->bill.total;
		/* What was used before the first change is billed by it, and only once. */
		ck_assert_int_eq(total - arrears, 0);
		ck_assert(uuid_equal(life->subscription.plan_version_id, life->versions[here].id));
	}
}
END_TEST

/* What was used and what was not make the whole: of an arrears charge and the credit beside it. */
START_TEST(test_used_and_unused_make_the_whole)
{
	uint64_t random = unit_seed("lifecycle_laws");

	for (int n = 0; n < LIVES; n++) {
		struct life *life = lives_begin(PICK(&random, zones),
		    unit_random(&random, 2) == 0 ? PRORATION_SECOND : PRORATION_DAY);
		struct instant start = {1300000000 + (int64_t)unit_random(&random, 600000000)};
		struct fraction used = {0, 0}, unused = {0, 0};
		struct wish wish = lives_wish(1);
		struct terms terms;
		struct instant now;

		ck_assert_int_eq(lives_create(life, PLAN_MIXED, &wish, start), REFUSAL_NONE);
		/* More than a day from both ends, so that both parts cost something. */
		now.s = start.s + 100000 + (int64_t)unit_random(&random, 2000000);
		terms = lives_terms(life);
		ck_assert_int_eq(lifecycle_cancel(&life->subscription, LIFECYCLE_NOW, true, &terms,
				     now, &life->step, &life->bill),
		    REFUSAL_NONE);
		for (size_t i = 0; i < life->bill.len; i++) {
			const struct bill_line *line = &life->bill.lines[i];

			*(line->credit ? &unused : &used) = line->rating.fraction;
		}
		ck_assert(used.whole > 0 && used.whole == unused.whole);
		ck_assert_int_eq(used.part + unused.part, used.whole);
	}
}
END_TEST

UNIT_MAIN("lifecycle_laws", UNIT_ROWS(test_every_event_in_every_state, walk_rows),
    UNIT_ABORTS_ROWS(test_nothing_falls_due_of_what_has_ended, final_rows),
    UNIT_ROWS(test_uncancel_needs_a_wish, walk_rows),
    UNIT(test_the_first_wish_to_cancel_keeps_its_date), UNIT(test_event_names),
    UNIT(test_random_lives), UNIT(test_there_and_back_costs_nothing),
    UNIT(test_used_and_unused_make_the_whole))

#ifndef TESTS_UNIT_STORIES_H
#define TESTS_UNIT_STORIES_H

/*
 * Stories: lives of subscriptions as rows of a table, told act by act.
 */

#include "tests/unit/lives.h"

#define ACTS_MAX 7 /* the last one is END_OF_STORY */

enum verb {
	END_OF_STORY,
	DUE, /* what falls due by itself */
	CANCEL_NOW,
	CANCEL_CREDITED, /* now, and what was not used is credited */
	CANCEL_LATER,
	UNCANCEL,
	PAUSE,
	RESUME,
	CHANGE, /* now */
	CHANGE_UNPRORATED,
	CHANGE_LATER,
	PARK, /* after what fell due was refused */
};

struct act {
	enum verb verb;
	const char *at;       /* of a DUE: when it must fall due */
	enum lives_plan plan; /* to which it is changed; PLAN_SAME: to none other */
	int64_t quantity;     /* likewise; 0: as it is */
	int64_t calls;        /* reported just before */
	/* What comes of it: */
	enum refusal refused;
	enum lifecycle_event event;
	const char *status; /* NULL: active */
	const char *start;  /* of the current period */
	const char *end;
	const char *lines;  /* as lives_bill writes them; NULL: nothing is billed */
	const char *reason; /* of a bill, behind "subscription_" */
};

struct story {
	const char *name;
	const char *zone;   /* NULL: UTC */
	const char *anchor; /* NULL: start */
	enum proration proration;
	enum lives_plan plan;
	int64_t quantity;   /* 0: one */
	int32_t trial_days; /* 0: the plan's */
	const char *now;
	const char *start_at, *end_at;
	struct act made; /* what creating it comes to */
	struct act acts[ACTS_MAX];
	const char *due; /* what falls due in the end; NULL: nothing */
};

/* A day of 2026. */
#define D(day) "2026-" day "T00:00:00Z"

static inline enum refusal
change_out(struct life *life, const struct act *act)
{
	struct terms terms = lives_terms(life);
	bool moves = act->plan != PLAN_SAME;
	struct change change = {
	    .plan = moves ? &life->plans[act->plan] : NULL,
	    .version = moves ? &life->versions[act->plan] : NULL,
	    .quantity = act->quantity == 0 ? QUANTITY_NONE : act->quantity,
	    .effective = act->verb == CHANGE_LATER ? LIFECYCLE_PERIOD_END : LIFECYCLE_NOW,
	    .prorate = act->verb == CHANGE,
	};

	return lifecycle_change(&life->customer, &life->subscription, &change, &terms,
	    unit_instant(act->at), &life->step, &life->bill);
}

static inline enum refusal
act_out(struct life *life, const struct act *act)
{
	const struct subscription *subscription = &life->subscription;
	struct terms terms = lives_terms(life);
	struct instant at = unit_instant(act->at);

	switch (act->verb) {
	case DUE:
		unit_assert_instant(subscription->due_at, act->at, "due");
		return lifecycle_due(subscription, &terms, &life->step, &life->bill);
	case CANCEL_NOW:
	case CANCEL_CREDITED:
		return lifecycle_cancel(subscription, LIFECYCLE_NOW, act->verb == CANCEL_CREDITED,
		    &terms, at, &life->step, &life->bill);
	case CANCEL_LATER:
		return lifecycle_cancel(
		    subscription, LIFECYCLE_PERIOD_END, true, &terms, at, &life->step, &life->bill);
	case UNCANCEL:
		return lifecycle_uncancel(subscription, at, &life->step);
	case PAUSE:
		return lifecycle_pause(subscription, at, &life->step);
	case RESUME:
		return lifecycle_resume(subscription, &terms, at, &life->step, &life->bill);
	case CHANGE:
	case CHANGE_UNPRORATED:
	case CHANGE_LATER:
		return change_out(life, act);
	case PARK:
		lifecycle_park(subscription, REFUSAL_AMOUNT_OUT_OF_RANGE, &life->step);
		return REFUSAL_NONE;
	case END_OF_STORY:
		break;
	}
	ck_abort_msg("an act that nobody wrote");
}

/* What a step came to is what the story tells. */
static inline void
assert_told(const struct life *life, const struct act *act, const char *name)
{
	const struct step *step = &life->step;
	char lines[LIVES_TEXT_SIZE], reason[64];

	ck_assert_msg(step->event == act->event, "%s, %s: %s", name, act->at,
	    lifecycle_event_name(step->event));
	unit_assert_str(step->after.status, act->status == NULL ? "active" : act->status, name);
	unit_assert_instant(step->after.current_period_start, act->start, name);
	unit_assert_instant(step->after.current_period_end, act->end, name);
	ck_assert_msg(step->bills == (act->lines != NULL), "%s, %s: bills", name, act->at);
	lives_bill(life, lines);
	ck_assert_msg(strcmp(lines, act->lines == NULL ? "" : act->lines) == 0, "%s, %s: \"%s\"",
	    name, act->at, lines);
	if (act->verb == UNCANCEL)
		unit_assert_instant(step->after.canceled_at, NULL, name);
	if (!step->bills)
		return;
	/* Lines of a whole period say so, also where they are for usage. */
	for (size_t i = 0; strcmp(act->reason, "cycle") == 0 && i < life->bill.len; i++)
		ck_assert_msg(!life->bill.lines[i].proration, "%s, %s: prorated", name, act->at);
	/* Discounts go by this: all but a change of terms inside a period turn it. */
	ck_assert_msg(step->turns_period || strcmp(act->reason, "update") == 0, "%s, %s: turns",
	    name, act->at);
	snprintf(reason, sizeof(reason), "subscription_%s", act->reason);
	unit_assert_str(step->reason, reason, name);
	ck_assert_msg(step->period.start.s < step->period.end.s, "%s: the invoice's period", name);
	if (strcmp(act->reason, "create") == 0 || strcmp(act->reason, "cycle") == 0) {
		unit_assert_instant(step->period.start, act->start, name);
		unit_assert_instant(step->period.end, act->end, name);
	}
}

/**
 * story_run(story):
 * Live it, and find at each act what it tells.
 */
static inline void
story_run(const struct story *story)
{
	struct life *life =
	    lives_begin(story->zone == NULL ? "UTC" : story->zone, story->proration);
	struct wish wish = lives_wish(story->quantity == 0 ? 1 : story->quantity);
	struct instant at = unit_instant(story->now);
	struct act made = story->made;

	if (story->anchor != NULL)
		wish.anchor = str_from(story->anchor);
	if (story->start_at != NULL)
		wish.start_at = unit_instant(story->start_at);
	if (story->end_at != NULL)
		wish.end_at = unit_instant(story->end_at);
	if (story->trial_days != 0)
		wish.trial_days = story->trial_days;
	ck_assert_msg(lives_create(life, story->plan, &wish, at) == REFUSAL_NONE, "%s: not created",
	    story->name);
	/* What begins later is noted now; what began before is billed as of then. */
	at = instant_is_none(wish.start_at) || wish.start_at.s > at.s ? at : wish.start_at;
	ck_assert_msg(life->step.at.s == at.s, "%s: not as of then", story->name);
	made.at = story->now;
	assert_told(life, &made, story->name);
	for (const struct act *act = story->acts; act->verb != END_OF_STORY; act++) {
		enum refusal refusal;

		if (act->calls != 0)
			lives_report(life, act->calls);
		refusal = act_out(life, act);
		ck_assert_msg(
		    refusal == act->refused, "%s, %s: refused %d", story->name, act->at, refusal);
		if (refusal != REFUSAL_NONE)
			continue;
		ck_assert_int_eq(life->step.at.s, unit_instant(act->at).s);
		lives_go_on(life);
		assert_told(life, act, story->name);
	}
	unit_assert_instant(life->subscription.due_at, story->due, story->name);
}

#endif

#ifndef COMMON_DOMAIN_LIFECYCLE_H
#define COMMON_DOMAIN_LIFECYCLE_H

/*
 * The life of a subscription: what each wish and each moment that falls due makes of it, and what
 * is billed for it (billing-rules: "Periods", "Subscriptions").  The worker applies what these
 * functions say; previews show it. Pure: facts in, a step and its bill out, or a refusal.
 *
 * Nothing here looks at what fell due before: the caller brings the subscription up to the moment
 * by lifecycle_due first, step by step.
 */

#include "common/domain/bill.h"
#include "common/domain/customer.h"
#include "common/domain/plan.h"
#include "common/domain/proration.h"
#include "common/domain/refusal.h"
#include "common/domain/subscription.h"

#define BACKDATE_MAX_S (INT64_C(366) * 86400) /* how far before now a start may lie */

/* What happened. */
enum lifecycle_event {
	LIFECYCLE_CREATED,
	LIFECYCLE_STARTED,     /* what was scheduled began */
	LIFECYCLE_TRIAL_ENDED, /* and it is active */
	LIFECYCLE_RENEWED,     /* a new period began; a pending change took effect */
	LIFECYCLE_CHANGED,     /* plan or quantity, now */
	LIFECYCLE_UPDATED, /* something was noted: a pending change, a wish to cancel, or that it
			      was taken back */
	LIFECYCLE_PAUSED,
	LIFECYCLE_RESUMED,
	LIFECYCLE_CANCELED,
	LIFECYCLE_EXPIRED,
	LIFECYCLE_PARKED, /* what fell due could not be billed */
	LIFECYCLE_EARNED, /* inside a long period, a part of what was charged in advance */
	LIFECYCLE_EVENT_MAX,
};

/* Beside the subscription, what a step is computed from. */
struct terms {
	const struct zone *zone;            /* the subscription's */
	enum proration proration;           /* the organisation's */
	const struct plan_version *version; /* that it is on */
	const struct plan_version
	    *pending; /* that it changes to when the period ends; NULL: none */
	const struct quantity
	    *quantities; /* reported for its current period, of charges in arrears */
	size_t quantities_len;
};

/* What a step makes of a subscription. */
struct step {
	enum lifecycle_event event;
	struct instant at; /* when it takes effect */
	struct subscription after;
	bool turns_period; /* one that is billed begins, or the last one ends: what covered the one
			      before covers it no more */
	bool bills; /* the bill is to be issued: as an invoice, or as a credit when its total is
		       negative */
	bool closes_usage; /* the current period ends in the second in which it began, and another
			      begins in the same one: what was reported for it is for no bill but
			      this one */
	struct str reason; /* of the invoice: "subscription_create", "_cycle" (also a start or a
			      trial's end that fell due), "_update", "_cancel",
			      "_end" (expired) */
	struct period period; /* of the invoice */
};

/* What creating a subscription asks for. */
struct wish {
	int64_t quantity;
	struct instant start_at;          /* INSTANT_NONE: now */
	struct instant end_at;            /* INSTANT_NONE: never */
	int32_t trial_days;               /* 0 to TRIAL_DAYS_MAX; -1: the plan's */
	struct str anchor;                /* as anchoring_from reads it */
	const struct discount *discounts; /* what was redeemed for it; borrowed */
	size_t discounts_len;
	struct uuid_list tax_rate_ids;
	bool many; /* the organisation lets a customer have many live subscriptions */
};

/**
 * lifecycle_create(customer, plan, live, wish, terms, now, step, bill):
 * Start ${customer} on ${plan} (of the same organisation), whose current version is terms->version.
 * ${live} is one of the customer's live subscriptions, or NULL; one that has ended since it was
 * loaded does not count.  The caller has set id, shard, metadata and created_ms in step->after.
 * With a start after ${now}: scheduled, nothing billed.  With a trial: trialing, nothing billed.
 * Else active, its first period billed.  A start before ${now} is as if it had been created then:
 * due_at tells what has fallen due since.  Refused, in this order: CUSTOMER_ARCHIVED,
 * PLAN_ARCHIVED, CURRENCY_MISMATCH, SUBSCRIPTION_LIVE_EXISTS, START_TOO_EARLY (more than
 * BACKDATE_MAX_S before ${now}), ANCHOR_NOT_POSSIBLE (a day of the month for days or weeks),
 * END_TOO_EARLY (not after ${now}, the start and the trial), TIME_OUT_OF_RANGE,
 * AMOUNT_OUT_OF_RANGE.
 */
NODISCARD enum refusal lifecycle_create(const struct customer *customer, const struct plan *plan,
    const struct subscription *live, const struct wish *wish, const struct terms *terms,
    struct instant now, struct step *step, struct bill *bill);

/**
 * lifecycle_due(subscription, terms, step, bill):
 * What falls due at subscription->due_at, one step of it: a start; a trial's end; a period's end,
 * billing the arrears of the period that ended and the advance of the one that begins, with a
 * pending change in effect (of another interval: its periods follow from there, and keep the
 * anchor's day where that end stood in for it); a cancellation at the period's end; its end
 * (active: expired; past due or paused: canceled); inside a long period, that a part of it was
 * earned.  due_at is later afterwards, or none.  A period that a zone's leap over a day leaves
 * empty is passed over.  Refused, ${step} of no use: TIME_OUT_OF_RANGE, AMOUNT_OUT_OF_RANGE;
 * lifecycle_park is for these.
 */
NODISCARD enum refusal lifecycle_due(const struct subscription *subscription,
    const struct terms *terms, struct step *step, struct bill *bill);

/**
 * lifecycle_park(subscription, refusal, step):
 * Note that what fell due was refused: nothing falls due any more until it is changed (any function
 * below that succeeds takes the note away).
 */
void lifecycle_park(
    const struct subscription *subscription, enum refusal refusal, struct step *step);

enum lifecycle_effective {
	LIFECYCLE_NOW,
	LIFECYCLE_PERIOD_END,
};

/* What a change asks for. */
struct change {
	const struct plan *plan; /* to this plan; NULL: stay on the version that it is on */
	const struct plan_version *version; /* that plan's current one */
	int64_t quantity;                   /* QUANTITY_NONE: as it is */
	enum lifecycle_effective effective;
	bool prorate; /* now: credit and charge what is left of the period */
};

/**
 * lifecycle_change(customer, subscription, change, terms, now, step, bill):
 * Change plan, quantity or both.
 *
 * Now: what the old terms charged in advance for the rest of the period is credited, and the new
 * ones' charged, each line for itself.  When the version changes, the old one's charges in arrears
 * are billed up to now; and when either has such charges, current_period_start becomes now, so that
 * what was reported before is not billed again (the natural period, and the period's end, stay);
 * where it is now already, the caller closes those quantities (step->closes_usage).
 * When the new version has another interval: what is left of the old period is credited, and a full
 * new period begins now, which is its anchor ("start").  In a trial, or while scheduled, nothing is
 * billed.  What was pending is undone.  A change that changes nothing bills nothing.
 *
 * At the period's end: kept as pending, in place of an earlier one; one that changes nothing takes
 * an earlier one away.  Paused: at the period's end only.  One that is parked stands at its
 * period's end: a change now is one for that end.
 *
 * Refused, in this order: SUBSCRIPTION_FINAL, PLAN_ARCHIVED, CURRENCY_MISMATCH, NOTHING_TO_CHANGE
 * (neither plan nor quantity is given), SUBSCRIPTION_STATE (paused, and now), ANCHOR_NOT_POSSIBLE
 * (its anchor is a day of the month and stays, and the new version counts days or weeks),
 * TIME_OUT_OF_RANGE, AMOUNT_OUT_OF_RANGE.
 */
NODISCARD enum refusal lifecycle_change(const struct customer *customer,
    const struct subscription *subscription, const struct change *change, const struct terms *terms,
    struct instant now, struct step *step, struct bill *bill);

/**
 * lifecycle_cancel(subscription, effective, credit_unused, terms, now, step, bill):
 * Now: charges in arrears are billed up to ${now}; with ${credit_unused} what was charged in
 * advance for the rest of the period is credited.  At the period's end (a trial's, for one in
 * trial): noted; asking again changes nothing but updated_at.  One that is scheduled or paused is
 * canceled at once either way: nothing is billed for one that is scheduled or was paused in its
 * trial, and a paused one was used up to its pause.  Refused: SUBSCRIPTION_FINAL,
 * AMOUNT_OUT_OF_RANGE.
 */
NODISCARD enum refusal lifecycle_cancel(const struct subscription *subscription,
    enum lifecycle_effective effective, bool credit_unused, const struct terms *terms,
    struct instant now, struct step *step, struct bill *bill);

/**
 * lifecycle_uncancel(subscription, now, step):
 * Take back a cancellation at the period's end, also while it is paused.  Refused:
 * SUBSCRIPTION_FINAL, NOT_CANCELING.
 */
NODISCARD enum refusal lifecycle_uncancel(
    const struct subscription *subscription, struct instant now, struct step *step);

/**
 * lifecycle_pause(subscription, now, step), lifecycle_resume(subscription, terms, now, step, bill):
 * No invoices while it is paused.  On resume the period goes on from then with what was left of it:
 * its start and end, and those of its natural period, move by as long as it stood still (end_at
 * does not, and cuts the period as ever).  As current_period_start moves, the caller gives the
 * quantities that were reported for the period the new one as their period_start.  The periods
 * behind it follow from its end, or from the calendar where it is anchored there (a first, partial
 * one).  Where that end was the last day of a month that lacks the anchor's day, and has moved to
 * the last one of such a month, they keep that day: from 31 January, 28 February moved by an hour
 * is followed by 31 March.  A pause of no second moves nothing.
 *
 * A trial that was paused is over: as Stripe does, its first period begins, and is billed, when it
 * is resumed, and trial_end is when it was paused.  One that was to be canceled when its trial
 * ends, which can be taken back until then, is canceled when it is resumed, as at any trial's end:
 * the step is LIFECYCLE_CANCELED, nothing is billed, the trial's dates stay.
 *
 * Refused: SUBSCRIPTION_FINAL; SUBSCRIPTION_STATE (scheduled or paused; not paused, or one whose
 * end_at came while it was paused and could not be billed); TIME_OUT_OF_RANGE, AMOUNT_OUT_OF_RANGE.
 */
NODISCARD enum refusal lifecycle_pause(
    const struct subscription *subscription, struct instant now, struct step *step);
NODISCARD enum refusal lifecycle_resume(const struct subscription *subscription,
    const struct terms *terms, struct instant now, struct step *step, struct bill *bill);

/**
 * lifecycle_event_name(event):
 * "created", "started", …: the part of the event's type.
 */
NODISCARD const char *lifecycle_event_name(enum lifecycle_event event);

#endif

#include "common/domain/deferral.h"

/* ${amount} × part / whole, half away from zero; 0 <= part <= whole, 1 <= whole. */
static int64_t
part_of(int64_t amount, int64_t part, int64_t whole)
{
	int128 twice = (int128)amount * part * 2;

	CHECK(part >= 0 && part <= whole && whole >= 1 && whole <= INSTANT_MAX_S);
	return (int64_t)((amount < 0 ? twice - whole : twice + whole) / ((int128)whole * 2));
}

int64_t
deferral_release(const struct subscription *subscription, struct instant at)
{
	struct instant from = subscription->deferred_from, until = subscription->deferred_until;

	CHECK(subscription->deferred >= 0);
	if (subscription->deferred == 0)
		return 0;
	CHECK(!instant_is_none(from) && from.s <= until.s);

	if (!instant_is_none(subscription->paused_at) && subscription->paused_at.s < at.s)
		at = subscription->paused_at;
	if (at.s >= until.s)
		return subscription->deferred;
	if (at.s <= from.s)
		return 0;
	return part_of(subscription->deferred, at.s - from.s, until.s - from.s);
}

/* Add what is deferred of ${earnings} to ${rest}, as far as the sum is neither below 0 nor too
 * much; the difference was earned. */
static int64_t
defer(int64_t rest, struct earnings *earnings)
{
	int128 sum = (int128)rest + earnings->deferred;
	int64_t deferred = sum < 0 ? 0 : sum > INT64_MAX ? INT64_MAX : (int64_t)sum;

	CHECK(rest >= 0);
	/* It moves towards 0 at most, and the other way round what is earned: both fit. */
	earnings->earned += earnings->deferred - (deferred - rest);
	earnings->deferred = deferred - rest;
	return deferred;
}

/* The deferral is for the time from ${from} up to ${until}, which may have passed. */
static void
time_set(struct subscription *after, struct instant from, struct instant until)
{
	after->deferred_from = from.s < until.s ? from : until;
	after->deferred_until = until;
}

/* What of a paused one's time will not come, as it is resumed too close to its end_at. */
static int64_t
forfeited(const struct subscription *before, const struct step *step)
{
	int64_t whole_s = before->deferred_until.s - before->deferred_from.s;
	int64_t left_s = step->after.current_period_end.s - step->at.s;

	/* What was paused behind its period's end, as that could not be billed, has none left. */
	if (left_s <= 0)
		return before->deferred;
	return before->deferred == 0 || left_s >= whole_s
		   ? 0
		   : part_of(before->deferred, whole_s - left_s, whole_s);
}

/* What ${before} has earned by ${step}.  One that begins another period has ended that of
 * ${before}, also before its time: nothing of it is still to be delivered. */
static int64_t
earned_by(const struct subscription *before, const struct step *step)
{
	if (before == NULL)
		return 0;
	if (step->turns_period && subscription_is_live(&step->after))
		return before->deferred;
	if (step->event == LIFECYCLE_RESUMED)
		return forfeited(before, step);
	return deferral_release(before, step->at);
}

/* Whether ${step} moves time: one that only notes something does not. */
static bool
moves(const struct step *step)
{
	return step->event != LIFECYCLE_UPDATED && step->event != LIFECYCLE_PARKED;
}

int64_t
deferral_step(const struct subscription *before, struct step *step, struct earnings *earnings)
{
	struct subscription *after = &step->after;
	int64_t rest = before == NULL ? 0 : before->deferred;
	int64_t earned = earned_by(before, step);

	if (!moves(step)) {
		CHECK(earnings->earned == 0 && earnings->deferred == 0);
		return 0;
	}
	/* Nothing is left of its time, for which something could be deferred. */
	if (!subscription_is_live(after) && earnings->deferred > 0)
		*earnings = (struct earnings){earnings->earned + earnings->deferred, 0};
	after->deferred = defer(rest - earned, earnings);
	if (!subscription_is_live(after)) {
		earned += after->deferred;
		after->deferred = 0;
	}
	/* Without anything there is no time that it is for: a trial's, or before the start. */
	if (after->deferred > 0 || !instant_is_none(after->deferred_until))
		time_set(after, step->at, after->current_period_end);
	after->due_at = subscription_due_at(after);
	return earned;
}

/* Whether ${line} charged for the current period of ${subscription}, and so up to its end: as it
 * was then, before pauses moved it. */
static bool
is_of_current_period(const struct invoice_line *line, const struct subscription *subscription)
{
	int64_t moved_s = subscription->period_moved_s;

	CHECK(moved_s >= 0);
	return line->period_start.s + moved_s >= subscription->natural_start.s &&
	       line->period_end.s <= subscription->current_period_end.s &&
	       line->period_end.s + moved_s >= subscription->current_period_end.s;
}

int64_t
deferral_take(const struct subscription *subscription, const struct invoice_line *line, int64_t net,
    struct instant at)
{
	int64_t left_s, whole_s = line->period_end.s - line->period_start.s;
	int64_t taken, least;

	CHECK(whole_s > 0);
	if (subscription == NULL || !subscription_is_live(subscription) || !line->deferred ||
	    !is_of_current_period(line, subscription))
		return 0;

	if (!instant_is_none(subscription->paused_at) && subscription->paused_at.s < at.s)
		at = subscription->paused_at;
	left_s = subscription->current_period_end.s - at.s;
	left_s = left_s < 0 ? 0 : left_s > whole_s ? whole_s : left_s;
	taken = part_of(net, left_s, whole_s);
	/* What comes back of a credited line is deferred again, as far as it fits. */
	least = subscription->deferred - INT64_MAX;
	if (taken > subscription->deferred)
		taken = subscription->deferred;
	return taken < least ? least : taken;
}

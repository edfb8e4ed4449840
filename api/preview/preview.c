/* What would be billed: the steps of a subscription's life, taken on copies. */

#include "api/preview/preview.h"

#include "api/preview/preview_internal.h"
#include "api/respond.h"

#define PERIODS_BEHIND_MAX \
	100 /* between a start and the time of a test clock, as a worker has it */

static struct uuid
id_given(const struct action *action, const char *name)
{
	struct str text = action_text(action, name);
	struct uuid id = UUID_NIL;

	/* The schema holds its form. */
	if (text.ptr != NULL)
		CHECK(uuid_read(text, &id));
	return id;
}

static int64_t
integer_given(const struct action *action, const char *name, int64_t fallback)
{
	const json_t *json = json_object_get(action->body, name);

	return json_is_integer(json) ? json_integer_value(json) : fallback;
}

static struct instant
instant_given(const struct action *action, const char *name)
{
	struct str text = action_text(action, name);
	struct instant instant = INSTANT_NONE;

	if (text.ptr != NULL)
		CHECK(instant_read(text.ptr, text.len, &instant));
	return instant;
}

/* An array of ids, which the arena keeps.  False when memory is out, as is answered. */
static bool
ids_given(struct action *action, const char *name, struct uuid_list *ret_ids)
{
	const json_t *json = json_object_get(action->body, name);
	size_t len = json_array_size(json);
	struct uuid *ids = arena_array(&action->request->arena, len + 1, sizeof(*ids));

	if (ids == NULL) {
		answer_problem(action->request, PROBLEM_OVERLOADED, "There is no memory for it.");
		return false;
	}
	/* The schema holds their form. */
	for (size_t i = 0; i < len; i++)
		CHECK(uuid_read(schema_str(json_array_get(json, i)), &ids[i]));
	*ret_ids = (struct uuid_list){ids, len};
	return true;
}

/* "start" unless told; 1 to 31 may come as a number. */
static struct str
anchor_given(struct action *action)
{
	int64_t day = integer_given(action, "anchor", 0);
	struct str text = action_text(action, "anchor");
	char digits[3];

	if (day > 0) {
		snprintf(digits, sizeof(digits), "%d", (int)(day % 100));
		CHECK(arena_str(&action->request->arena, str_from(digits), &text));
	}
	return text.ptr != NULL ? text : STR("start");
}

/* One of the customer's subscriptions that is live, now that all is done that fell due; NULL when
 * there is none. */
static const struct subscription *
live_find(const struct preview *preview)
{
	for (size_t i = 1; i < preview->lives_len; i++)
		if (subscription_is_live(&preview->lives[i].subscription))
			return &preview->lives[i].subscription;
	return NULL;
}

static enum refusal
create(struct preview *preview, const struct terms *terms)
{
	const struct action *action = preview->action;
	struct wish wish = {
	    .quantity = integer_given(action, "quantity", 1),
	    .start_at = instant_given(action, "start_at"),
	    .end_at = instant_given(action, "end_at"),
	    .trial_days = (int32_t)integer_given(action, "trial_days", -1),
	    .anchor = anchor_given(preview->action),
	    .discounts = preview->taken,
	    .discounts_len = preview->coupons_len,
	    .tax_rate_ids = preview->tax_rate_ids,
	    .many = preview->many,
	};

	return lifecycle_create(&preview->customer, &preview->plan, live_find(preview), &wish,
	    terms, preview->now, &preview->step, &preview->bill);
}

/* The worker's bound: nobody comes back for what a start in the past leaves due on a clock that
 * stands still. */
static enum refusal
hold_bound(struct preview *preview, const struct terms *terms)
{
	struct subscription after = preview->step.after;
	int steps = 0;

	if (uuid_is_nil(preview->customer.test_clock_id))
		return REFUSAL_NONE;
	while (steps <= PERIODS_BEHIND_MAX && !instant_is_none(after.due_at) &&
	       after.due_at.s <= preview->now.s &&
	       lifecycle_due(&after, terms, &preview->step, &preview->bill) == REFUSAL_NONE) {
		after = preview->step.after;
		steps++;
	}
	if (steps > PERIODS_BEHIND_MAX)
		return REFUSAL_START_TOO_EARLY;
	/* To count has taken the bill. */
	return create(preview, terms);
}

/* A subscription that is yet to be made. */
static enum refusal
compute_new(struct preview *preview)
{
	struct preview_life *life = &preview->lives[0];
	struct terms terms = {
	    .zone = life->zone,
	    .proration = preview->proration,
	    .version = preview_version(preview, preview->plan.version_id),
	};
	enum refusal refusal = preview_catch_up(preview);

	if (refusal == REFUSAL_NONE)
		refusal = preview_take(preview);
	if (refusal == REFUSAL_NONE)
		refusal = create(preview, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = hold_bound(preview, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview, life);
	if (refusal != REFUSAL_NONE)
		return refusal;
	preview_take_step(preview, life);
	return preview_follow(preview);
}

static bool
load_new(struct preview *preview)
{
	const struct action *action = preview->action;

	preview->lives[0].subscription.due_at = INSTANT_NONE;
	return preview_load_customer(preview, id_given(action, "customer_id")) &&
	       preview_load_plan(
		   preview, id_given(action, "plan_id"), action_text(action, "plan_code")) &&
	       preview_load_zone(preview, preview->customer.timezone, &preview->lives[0].zone) &&
	       preview_load_lives(preview) && preview_load_coupons(preview) &&
	       ids_given(preview->action, "tax_rate_ids", &preview->tax_rate_ids) &&
	       preview_load_assessed(preview);
}

/* The next invoice of a subscription as it is. */
static enum refusal
compute_next(struct preview *preview)
{
	if (!subscription_is_live(&preview->lives[0].subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	preview->step.bills = false;
	return preview_follow(preview);
}

static enum refusal
compute_change(struct preview *preview, bool with_plan)
{
	const struct action *action = preview->action;
	struct preview_life *life = &preview->lives[0];
	enum refusal refusal = preview_catch_up(preview);
	struct change change = {
	    .plan = with_plan ? &preview->plan : NULL,
	    .version = with_plan ? preview_version(preview, preview->plan.version_id) : NULL,
	    .quantity = integer_given(action, "quantity", QUANTITY_NONE),
	    .effective = str_equal(action_text(action, "effective"), STR("period_end"))
			     ? LIFECYCLE_PERIOD_END
			     : LIFECYCLE_NOW,
	    .prorate = !str_equal(action_text(action, "proration"), STR("none")),
	};
	struct terms terms;

	if (refusal != REFUSAL_NONE)
		return refusal;
	terms = preview_terms(preview, life);
	refusal = lifecycle_change(&preview->customer, &life->subscription, &change, &terms,
	    preview->now, &preview->step, &preview->bill);
	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview, life);
	if (refusal != REFUSAL_NONE)
		return refusal;
	preview_take_step(preview, life);
	return preview_follow(preview);
}

static void
finish(struct preview *preview, enum refusal refusal)
{
	struct request *request = preview->action->request;

	if (refusal != REFUSAL_NONE)
		answer_refusal(request, refusal, preview->detail);
	else if (!preview->step.bills)
		answer_problem(request, PROBLEM_NOTHING_BILLED, "It ends, or waits, before.");
	else
		preview_answer(preview);
}

static void
preview_close(struct preview *preview)
{
	zone_cache_release(&preview->zones);
	arena_release(&preview->arena);
	free(preview);
}

/* A bill has room for the longest, so a preview is not for the stack. */
static struct preview *
preview_open(struct action *action)
{
	struct preview *preview = calloc(1, sizeof(*preview));

	if (preview == NULL) {
		answer_problem(action->request, PROBLEM_OVERLOADED, "There is no memory for it.");
		return NULL;
	}
	preview->action = action;
	preview->organisation_id = action->request->caller.organisation_id;
	preview->lives_len = 1;
	arena_init(&preview->arena, PREVIEW_BYTES_MAX);
	zone_cache_init(&preview->zones);
	/* Of one moment: a renewal half of which is seen would give an invoice that nobody gets. */
	if (!action_open_reading(
		action, &(struct action_scope){.organisation_id = preview->organisation_id}) ||
	    !preview_load_organisation(preview)) {
		preview_close(preview);
		return NULL;
	}
	return preview;
}

void
preview_invoice(struct action *action)
{
	struct preview *preview = preview_open(action);
	struct uuid subscription_id = id_given(action, "subscription_id");

	if (preview == NULL)
		return;
	if (!uuid_is_nil(subscription_id)) {
		if (preview_load_subscription(preview, subscription_id) &&
		    preview_load_lives(preview) && preview_load_assessed(preview))
			finish(preview, compute_next(preview));
	} else if (load_new(preview)) {
		finish(preview, compute_new(preview));
	}
	preview_close(preview);
}

void
preview_change(struct action *action)
{
	struct preview *preview = preview_open(action);
	struct uuid plan_id = id_given(action, "plan_id"), subscription_id;
	bool with_plan = !uuid_is_nil(plan_id);

	if (preview == NULL)
		return;
	CHECK(uuid_read(action->request->match.params[0].text, &subscription_id));
	if (preview_load_subscription(preview, subscription_id) &&
	    (!with_plan || preview_load_plan(preview, plan_id, STR_NONE)) &&
	    preview_load_lives(preview) && preview_load_assessed(preview))
		finish(preview, compute_change(preview, with_plan));
	preview_close(preview);
}

/* What would be billed: the steps of a subscription's life, taken on copies. */

#include "api/preview/preview.h"

#include "api/preview/preview_internal.h"
#include "api/respond.h"

#define STEPS_MAX 100 /* that fell due before now, or lead to the first bill */

static struct terms
terms_of(const struct preview *preview, const struct subscription *subscription)
{
	return (struct terms){
	    .zone = &preview->zone,
	    .proration = preview->proration,
	    .version = preview_version(preview, subscription->plan_version_id),
	    .pending = preview_version(preview, subscription->pending_version_id),
	    .quantities = preview->quantities,
	    .quantities_len = preview->quantities_len,
	};
}

/* The step becomes what is.  What was reported belongs to the period that ends with it. */
static void
step_take(struct preview *preview, struct subscription *subscription)
{
	const struct subscription *after = &preview->step.after;

	if (after->current_period_start.s != subscription->current_period_start.s)
		preview->quantities_len = 0;
	*subscription = *after;
}

/* Take one step that is due. */
static enum refusal
step_due(struct preview *preview, struct subscription *subscription)
{
	struct terms terms = terms_of(preview, subscription);
	enum refusal refusal = lifecycle_due(subscription, &terms, &preview->step, &preview->bill);

	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview);
	if (refusal == REFUSAL_NONE)
		step_take(preview, subscription);
	return refusal;
}

/* What fell due before now happens first, as a worker does it. */
static enum refusal
catch_up(struct preview *preview, struct subscription *subscription)
{
	for (int i = 0;
	     !instant_is_none(subscription->due_at) && subscription->due_at.s <= preview->now.s;
	     i++) {
		enum refusal refusal =
		    i < STEPS_MAX ? step_due(preview, subscription) : REFUSAL_BILLING_BEHIND;

		if (refusal != REFUSAL_NONE)
			return refusal;
		preview_settle(preview);
	}
	return REFUSAL_NONE;
}

/* Go on from the last step to the first that bills. */
static enum refusal
follow(struct preview *preview, struct subscription *subscription)
{
	for (int i = 0; !preview->step.bills && !instant_is_none(subscription->due_at); i++) {
		enum refusal refusal =
		    i < STEPS_MAX ? step_due(preview, subscription) : REFUSAL_BILLING_BEHIND;

		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	return REFUSAL_NONE;
}

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

/* A subscription that is yet to be made. */
static enum refusal
compute_new(struct preview *preview, const struct subscription *live)
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
	struct subscription *subscription = &preview->subscription;
	struct terms terms = {
	    .zone = &preview->zone,
	    .proration = preview->proration,
	    .version = preview_version(preview, preview->plan.version_id),
	};
	enum refusal refusal = preview_take(preview);

	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_create(&preview->customer, &preview->plan, live, &wish, &terms,
		    preview->now, &preview->step, &preview->bill);
	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview);
	if (refusal != REFUSAL_NONE)
		return refusal;
	*subscription = preview->step.after;
	return follow(preview, subscription);
}

static bool
load_new(struct preview *preview, struct subscription *live, bool *ret_live)
{
	const struct action *action = preview->action;

	return preview_load_customer(preview, id_given(action, "customer_id")) &&
	       preview_load_plan(
		   preview, id_given(action, "plan_id"), action_text(action, "plan_code")) &&
	       preview_load_zone(preview, preview->customer.timezone) &&
	       preview_load_live(preview, live, ret_live) && preview_load_coupons(preview) &&
	       ids_given(preview->action, "tax_rate_ids", &preview->tax_rate_ids) &&
	       preview_load_assessed(preview);
}

/* The next invoice of a subscription as it is. */
static enum refusal
compute_next(struct preview *preview)
{
	if (!subscription_is_live(&preview->subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	preview->step.bills = false;
	return follow(preview, &preview->subscription);
}

static enum refusal
compute_change(struct preview *preview, bool with_plan)
{
	const struct action *action = preview->action;
	struct subscription *subscription = &preview->subscription;
	enum refusal refusal = catch_up(preview, subscription);
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
	terms = terms_of(preview, subscription);
	refusal = lifecycle_change(&preview->customer, subscription, &change, &terms, preview->now,
	    &preview->step, &preview->bill);
	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview);
	if (refusal != REFUSAL_NONE)
		return refusal;
	step_take(preview, subscription);
	return follow(preview, subscription);
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
	/* Of one moment: a renewal half of which is seen would give an invoice that nobody gets. */
	if (!action_open_reading(
		action, &(struct action_scope){.organisation_id = preview->organisation_id}) ||
	    !preview_load_organisation(preview)) {
		free(preview);
		return NULL;
	}
	return preview;
}

void
preview_invoice(struct action *action)
{
	struct preview *preview = preview_open(action);
	struct uuid subscription_id = id_given(action, "subscription_id");
	struct subscription live;
	bool has_live = false;

	if (preview == NULL)
		return;
	if (!uuid_is_nil(subscription_id)) {
		if (preview_load_subscription(preview, subscription_id) &&
		    preview_load_assessed(preview))
			finish(preview, compute_next(preview));
	} else if (load_new(preview, &live, &has_live)) {
		finish(preview, compute_new(preview, has_live ? &live : NULL));
	}
	free(preview);
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
	    preview_load_assessed(preview))
		finish(preview, compute_change(preview, with_plan));
	free(preview);
}

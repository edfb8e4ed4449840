#include "worker/handler.h"

#define HANDLER(type, shard_function, prefix)                                                      \
	{                                                                                          \
		.resource_type = (type), .resource = prefix##_resource, .shard = (shard_function), \
		.refer = prefix##_refer, .decide = prefix##_decide,                                \
	}

/* A command on a subscription that is there. */
#define OF_SUBSCRIPTION(refer_function, decide_function)                            \
	{                                                                           \
		.resource_type = "subscription", .resource = subscription_resource, \
		.shard = subscription_shard, .refer = (refer_function),             \
		.decide = (decide_function),                                        \
	}

/* A command on an invoice that is there. */
#define OF_INVOICE(decide_function)                                                               \
	{                                                                                         \
		.resource_type = "invoice", .resource = invoice_resource, .shard = invoice_shard, \
		.refer = invoice_refer, .decide = (decide_function),                              \
	}

/* A command on a billing run that is there. */
#define OF_BILLING_RUN(refer_function, decide_function)                           \
	{                                                                         \
		.resource_type = "billing_run", .resource = billing_run_resource, \
		.shard = billing_run_shard, .refer = (refer_function),            \
		.decide = (decide_function),                                      \
	}

const struct handler handler_table[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CUSTOMER] = HANDLER("customer", customer_create_shard, customer_create),
    [COMMAND_UPDATE_CUSTOMER] = HANDLER("customer", customer_update_shard, customer_update),
    [COMMAND_ARCHIVE_CUSTOMER] = HANDLER("customer", customer_archive_shard, customer_archive),
    [COMMAND_CREATE_PLAN] = HANDLER("plan", plan_shard, plan_create),
    [COMMAND_UPDATE_PLAN] = HANDLER("plan", plan_shard, plan_update),
    [COMMAND_ARCHIVE_PLAN] = HANDLER("plan", plan_shard, plan_archive),
    [COMMAND_CREATE_SUBSCRIPTION] =
	HANDLER("subscription", subscription_create_shard, subscription_create),
    [COMMAND_CANCEL_SUBSCRIPTION] = OF_SUBSCRIPTION(subscription_refer, subscription_cancel_decide),
    [COMMAND_CHANGE_SUBSCRIPTION] =
	OF_SUBSCRIPTION(subscription_change_refer, subscription_change_decide),
    [COMMAND_UNCANCEL_SUBSCRIPTION] =
	OF_SUBSCRIPTION(subscription_refer, subscription_uncancel_decide),
    [COMMAND_PAUSE_SUBSCRIPTION] = OF_SUBSCRIPTION(subscription_refer, subscription_pause_decide),
    [COMMAND_RESUME_SUBSCRIPTION] = OF_SUBSCRIPTION(subscription_refer, subscription_resume_decide),
    [COMMAND_REPORT_QUANTITY] = OF_SUBSCRIPTION(subscription_refer, quantity_report_decide),
    [COMMAND_CREATE_TEST_CLOCK] = HANDLER("test_clock", test_clock_create_shard, test_clock_create),
    [COMMAND_ADVANCE_TEST_CLOCK] =
	HANDLER("test_clock", test_clock_advance_shard, test_clock_advance),
    [COMMAND_CREATE_COUPON] = HANDLER("coupon", coupon_shard, coupon_create),
    [COMMAND_ARCHIVE_COUPON] = HANDLER("coupon", coupon_shard, coupon_archive),
    [COMMAND_CREATE_TAX_RATE] = HANDLER("tax_rate", tax_rate_shard, tax_rate_create),
    [COMMAND_ARCHIVE_TAX_RATE] = HANDLER("tax_rate", tax_rate_shard, tax_rate_archive),
    [COMMAND_CREATE_ITEM] = HANDLER("item", item_create_shard, item_create),
    [COMMAND_CANCEL_ITEM] = HANDLER("item", item_cancel_shard, item_cancel),
    [COMMAND_GIVE_CREDIT] = HANDLER("credit_entry", credit_give_shard, credit_give),
    [COMMAND_PAY_INVOICE] = OF_INVOICE(invoice_pay_decide),
    [COMMAND_VOID_INVOICE] = OF_INVOICE(invoice_void_decide),
    [COMMAND_MARK_UNCOLLECTIBLE] = OF_INVOICE(invoice_give_up_decide),
    [COMMAND_CREATE_CREDIT_NOTE] =
	HANDLER("credit_note", credit_note_create_shard, credit_note_create),
    [COMMAND_RECORD_PAYMENT_OUTCOME] = HANDLER("payment", payment_outcome_shard, payment_outcome),
    [COMMAND_START_BILLING_RUN] = HANDLER("billing_run", billing_run_shard, billing_run_start),
    [COMMAND_PAUSE_BILLING_RUN] = OF_BILLING_RUN(billing_run_refer, billing_run_pause_decide),
    [COMMAND_RESUME_BILLING_RUN] = OF_BILLING_RUN(billing_run_refer, billing_run_resume_decide),
    [COMMAND_CANCEL_BILLING_RUN] = OF_BILLING_RUN(billing_run_refer, billing_run_cancel_decide),
    [COMMAND_SCHEDULE_BILLING_RUN] = HANDLER("billing_run", billing_run_shard, billing_run_start),
    [COMMAND_FINISH_BILLING_RUN] =
	OF_BILLING_RUN(billing_run_finish_refer, billing_run_finish_decide),
};

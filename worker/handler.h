#ifndef WORKER_HANDLER_H
#define WORKER_HANDLER_H

/*
 * Handlers: for each command, which facts it needs, where it belongs, and what it decides.  A new
 * command is its functions in the file of its noun and one row in handler.c.
 */

#include "worker/decision.h"

struct handler {
	const char *resource_type; /* what the operation names: "customer" */

	/* The resource that ${command} makes or changes: what its operation names, whatever becomes
	 * of it. */
	struct uuid (*resource)(const void *command);

	/* The shard that ${command} belongs to; one that came to another partition is not ours to
	 * decide. */
	int32_t (*shard)(const void *command);

	/* Ask for every row that decide may look at. */
	void (*refer)(struct facts *facts, const void *command);

	/*
	 * Apply the rules: change rows and emit events through ${decision}, or refuse and change
	 * nothing; what fell due before the command is done either way, as it is true anyway.
	 * REFUSAL_MAX: it could not decide, and filled decision->err.
	 */
	enum refusal (*decide)(struct decision *decision, const void *command);
};

/* By enum command_type. */
extern const struct handler handler_table[COMMAND_TYPE_MAX];

/* The functions of each noun's file. */
int32_t customer_create_shard(const void *command);
struct uuid customer_create_resource(const void *command);
void customer_create_refer(struct facts *facts, const void *command);
enum refusal customer_create_decide(struct decision *decision, const void *command);
int32_t customer_update_shard(const void *command);
struct uuid customer_update_resource(const void *command);
void customer_update_refer(struct facts *facts, const void *command);
enum refusal customer_update_decide(struct decision *decision, const void *command);
int32_t customer_archive_shard(const void *command);
struct uuid customer_archive_resource(const void *command);
void customer_archive_refer(struct facts *facts, const void *command);
enum refusal customer_archive_decide(struct decision *decision, const void *command);

int32_t plan_shard(const void *command);
struct uuid plan_create_resource(const void *command);
void plan_create_refer(struct facts *facts, const void *command);
enum refusal plan_create_decide(struct decision *decision, const void *command);
struct uuid plan_update_resource(const void *command);
void plan_update_refer(struct facts *facts, const void *command);
enum refusal plan_update_decide(struct decision *decision, const void *command);
struct uuid plan_archive_resource(const void *command);
void plan_archive_refer(struct facts *facts, const void *command);
enum refusal plan_archive_decide(struct decision *decision, const void *command);

int32_t subscription_create_shard(const void *command);
struct uuid subscription_create_resource(const void *command);
void subscription_create_refer(struct facts *facts, const void *command);
enum refusal subscription_create_decide(struct decision *decision, const void *command);

/* Of all commands on one subscription, whose id comes first behind their meta. */
int32_t subscription_shard(const void *command);
struct uuid subscription_resource(const void *command);
void subscription_refer(struct facts *facts, const void *command);
void subscription_change_refer(struct facts *facts, const void *command);
enum refusal subscription_change_decide(struct decision *decision, const void *command);
enum refusal subscription_cancel_decide(struct decision *decision, const void *command);
enum refusal subscription_uncancel_decide(struct decision *decision, const void *command);
enum refusal subscription_pause_decide(struct decision *decision, const void *command);
enum refusal subscription_resume_decide(struct decision *decision, const void *command);
enum refusal quantity_report_decide(struct decision *decision, const void *command);

struct uuid test_clock_create_resource(const void *command);
int32_t test_clock_create_shard(const void *command);
void test_clock_create_refer(struct facts *facts, const void *command);
enum refusal test_clock_create_decide(struct decision *decision, const void *command);
struct uuid test_clock_advance_resource(const void *command);
int32_t test_clock_advance_shard(const void *command);
void test_clock_advance_refer(struct facts *facts, const void *command);
enum refusal test_clock_advance_decide(struct decision *decision, const void *command);

int32_t coupon_shard(const void *command);
struct uuid coupon_create_resource(const void *command);
void coupon_create_refer(struct facts *facts, const void *command);
enum refusal coupon_create_decide(struct decision *decision, const void *command);
struct uuid coupon_archive_resource(const void *command);
void coupon_archive_refer(struct facts *facts, const void *command);
enum refusal coupon_archive_decide(struct decision *decision, const void *command);

int32_t tax_rate_shard(const void *command);
struct uuid tax_rate_create_resource(const void *command);
void tax_rate_create_refer(struct facts *facts, const void *command);
enum refusal tax_rate_create_decide(struct decision *decision, const void *command);
struct uuid tax_rate_archive_resource(const void *command);
void tax_rate_archive_refer(struct facts *facts, const void *command);
enum refusal tax_rate_archive_decide(struct decision *decision, const void *command);

int32_t item_create_shard(const void *command);
struct uuid item_create_resource(const void *command);
void item_create_refer(struct facts *facts, const void *command);
enum refusal item_create_decide(struct decision *decision, const void *command);
int32_t item_cancel_shard(const void *command);
struct uuid item_cancel_resource(const void *command);
void item_cancel_refer(struct facts *facts, const void *command);
enum refusal item_cancel_decide(struct decision *decision, const void *command);

int32_t credit_give_shard(const void *command);
struct uuid credit_give_resource(const void *command);
void credit_give_refer(struct facts *facts, const void *command);
enum refusal credit_give_decide(struct decision *decision, const void *command);

/* Of all commands on one invoice, whose id comes first behind their meta. */
int32_t invoice_shard(const void *command);
struct uuid invoice_resource(const void *command);
void invoice_refer(struct facts *facts, const void *command);
enum refusal invoice_pay_decide(struct decision *decision, const void *command);
enum refusal invoice_void_decide(struct decision *decision, const void *command);
enum refusal invoice_give_up_decide(struct decision *decision, const void *command);

int32_t credit_note_create_shard(const void *command);
struct uuid credit_note_create_resource(const void *command);
void credit_note_create_refer(struct facts *facts, const void *command);
enum refusal credit_note_create_decide(struct decision *decision, const void *command);

/* Of start and of schedule, which is start by a worker. */
int32_t billing_run_shard(const void *command);
struct uuid billing_run_start_resource(const void *command);
void billing_run_start_refer(struct facts *facts, const void *command);
enum refusal billing_run_start_decide(struct decision *decision, const void *command);
/* Of all commands on one run, whose id comes first behind their meta. */
struct uuid billing_run_resource(const void *command);
void billing_run_refer(struct facts *facts, const void *command);
enum refusal billing_run_pause_decide(struct decision *decision, const void *command);
enum refusal billing_run_resume_decide(struct decision *decision, const void *command);
enum refusal billing_run_cancel_decide(struct decision *decision, const void *command);
void billing_run_finish_refer(struct facts *facts, const void *command);
enum refusal billing_run_finish_decide(struct decision *decision, const void *command);

int32_t payment_outcome_shard(const void *command);
struct uuid payment_outcome_resource(const void *command);
void payment_outcome_refer(struct facts *facts, const void *command);
enum refusal payment_outcome_decide(struct decision *decision, const void *command);

#endif

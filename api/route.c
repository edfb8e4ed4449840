#include "api/route.h"

#include "api/docs.h"
#include "api/events.h"
#include "api/health.h"
#include "api/identity/identity.h"
#include "api/openapi.h"
#include "api/operation.h"
#include "api/preview/preview.h"
#include "api/query.h"
#include "api/stats.h"
#include "api/stream.h"
#include "api/submit.h"

const struct resource resource_customer = {
    "customer", "/v1/customers/", "customers_one", "billd.event.Customer", ID_CUSTOMER, NULL};
const struct resource resource_plan = {
    "plan", "/v1/plans/", "plans_one", "billd.event.Plan", ID_PLAN, NULL};
const struct resource resource_subscription = {"subscription", "/v1/subscriptions/",
    "subscriptions_one", "billd.event.Subscription", ID_SUBSCRIPTION, NULL};
const struct resource resource_invoice = {
    "invoice", "/v1/invoices/", "invoices_one", "billd.event.Invoice", ID_INVOICE, NULL};

const struct resource resource_test_clock = {"test_clock", "/v1/test-clocks/", "test_clocks_one",
    "billd.event.TestClock", ID_TEST_CLOCK, NULL};
const struct resource resource_coupon = {
    "coupon", "/v1/coupons/", "coupons_one", "billd.event.Coupon", ID_COUPON, NULL};
const struct resource resource_tax_rate = {
    "tax_rate", "/v1/tax-rates/", "tax_rates_one", "billd.event.TaxRate", ID_TAX_RATE, NULL};
const struct resource resource_item = {
    "item", "/v1/items/", "items_one", "billd.event.Item", ID_ITEM, NULL};
const struct resource resource_credit_entry = {"credit_entry", "/v1/credits/", "credits_one",
    "billd.event.CreditEntry", ID_CREDIT_ENTRY, NULL};
const struct resource resource_credit_note = {"credit_note", "/v1/credit-notes/",
    "credit_notes_one", "billd.event.CreditNote", ID_CREDIT_NOTE, NULL};
const struct resource resource_payment = {
    "payment", "/v1/payments/", "payments_one", "billd.event.Payment", ID_PAYMENT, NULL};
const struct resource resource_billing_run = {
    "billing_run", "/v1/billing-runs/", "billing_runs_one", NULL, ID_BILLING_RUN, "BillingRun"};

/* What is only listed. */
static const struct resource resource_quantity = {
    .type = "quantity", .schema = "billd.event.Quantity"};
static const struct resource resource_billing_run_summary = {
    .type = "billing run", .schema = "billd.event.BillingRun", .component = "BillingRunSummary"};

/* What is only listed: its form is a component of the document itself. */
static const struct resource resource_organisation = {
    .type = "organisation", .component = "Organisation"};
static const struct resource resource_member = {.type = "member", .component = "Member"};
static const struct resource resource_invitation = {
    .type = "invitation", .component = "Invitation"};
static const struct resource resource_api_key = {.type = "API key", .component = "ApiKey"};
static const struct resource resource_plan_version = {
    .type = "plan version", .component = "PlanVersion"};
static const struct resource resource_audit_entry = {.type = "entry", .component = "AuditEntry"};
static const struct resource resource_journal_entry = {
    .type = "journal entry", .component = "JournalEntry"};
static const struct resource resource_billing_run_failure = {
    .type = "failure", .component = "BillingRunFailure"};

/* By their columns in billd.journal. */
static const char *const accounts[] = {"receivable", "cash", "customer_credit", "deferred_revenue",
    "revenue", "tax_payable", "refunds_payable", "bad_debt", "credits_granted", NULL};

static const struct route_filter journal_filters[ROUTE_FILTERS_MAX + 1] = {
    {"document_id", NULL, "Entries of this invoice, credit note, payment, or other document."},
    {"account", accounts, "Entries that move this account."},
};

/* METHOD, path, id in the document, tag, summary, then what the kind needs. */
#define COMMAND(m, path, id, t, text, what, type, routed_by, is_new)                               \
	{                                                                                          \
		.method = (m), .pattern = (path), .kind = ROUTE_COMMAND, .run = submit_run,        \
		.access = FOR_MEMBER, .permission = PERMIT_BILL, .operation_id = (id), .tag = (t), \
		.summary = (text), .resource = (what), .command = (type), .by = (routed_by),       \
		.creates = (is_new),                                                               \
	}
#define ONE(path, id, t, text, what)                                                               \
	{                                                                                          \
		.method = "GET", .pattern = (path), .kind = ROUTE_ONE, .run = query_run_one,       \
		.access = FOR_MEMBER, .permission = PERMIT_READ, .operation_id = (id), .tag = (t), \
		.summary = (text), .resource = (what),                                             \
	}
/* The same, and as a stream of what becomes of it for whoever asks for one. */
#define WATCHED(path, id, t, text, what)                                                           \
	{                                                                                          \
		.method = "GET", .pattern = (path), .kind = ROUTE_ONE, .run = stream_run,          \
		.access = FOR_MEMBER, .permission = PERMIT_READ, .operation_id = (id), .tag = (t), \
		.summary = (text), .resource = (what), .watched = true,                            \
	}
#define LIST_ROW(who, permit, path, id, t, text, what, sql, cursor_kind, narrowed_by)          \
	{                                                                                      \
		.method = "GET", .pattern = (path), .kind = ROUTE_LIST, .run = query_run_list, \
		.access = (who), .permission = (permit), .operation_id = (id), .tag = (t),     \
		.summary = (text), .resource = (what), .statement = (sql),                     \
		.cursor = (cursor_kind), .filters = (narrowed_by),                             \
	}
#define LIST_FOR(who, permit, path, id, t, text, what, sql, cursor_kind) \
	LIST_ROW(who, permit, path, id, t, text, what, sql, cursor_kind, NULL)
#define LIST(permit, path, id, t, text, what, sql, cursor_kind) \
	LIST_FOR(FOR_MEMBER, permit, path, id, t, text, what, sql, cursor_kind)
#define OTHER(route_kind, who, path, function, id, t, text)                                   \
	{                                                                                     \
		.method = "GET", .pattern = (path), .kind = (route_kind), .run = function,    \
		.access = (who), .permission = PERMIT_READ, .operation_id = (id), .tag = (t), \
		.summary = (text),                                                            \
	}

/* METHOD, path, who, action, the schema of the body, what is answered, …; SLOW hashes a password.
 */
#define ACTION_ROW(m, path, who, permit, function, schema, result, is_new, is_slow, id, t, text)  \
	{                                                                                         \
		.method = (m), .pattern = (path), .kind = ROUTE_ACTION, .run = action_begin,      \
		.access = (who), .permission = (permit), .action = function, .body = (schema),    \
		.answer = (result), .creates = (is_new), .slow = (is_slow), .operation_id = (id), \
		.tag = (t), .summary = (text),                                                    \
	}
#define ACTION(m, path, who, function, schema, result, is_new, id, t, text) \
	ACTION_ROW(m, path, who, PERMIT_READ, function, schema, result, is_new, false, id, t, text)
#define SLOW(m, path, who, function, schema, result, is_new, id, t, text) \
	ACTION_ROW(m, path, who, PERMIT_READ, function, schema, result, is_new, true, id, t, text)
#define MANAGE(m, path, permit, function, schema, result, is_new, id, t, text) \
	ACTION_ROW(                                                            \
	    m, path, FOR_MEMBER, permit, function, schema, result, is_new, false, id, t, text)

const struct route route_table[] = {
    SLOW("POST", "/v1/auth/register", FOR_ANYBODY, session_register, "billd.action.Register",
	"User", true, "register", "People", "Register"),
    SLOW("POST", "/v1/auth/login", FOR_ANYBODY, session_login, "billd.action.LogIn", "Tokens",
	false, "logIn", "People", "Log in"),
    ACTION("POST", "/v1/auth/refresh", FOR_ANYBODY, session_refresh, "billd.action.Refresh",
	"Tokens", false, "refresh", "People", "Exchange a refresh token for new tokens"),
    ACTION("POST", "/v1/auth/logout", FOR_ANYBODY, session_logout, "billd.action.LogOut", NULL,
	false, "logOut", "People", "End the session of a refresh token"),
    ACTION("POST", "/v1/auth/logout-all", FOR_USER, session_logout_all, NULL, NULL, false,
	"logOutEverywhere", "People", "End all of the user's sessions"),
    SLOW("POST", "/v1/auth/password", FOR_USER, session_password, "billd.action.ChangePassword",
	NULL, false, "changePassword", "People", "Change the password, and end all other sessions"),
    ACTION("GET", "/v1/me", FOR_CALLER, session_me, NULL, "Me", false, "getMe", "People",
	"Show who asks, and the memberships"),
    ACTION("POST", "/v1/invitations/accept", FOR_USER, invitation_accept,
	"billd.action.AcceptInvitation", "Membership", false, "acceptInvitation", "People",
	"Become a member by an invitation"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/v1/roles", roles_run, "listRoles", "Organisations",
	"The roles, and what each may do"),

    ACTION("POST", "/v1/organisations", FOR_USER, organisation_create,
	"billd.action.CreateOrganisation", "Organisation", true, "createOrganisation",
	"Organisations", "Create an organisation, and own it"),
    LIST_FOR(FOR_CALLER, PERMIT_READ, "/v1/organisations", "listOrganisations", "Organisations",
	"List the caller's organisations, newest membership first", &resource_organisation,
	"organisations_list", CURSOR_ORGANISATIONS),
    MANAGE("GET", "/v1/organisations/{organisation_id}", PERMIT_READ, organisation_one, NULL,
	"Organisation", false, "getOrganisation", "Organisations", "Show an organisation"),
    MANAGE("PATCH", "/v1/organisations/{organisation_id}", PERMIT_CONFIGURE, organisation_update,
	"billd.action.UpdateOrganisation", "Organisation", false, "updateOrganisation",
	"Organisations", "Change an organisation"),
    LIST(PERMIT_MEMBERS, "/v1/organisations/{organisation_id}/members", "listMembers",
	"Organisations", "List members, newest first", &resource_member, "members_list",
	CURSOR_MEMBERS),
    MANAGE("POST", "/v1/organisations/{organisation_id}/members", PERMIT_MEMBERS, invitation_create,
	"billd.action.InviteMember", "NewInvitation", true, "inviteMember", "Organisations",
	"Invite somebody by email address"),
    MANAGE("PATCH", "/v1/organisations/{organisation_id}/members/{user_id}", PERMIT_MEMBERS,
	member_update, "billd.action.UpdateMember", "Member", false, "updateMember",
	"Organisations", "Give a member another role"),
    MANAGE("DELETE", "/v1/organisations/{organisation_id}/members/{user_id}", PERMIT_READ,
	member_remove, NULL, NULL, false, "removeMember", "Organisations",
	"Remove a member, or leave"),
    LIST(PERMIT_MEMBERS, "/v1/organisations/{organisation_id}/invitations", "listInvitations",
	"Organisations", "List invitations, newest first", &resource_invitation, "invitations_list",
	CURSOR_INVITATIONS),
    MANAGE("DELETE", "/v1/organisations/{organisation_id}/invitations/{invitation_id}",
	PERMIT_MEMBERS, invitation_revoke, NULL, NULL, false, "revokeInvitation", "Organisations",
	"Revoke an invitation"),

    MANAGE("POST", "/v1/api-keys", PERMIT_KEYS, api_key_create, "billd.action.CreateApiKey",
	"NewApiKey", true, "createApiKey", "API keys", "Create an API key, and show it once"),
    LIST(PERMIT_KEYS, "/v1/api-keys", "listApiKeys", "API keys", "List API keys, newest first",
	&resource_api_key, "api_keys_list", CURSOR_API_KEYS),
    MANAGE("DELETE", "/v1/api-keys/{api_key_id}", PERMIT_KEYS, api_key_revoke, NULL, NULL, false,
	"revokeApiKey", "API keys", "Revoke an API key"),
    LIST(PERMIT_AUDIT, "/v1/audit-log", "listAuditLog", "Organisations",
	"Who did what, newest first", &resource_audit_entry, "audit_log_list", CURSOR_AUDIT_LOG),

    COMMAND("POST", "/v1/customers", "createCustomer", "Customers", "Create a customer",
	&resource_customer, COMMAND_CREATE_CUSTOMER, BY_NEW, true),
    LIST(PERMIT_READ, "/v1/customers", "listCustomers", "Customers", "List customers, newest first",
	&resource_customer, "customers_list", CURSOR_CUSTOMERS),
    ONE("/v1/customers/{customer_id}", "getCustomer", "Customers", "Show a customer",
	&resource_customer),
    COMMAND("PATCH", "/v1/customers/{customer_id}", "updateCustomer", "Customers",
	"Change a customer", &resource_customer, COMMAND_UPDATE_CUSTOMER, BY_PATH, false),
    COMMAND("DELETE", "/v1/customers/{customer_id}", "archiveCustomer", "Customers",
	"Archive a customer", &resource_customer, COMMAND_ARCHIVE_CUSTOMER, BY_PATH, false),

    COMMAND("POST", "/v1/plans", "createPlan", "Plans", "Create a plan", &resource_plan,
	COMMAND_CREATE_PLAN, BY_ORGANISATION, true),
    LIST(PERMIT_READ, "/v1/plans", "listPlans", "Plans", "List plans, newest first", &resource_plan,
	"plans_list", CURSOR_PLANS),
    ONE("/v1/plans/{plan_id}", "getPlan", "Plans", "Show a plan", &resource_plan),
    COMMAND("PATCH", "/v1/plans/{plan_id}", "updatePlan", "Plans", "Change a plan", &resource_plan,
	COMMAND_UPDATE_PLAN, BY_ORGANISATION, false),
    COMMAND("DELETE", "/v1/plans/{plan_id}", "archivePlan", "Plans", "Archive a plan",
	&resource_plan, COMMAND_ARCHIVE_PLAN, BY_ORGANISATION, false),
    LIST(PERMIT_READ, "/v1/plans/{plan_id}/versions", "listPlanVersions", "Plans",
	"List a plan's versions, which its subscriptions are on, newest first",
	&resource_plan_version, "plan_versions_list", CURSOR_PLAN_VERSIONS),

    COMMAND("POST", "/v1/coupons", "createCoupon", "Coupons", "Create a coupon", &resource_coupon,
	COMMAND_CREATE_COUPON, BY_ORGANISATION, true),
    LIST(PERMIT_READ, "/v1/coupons", "listCoupons", "Coupons", "List coupons, newest first",
	&resource_coupon, "coupons_list", CURSOR_COUPONS),
    ONE("/v1/coupons/{coupon_id}", "getCoupon", "Coupons", "Show a coupon", &resource_coupon),
    COMMAND("DELETE", "/v1/coupons/{coupon_id}", "archiveCoupon", "Coupons",
	"Archive a coupon: nobody takes it any more", &resource_coupon, COMMAND_ARCHIVE_COUPON,
	BY_ORGANISATION, false),

    COMMAND("POST", "/v1/tax-rates", "createTaxRate", "Tax rates", "Create a tax rate",
	&resource_tax_rate, COMMAND_CREATE_TAX_RATE, BY_ORGANISATION, true),
    LIST(PERMIT_READ, "/v1/tax-rates", "listTaxRates", "Tax rates", "List tax rates, newest first",
	&resource_tax_rate, "tax_rates_list", CURSOR_TAX_RATES),
    ONE("/v1/tax-rates/{tax_rate_id}", "getTaxRate", "Tax rates", "Show a tax rate",
	&resource_tax_rate),
    COMMAND("DELETE", "/v1/tax-rates/{tax_rate_id}", "archiveTaxRate", "Tax rates",
	"Archive a tax rate: nobody takes it anew", &resource_tax_rate, COMMAND_ARCHIVE_TAX_RATE,
	BY_ORGANISATION, false),

    COMMAND("POST", "/v1/subscriptions", "createSubscription", "Subscriptions",
	"Start a customer on a plan", &resource_subscription, COMMAND_CREATE_SUBSCRIPTION,
	BY_BODY_CUSTOMER, true),
    LIST(PERMIT_READ, "/v1/subscriptions", "listSubscriptions", "Subscriptions",
	"List subscriptions, newest first", &resource_subscription, "subscriptions_list",
	CURSOR_SUBSCRIPTIONS),
    ONE("/v1/subscriptions/{subscription_id}", "getSubscription", "Subscriptions",
	"Show a subscription", &resource_subscription),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/cancel", "cancelSubscription",
	"Subscriptions", "Cancel a subscription", &resource_subscription,
	COMMAND_CANCEL_SUBSCRIPTION, BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/uncancel", "uncancelSubscription",
	"Subscriptions", "Take back a cancellation at the period's end", &resource_subscription,
	COMMAND_UNCANCEL_SUBSCRIPTION, BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/change", "changeSubscription",
	"Subscriptions", "Change plan or quantity", &resource_subscription,
	COMMAND_CHANGE_SUBSCRIPTION, BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/pause", "pauseSubscription",
	"Subscriptions", "Pause a subscription", &resource_subscription, COMMAND_PAUSE_SUBSCRIPTION,
	BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/resume", "resumeSubscription",
	"Subscriptions", "Resume a paused subscription", &resource_subscription,
	COMMAND_RESUME_SUBSCRIPTION, BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/subscriptions/{subscription_id}/quantities", "reportQuantity",
	"Subscriptions", "Report a quantity of a charge in arrears", &resource_subscription,
	COMMAND_REPORT_QUANTITY, BY_PATH_SHARD, false),
    LIST(PERMIT_READ, "/v1/subscriptions/{subscription_id}/quantities", "listQuantities",
	"Subscriptions", "List what was reported, newest first", &resource_quantity,
	"quantities_list", CURSOR_QUANTITIES),

    MANAGE("POST", "/v1/subscriptions/{subscription_id}/change/preview", PERMIT_READ,
	preview_change, "billd.action.PreviewChange", "InvoicePreview", false, "previewChange",
	"Subscriptions", "Show what a change would bill"),
    MANAGE("POST", "/v1/invoices/preview", PERMIT_READ, preview_invoice,
	"billd.action.PreviewInvoice", "InvoicePreview", false, "previewInvoice", "Invoices",
	"Show the next invoice of a subscription, or the first of a new one"),
    LIST(PERMIT_READ, "/v1/invoices", "listInvoices", "Invoices", "List invoices, newest first",
	&resource_invoice, "invoices_list", CURSOR_INVOICES),
    ONE("/v1/invoices/{invoice_id}", "getInvoice", "Invoices", "Show an invoice",
	&resource_invoice),
    LIST(PERMIT_READ, "/v1/customers/{customer_id}/invoices", "listCustomerInvoices", "Invoices",
	"List a customer's invoices, newest first", &resource_invoice, "customer_invoices_list",
	CURSOR_CUSTOMER_INVOICES),
    COMMAND("POST", "/v1/invoices/{invoice_id}/pay", "payInvoice", "Payments",
	"Pay an invoice, or a part of it", &resource_invoice, COMMAND_PAY_INVOICE, BY_PATH_SHARD,
	false),
    COMMAND("POST", "/v1/invoices/{invoice_id}/void", "voidInvoice", "Invoices",
	"Void an open invoice", &resource_invoice, COMMAND_VOID_INVOICE, BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/invoices/{invoice_id}/mark_uncollectible", "markUncollectible", "Invoices",
	"Give up an open invoice", &resource_invoice, COMMAND_MARK_UNCOLLECTIBLE, BY_PATH_SHARD,
	false),
    LIST(PERMIT_READ, "/v1/invoices/{invoice_id}/payments", "listInvoicePayments", "Payments",
	"List an invoice's payments and refunds, newest first", &resource_payment,
	"invoice_payments_list", CURSOR_INVOICE_PAYMENTS),
    LIST(PERMIT_READ, "/v1/invoices/{invoice_id}/credit-notes", "listInvoiceCreditNotes",
	"Credit notes", "List an invoice's credit notes, newest first", &resource_credit_note,
	"invoice_credit_notes_list", CURSOR_INVOICE_CREDIT_NOTES),

    COMMAND("POST", "/v1/customers/{customer_id}/items", "createItem", "Customers",
	"Charge something once, on the customer's next invoice", &resource_item,
	COMMAND_CREATE_ITEM, BY_PATH, true),
    LIST(PERMIT_READ, "/v1/customers/{customer_id}/items", "listItems", "Customers",
	"List a customer's one-off items, newest first", &resource_item, "items_list",
	CURSOR_ITEMS),
    ONE("/v1/items/{item_id}", "getItem", "Customers", "Show a one-off item", &resource_item),
    COMMAND("DELETE", "/v1/items/{item_id}", "cancelItem", "Customers",
	"Take back a one-off item that is pending", &resource_item, COMMAND_CANCEL_ITEM,
	BY_PATH_SHARD, false),
    COMMAND("POST", "/v1/customers/{customer_id}/credits", "giveCredit", "Customers",
	"Give a customer credit, or take some back", &resource_credit_entry, COMMAND_GIVE_CREDIT,
	BY_PATH, true),
    LIST(PERMIT_READ, "/v1/customers/{customer_id}/credits", "listCredits", "Customers",
	"List the movements of a customer's credit balance, newest first", &resource_credit_entry,
	"credits_list", CURSOR_CREDITS),
    ONE("/v1/credits/{credit_entry_id}", "getCredit", "Customers",
	"Show a movement of a credit balance", &resource_credit_entry),

    LIST(PERMIT_READ, "/v1/payments", "listPayments", "Payments",
	"List payments and refunds, newest first", &resource_payment, "payments_list",
	CURSOR_PAYMENTS),
    ONE("/v1/payments/{payment_id}", "getPayment", "Payments", "Show a payment or refund",
	&resource_payment),

    COMMAND("POST", "/v1/credit-notes", "createCreditNote", "Credit notes",
	"Correct an issued invoice", &resource_credit_note, COMMAND_CREATE_CREDIT_NOTE,
	BY_BODY_INVOICE, true),
    LIST(PERMIT_READ, "/v1/credit-notes", "listCreditNotes", "Credit notes",
	"List credit notes, newest first", &resource_credit_note, "credit_notes_list",
	CURSOR_CREDIT_NOTES),
    ONE("/v1/credit-notes/{credit_note_id}", "getCreditNote", "Credit notes", "Show a credit note",
	&resource_credit_note),

    LIST_ROW(FOR_MEMBER, PERMIT_READ, "/v1/journal", "listJournal", "Journal",
	"List the journal's entries, newest first", &resource_journal_entry, "journal_list",
	CURSOR_JOURNAL, journal_filters),

    COMMAND("POST", "/v1/test-clocks", "createTestClock", "Test clocks",
	"Create a test clock, in whose time customers can live", &resource_test_clock,
	COMMAND_CREATE_TEST_CLOCK, BY_NEW, true),
    LIST(PERMIT_READ, "/v1/test-clocks", "listTestClocks", "Test clocks",
	"List test clocks, newest first", &resource_test_clock, "test_clocks_list",
	CURSOR_TEST_CLOCKS),
    ONE("/v1/test-clocks/{test_clock_id}", "getTestClock", "Test clocks", "Show a test clock",
	&resource_test_clock),
    COMMAND("POST", "/v1/test-clocks/{test_clock_id}/advance", "advanceTestClock", "Test clocks",
	"Advance a test clock, and do what falls due on the way", &resource_test_clock,
	COMMAND_ADVANCE_TEST_CLOCK, BY_PATH, false),

    COMMAND("POST", "/v1/billing-runs", "startBillingRun", "Billing runs",
	"Do all that is due up to a moment", &resource_billing_run, COMMAND_START_BILLING_RUN,
	BY_ITS_SHARD, true),
    LIST(PERMIT_READ, "/v1/billing-runs", "listBillingRuns", "Billing runs",
	"List billing runs, newest first", &resource_billing_run_summary, "billing_runs_list",
	CURSOR_BILLING_RUNS),
    WATCHED("/v1/billing-runs/{billing_run_id}", "getBillingRun", "Billing runs",
	"Show a billing run, or follow it", &resource_billing_run),
    COMMAND("POST", "/v1/billing-runs/{billing_run_id}/pause", "pauseBillingRun", "Billing runs",
	"Hold a billing run", &resource_billing_run, COMMAND_PAUSE_BILLING_RUN, BY_ITS_SHARD,
	false),
    COMMAND("POST", "/v1/billing-runs/{billing_run_id}/resume", "resumeBillingRun", "Billing runs",
	"Go on with a billing run that is paused", &resource_billing_run,
	COMMAND_RESUME_BILLING_RUN, BY_ITS_SHARD, false),
    COMMAND("POST", "/v1/billing-runs/{billing_run_id}/cancel", "cancelBillingRun", "Billing runs",
	"End a billing run where it is", &resource_billing_run, COMMAND_CANCEL_BILLING_RUN,
	BY_ITS_SHARD, false),
    LIST(PERMIT_READ, "/v1/billing-runs/{billing_run_id}/failures", "listBillingRunFailures",
	"Billing runs", "List what a billing run could not bill, newest subscription first",
	&resource_billing_run_failure, "billing_run_failures_list", CURSOR_BILLING_RUN_FAILURES),

    OTHER(ROUTE_OPERATION, FOR_MEMBER, "/v1/operations/{operation_id}", operation_run,
	"getOperation", "Operations", "Show what became of a command"),
    OTHER(ROUTE_EVENTS, FOR_MEMBER, "/v1/events", events_run, "listEvents", "Events",
	"Follow the organisation's events, oldest first"),

    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/health", health_run, "getHealth", "System",
	"Whether the service and what it needs are well"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/health/live", health_run_live, "getLiveness", "System",
	"Whether the process answers"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/metrics", stats_run, "getMetrics", "System",
	"Metrics in Prometheus' text format"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/openapi.json", openapi_run, "getOpenapi", "System",
	"This document"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/docs", docs_run_index, "getDocs", "System",
	"The documentation's page"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/docs/problems", docs_run_problems, "listProblems", "System",
	"All types of problems"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/docs/problems/{slug}", docs_run_problem, "getProblem",
	"System", "What one type of problem means"),
    OTHER(ROUTE_SYSTEM, FOR_ANYBODY, "/docs/{file}", docs_run_file, "getDocsFile", "System",
	"A file of the documentation's page"),
};

const size_t route_table_len = ARRAY_LEN(route_table);

/* Take the next segment off ${path}, which starts with its '/'.  False at the end. */
static bool
segment_take(struct str *path, struct str *ret_segment)
{
	const char *end;

	if (path->len == 0 || path->ptr[0] != '/')
		return false;
	*path = (struct str){path->ptr + 1, path->len - 1};
	end = path->len == 0 ? NULL : memchr(path->ptr, '/', path->len);
	*ret_segment = (struct str){path->ptr, end == NULL ? path->len : (size_t)(end - path->ptr)};
	*path = (struct str){path->ptr + ret_segment->len, path->len - ret_segment->len};
	return true;
}

/* Whether ${path} has the form of ${pattern}; its parameters go to ${match}. */
static bool
pattern_matches(struct str pattern, struct str path, struct route_match *match)
{
	struct str want, have;

	match->params_len = 0;
	while (segment_take(&pattern, &want)) {
		if (!segment_take(&path, &have))
			return false;
		if (want.len == 0 || want.ptr[0] != '{') {
			if (!str_equal(want, have))
				return false;
			continue;
		}
		if (have.len == 0)
			return false;
		CHECK(match->params_len < ROUTE_PARAMS_MAX);
		match->params[match->params_len].name = (struct str){want.ptr + 1, want.len - 2};
		match->params[match->params_len++].text = have;
	}
	return path.len == 0;
}

static void
allow_add(struct route_match *match, const char *method)
{
	size_t len = strlen(match->allow);

	snprintf(match->allow + len, sizeof(match->allow) - len, "%s%s%s", len == 0 ? "" : ", ",
	    method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

void
route_find(struct str method, struct str path, struct route_match *ret_match)
{
	struct str wanted = str_equal(method, STR("HEAD")) ? STR("GET") : method;

	ret_match->route = NULL;
	ret_match->allow[0] = '\0';
	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];

		if (!pattern_matches(str_from(route->pattern), path, ret_match))
			continue;
		if (str_equal(wanted, str_from(route->method))) {
			ret_match->route = route;
			return;
		}
		allow_add(ret_match, route->method);
	}
}

bool
route_has_body(const struct route *route)
{
	return route->kind == ROUTE_COMMAND || (route->kind == ROUTE_ACTION && route->body != NULL);
}

bool
route_param_is_id(struct str name)
{
	return name.len > 3 && memcmp(name.ptr + name.len - 3, "_id", 3) == 0;
}

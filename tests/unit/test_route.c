#include "api/route.h"
#include "tests/unit/unit.h"

#define ID "01a201d3-0cb9-8800-a560-2c2096ed7ca9"

static const struct {
	const char *name, *method, *path;
	const char *operation; /* NULL: none */
	const char *allow;     /* when there is none */
} find_rows[] = {
    {"a collection", "GET", "/v1/customers", "listCustomers", ""},
    {"a command on it", "POST", "/v1/customers", "createCustomer", ""},
    {"HEAD is as GET", "HEAD", "/v1/customers", "listCustomers", ""},
    {"one", "GET", "/v1/customers/" ID, "getCustomer", ""},
    {"below one", "GET", "/v1/customers/" ID "/invoices", "listCustomerInvoices", ""},
    {"a fixed segment before a parameter", "GET", "/docs/problems", "listProblems", ""},
    {"a parameter that is no id", "GET", "/docs/swagger-ui.css", "getDocsFile", ""},
    {"a command below one", "POST", "/v1/subscriptions/" ID "/quantities", "reportQuantity", ""},
    {"the list of the same path", "GET", "/v1/subscriptions/" ID "/quantities", "listQuantities",
	""},
    {"a name of two words", "POST", "/v1/test-clocks/" ID "/advance", "advanceTestClock", ""},
    {"a command with an underscore", "POST", "/v1/invoices/" ID "/mark_uncollectible",
	"markUncollectible", ""},
    {"a command beside a fixed segment", "POST", "/v1/invoices/" ID "/pay", "payInvoice", ""},
    {"what a fixed segment hides", "POST", "/v1/invoices/preview", "previewInvoice", ""},
    {"an item, to be taken back", "DELETE", "/v1/items/" ID, "cancelItem", ""},
    {"what is made below one", "POST", "/v1/customers/" ID "/items", "createItem", ""},
    {"a list below one", "GET", "/v1/invoices/" ID "/credit-notes", "listInvoiceCreditNotes", ""},
    {"one of a name of two words", "DELETE", "/v1/tax-rates/" ID, "archiveTaxRate", ""},
    {"a run", "POST", "/v1/billing-runs", "startBillingRun", ""},
    {"a run, to be shown or followed", "GET", "/v1/billing-runs/" ID, "getBillingRun", ""},
    {"a run, to be held", "POST", "/v1/billing-runs/" ID "/pause", "pauseBillingRun", ""},
    {"what a run could not do", "GET", "/v1/billing-runs/" ID "/failures", "listBillingRunFailures",
	""},
    {"a run is not taken back", "DELETE", "/v1/billing-runs/" ID, NULL, "GET, HEAD"},
    {"nothing", "GET", "/", NULL, ""},
    {"an empty path", "GET", "", NULL, ""},
    {"an unknown path", "GET", "/v1/coupon", NULL, ""},
    {"what is not changed", "PATCH", "/v1/coupons/" ID, NULL, "GET, HEAD, DELETE"},
    {"what is only read", "POST", "/v1/journal", NULL, "GET, HEAD"},
    {"a slash at the end", "GET", "/v1/customers/", NULL, ""},
    {"two slashes", "GET", "/v1//customers", NULL, ""},
    {"a slash behind one", "GET", "/v1/customers/" ID "/", NULL, ""},
    {"junk behind", "GET", "/v1/customers/" ID "/invoices/x", NULL, ""},
    {"case counts", "GET", "/V1/customers", NULL, ""},
    {"without the first slash", "GET", "v1/customers", NULL, ""},
    {"another method", "PUT", "/v1/customers", NULL, "POST, GET, HEAD"},
    {"another method of one", "POST", "/v1/customers/" ID, NULL, "GET, HEAD, PATCH, DELETE"},
    {"a command's path is not read", "GET", "/v1/subscriptions/" ID "/cancel", NULL, "POST"},
};

START_TEST(test_find)
{
	struct route_match match;
	const char *found;

	route_find(str_from(find_rows[_i].method), str_from(find_rows[_i].path), &match);
	found = match.route == NULL ? NULL : match.route->operation_id;
	unit_assert_str(str_from(found), find_rows[_i].operation, find_rows[_i].name);
	if (match.route == NULL)
		ck_assert_str_eq(match.allow, find_rows[_i].allow);
}
END_TEST

START_TEST(test_params)
{
	struct route_match match;

	route_find(STR("GET"), STR("/v1/customers/" ID "/invoices"), &match);
	ck_assert_uint_eq(match.params_len, 1);
	unit_assert_str(match.params[0].name, "customer_id", "the name");
	unit_assert_str(match.params[0].text, ID, "the text");
	ck_assert(route_param_is_id(match.params[0].name));
	ck_assert(!route_param_is_id(STR("slug")));
	ck_assert(!route_param_is_id(STR("_id")));
}
END_TEST

/* A command names what it makes by an id of its own, what it changes by the last in the path. */
static void
check_command(const struct route *route)
{
	bool in_path = strchr(route->pattern, '{') != NULL;
	bool by_path = route->by == BY_PATH || route->by == BY_PATH_SHARD;

	ck_assert_msg(route->creates || in_path, "%s", route->operation_id);
	ck_assert_msg(!by_path || in_path, "%s", route->operation_id);
	ck_assert_msg(!route->creates || route->resource->path != NULL, "%s", route->operation_id);
	/* What is made below something belongs to it, and else to who is in the body. */
	if (route->creates)
		ck_assert_msg(in_path == by_path, "%s", route->operation_id);
	if (route->by == BY_NEW)
		ck_assert_msg(route->creates, "%s", route->operation_id);
}

/* Only a run is followed, and what one is made by names its organisation's shard. */
static void
check_run(const struct route *route)
{
	bool of_run = route->resource == &resource_billing_run;

	if (route->watched)
		ck_assert_msg(of_run && route->kind == ROUTE_ONE, "%s", route->operation_id);
	if (route->kind == ROUTE_COMMAND)
		ck_assert_msg(of_run == (route->by == BY_ITS_SHARD), "%s", route->operation_id);
}

/* Filters are of lists, and each says what it takes. */
static void
check_filters(const struct route *route)
{
	const struct route_filter *filters = route->filters;
	size_t len = 0;

	if (filters == NULL)
		return;
	ck_assert_msg(route->kind == ROUTE_LIST, "%s", route->operation_id);
	for (; filters[len].name != NULL; len++)
		ck_assert_msg((filters[len].choices == NULL) ==
				      route_param_is_id(str_from(filters[len].name)) &&
				  filters[len].description != NULL,
		    "%s: %s", route->operation_id, filters[len].name);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(len, ROUTE_FILTERS_MAX);
}

/* What the rest of the program takes for granted of every row. */
START_TEST(test_table)
{
	for (size_t i = 0; i < route_table_len; i++) {
		const struct route *route = &route_table[i];
		const char *id = route->operation_id;
		struct route_match match;

		route_find(str_from(route->method), str_from(route->pattern), &match);
		ck_assert_msg(match.route == route, "%s is hidden by another row", id);
		ck_assert_msg(route->run != NULL && route->tag != NULL && route->summary != NULL,
		    "%s lacks something", id);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(
			    strcmp(route_table[j].operation_id, id) != 0, "%s is there twice", id);
		if (route->kind == ROUTE_COMMAND || route->kind == ROUTE_ONE ||
		    route->kind == ROUTE_LIST)
			ck_assert_msg(route->resource != NULL, "%s has no resource", id);
		if (route->kind == ROUTE_LIST)
			ck_assert_msg(route->statement != NULL && route->cursor != 0,
			    "%s has no statement or cursor", id);
		if (route->kind == ROUTE_COMMAND)
			check_command(route);
		check_run(route);
		check_filters(route);
	}
}
END_TEST

/* Every command has its route, but those that workers send each other. */
START_TEST(test_commands)
{
	for (size_t type = 0; type < COMMAND_TYPE_MAX; type++) {
		size_t found = 0;

		for (size_t i = 0; i < route_table_len; i++)
			if (route_table[i].kind == ROUTE_COMMAND && route_table[i].command == type)
				found++;
		ck_assert_msg(found == (command_table[type].internal ? 0 : 1), "%s has %zu",
		    command_table[type].name, found);
	}
}
END_TEST

UNIT_MAIN("route", UNIT_ROWS(test_find, find_rows), UNIT(test_params), UNIT(test_table),
    UNIT(test_commands))

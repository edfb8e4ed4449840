#include "common/codec/transcode.h"

#include "common/codec/avro.h"
#include "tests/unit/request.h"

#define UUID_1 REQUEST_ID

#define CUSTOMER "CreateCustomer"
#define PLAN "CreatePlan"
#define SUBSCRIPTION "CreateSubscription"
#define PLAN_BUT(more) \
	"{'code':'a','name':'b','currency':'USD','interval':'day','amount':1" more "}"
#define PLAN_BY(charges) \
	"{'code':'a','name':'b','currency':'USD','interval':'day','charges':[" charges "]}"
#define CHARGE(more) "{'code':'c','name':'d','model':'flat'" more "}"
#define QUANTITY "ReportQuantity"
#define QUANTITY_OF(quantity) "{'charge_code':'c','quantity':" quantity "}"
#define ANCHORED(anchor) "{'customer_id':'" UUID_1 "','plan_code':'a','anchor':" anchor "}"
#define NO_DECIMAL                                                                      \
	"must be a decimal number that is not negative, such as 12.5, with at most 15 " \
	"digits before the point and 12 behind it"
#define UPDATE "UpdateCustomer"
#define COUPON "CreateCoupon"
#define COUPON_OF(more) "{'code':'a','name':'b'," more "}"
#define SUBSCRIBED(more) "{'customer_id':'" UUID_1 "','plan_code':'a'," more "}"
#define UUID_2 "0190f1c2-7a00-8000-8000-00000000c002"
#define UUID_2_UPPER "0190F1C2-7A00-8000-8000-00000000C002"
#define NO_CODE "must be letters, digits, '-', '_' and '.', beginning with a letter or digit"
#define NO_ANCHOR "must be start, calendar or a day of the month, 1 to 31"

static const struct refused_row {
	const char *name;
	const char *command;
	const char *body;
	const char *faults;
} refused_rows[] = {
    {"nothing at all: every field that must be given", PLAN, "{}",
	"/code is missing\n/name is missing\n/currency is missing\n/interval is missing\n"
	" exactly one of amount, charges must be given"},
    {"an empty body is an empty object", CUSTOMER, "", "/name is missing"},
    {"every fault at once, in the schema's order, unknown fields last", PLAN,
	"{'zz':1,'amount':-1,'interval_count':0,'interval':'hour','currency':'ABC','name':'',"
	"'code':5,'aa':2}",
	"/code must be a string\n/name must be at least 1 character\n"
	"/currency is not a known ISO 4217 currency\n"
	"/interval must be one of: day, week, month, year\n/interval_count must be at least 1\n"
	"/amount must be at least 0\n/zz is not a field of this request\n"
	"/aa is not a field of this request"},
    {"what the ingress supplies is no field", CUSTOMER, "{'name':'a','meta':{}}",
	"/meta is not a field of this request"},
    {"what the path supplies is no field", "UpdatePlan", "{'plan_id':'" UUID_1 "'}",
	"/plan_id is not a field of this request"},
    {"null where the type has none", PLAN, PLAN_BUT(",'interval_count':null"),
	"/interval_count must not be null"},
    {"a number for a text", CUSTOMER, "{'name':1}", "/name must be a string"},
    {"an array for a text", CUSTOMER, "{'name':['a']}", "/name must be a string"},
    {"a text for a number", PLAN,
	"{'code':'a','name':'b','currency':'USD','interval':'day','amount':'1'}",
	"/amount must be an integer"},
    {"a number with decimals", PLAN,
	"{'code':'a','name':'b','currency':'USD','interval':'day','amount':29.0}",
	"/amount must be an integer"},
    {"true for a number", PLAN, PLAN_BUT(",'interval_count':true"),
	"/interval_count must be an integer"},
    {"a number over the maximum", PLAN, PLAN_BUT(",'interval_count':3661"),
	"/interval_count must be at most 3660"},
    {"a number for an enum", "CancelSubscription", "{'effective':1}",
	"/effective must be a string"},
    {"an unknown word for an enum", "CancelSubscription", "{'effective':'Now'}",
	"/effective must be one of: now, period_end"},
    {"a control character", CUSTOMER, "{'name':'a\\u0001b'}",
	"/name must not contain control characters"},
    {"a line break", CUSTOMER, "{'name':'a\\nb'}", "/name must not contain control characters"},
    {"a delete", CUSTOMER, "{'name':'a\\u007fb'}", "/name must not contain control characters"},
    {"an address without @", CUSTOMER, "{'name':'a','email':'b.example.com'}",
	"/email must be an e-mail address"},
    {"an address with a space", CUSTOMER, "{'name':'a','email':'b c@example.com'}",
	"/email must be an e-mail address"},
    {"an address with two @", CUSTOMER, "{'name':'a','email':'b@c@example.com'}",
	"/email must be an e-mail address"},
    {"an address with an empty label", CUSTOMER, "{'name':'a','email':'b@example..com'}",
	"/email must be an e-mail address"},
    {"an address with a dot at its end", CUSTOMER, "{'name':'a','email':'b@example.'}",
	"/email must be an e-mail address"},
    {"an address without a domain", CUSTOMER, "{'name':'a','email':'b@'}",
	"/email must be an e-mail address"},
    {"an address that begins with @", CUSTOMER, "{'name':'a','email':'@example.com'}",
	"/email must be an e-mail address"},
    {"a label that begins with a dash", CUSTOMER, "{'name':'a','email':'b@-example.com'}",
	"/email must be an e-mail address"},
    {"an empty address where empty is not allowed", CUSTOMER, "{'name':'a','email':''}",
	"/email must be an e-mail address"},
    {"a currency in lower case", CUSTOMER, "{'name':'a','currency':'usd'}",
	"/currency is not a known ISO 4217 currency"},
    {"a country that is none", CUSTOMER, "{'name':'a','country':'XX'}",
	"/country is not a known ISO 3166-1 alpha-2 country"},
    {"a time zone that is none", CUSTOMER, "{'name':'a','timezone':'Mars/Base'}",
	"/timezone is not a known time zone of the tz database"},
    {"an empty time zone", "UpdateCustomer", "{'timezone':''}",
	"/timezone is not a known time zone of the tz database"},
    {"a code that begins with a dash", PLAN,
	"{'code':'-a','name':'b','currency':'USD','interval':'day','amount':1}",
	"/code must be letters, digits, '-', '_' and '.', beginning with a letter or digit"},
    {"a code with a letter beyond ASCII", PLAN,
	"{'code':'a\xc3\xa4','name':'b','currency':'USD','interval':'day','amount':1}",
	"/code must be letters, digits, '-', '_' and '.', beginning with a letter or digit"},
    {"a text that is too short", CUSTOMER, "{'name':'a','external_id':''}",
	"/external_id must be at least 1 character"},
    {"an id that is none", SUBSCRIPTION, "{'customer_id':'x','plan_code':'a'}",
	"/customer_id must be a UUID, and not the nil one"},
    {"an id without dashes", SUBSCRIPTION,
	"{'customer_id':'0190f1c27a00800080000000000000c001','plan_code':'a'}",
	"/customer_id must be a UUID, and not the nil one"},
    {"the nil id", SUBSCRIPTION,
	"{'customer_id':'00000000-0000-0000-0000-000000000000','plan_code':'a'}",
	"/customer_id must be a UUID, and not the nil one"},
    {"a number for an id", SUBSCRIPTION, "{'customer_id':1,'plan_code':'a'}",
	"/customer_id must be a string"},
    {"none of a group", SUBSCRIPTION, "{'customer_id':'" UUID_1 "'}",
	" exactly one of plan_id, plan_code must be given"},
    {"none of a group, as null", SUBSCRIPTION,
	"{'customer_id':'" UUID_1 "','plan_id':null,'plan_code':null}",
	" exactly one of plan_id, plan_code must be given"},
    {"both of a group", SUBSCRIPTION,
	"{'customer_id':'" UUID_1 "','plan_id':'" UUID_1 "','plan_code':'a'}",
	" exactly one of plan_id, plan_code must be given"},
    {"a bad one of a group was given", SUBSCRIPTION, "{'customer_id':'" UUID_1 "','plan_id':'x'}",
	"/plan_id must be a UUID, and not the nil one"},
    {"an empty list is none of a group", PLAN,
	"{'code':'a','name':'b','currency':'USD','interval':'day','charges':[]}",
	" exactly one of amount, charges must be given"},
    {"a list and another of its group", PLAN, PLAN_BUT(",'charges':[" CHARGE("") "]"),
	" exactly one of amount, charges must be given"},
    {"faults in a list, and in a list of that", PLAN,
	PLAN_BY("{'model':'free','unit_amount':'-1','x':1}," CHARGE(
	    ",'tiers':[{'up_to':0,'rate':'0.00000000001'},{'up_to':null},3],'max_amount':null")),
	"/charges/0/code is missing\n/charges/0/name is missing\n"
	"/charges/0/model must be one of: flat, per_unit, graduated, volume, package, percentage\n"
	"/charges/0/unit_amount " NO_DECIMAL "\n/charges/0/x is not a field of this request\n"
	"/charges/1/tiers/0/up_to must be at least 1\n"
	"/charges/1/tiers/0/rate must have at most 10 digits behind the point\n"
	"/charges/1/tiers/2 must be an object"},
    {"more charges than a plan may have", PLAN,
	PLAN_BY("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}"),
	"/charges must have at most 20 items"},
    {"a list that is null", PLAN, PLAN_BUT(",'charges':null"), "/charges must not be null"},
    {"each text of a list keeps the rules, with its place", SUBSCRIPTION,
	SUBSCRIBED("'coupon_codes':['A',5,'a b','',null,['B']]"),
	"/coupon_codes/1 must be a string\n/coupon_codes/2 " NO_CODE "\n"
	"/coupon_codes/3 must be at least 1 character\n/coupon_codes/4 must be a string\n"
	"/coupon_codes/5 must be a string"},
    {"a text of a list that is too long", SUBSCRIPTION,
	SUBSCRIBED("'coupon_codes':["
		   "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa']"),
	"/coupon_codes/0 must be at most 100 characters"},
    {"ids of a list", SUBSCRIPTION,
	SUBSCRIBED("'tax_rate_ids':['x','" UUID_1 "',7,'00000000-0000-0000-0000-000000000000']"),
	"/tax_rate_ids/0 must be a UUID, and not the nil one\n/tax_rate_ids/2 must be a string\n"
	"/tax_rate_ids/3 must be a UUID, and not the nil one"},
    {"an id of a list a second time, in whatever case, and a third", SUBSCRIPTION,
	SUBSCRIBED("'tax_rate_ids':['" UUID_2 "','" UUID_1 "','" UUID_2_UPPER "','" UUID_2 "']"),
	"/tax_rate_ids/2 stands here twice\n/tax_rate_ids/3 stands here twice"},
    {"more texts than a list may have", SUBSCRIPTION,
	SUBSCRIBED("'coupon_codes':['a','a','a','a','a','a','a','a','a','a','a']"),
	"/coupon_codes must have at most 10 items"},
    {"more ids than a list may have", UPDATE, "{'tax_rate_ids':['" UUID_1 "','x','x','x','x','x']}",
	"/tax_rate_ids must have at most 5 items"},
    {"an object for a list of texts", SUBSCRIPTION, SUBSCRIBED("'coupon_codes':{'0':'a'}"),
	"/coupon_codes must be an array"},
    {"a text for a list of texts", SUBSCRIPTION, SUBSCRIBED("'coupon_codes':'a'"),
	"/coupon_codes must be an array"},
    {"null for a list that is there by itself", SUBSCRIPTION, SUBSCRIBED("'tax_rate_ids':null"),
	"/tax_rate_ids must not be null"},
    {"a list in a list", PLAN, PLAN_BY(CHARGE(",'amount':1,'tax_rate_ids':['x']")),
	"/charges/0/tax_rate_ids/0 must be a UUID, and not the nil one"},
    {"a percentage and an amount", COUPON,
	COUPON_OF("'percent_off':'20','amount_off':5,'currency':'USD'"),
	" exactly one of percent_off, amount_off must be given"},
    {"neither percentage nor amount", COUPON, COUPON_OF("'percent_off':null"),
	" exactly one of percent_off, amount_off must be given"},
    {"terms of a coupon that are none", COUPON,
	COUPON_OF("'percent_off':'0.00001','duration':'twice','duration_periods':0,"
		  "'max_redemptions':0,'redeem_by':'soon'"),
	"/percent_off must have at most 4 digits behind the point\n"
	"/duration must be one of: once, repeating, forever\n"
	"/duration_periods must be at least 1\n/max_redemptions must be at least 1\n"
	"/redeem_by must be an RFC 3339 time from 1970 to 2199, such as 2026-01-31T00:00:00Z"},
    {"terms of payment below what takes them away", UPDATE, "{'net_terms_days':-2}",
	"/net_terms_days must be at least -1"},
    {"a credit of nothing", "GiveCredit", "{'amount':0,'description':'a'}",
	"/amount must not be 0"},
    {"an item for nothing, of which nothing is said", "CreateItem", "{'amount':0,'description':''}",
	"/amount must be at least 1\n/description must be at least 1 character"},
    {"lines of a credit note", "CreateCreditNote",
	"{'invoice_id':'" UUID_1 "','lines':[{'line_id':'x','amount':0},{'line_id':'" UUID_1 "'}]}",
	"/lines/0/line_id must be a UUID, and not the nil one\n"
	"/lines/0/amount must be at least 1\n/lines/1/amount is missing"},
    {"a quantity below zero", QUANTITY, QUANTITY_OF("-1"), "/quantity " NO_DECIMAL},
    {"a quantity below zero, as a text", QUANTITY, QUANTITY_OF("'-1'"), "/quantity " NO_DECIMAL},
    {"a quantity as a fraction", QUANTITY, QUANTITY_OF("1.5"),
	"/quantity must be a string or an integer"},
    {"a quantity of seven places", QUANTITY, QUANTITY_OF("'0.0000001'"),
	"/quantity must have at most 6 digits behind the point"},
    {"a quantity of sixteen digits", QUANTITY, QUANTITY_OF("1000000000000000"),
	"/quantity " NO_DECIMAL},
    {"a quantity with an exponent", QUANTITY, QUANTITY_OF("'1e3'"), "/quantity " NO_DECIMAL},
    {"a quantity with a leading zero", QUANTITY, QUANTITY_OF("'01'"), "/quantity " NO_DECIMAL},
    {"a quantity with nothing behind its point", QUANTITY, QUANTITY_OF("'1.'"),
	"/quantity " NO_DECIMAL},
    {"an empty quantity", QUANTITY, QUANTITY_OF("''"), "/quantity " NO_DECIMAL},
    {"true for a quantity", QUANTITY, QUANTITY_OF("true"),
	"/quantity must be a string or an integer"},
    {"an anchor beyond the month", SUBSCRIPTION, ANCHORED("32"), "/anchor " NO_ANCHOR},
    {"an anchor before the month", SUBSCRIPTION, ANCHORED("0"), "/anchor " NO_ANCHOR},
    {"a negative anchor", SUBSCRIPTION, ANCHORED("-1"), "/anchor " NO_ANCHOR},
    {"an anchor with a leading zero", SUBSCRIPTION, ANCHORED("'01'"), "/anchor " NO_ANCHOR},
    {"an anchor of an unknown word", SUBSCRIPTION, ANCHORED("'Start'"), "/anchor " NO_ANCHOR},
    {"an empty anchor", SUBSCRIPTION, ANCHORED("''"), "/anchor " NO_ANCHOR},
    {"a list for an anchor", SUBSCRIPTION, ANCHORED("[]"),
	"/anchor must be a string or an integer"},
    {"a map that is none", CUSTOMER, "{'name':'a','metadata':[]}", "/metadata must be an object"},
    {"null for a map", CUSTOMER, "{'name':'a','metadata':null}", "/metadata must not be null"},
    {"a pair that is no text", CUSTOMER, "{'name':'a','metadata':{'k':1,'l':null,'m':{}}}",
	"/metadata/k must be a string\n/metadata/l must be a string\n/metadata/m must be a string"},
    {"pointers are escaped", CUSTOMER, "{'name':'a','metadata':{'a/b~c':1},'~/':2}",
	"/metadata/a~1b~0c must be a string\n/~0~1 is not a field of this request"},
    {"a name in a map that is too long", CUSTOMER,
	"{'name':'a','metadata':{'01234567890123456789012345678901234567890':'v'}}",
	"/metadata/01234567890123456789012345678901234567890 its name must be at most 40 "
	"characters"},
    {"a name in a map with a control character", CUSTOMER, "{'name':'a','metadata':{'\\t':'v'}}",
	"/metadata/\t its name must not contain control characters"},
    {"a pair with a control character", CUSTOMER, "{'name':'a','metadata':{'k':'\\u0000'}}",
	" has a NUL character (line 1, column 36)"},

    {"not JSON", CUSTOMER, "{'name':", " is not valid JSON: it ends too early (line 1, column 8)"},
    {"JSON and more", CUSTOMER, "{'name':'a'} x",
	" is not valid JSON: more stands behind its end (line 1, column 14)"},
    {"only spaces", CUSTOMER, "  ", " is not valid JSON: it ends too early (line 1, column 2)"},
    {"an array", CUSTOMER, "[]", " must be an object"},
    {"a text", CUSTOMER, "'name'", " is not valid JSON (line 1, column 6)"},
    {"null", CUSTOMER, "null", " is not valid JSON (line 1, column 4)"},
    {"a name twice", CUSTOMER, "{'name':'a',\n'name':'b'}",
	" has a name twice in one object (line 2, column 6)"},
    {"a name twice, deeper", CUSTOMER, "{'name':'a','metadata':{'k':'a','k':'b'}}",
	" has a name twice in one object (line 1, column 35)"},
    {"a number beyond a double", PLAN, PLAN_BUT(",'interval_count':1e999"),
	" has a number that is too large (line 1, column 90)"},
    {"a number beyond 64 bits", PLAN, PLAN_BUT(",'interval_count':9223372036854775808"),
	" has a number that is too large (line 1, column 104)"},
    {"not a number", PLAN, PLAN_BUT(",'interval_count':NaN"),
	" is not valid JSON (line 1, column 88)"},
    {"half a surrogate pair", CUSTOMER, "{'name':'\\ud800'}",
	" is not valid JSON (line 1, column 16)"},
    {"bytes that are no UTF-8", CUSTOMER, "{'name':'\xff'}",
	" is not valid UTF-8 (line 1, column 9)"},
    {"a NUL written out in a name", CUSTOMER, "{'na\\u0000me':'a'}",
	" has a NUL character (line 1, column 13)"},
};

START_TEST(test_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	struct request request;
	const struct schema *schema;
	struct buf printed;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&printed, CODEC_TEXT_MAX);
	schema = request_schema(&request, row->command);

	ck_assert_msg(!request_run(&request, schema, str_from(codec_json(row->body))),
	    "%s: accepted", row->name);
	request_faults_print(&request.faults, &printed);
	unit_assert_str(buf_str(&printed), row->faults, row->name);
	ck_assert_uint_eq(request.faults.found, request.faults.len);
	buf_release(&printed);
	request_release(&request);
}
END_TEST

#define META                                                                            \
	"{'meta':{'operation_id':'01000000-0000-0000-0000-000000000000',"               \
	"'organisation_id':'02000000-0000-0000-0000-000000000000','actor':'api_key:x'," \
	"'accepted_at':'2026-01-31T09:30:15Z','idempotency_key':null,"                  \
	"'address':'192.0.2.7'},"

#define QUANTITY_IS(quantity)                                                         \
	"'subscription_id':'" UUID_1 "','charge_code':'c','quantity':'" quantity "'," \
	"'mode':'set','period_start':null}"
#define CHARGE_REST                                                    \
	"'package_size':null,'rate':null,'fixed_amount':null,"         \
	"'transaction_min_amount':null,'transaction_max_amount':null," \
	"'free_units':null,'min_amount':null,'max_amount':null,'tax_rate_ids':[]"
#define TAXED \
	"'tax_exempt':'none','tax_exempt_reason':null,'tax_rate_ids':[],'net_terms_days':null,"

static const struct taken_row {
	const char *name;
	const char *command;
	const char *body;
	const char *json; /* what the bytes say, behind META */
} taken_rows[] = {
    {"only what must be given: the rest gets its default", CUSTOMER, "{'name':'a'}",
	"'name':'a','email':null,'external_id':null,'currency':null,'country':null,"
	"'timezone':null,'test_clock_id':null," TAXED "'metadata':{}}"},
    {"everything", CUSTOMER,
	"{'metadata':{'k':'v','':''},'timezone':'Europe/Vienna','country':'AT','currency':'EUR',"
	"'test_clock_id':'" UUID_1
	"','external_id':'x','email':'a.b+c@d-e.example.com','name':'\xe6\xa0\xaa \\ud83d\\ude80'}",
	"'name':'\xe6\xa0\xaa \xf0\x9f\x9a\x80','email':'a.b+c@d-e.example.com','external_id':'x',"
	"'currency':'EUR','country':'AT','timezone':'Europe/Vienna','test_clock_id':'" UUID_1
	"'," TAXED "'metadata':{'k':'v','':''}}"},
    {"null is the default of what may be null", CUSTOMER, "{'name':'a','email':null}",
	"'name':'a','email':null,'external_id':null,'currency':null,'country':null,"
	"'timezone':null,'test_clock_id':null," TAXED "'metadata':{}}"},
    {"an id from the path, in lower case; empty where that is allowed", "UpdateCustomer",
	"{'email':'','country':'','external_id':''}",
	"'customer_id':'" UUID_1 "','name':null,'email':'','external_id':'','country':'',"
	"'timezone':null,'tax_exempt':null,'tax_exempt_reason':null,'tax_rate_ids':null,"
	"'net_terms_days':null,'metadata':{}}"},
    {"an empty list is another than none; what takes away", UPDATE,
	"{'tax_rate_ids':[],'tax_exempt':'reverse','tax_exempt_reason':'','net_terms_days':-1}",
	"'customer_id':'" UUID_1 "','name':null,'email':null,'external_id':null,'country':null,"
	"'timezone':null,'tax_exempt':'reverse','tax_exempt_reason':'','tax_rate_ids':[],"
	"'net_terms_days':-1,'metadata':{}}"},
    {"a list where there may be none", UPDATE, "{'tax_rate_ids':['" UUID_2_UPPER "']}",
	"'customer_id':'" UUID_1 "','name':null,'email':null,'external_id':null,'country':null,"
	"'timezone':null,'tax_exempt':null,'tax_exempt_reason':null,'tax_rate_ids':['" UUID_2
	"'],'net_terms_days':null,'metadata':{}}"},
    {"lists of texts and of ids, in their order; a text may stand twice", SUBSCRIPTION,
	SUBSCRIBED(
	    "'coupon_codes':['b','a.1','b'],'tax_rate_ids':['" UUID_2_UPPER "','" UUID_1 "']"),
	"'customer_id':'" UUID_1 "','plan_id':null,'plan_code':'a','quantity':1,"
	"'start_at':null,'end_at':null,'trial_days':null,'anchor':'start',"
	"'coupon_codes':['b','a.1','b'],'tax_rate_ids':['" UUID_2 "','" UUID_1 "'],'metadata':{}}"},
    {"a coupon's percentage as a number is a text", COUPON, COUPON_OF("'percent_off':20"),
	"'code':'a','name':'b','percent_off':'20','amount_off':null,'currency':null,"
	"'duration':'once','duration_periods':null,'max_redemptions':null,'redeem_by':null,"
	"'plan_ids':[],'metadata':{}}"},
    {"a coupon by an amount, for plans", COUPON,
	COUPON_OF(
	    "'amount_off':1,'currency':'EUR','duration':'repeating','duration_periods':3,"
	    "'max_redemptions':100,'redeem_by':'2026-12-31T23:59:59Z','plan_ids':['" UUID_1 "']"),
	"'code':'a','name':'b','percent_off':null,'amount_off':1,'currency':'EUR',"
	"'duration':'repeating','duration_periods':3,'max_redemptions':100,"
	"'redeem_by':'2026-12-31T23:59:59Z','plan_ids':['" UUID_1 "'],'metadata':{}}"},
    {"a tax rate", "CreateTaxRate", "{'code':'a','name':'b','percentage':'19.60'}",
	"'code':'a','name':'b','percentage':'19.6','inclusive':false,'country':null,"
	"'metadata':{}}"},
    {"credit that is taken back", "GiveCredit", "{'amount':-1,'description':'a'}",
	"'customer_id':'" UUID_1 "','amount':-1,'currency':null,'description':'a'}"},
    {"a credit note over all that is left", "CreateCreditNote", "{'invoice_id':'" UUID_1 "'}",
	"'invoice_id':'" UUID_1 "','lines':[],'reason':null,'refund':false}"},
    {"a payment of all that remains", "PayInvoice", "{'payment_method':'sim_ok'}",
	"'invoice_id':'" UUID_1 "','payment_method':'sim_ok','amount':null,'reference':null}"},
    {"a billing run up to now", "StartBillingRun", "",
	"'as_of':null,'dry_run':false,'invoices_max':100}"},
    {"a billing run that stores nothing, at its limit", "StartBillingRun",
	"{'as_of':'2026-02-01T00:00:00+01:00','dry_run':true,'invoices_max':1000}",
	"'as_of':'2026-01-31T23:00:00Z','dry_run':true,'invoices_max':1000}"},
    {"a billing run that is held", "PauseBillingRun", "", "'billing_run_id':'" UUID_1 "'}"},
    {"no body where none is needed", "ArchiveCustomer", "", "'customer_id':'" UUID_1 "'}"},
    {"an enum's default", "CancelSubscription", "",
	"'subscription_id':'" UUID_1 "','effective':'now','credit_unused':false}"},
    {"an enum", "CancelSubscription", "{'effective':'period_end'}",
	"'subscription_id':'" UUID_1 "','effective':'period_end','credit_unused':false}"},
    {"a number's default", PLAN, PLAN_BUT(""),
	"'code':'a','name':'b','currency':'USD','interval':'day','interval_count':1,"
	"'trial_days':0,'amount':1,'charges':[],'metadata':{}}"},
    {"numbers at their limits", PLAN,
	"{'code':'a','name':'b','currency':'JPY','interval':'year','amount':999999999999999,"
	"'interval_count':3660}",
	"'code':'a','name':'b','currency':'JPY','interval':'year','interval_count':3660,"
	"'trial_days':0,'amount':999999999999999,'charges':[],'metadata':{}}"},
    {"an id in upper case is written in lower case", SUBSCRIPTION,
	"{'customer_id':'0190F1C2-7A00-8000-8000-00000000C001','plan_code':'a.b_c-1'}",
	"'customer_id':'" UUID_1 "','plan_id':null,'plan_code':'a.b_c-1',"
	"'quantity':1,'start_at':null,'end_at':null,'trial_days':null,'anchor':'start',"
	"'coupon_codes':[],'tax_rate_ids':[],'metadata':{}}"},
    {"the other one of a group, the first one null", SUBSCRIPTION,
	"{'customer_id':'" UUID_1 "','plan_id':'" UUID_1 "','plan_code':null}",
	"'customer_id':'" UUID_1 "','plan_id':'" UUID_1 "','plan_code':null,'quantity':1,"
	"'start_at':null,'end_at':null,'trial_days':null,'anchor':'start','coupon_codes':[],"
	"'tax_rate_ids':[],'metadata':{}}"},
    {"an anchor as a number is a text; times; a quantity of none", SUBSCRIPTION,
	"{'customer_id':'" UUID_1 "','plan_code':'a','anchor':31,'quantity':0,'trial_days':0,"
	"'start_at':'2026-03-01T00:00:00+01:00','end_at':'2027-03-01T00:00:00Z'}",
	"'customer_id':'" UUID_1 "','plan_id':null,'plan_code':'a','quantity':0,"
	"'start_at':'2026-02-28T23:00:00Z','end_at':'2027-03-01T00:00:00Z','trial_days':0,"
	"'anchor':'31','coupon_codes':[],'tax_rate_ids':[],'metadata':{}}"},
    {"a quantity as a number is a text", QUANTITY, QUANTITY_OF("12"), QUANTITY_IS("12")},
    {"a quantity loses its needless zeros", QUANTITY, QUANTITY_OF("'0.500000'"),
	QUANTITY_IS("0.5")},
    {"the largest quantity", QUANTITY, QUANTITY_OF("'999999999999999.999999'"),
	QUANTITY_IS("999999999999999.999999")},
    {"charges, and what they leave out", PLAN,
	PLAN_BY(CHARGE(",'amount':5") "," CHARGE(
	    ",'billing':'arrears','unit_amount':7,'tiers':[{'up_to':5,"
	    "'unit_amount':'0.0000'},{'rate':'2.50'}]")),
	"'code':'a','name':'b','currency':'USD','interval':'day','interval_count':1,"
	"'trial_days':0,'amount':null,'charges':["
	"{'code':'c','name':'d','model':'flat','billing':'advance','amount':5,'unit_amount':null,"
	"'tiers':[]," CHARGE_REST "},"
	"{'code':'c','name':'d','model':'flat','billing':'arrears','amount':null,"
	"'unit_amount':'7','tiers':[{'up_to':5,'unit_amount':'0','flat_amount':0,'rate':null},"
	"{'up_to':null,'unit_amount':null,'flat_amount':0,'rate':'2.5'}]," CHARGE_REST "}],"
	"'metadata':{}}"},
};

START_TEST(test_taken)
{
	const struct taken_row *row = &taken_rows[_i];
	const struct schema *schema;
	struct request request;
	struct buf json, expected;
	struct err err = {0};
	uint64_t fingerprint = 0;
	struct str body;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&json, CODEC_TEXT_MAX);
	buf_init(&expected, CODEC_TEXT_MAX);
	schema = request_schema(&request, row->command);

	if (!request_run(&request, schema, str_from(codec_json(row->body)))) {
		request_faults_print(&request.faults, &json);
		ck_abort_msg("%s: %.*s", row->name, STR_ARG(buf_str(&json)));
	}
	ck_assert(avro_frame_read(buf_str(&request.buf), &fingerprint, &body));
	ck_assert_msg(fingerprint == schema->fingerprint, "%s", row->name);
	ck_assert_msg(
	    avro_to_json(schema, body, &json, &err) == ERR_NONE, "%s: %s", row->name, err.text);
	buf_append_str(&expected, str_from(codec_json(META)));
	buf_append_str(&expected, str_from(codec_json(row->json)));
	buf_append_char(&expected, '\0');
	ck_assert(!expected.overflow);
	unit_assert_str(buf_str(&json), expected.ptr, row->name);
	buf_release(&json);
	buf_release(&expected);
	request_release(&request);
}
END_TEST

/* Types that no command has yet. */
#define WIDE                                                                                      \
	"{'type':'record','name':'W','exactlyOne':['at','on'],'fields':["                         \
	"{'name':'at','type':['null',{'type':'long','logicalType':'timestamp-millis'}],"          \
	"'default':null},{'name':'on','type':['null','boolean'],'default':null},"                 \
	"{'name':'list','default':[],'type':{'type':'array','items':{'type':'record','name':'I'," \
	"'exactlyOne':['a','b'],'fields':[{'name':'a','type':['null','int'],'default':null},"     \
	"{'name':'b','type':['null','string'],'default':null}]}}},"                               \
	"{'name':'one','type':['null','I'],'default':null},"                                      \
	"{'name':'word','type':'string','default':'w'},{'name':'yes','type':'boolean','default':" \
	"true}]}"

static const struct wide_row {
	const char *name;
	const char *body;
	const char *outcome; /* JSON, or faults */
} wide_rows[] = {
    {"defaults of every kind", "{'on':false}",
	"{'at':null,'on':false,'list':[],'one':null,'word':'w','yes':true}"},
    {"a time with an offset, lists, a record",
	"{'at':'2026-01-31T01:00:00.5+01:00','list':[{'a':1},{'b':'x'}],'one':{'a':2},'yes':false}",
	"{'at':'2026-01-31T00:00:00Z','on':null,'list':[{'a':1,'b':null},{'a':null,'b':'x'}],"
	"'one':{'a':2,'b':null},'word':'w','yes':false}"},
    {"faults deep inside",
	"{'at':'yesterday','list':[{'a':1},{'a':'x','c':1},3,{}],'one':{'a':1,'b':'x'},'yes':0}",
	"/at must be an RFC 3339 time from 1970 to 2199, such as 2026-01-31T00:00:00Z\n"
	"/list/1/a must be an integer\n/list/1/c is not a field of this request\n"
	"/list/2 must be an object\n/list/3 exactly one of a, b must be given\n"
	"/one exactly one of a, b must be given\n/yes must be true or false"},
    {"a time without an offset", "{'at':'2026-01-31T00:00:00'}",
	"/at must be an RFC 3339 time from 1970 to 2199, such as 2026-01-31T00:00:00Z"},
    {"a day that does not exist", "{'at':'2026-02-30T00:00:00Z'}",
	"/at must be an RFC 3339 time from 1970 to 2199, such as 2026-01-31T00:00:00Z"},
    {"a number for a time", "{'at':1769851815}", "/at must be a string"},
    {"an object for a list", "{'on':true,'list':{}}", "/list must be an array"},
    {"a list for a record", "{'on':true,'one':[]}", "/one must be an object"},
};

START_TEST(test_wide)
{
	const struct wide_row *row = &wide_rows[_i];
	struct schema *schema = codec_schema(WIDE);
	struct request request;
	struct err err = {0};
	struct buf printed;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&printed, CODEC_TEXT_MAX);
	if (request_run(&request, schema, str_from(codec_json(row->body)))) {
		struct str body = {
		    request.buf.ptr + AVRO_FRAME_BYTES, request.buf.len - AVRO_FRAME_BYTES};

		ck_assert_int_eq(avro_to_json(schema, body, &printed, &err), ERR_NONE);
	} else {
		request_faults_print(&request.faults, &printed);
	}
	unit_assert_str(buf_str(&printed), codec_json(row->outcome), row->name);
	buf_release(&printed);
	request_release(&request);
	schema_free(schema);
}
END_TEST

UNIT_MAIN("transcode", UNIT_ROWS(test_refused, refused_rows), UNIT_ROWS(test_taken, taken_rows),
    UNIT_ROWS(test_wide, wide_rows))

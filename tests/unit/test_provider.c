#include "worker/provider.h"

#include "tests/unit/unit.h"
#include "worker/attempts.h"
#include "worker/provider_simulated.h"

/*
 * How a provider is asked, by one that answers as the test says; what the simulated one does under
 * a new key; and what the payer remembers of those that it asked.
 */

/* What was called, in its order: "f" for find, "c" for charge, "r" for refund. */
struct script {
	enum provider_outcome found, done;
	char calls[8];
};

static void
script_call(struct script *script, char call, enum provider_outcome outcome,
    struct provider_result *ret_result)
{
	script->calls[strlen(script->calls)] = call;
	*ret_result = (struct provider_result){.outcome = outcome};
}

static void
script_find(void *state, const struct provider_request *request, struct provider_result *ret_result)
{
	struct script *script = state;

	(void)request;
	script_call(script, 'f', script->found, ret_result);
}

static void
script_charge(
    void *state, const struct provider_request *request, struct provider_result *ret_result)
{
	struct script *script = state;

	(void)request;
	script_call(script, 'c', script->done, ret_result);
}

static void
script_refund(
    void *state, const struct provider_request *request, struct provider_result *ret_result)
{
	struct script *script = state;

	(void)request;
	script_call(script, 'r', script->done, ret_result);
}

static const struct settle_row {
	const char *name;
	bool find_first, refund;
	enum provider_outcome found, done;
	const char *calls;
	enum provider_outcome expected;
} settle_rows[] = {
    {"a new payment is charged", false, false, PROVIDER_NOT_FOUND, PROVIDER_SUCCEEDED, "c",
	PROVIDER_SUCCEEDED},
    {"a new payment is declined", false, false, PROVIDER_NOT_FOUND, PROVIDER_DECLINED, "c",
	PROVIDER_DECLINED},
    {"no answer to a charge", false, false, PROVIDER_NOT_FOUND, PROVIDER_UNKNOWN, "c",
	PROVIDER_UNKNOWN},
    {"a new refund", false, true, PROVIDER_NOT_FOUND, PROVIDER_SUCCEEDED, "r", PROVIDER_SUCCEEDED},
    {"asked before: what was charged is taken", true, false, PROVIDER_SUCCEEDED, PROVIDER_DECLINED,
	"f", PROVIDER_SUCCEEDED},
    {"asked before: what was declined stays so", true, false, PROVIDER_DECLINED, PROVIDER_SUCCEEDED,
	"f", PROVIDER_DECLINED},
    {"asked before, and it never came: charged", true, false, PROVIDER_NOT_FOUND,
	PROVIDER_SUCCEEDED, "fc", PROVIDER_SUCCEEDED},
    {"asked before, and it does not say: nothing is tried", true, false, PROVIDER_UNKNOWN,
	PROVIDER_SUCCEEDED, "f", PROVIDER_UNKNOWN},
    {"a refund that was asked for before", true, true, PROVIDER_NOT_FOUND, PROVIDER_UNKNOWN, "fr",
	PROVIDER_UNKNOWN},
};

START_TEST(test_settles)
{
	const struct settle_row *row = &settle_rows[_i];
	const struct provider_request request = {.refund = row->refund};
	struct script script = {.found = row->found, .done = row->done};
	const struct provider provider = {
	    "script", script_charge, script_refund, script_find, &script};
	struct provider_result result;

	provider_settle(&provider, &request, row->find_first, &result);
	ck_assert_msg(result.outcome == row->expected && strcmp(script.calls, row->calls) == 0,
	    "%s: outcome %d after \"%s\"", row->name, (int)result.outcome, script.calls);
}
END_TEST

/* Only find may say that it knows nothing. */
START_TEST(test_a_charge_that_finds_nothing_is_a_bug)
{
	const struct provider_request request = {.refund = false};
	struct script script = {.done = PROVIDER_NOT_FOUND};
	const struct provider provider = {
	    "script", script_charge, script_refund, script_find, &script};
	struct provider_result result;

	provider_settle(&provider, &request, false, &result);
}
END_TEST

START_TEST(test_outcomes_have_the_commands_names)
{
	unit_assert_str(provider_outcome_text(PROVIDER_SUCCEEDED), "succeeded", "text");
	unit_assert_str(provider_outcome_text(PROVIDER_DECLINED), "failed", "text");
	unit_assert_str(provider_outcome_text(PROVIDER_UNKNOWN), "unknown", "text");
}
END_TEST

static const struct terms_row {
	const char *method;
	bool refund;
	bool known;
	int32_t declines;
	const char *code;
	bool silent_before;
} terms_rows[] = {
    {"sim_ok", false, true, 0, NULL, false},
    {"sim_ok", true, true, 0, NULL, false},
    {"sim_declined", false, true, INT32_MAX, "card_declined", false},
    {"sim_declined", true, true, 0, "card_declined", false},
    {"sim_insufficient_funds", false, true, INT32_MAX, "insufficient_funds", false},
    {"sim_error", false, true, 0, NULL, true},
    {"sim_error", true, true, 0, NULL, true},
    {"sim_fail_n_then_ok:0", false, true, 0, "card_declined", false},
    {"sim_fail_n_then_ok:3", false, true, 3, "card_declined", false},
    {"sim_fail_n_then_ok:99", false, true, 99, "card_declined", false},
    {"sim_fail_n_then_ok:3", true, true, 0, "card_declined", false},
    {"sim_fail_n_then_ok:100", false, false, 0, NULL, false},
    {"sim_fail_n_then_ok:-1", false, false, 0, NULL, false},
    {"sim_fail_n_then_ok:-0", false, false, 0, NULL, false},
    {"sim_fail_n_then_ok:", false, false, 0, NULL, false},
    {"sim_fail_n_then_ok", false, false, 0, NULL, false},
    {"sim_okay", false, false, 0, NULL, false},
    {"manual", false, false, 0, NULL, false},
    {"", false, false, 0, NULL, false},
};

START_TEST(test_what_the_simulated_one_does)
{
	const struct terms_row *row = &terms_rows[_i];
	struct provider_simulated_terms terms = {7, "untouched", true};
	bool known = provider_simulated_terms(str_from(row->method), row->refund, &terms);

	ck_assert_msg(known == row->known, "%s", row->method);
	if (!known) {
		ck_assert_int_eq(terms.declines, 7);
		return;
	}
	ck_assert_int_eq(terms.declines, row->declines);
	ck_assert_int_eq(terms.silent_before, row->silent_before);
	ck_assert_msg((terms.code == NULL) == (row->code == NULL) &&
			  (row->code == NULL || strcmp(terms.code, row->code) == 0),
	    "%s", row->method);
}
END_TEST

/* A database that is not to be reached is a provider without an answer. */
START_TEST(test_a_provider_that_is_not_reached_says_nothing)
{
	const struct pg_settings settings = {.url = "postgresql://127.0.0.1:1/none"};
	const struct provider_request request = {
	    .key = {{1}}, .method = STR("sim_ok"), .amount = 1, .currency = {"EUR"}};
	struct provider_result result;
	struct provider provider;

	provider_simulated_open(&settings, &provider);
	provider_settle(&provider, &request, false, &result);
	ck_assert_int_eq(result.outcome, PROVIDER_UNKNOWN);
	provider_settle(&provider, &request, true, &result);
	ck_assert_int_eq(result.outcome, PROVIDER_UNKNOWN);
	provider_simulated_close(&provider);
	provider_simulated_close(&provider);
}
END_TEST

static struct uuid
id_of(size_t number)
{
	return (struct uuid){{(uint8_t)(number >> 8), (uint8_t)number, 1}};
}

START_TEST(test_pauses_double_up_to_a_minute)
{
	static const int64_t pauses_ms[] = {
	    500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
	struct attempts attempts = {.len = 0};
	int64_t now_ms = 1000;

	ck_assert(attempts_is_due(&attempts, id_of(1), 0));
	ck_assert(!attempts_is_known(&attempts, id_of(1)));
	for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
		attempts_unknown(&attempts, id_of(1), now_ms);
		ck_assert(!attempts_is_due(&attempts, id_of(1), now_ms + pauses_ms[i] - 1));
		now_ms += pauses_ms[i];
		ck_assert(attempts_is_due(&attempts, id_of(1), now_ms));
	}
	ck_assert(attempts_is_known(&attempts, id_of(1)));
	ck_assert(attempts_is_due(&attempts, id_of(2), now_ms));

	/* Told, and it comes back: from the beginning. */
	attempts_told(&attempts, id_of(1), now_ms);
	ck_assert(!attempts_is_due(&attempts, id_of(1), now_ms + ATTEMPTS_TOLD_MS - 1));
	now_ms += ATTEMPTS_TOLD_MS;
	ck_assert(attempts_is_due(&attempts, id_of(1), now_ms));
	attempts_unknown(&attempts, id_of(1), now_ms);
	ck_assert(attempts_is_due(&attempts, id_of(1), now_ms + ATTEMPTS_UNKNOWN_MS));
	ck_assert_uint_eq(attempts.len, 1);
}
END_TEST

START_TEST(test_what_is_told_in_vain_is_told_ever_less_often)
{
	static const int64_t pauses_ms[] = {5000, 10000, 20000, 40000, 60000, 60000};
	struct attempts attempts = {.len = 0};
	int64_t now_ms = 1000;

	for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
		attempts_told(&attempts, id_of(1), now_ms);
		ck_assert(!attempts_is_due(&attempts, id_of(1), now_ms + pauses_ms[i] - 1));
		now_ms += pauses_ms[i];
		ck_assert(attempts_is_due(&attempts, id_of(1), now_ms));
	}
}
END_TEST

/* Of more than it remembers it asks for none before its time. */
START_TEST(test_a_full_memory_forgets_no_pause)
{
	struct attempts attempts = {.len = 0};
	size_t asked = 0;

	for (int64_t now_ms = 0; now_ms <= ATTEMPTS_UNKNOWN_MS; now_ms += ATTEMPTS_UNKNOWN_MS / 2)
		for (size_t i = 0; i < 2000; i++) {
			if (!attempts_is_due(&attempts, id_of(i), now_ms))
				continue;
			attempts_unknown(&attempts, id_of(i), now_ms);
			asked++;
			ck_assert(!attempts_is_due(&attempts, id_of(i), now_ms + 1));
			ck_assert_msg(now_ms == 0 || now_ms == ATTEMPTS_UNKNOWN_MS, "too early");
		}
	ck_assert_uint_eq(asked, 2 * ATTEMPTS_MAX);
}
END_TEST

START_TEST(test_one_that_is_not_due_is_not_asked_for)
{
	struct attempts attempts = {.len = 0};

	attempts_told(&attempts, id_of(1), 0);
	attempts_told(&attempts, id_of(1), ATTEMPTS_TOLD_MS - 1);
}
END_TEST

START_TEST(test_the_memory_is_bounded)
{
	struct attempts attempts = {.len = 0};

	for (size_t i = 0; i < ATTEMPTS_MAX; i++)
		attempts_told(&attempts, id_of(i), (int64_t)(i == 7 ? 0 : 100 + i));
	ck_assert_uint_eq(attempts.len, ATTEMPTS_MAX);
	attempts_unknown(&attempts, id_of(ATTEMPTS_MAX), 9000);
	ck_assert_uint_eq(attempts.len, ATTEMPTS_MAX);
	ck_assert(!attempts_is_known(&attempts, id_of(7)));
	ck_assert(attempts_is_known(&attempts, id_of(6)));
	ck_assert(attempts_is_known(&attempts, id_of(ATTEMPTS_MAX)));
	ck_assert(!attempts_is_due(&attempts, id_of(ATTEMPTS_MAX), 9000 + ATTEMPTS_UNKNOWN_MS - 1));
}
END_TEST

UNIT_MAIN("provider", UNIT_ROWS(test_settles, settle_rows),
    UNIT_ABORTS(test_a_charge_that_finds_nothing_is_a_bug),
    UNIT(test_outcomes_have_the_commands_names),
    UNIT_ROWS(test_what_the_simulated_one_does, terms_rows),
    UNIT(test_a_provider_that_is_not_reached_says_nothing), UNIT(test_pauses_double_up_to_a_minute),
    UNIT(test_what_is_told_in_vain_is_told_ever_less_often),
    UNIT(test_a_full_memory_forgets_no_pause),
    UNIT_ABORTS(test_one_that_is_not_due_is_not_asked_for), UNIT(test_the_memory_is_bounded))

#include "tests/unit/alloc_failures.h"

#include <errno.h>
#include <execinfo.h>
#include <jansson.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/unit/unit.h"

#define TIMEOUT_S 20
#define OUTPUT_MAX 65536
#define ALLOCATIONS_MAX 65536 /* of one test and source; those beyond do not fail */
#define PLACES_MAX 65536
#define FRAMES_MAX 64
#define FRAMES_OURS 5 /* so many make a place, and of a library */
#define FRAMES_LIBRARY 2

/* Whose allocations fail. */
enum source {
	SOURCE_OURS,
	SOURCE_JANSSON,
	SOURCE_MAX,
};

static const char *const source_names[SOURCE_MAX] = {"ours", "Jansson's"};

/* What the process that runs a test tells. */
struct told {
	bool injected;
	bool lost;                     /* memory that nothing led to when the test failed */
	atomic_size_t len[SOURCE_MAX]; /* allocations */
	uint64_t places[SOURCE_MAX][ALLOCATIONS_MAX]; /* of each; 0: not for our code */
};

/* Which allocation fails: set before the test's process begins, which counts. */
static struct {
	struct told *told; /* shared with it; NULL: nothing fails */
	enum source source;
	size_t at;      /* from 1; 0: none, but their places are noted */
	bool all_later; /* and all behind it */
} failing;

/* Where the code of the test ends, which is linked before this file, and ours begins. */
extern const char alloc_failures_begin[], __executable_start[], etext[];
__asm__(".text\nalloc_failures_begin:");

/* What tells the allocation for ${caller} from others; 0 when a test itself had Jansson make it. */
static uint64_t
place_of(const void *caller)
{
	uint64_t place = UINT64_C(0xcbf29ce484222325);
	size_t ours = 0, library = 0;
	void *frames[FRAMES_MAX];
	int len = backtrace(frames, FRAMES_MAX), first = 0;

	while (first < len && frames[first] != caller)
		first++;
	for (int i = first; i < len && ours < FRAMES_OURS; i++) {
		const char *frame = frames[i];
		bool is_program = frame >= __executable_start && frame < etext;

		if (is_program && frame < alloc_failures_begin) {
			if (ours == 0)
				return 0;
			break;
		}
		if (is_program ? ours++ < FRAMES_OURS : library++ < FRAMES_LIBRARY)
			place = (place ^ (uintptr_t)frame) * UINT64_C(0x100000001b3);
	}
	return place;
}

static bool
is_failing(enum source source, const void *caller)
{
	struct told *told = failing.told;
	size_t n;

	if (told == NULL)
		return false;
	n = ++told->len[source];
	if (failing.at == 0 && n <= ALLOCATIONS_MAX)
		told->places[source][n - 1] = place_of(caller);
	if (failing.at == 0 || source != failing.source || n < failing.at ||
	    (n > failing.at && !failing.all_later))
		return false;
	told->injected = true;
	errno = ENOMEM;
	return true;
}

void *
alloc_failures_malloc(size_t size)
{
	return is_failing(SOURCE_OURS, __builtin_return_address(0)) ? NULL : malloc(size);
}

void *
alloc_failures_calloc(size_t count, size_t size)
{
	return is_failing(SOURCE_OURS, __builtin_return_address(0)) ? NULL : calloc(count, size);
}

void *
alloc_failures_realloc(void *memory, size_t size)
{
	return is_failing(SOURCE_OURS, __builtin_return_address(0)) ? NULL : realloc(memory, size);
}

char *
alloc_failures_strdup(const char *text)
{
	return is_failing(SOURCE_OURS, __builtin_return_address(0)) ? NULL : strdup(text);
}

static void *
jansson_malloc(size_t size)
{
	return is_failing(SOURCE_JANSSON, __builtin_return_address(0)) ? NULL : malloc(size);
}

/* Of the sanitizers, when the program is built with them.  avro-c keeps its pointers beside their
 * alignment, where they are not seen otherwise. */
const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "use_unaligned=1";
}

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

/* How Check ends a test that has failed.  What the test holds is still on its stack: memory that
 * nothing leads to was lost by what it tests. */
_Noreturn void
__wrap__exit(int status)
{
	if (failing.told != NULL && __lsan_do_recoverable_leak_check != NULL &&
	    __lsan_do_recoverable_leak_check() != 0)
		failing.told->lost = true;
	__real__exit(status);
}

/* What came of the runs. */
struct tally {
	size_t tests;
	size_t injected;
	size_t survived; /* the test passed */
	size_t reported; /* it failed in its ordinary way */
	size_t stopped;  /* a CHECK */
	size_t bad;
};

/* One run. */
struct run {
	char output[OUTPUT_MAX]; /* what it printed on stderr */
	char message[1024];      /* Check's */
	enum test_result result;
};

/* Run one row of ${test} in a process of its own. */
static void
test_run(const struct unit_test *test, size_t row, int output_fd, struct run *run)
{
	Suite *suite = suite_create("alloc_failures");
	SRunner *runner = srunner_create(suite);
	TCase *tcase = unit_case(test, row, row + 1);
	int stderr_fd = dup(STDERR_FILENO), stdout_fd = dup(STDOUT_FILENO);
	TestResult **results;
	ssize_t len;

	CHECK(stderr_fd >= 0 && stdout_fd >= 0);
	CHECK(ftruncate(output_fd, 0) == 0 && lseek(output_fd, 0, SEEK_SET) == 0);
	CHECK(dup2(output_fd, STDERR_FILENO) >= 0 && dup2(output_fd, STDOUT_FILENO) >= 0);
	failing.told->injected = failing.told->lost = false;
	for (size_t i = 0; i < SOURCE_MAX; i++)
		failing.told->len[i] = 0;
	tcase_set_timeout(tcase, TIMEOUT_S);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_SILENT);
	fflush(stdout);
	CHECK(dup2(stderr_fd, STDERR_FILENO) >= 0 && dup2(stdout_fd, STDOUT_FILENO) >= 0);
	close(stderr_fd);
	close(stdout_fd);
	len = pread(output_fd, run->output, sizeof(run->output) - 1, 0);
	CHECK(len >= 0);
	run->output[len] = '\0';
	results = srunner_results(runner);
	CHECK(srunner_ntests_run(runner) == 1);
	run->result = (enum test_result)tr_rtype(results[0]);
	snprintf(run->message, sizeof(run->message), "%s", tr_msg(results[0]));
	free(results);
	srunner_free(runner);
}

/* Whose CHECKs may stop a process when memory is out: what is made once at start; Jansson's; and
 * what holds a batch, which is rolled back.  No request does. */
static const char *const may_stop[] = {
    "api/callers.c",
    "api/limits.c",
    "api/recheck.c",
    "api/request.c",
    "api/ring.c",
    "api/reuse.c",
    "common/codec/schema_set.c",
    "common/postgres/pg.c",
    "worker/billing.c",
    "worker/billing_apply.c",
    "worker/decision.c",
    "worker/document.c",
    "worker/facts.c",
    "worker/facts_find.c",
    "worker/handle_credit_note.c",
    "worker/handle_subscription_create.c",
    "worker/index.c",
    "worker/provider_simulated.c",
    "worker/run_ahead.c",
    "worker/run_report.c",
};

static bool
is_stop(const struct run *run)
{
	const char *panic = strstr(run->output, "{\"level\":\"panic\"");

	if (panic == NULL || strstr(run->message, "Received signal 6") == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(may_stop); i++)
		if (strstr(panic, may_stop[i]) != NULL)
			return true;
	return false;
}

static void
judge(const struct unit_test *test, size_t row, const struct run *run, struct tally *tally)
{
	if (!failing.told->injected)
		return;
	tally->injected++;
	if (run->result == CK_PASS && !failing.told->lost) {
		tally->survived++;
	} else if (run->result == CK_FAILURE && !failing.told->lost) {
		tally->reported++;
	} else if (is_stop(run)) {
		tally->stopped++;
	} else {
		tally->bad++;
		printf("%s, row %zu, allocation %zu of %s%s: %s%s\n%s\n", test->test->name, row,
		    failing.at, source_names[failing.source],
		    failing.all_later ? " and all later ones" : "", run->message,
		    failing.told->lost ? " (memory is lost)" : "", run->output);
	}
}

/* Whether ${place} was not met before; then it is noted. */
static bool
place_is_new(uint64_t place)
{
	static uint64_t met[PLACES_MAX];
	size_t at = place % PLACES_MAX;

	while (met[at] != 0 && met[at] != place)
		at = (at + 1) % PLACES_MAX;
	if (place == 0 || met[at] == place)
		return false;
	met[at] = place;
	return true;
}

/* All runs of one row of a test. */
static void
row_run(const struct unit_test *test, size_t row, int output_fd, struct tally *tally)
{
	static uint64_t places[SOURCE_MAX][ALLOCATIONS_MAX];
	static struct run run;
	size_t len[SOURCE_MAX];

	tally->tests++;
	failing.at = 0;
	test_run(test, row, output_fd, &run);
	for (size_t i = 0; i < SOURCE_MAX; i++) {
		len[i] =
		    failing.told->len[i] < ALLOCATIONS_MAX ? failing.told->len[i] : ALLOCATIONS_MAX;
		memcpy(places[i], failing.told->places[i], len[i] * sizeof(places[i][0]));
	}
	for (failing.source = 0; failing.source < SOURCE_MAX; failing.source++) {
		for (failing.at = 1; failing.at <= len[failing.source]; failing.at++) {
			if (!place_is_new(places[failing.source][failing.at - 1]))
				continue;
			for (int all_later = 0; all_later <= 1; all_later++) {
				failing.all_later = all_later == 1;
				test_run(test, row, output_fd, &run);
				judge(test, row, &run, tally);
			}
		}
	}
}

int
alloc_failures_run(const char *name, const struct unit_test *tests, size_t tests_len)
{
	const char *only = getenv("CK_RUN_CASE");
	int output_fd = memfd_create("output", MFD_CLOEXEC);
	struct tally tally = {0};

	CHECK(output_fd >= 0);
	failing.told = mmap(
	    NULL, sizeof(*failing.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(failing.told != MAP_FAILED);
	json_set_alloc_funcs(jansson_malloc, free);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < tests_len; i++)
		for (size_t row = 0; row < tests[i].rows; row++)
			if (only == NULL || strcmp(only, tests[i].test->name) == 0)
				row_run(&tests[i], row, output_fd, &tally);
	munmap(failing.told, sizeof(*failing.told));
	close(output_fd);
	if (tally.injected == 0) {
		printf("%s: nothing of ours was allocated: name it under PURE in the Makefile\n",
		    name);
		tally.bad++;
	}
	printf("%s: %zu failures: %zu survived, %zu reported, %zu stopped by a CHECK, %zu bad\n",
	    name, tally.injected, tally.survived, tally.reported, tally.stopped, tally.bad);
	printf("%zu%%: Checks: %zu, Failures: 0, Errors: %zu\n",
	    tally.bad == 0 ? (size_t)100 : 100 - 100 * tally.bad / (tally.injected + 1),
	    tally.tests + tally.bad, tally.bad);
	return tally.bad == 0 ? 0 : 1;
}

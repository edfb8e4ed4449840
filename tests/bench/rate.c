/*
 * Rating, one line after the other in one thread (common/domain/rating.c), for each model of
 * charges; and beside it a bare loop that multiplies and divides 64 bits once for each line.
 *
 *   rate MILLISECONDS ROUNDS
 *
 * All take turns of so many milliseconds, ROUNDS times, over the same lines again and again.  What
 * is allocated meanwhile is counted: malloc and its like are this program's, before libc's.
 */

#include "common/base/daemon.h"
#include "common/domain/rating.h"
#include "tests/bench/bench.h"

#define LINES 4096 /* of each model */
#define CHECK_EVERY                                                                   \
	16 /* turns over the lines between two looks at the clock: a few milliseconds \
	    */
#define ROUNDS_MAX 100
#define MONTH_S INT64_C(2678400)
#define SEED UINT64_C(0x62696c6c64)

static uint64_t allocations;

/* libc's own, by the names under which it exports them for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
	allocations++;
	return __libc_realloc(memory, size);
}

#define UNITS(thousandths)                                     \
	{                                                      \
		(int128)(thousandths) * (DECIMAL_SCALE / 1000) \
	}
#define NO_DECIMAL \
	{          \
		-1 \
	}
#define LAST AMOUNT_NONE

/* Seats: 1 to 10 at 12.00, to 50 at 10.00, to 250 at 8.50, above at 7.00. */
static const struct charge_tier seat_tiers[] = {
    {10, UNITS(1200000), 0, NO_DECIMAL},
    {50, UNITS(1000000), 0, NO_DECIMAL},
    {250, UNITS(850000), 0, NO_DECIMAL},
    {LAST, UNITS(700000), 0, NO_DECIMAL},
};

/* Calls of an API: fractions of a cent, and a price to reach each tier. */
static const struct charge_tier call_tiers[] = {
    {1000, UNITS(0), 0, NO_DECIMAL},
    {10000, UNITS(40), 500, NO_DECIMAL},
    {100000, UNITS(30), 1500, NO_DECIMAL},
    {500000, UNITS(20), 2500, NO_DECIMAL},
    {1000000, UNITS(15), 5000, NO_DECIMAL},
    {LAST, UNITS(10), 10000, NO_DECIMAL},
};

/* What is the same for all: which fields a model does not use. */
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define CHARGE(model_name, billing_name)                                             \
	.code = TEXT("charge"), .name = TEXT("A charge"), .model = TEXT(model_name), \
	.billing = TEXT(billing_name), .transaction_min_amount = AMOUNT_NONE,        \
	.transaction_max_amount = AMOUNT_NONE, .min_amount = AMOUNT_NONE,            \
	.max_amount = AMOUNT_NONE

struct model {
	struct charge charge;
	int64_t thousandths_max; /* quantities are random up to it, */
	int64_t step;            /* and multiples of this */
};

static const struct model models[CHARGE_MODEL_MAX] = {
    [CHARGE_FLAT] = {{CHARGE("flat", "advance"), .amount = 4900, .free_units = NO_DECIMAL}, 50000,
	1000},
    [CHARGE_PER_UNIT] = {{CHARGE("per_unit", "arrears"), .unit_amount = UNITS(1250),
			     .free_units = UNITS(100000)},
	20000000, 1},
    [CHARGE_GRADUATED] = {{CHARGE("graduated", "arrears"), .tiers = call_tiers,
			      .tiers_len = ARRAY_LEN(call_tiers), .free_units = NO_DECIMAL},
	2000000000, 1},
    [CHARGE_VOLUME] = {{CHARGE("volume", "advance"), .tiers = seat_tiers,
			   .tiers_len = ARRAY_LEN(seat_tiers), .free_units = NO_DECIMAL},
	500000, 1000},
    [CHARGE_PACKAGE] = {{CHARGE("package", "arrears"), .amount = 500, .package_size = 1000,
			    .free_units = UNITS(1000000)},
	100000000, 1},
    [CHARGE_PERCENTAGE] = {{CHARGE("percentage", "arrears"), .rate = UNITS(2900),
			       .fixed_amount = 30, .free_units = NO_DECIMAL},
	10000000000, 1000},
};

struct line {
	struct usage usage;
	struct fraction fraction;
};

struct bench {
	int64_t us; /* of a turn */
	struct line lines[CHARGE_MODEL_MAX][LINES];
	int64_t amounts; /* the sum of all, so that each is needed */
	uint64_t allocations;
};

/* splitmix64: the same lines in each run. */
static uint64_t
random_below(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* One line in four is a part of a month. */
static void
lines_make(struct bench *bench)
{
	uint64_t state = SEED;

	for (size_t i = 0; i < (size_t)CHARGE_MODEL_MAX * LINES; i++) {
		const struct model *model = &models[i / LINES];
		uint64_t steps = (uint64_t)(model->thousandths_max / model->step);
		int64_t quantity = (int64_t)random_below(&state, steps + 1) * model->step;
		int64_t part_s = (int64_t)random_below(&state, MONTH_S);

		bench->lines[i / LINES][i % LINES] = (struct line){
		    .usage.quantity = UNITS(quantity),
		    .usage.transactions = (int64_t)random_below(&state, 100),
		    .fraction = {i % 4 == 0 ? part_s : MONTH_S, MONTH_S},
		};
	}
}

static void
rate_lines(struct bench *bench, size_t model)
{
	static struct rating rating;

	for (size_t i = 0; i < LINES; i++) {
		const struct line *line = &bench->lines[model][i];

		if (rating_compute(&models[model].charge, &line->usage, line->fraction,
			line->fraction, &rating) != REFUSAL_NONE)
			bench_die("a line of model %zu was refused", model);
		bench->amounts += rating.amount;
	}
}

/* What a line would take if prices were whole and nothing could overflow. */
static void
multiply_lines(struct bench *bench, size_t model)
{
	for (size_t i = 0; i < LINES; i++) {
		const struct fraction *fraction = &bench->lines[model][i].fraction;

		bench->amounts +=
		    models[CHARGE_FLAT].charge.amount * fraction->part / fraction->whole;
	}
}

/* Lines a second, of one turn. */
static double
turn(struct bench *bench, void (*lines)(struct bench *bench, size_t model), size_t model)
{
	int64_t began_us = clock_steady_us(), now_us = began_us, count = 0;
	uint64_t before = allocations;

	while (now_us - began_us < bench->us) {
		for (int i = 0; i < CHECK_EVERY; i++)
			lines(bench, model);
		count += (int64_t)CHECK_EVERY * LINES;
		now_us = clock_steady_us();
	}
	bench->allocations += allocations - before;
	return (double)count * 1e6 / (double)(now_us - began_us);
}

static void
rates_print(const char *name, const double *rates, int64_t rounds)
{
	printf("\"%s\": [", name);
	for (int64_t i = 0; i < rounds; i++)
		printf(i == 0 ? "%.0f" : ", %.0f", rates[i]);
	printf("], ");
}

/* That it counts at all.  A compiler that sees what becomes of it allocates nothing. */
static void
count_check(void)
{
	void *volatile memory = malloc(1);

	free(memory);
	if (allocations == 0)
		bench_die("allocations are not counted");
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	static double rates[CHARGE_MODEL_MAX + 1][ROUNDS_MAX];
	int64_t rounds;

	if (argc != 3)
		bench_die("usage: rate MILLISECONDS ROUNDS");
	bench.us = 1000 * bench_number("MILLISECONDS", argv[1], 1, 600000);
	rounds = bench_number("ROUNDS", argv[2], 1, ROUNDS_MAX);
	count_check();
	lines_make(&bench);
	for (int64_t i = 0; i < rounds; i++) {
		for (size_t model = 0; model < CHARGE_MODEL_MAX; model++)
			rates[model][i] = turn(&bench, rate_lines, model);
		rates[CHARGE_MODEL_MAX][i] = turn(&bench, multiply_lines, CHARGE_FLAT);
	}
	printf("{");
	for (int model = 0; model < CHARGE_MODEL_MAX; model++)
		rates_print(charge_model_name((enum charge_model)model).ptr, rates[model], rounds);
	rates_print("bare", rates[CHARGE_MODEL_MAX], rounds);
	printf("\"allocations\": %llu, \"amounts\": %lld}\n", (unsigned long long)bench.allocations,
	    (long long)bench.amounts);
	return 0;
}

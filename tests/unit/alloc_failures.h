#ifndef TESTS_UNIT_ALLOC_FAILURES_H
#define TESTS_UNIT_ALLOC_FAILURES_H

/*
 * Failing allocations, injected one by one: each test is run once to see where it allocates, and
 * then once for each place (the innermost functions on the stack) that no test before it had, with
 * the allocation there failing; and again with that one and all later ones failing.
 *
 * What fails are the allocations of our own code, whose objects are linked with the functions below
 * in place of malloc and its family, and those that it has Jansson make.  The tests' own do not.
 *
 * A test may then fail, as its subject cannot do what it should; and a CHECK may stop the process,
 * where alloc_failures.c lists it.  What must not happen: another signal, a sanitizer's report,
 * memory lost, a hang.
 */

#include <stddef.h>

struct unit_test;

/**
 * alloc_failures_run(name, tests, tests_len):
 * Run all ${tests} of the program ${name} in that way, and print a summary in Check's form.  What
 * main returns: 0 when all went as it may.
 */
int alloc_failures_run(const char *name, const struct unit_test *tests, size_t tests_len);

/* What our code calls instead of malloc(3), calloc(3), realloc(3), strdup(3). */
void *alloc_failures_malloc(size_t size);
void *alloc_failures_calloc(size_t count, size_t size);
void *alloc_failures_realloc(void *memory, size_t size);
char *alloc_failures_strdup(const char *text);

#endif

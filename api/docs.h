#ifndef API_DOCS_H
#define API_DOCS_H

/*
 * The documentation in a browser: Swagger UI and a page for each type of problem, all from files
 * that the program carries; no other host is asked for anything.
 */

#include <stdbool.h>

#include "common/base/check.h"

struct request;

/**
 * docs_run_index, docs_run_file, docs_run_problems, docs_run_problem:
 * GET /docs, /docs/{file}, /docs/problems and /docs/problems/{slug} (run of struct route).
 */
NODISCARD bool docs_run_index(struct request *request);
NODISCARD bool docs_run_file(struct request *request);
NODISCARD bool docs_run_problems(struct request *request);
NODISCARD bool docs_run_problem(struct request *request);

#endif

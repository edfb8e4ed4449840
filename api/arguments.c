#include "api/arguments.h"

#include "api/respond.h"

static const char *const argument_names[ARGUMENT_MAX] = {
    [ARGUMENT_LIMIT] = "limit",
    [ARGUMENT_CURSOR] = "cursor",
    [ARGUMENT_AFTER] = "after",
};

/* A walk over the query string. */
struct walk {
	struct request *request;
	unsigned allowed;
	struct arguments *arguments;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
percent_decode(struct str text, struct arena *arena, struct str *ret_text)
{
	struct str decoded;
	char *out;

	if (!arena_str(arena, text, &decoded))
		return false;
	out = (char *)(uintptr_t)decoded.ptr;
	decoded.len = 0;
	for (size_t i = 0; i < text.len; i++) {
		int high, low;

		if (text.ptr[i] != '%') {
			out[decoded.len++] = text.ptr[i];
			continue;
		}
		if (text.len - i < 3 || (high = hex_digit(text.ptr[i + 1])) < 0 ||
		    (low = hex_digit(text.ptr[i + 2])) < 0)
			return false;
		out[decoded.len++] = (char)(high << 4 | low);
		i += 2;
	}
	*ret_text = decoded;
	return true;
}

static size_t
argument_find(struct str name, unsigned allowed)
{
	size_t i = 0;

	while (i < ARGUMENT_MAX &&
	       ((allowed >> i & 1) == 0 || !str_equal(name, str_from(argument_names[i]))))
		i++;
	return i;
}

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	struct walk *walk = cls;
	struct request *request = walk->request;
	size_t found = argument_find((struct str){name, name_len}, walk->allowed);

	(void)kind;
	if (found == ARGUMENT_MAX) {
		answer_problem(
		    request, PROBLEM_BAD_PARAMETER, "There is no such query parameter here.");
	} else if (walk->arguments->values[found].ptr != NULL) {
		answer_problem(
		    request, PROBLEM_BAD_PARAMETER, "%s is given twice.", argument_names[found]);
	} else if (!percent_decode((struct str){value == NULL ? "" : value, value_len},
		       &request->arena, &walk->arguments->values[found])) {
		answer_problem(request, PROBLEM_BAD_PARAMETER, "%s has a malformed escape.",
		    argument_names[found]);
	}
	return request->answer.status == 0 ? MHD_YES : MHD_NO;
}

bool
arguments_read(struct request *request, unsigned allowed, struct arguments *ret_arguments)
{
	struct walk walk = {request, allowed, ret_arguments};
	int64_t limit = PAGE_ROWS;

	*ret_arguments = (struct arguments){.limit = PAGE_ROWS};
	MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, on_argument, &walk);
	if (request->answer.status != 0)
		return false;
	if (ret_arguments->values[ARGUMENT_LIMIT].ptr != NULL &&
	    !str_read_int64(ret_arguments->values[ARGUMENT_LIMIT], 1, PAGE_ROWS_MAX, &limit)) {
		answer_problem(request, PROBLEM_BAD_PARAMETER, "limit is a number from 1 to %d.",
		    PAGE_ROWS_MAX);
		return false;
	}
	ret_arguments->limit = (int32_t)limit;
	return true;
}

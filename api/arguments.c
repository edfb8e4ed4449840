#include "api/arguments.h"

#include "api/respond.h"

#define FILTER_CHOICES_BYTES 1024 /* of all that a filter takes, as a text */

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

/* Where the value of the parameter of that name goes, or NULL where the route knows none. */
static struct str *
argument_find(const struct walk *walk, struct str name)
{
	const struct route_filter *filters = walk->request->match.route->filters;

	for (size_t i = 0; i < ARGUMENT_MAX; i++)
		if ((walk->allowed >> i & 1) != 0 && str_equal(name, str_from(argument_names[i])))
			return &walk->arguments->values[i];
	for (size_t i = 0; filters != NULL && filters[i].name != NULL; i++)
		if (str_equal(name, str_from(filters[i].name)))
			return &walk->arguments->filters[i];
	return NULL;
}

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	struct walk *walk = cls;
	struct request *request = walk->request;
	struct str known = {name, name_len};
	struct str *found = argument_find(walk, known);

	(void)kind;
	if (found == NULL) {
		answer_problem(
		    request, PROBLEM_BAD_PARAMETER, "There is no such query parameter here.");
	} else if (found->ptr != NULL) {
		answer_problem(
		    request, PROBLEM_BAD_PARAMETER, "%.*s is given twice.", STR_ARG(known));
	} else if (!percent_decode((struct str){value == NULL ? "" : value, value_len},
		       &request->arena, found)) {
		answer_problem(
		    request, PROBLEM_BAD_PARAMETER, "%.*s has a malformed escape.", STR_ARG(known));
	}
	return request->answer.status == 0 ? MHD_YES : MHD_NO;
}

/* Whether ${value} is one that ${filter} takes; else it is answered. */
static bool
filter_is_good(struct request *request, const struct route_filter *filter, struct str value)
{
	struct str name = str_from(filter->name);
	struct buf choices;
	struct uuid id;

	if (route_param_is_id(name)) {
		if (uuid_read(value, &id))
			return true;
		answer_problem(request, PROBLEM_BAD_PARAMETER, "%s is a UUID.", filter->name);
		return false;
	}
	buf_init(&choices, FILTER_CHOICES_BYTES);
	for (size_t i = 0; filter->choices[i] != NULL; i++) {
		if (str_equal(value, str_from(filter->choices[i]))) {
			buf_release(&choices);
			return true;
		}
		buf_printf(&choices, "%s%s", i == 0 ? "" : ", ", filter->choices[i]);
	}
	answer_problem(request, PROBLEM_BAD_PARAMETER, "%s is one of %.*s.", filter->name,
	    STR_ARG(buf_str(&choices)));
	buf_release(&choices);
	return false;
}

static bool
filters_are_good(struct request *request, const struct arguments *arguments)
{
	const struct route_filter *filters = request->match.route->filters;

	for (size_t i = 0; filters != NULL && filters[i].name != NULL; i++)
		if (arguments->filters[i].ptr != NULL &&
		    !filter_is_good(request, &filters[i], arguments->filters[i]))
			return false;
	return true;
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
	return filters_are_good(request, ret_arguments);
}

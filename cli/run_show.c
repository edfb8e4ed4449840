/* The report of a billing run, and lists, as tables of text. */

#include "cli/run_show.h"

#include <stdlib.h>

#define LABEL_WIDTH 14
#define CELL_MAX 512 /* bytes of one cell of a table; what is longer is cut */
#define COLUMNS_MAX 16

/* How a cell is made of a member of a row's object. */
enum cell_kind {
	CELL_TEXT,
	CELL_COUNT,
	CELL_CHANGE, /* a count that has a sign */
	CELL_FLAG,   /* its name, where it is true */
	CELL_MINOR,  /* an amount in the row's `currency` */
	CELL_SHIFT,  /* an amount that has a sign */
	CELL_AMOUNTS /* an object of amounts by currency */
};

struct column {
	const char *key, *head;
	enum cell_kind kind;
	/* Columns of a terminal, where rows come page by page, else as many as are needed;
	 * negative: to the left; 0: as it comes. */
	int width;
};

/* The columns of a terminal that each column of a table takes. */
struct widths {
	size_t of[COLUMNS_MAX];
};

#define SUMS(count, amount)                                                              \
	{"currency", "currency", CELL_TEXT, -8}, {"invoices", "invoices", count, 12},    \
	    {"subtotal", "subtotal", amount, 18}, {"discount", "discount", amount, 16},  \
	    {"tax", "tax", amount, 16}, {"total", "total", amount, 18},                  \
	    {"credit_applied", "credit", amount, 14}, {"amount_due", "due", amount, 18}, \
	{                                                                                \
		.key = NULL                                                              \
	}

static const struct column totals_columns[] = {SUMS(CELL_COUNT, CELL_MINOR)};
static const struct column plans_columns[] = {
    {"plan_id", "plan", CELL_TEXT, -36}, SUMS(CELL_COUNT, CELL_MINOR)};
static const struct column totals_changes[] = {SUMS(CELL_CHANGE, CELL_SHIFT)};
static const struct column plans_changes[] = {
    {"plan_id", "plan", CELL_TEXT, -36}, SUMS(CELL_CHANGE, CELL_SHIFT)};

static const struct column invoices_columns[] = {
    {"issued_at", "issued", CELL_TEXT, -20},
    {"customer_id", "customer", CELL_TEXT, -36},
    {"subscription_id", "subscription", CELL_TEXT, -36},
    {"currency", "currency", CELL_TEXT, -8},
    {"total", "total", CELL_MINOR, 18},
    {"amount_due", "due", CELL_MINOR, 18},
    {.key = NULL},
};

static const struct column list_columns[] = {
    {"id", "id", CELL_TEXT, -36},
    {"started_at", "started", CELL_TEXT, -20},
    {"as_of", "as of", CELL_TEXT, -20},
    {"trigger", "trigger", CELL_TEXT, -8},
    {"dry_run", "dry_run", CELL_FLAG, -7},
    {"status", "status", CELL_TEXT, -8},
    {"due", "due", CELL_COUNT, 12},
    {"invoiced", "invoices", CELL_COUNT, 12},
    {"failed", "failed", CELL_COUNT, 8},
    {"amount_by_currency", "amounts", CELL_AMOUNTS, 0},
    {.key = NULL},
};

static const struct column failures_columns[] = {
    {"subscription_id", "subscription", CELL_TEXT, -36},
    {"customer_id", "customer", CELL_TEXT, -36},
    {"due_at", "due since", CELL_TEXT, -20},
    {"reason", "reason", CELL_TEXT, -24},
    {"detail", "detail", CELL_TEXT, 0},
    {.key = NULL},
};

/* ---- Tables */

static void
put_signed(struct buf *out, int64_t value)
{
	if (value > 0)
		buf_append_char(out, '+');
}

static void
put_minor_cell(struct buf *out, const json_t *row, const json_t *value, bool has_sign)
{
	if (!json_is_integer(value)) {
		buf_append_str(out, STR("(> 64 bits)"));
		return;
	}
	if (has_sign)
		put_signed(out, json_integer_value(value));
	run_state_put_minor(out, run_state_text(row, "currency"), json_integer_value(value));
}

static void
put_amounts_cell(struct buf *out, json_t *amounts)
{
	const char *currency;
	json_t *total;
	bool first = true;

	json_object_foreach(amounts, currency, total)
	{
		struct run_amount amount = {
		    str_from(currency), json_is_integer(total), json_integer_value(total)};

		if (!first)
			buf_append_str(out, STR(", "));
		first = false;
		run_state_put_amount(out, &amount);
	}
}

static void
put_cell(struct buf *out, const json_t *row, const struct column *column)
{
	json_t *value = json_object_get(row, column->key);

	switch (column->kind) {
	case CELL_TEXT:
		run_state_put_text(out, run_state_text(row, column->key));
		break;
	case CELL_CHANGE:
		put_signed(out, json_integer_value(value));
		run_state_put_count(out, json_integer_value(value));
		break;
	case CELL_COUNT:
		run_state_put_count(out, json_integer_value(value));
		break;
	case CELL_FLAG:
		buf_append_str(out, json_is_true(value) ? str_from(column->key) : STR(""));
		break;
	case CELL_MINOR:
	case CELL_SHIFT:
		put_minor_cell(out, row, value, column->kind == CELL_SHIFT);
		break;
	case CELL_AMOUNTS:
		put_amounts_cell(out, value);
		break;
	}
}

/* Append ${text} in its column's width, and what parts it from the next column. */
static void
put_padded(struct buf *out, struct str text, const struct column *column, size_t width)
{
	size_t columns = run_state_columns(text);
	size_t pad = columns < width ? width - columns : 0;
	bool last = column[1].key == NULL;

	if (column->width > 0)
		buf_printf(out, "%*s", (int)pad, "");
	buf_append_str(out, text);
	if (last)
		buf_append_char(out, '\n');
	else
		buf_printf(out, "%*s", (int)(column->width < 0 ? pad + 2 : 2), "");
}

static void
put_head(struct buf *out, const struct column *columns, const struct widths *widths)
{
	for (size_t i = 0; columns[i].key != NULL; i++)
		put_padded(out, str_from(columns[i].head), &columns[i], widths->of[i]);
}

static void
put_row(
    struct buf *out, const json_t *row, const struct column *columns, const struct widths *widths)
{
	struct buf cell;

	buf_init(&cell, CELL_MAX);
	for (size_t i = 0; columns[i].key != NULL; i++) {
		put_cell(&cell, row, &columns[i]);
		put_padded(out, buf_str(&cell), &columns[i], widths->of[i]);
		buf_clear(&cell);
	}
	buf_release(&cell);
}

/* Of a table whose rows come page by page. */
static struct widths
widths_given(const struct column *columns)
{
	struct widths widths = {{0}};

	for (size_t i = 0; columns[i].key != NULL; i++) {
		CHECK(i < COLUMNS_MAX);
		widths.of[i] = (size_t)abs(columns[i].width);
	}
	return widths;
}

static void
widen(struct widths *widths, size_t column, struct str text)
{
	size_t columns = run_state_columns(text);

	CHECK(column < COLUMNS_MAX);
	if (columns > widths->of[column])
		widths->of[column] = columns;
}

/* As narrow as ${rows} allow. */
static struct widths
widths_measured(const json_t *rows, const struct column *columns)
{
	struct widths widths = {{0}};
	struct buf cell;
	const json_t *row;
	size_t n;

	buf_init(&cell, CELL_MAX);
	for (size_t i = 0; columns[i].key != NULL; i++) {
		widen(&widths, i, str_from(columns[i].head));
		json_array_foreach(rows, n, row)
		{
			put_cell(&cell, row, &columns[i]);
			widen(&widths, i, buf_str(&cell));
			buf_clear(&cell);
		}
	}
	buf_release(&cell);
	return widths;
}

/* A title and a table below it; nothing when ${rows} has none. */
static void
put_table(struct buf *out, const char *title, const json_t *rows, const struct column *columns)
{
	struct widths widths;
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	widths = widths_measured(rows, columns);
	buf_printf(out, "\n%s\n", title);
	put_head(out, columns, &widths);
	json_array_foreach(rows, i, row)
	{
		put_row(out, row, columns, &widths);
	}
}

/* ---- The report */

static void
put_label(struct buf *out, const char *label)
{
	buf_printf(out, "%-*s", LABEL_WIDTH, label);
}

/* A line for a member that is a text; none when it is not. */
static void
put_text_line(struct buf *out, const char *label, const json_t *json, const char *key)
{
	struct str text = run_state_text(json, key);

	if (text.ptr == NULL)
		return;
	put_label(out, label);
	run_state_put_text(out, text);
	buf_append_char(out, '\n');
}

static void
put_count_of(struct buf *out, const json_t *run, const char *key, const char *what)
{
	run_state_put_count(out, run_state_count(run, key));
	buf_append_str(out, str_from(what));
}

static void
put_counts(struct buf *out, const json_t *run)
{
	const json_t *parts = json_object_get(run, "parts");

	put_label(out, "subscriptions");
	put_count_of(out, run, "due", " due, ");
	put_count_of(out, run, "done", " done, ");
	put_count_of(out, run, "failed", " failed\n");
	put_label(out, "invoices");
	put_count_of(out, run, "invoiced", ", at most ");
	put_count_of(out, run, "invoices_max", " of one subscription\n");
	if (!json_is_object(parts))
		return;
	put_label(out, "parts");
	put_count_of(out, parts, "all", " in all, ");
	put_count_of(out, parts, "begun", " begun, ");
	put_count_of(out, parts, "finished", " finished\n");
}

static void
put_previous(struct buf *out, const json_t *previous)
{
	const json_t *totals = json_object_get(previous, "totals");
	const json_t *plans = json_object_get(previous, "plans");

	if (!json_is_object(previous))
		return;
	buf_append_str(out, STR("\ndifference to run "));
	run_state_put_text(out, run_state_text(previous, "id"));
	buf_append_str(out, STR(", as of "));
	run_state_put_text(out, run_state_text(previous, "as_of"));
	buf_append_char(out, '\n');
	if (json_array_size(totals) == 0 && json_array_size(plans) == 0)
		buf_append_str(out, STR("none: neither has invoiced anything\n"));
	put_table(out, "by currency", totals, totals_changes);
	put_table(out, "by plan", plans, plans_changes);
}

void
run_show_report(const json_t *run, struct buf *out)
{
	put_text_line(out, run_state_flag(run, "dry_run") ? "dry run" : "billing run", run, "id");
	put_text_line(out, "status", run, "status");
	put_text_line(out, "as of", run, "as_of");
	put_text_line(out, "trigger", run, "trigger");
	put_text_line(out, "started", run, "started_at");
	put_text_line(out, "ended", run, "finished_at");
	put_counts(out, run);
	put_text_line(out, "books", run, "books");
	put_text_line(out, "digest", run, "digest");
	put_table(out, "by currency", json_object_get(run, "totals"), totals_columns);
	put_table(out, "by plan", json_object_get(run, "plans"), plans_columns);
	put_previous(out, json_object_get(run, "previous"));
	put_table(out, "first invoices", json_object_get(run, "first_invoices"), invoices_columns);
}

void
run_show_list_head(struct buf *out)
{
	const struct widths widths = widths_given(list_columns);

	put_head(out, list_columns, &widths);
}

void
run_show_list_row(const json_t *run, struct buf *out)
{
	const struct widths widths = widths_given(list_columns);

	put_row(out, run, list_columns, &widths);
}

void
run_show_failure_head(struct buf *out)
{
	const struct widths widths = widths_given(failures_columns);

	put_head(out, failures_columns, &widths);
}

void
run_show_failure_row(const json_t *failure, struct buf *out)
{
	const struct widths widths = widths_given(failures_columns);

	put_row(out, failure, failures_columns, &widths);
}

bool
run_show_verdict(const json_t *run, const char **ret_verdict)
{
	struct str status = run_state_text(run, "status");

	if (str_equal(status, STR("canceled")))
		*ret_verdict = "it was canceled";
	else if (!str_equal(status, STR("finished")))
		*ret_verdict = "it is not finished";
	else if (str_equal(run_state_text(run, "books"), STR("unbalanced")))
		*ret_verdict = "its books are unbalanced: invoices and journal do not say the same";
	else if (run_state_count(run, "failed") > 0)
		*ret_verdict = "some subscriptions could not be billed";
	else
		return true;
	return false;
}

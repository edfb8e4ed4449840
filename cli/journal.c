/* billd journal: the books of all organisations, account by account. */

#include "cli/cli.h"

enum {
	BALANCE_ORGANISATION,
	BALANCE_AS_OF,
};

/* Columns of the statement. */
enum {
	COLUMN_ORGANISATION,
	COLUMN_CURRENCY,
	COLUMN_ACCOUNT,
	COLUMN_DEBIT,
	COLUMN_CREDIT,
	COLUMN_BALANCES,
};

/*
 * Sums are wider than an amount, and stay texts here.  The total of an organisation and a currency
 * stands behind its accounts; it balances when both of its columns are the same.
 */
static const struct pg_statement statements[] = {
    {"balance",
	"WITH sums AS ("
	" SELECT organisation_id, currency, sum(receivable) AS receivable, sum(cash) AS cash,"
	"  sum(customer_credit) AS customer_credit, sum(deferred_revenue) AS deferred_revenue,"
	"  sum(revenue) AS revenue, sum(tax_payable) AS tax_payable,"
	"  sum(refunds_payable) AS refunds_payable, sum(bad_debt) AS bad_debt,"
	"  sum(credits_granted) AS credits_granted"
	" FROM billd.journal WHERE $1::timestamptz IS NULL OR booked_at <= $1"
	" GROUP BY organisation_id, currency), "
	"balances AS ("
	" SELECT organisation_id, currency, position, account, greatest(balance, 0) AS debit,"
	"  greatest(-balance, 0) AS credit FROM sums CROSS JOIN LATERAL (VALUES"
	"  (1, 'receivable', receivable), (2, 'cash', cash), (3, 'customer_credit', "
	"customer_credit),"
	"  (4, 'deferred_revenue', deferred_revenue), (5, 'revenue', revenue),"
	"  (6, 'tax_payable', tax_payable), (7, 'refunds_payable', refunds_payable),"
	"  (8, 'bad_debt', bad_debt), (9, 'credits_granted', credits_granted)"
	" ) accounts (position, account, balance)) "
	"SELECT organisation_id, currency, coalesce(account, 'total'), sum(debit)::text,"
	" sum(credit)::text, sum(debit) = sum(credit) FROM balances "
	"GROUP BY GROUPING SETS ((organisation_id, currency, position, account),"
	" (organisation_id, currency)) ORDER BY organisation_id, currency, position NULLS LAST"},
};

static bool
is_total(const PGresult *result, int row)
{
	return str_equal(pg_get_str(result, row, COLUMN_ACCOUNT), STR("total"));
}

/* "0" is shown as nothing: an account stands on one side. */
static struct str
side(struct str sum)
{
	return str_equal(sum, STR("0")) ? STR("") : sum;
}

static void
print_row(const PGresult *result, int row)
{
	struct str debit = pg_get_str(result, row, COLUMN_DEBIT);
	struct str credit = pg_get_str(result, row, COLUMN_CREDIT);
	char organisation[UUID_TEXT_SIZE];

	uuid_write(pg_get_uuid(result, row, COLUMN_ORGANISATION), organisation);
	if (!is_total(result, row)) {
		debit = side(debit);
		credit = side(credit);
	}
	printf("%-36s  %-8.*s  %-16.*s  %20.*s  %20.*s%s\n", organisation,
	    STR_ARG(pg_get_str(result, row, COLUMN_CURRENCY)),
	    STR_ARG(pg_get_str(result, row, COLUMN_ACCOUNT)), STR_ARG(debit), STR_ARG(credit),
	    is_total(result, row) && !pg_get_bool(result, row, COLUMN_BALANCES)
		? "  does not balance"
		: "");
}

/* Print all; how many organisations' currencies do not balance. */
static int
print_balance(const PGresult *result)
{
	int unbalanced = 0;

	printf("%-36s  %-8s  %-16s  %20s  %20s\n", "organisation", "currency", "account", "debit",
	    "credit");
	for (int row = 0; row < PQntuples(result); row++) {
		print_row(result, row);
		if (is_total(result, row) && !pg_get_bool(result, row, COLUMN_BALANCES))
			unbalanced++;
	}
	return unbalanced;
}

static enum err_class
read_as_of(const char *text, struct instant *ret_as_of, struct err *err)
{
	if (text != NULL && !instant_read(text, strlen(text), ret_as_of))
		return err_set(err, ERR_FATAL,
		    "--as-of: \"%s\" is no time such as 2026-01-31T00:00:00Z", text);
	return ERR_NONE;
}

static enum err_class
balance(struct cli *cli, const struct cli_input *input, int *ret_unbalanced, struct err *err)
{
	struct instant as_of = INSTANT_NONE;
	struct pg_params params;
	PGresult *result = NULL;
	enum err_class class;

	cli->patient = true;
	if (read_as_of(input->options[BALANCE_AS_OF], &as_of, err) != ERR_NONE ||
	    cli_connect(cli, statements, ARRAY_LEN(statements), err) != ERR_NONE ||
	    cli_snapshot(cli, input->options[BALANCE_ORGANISATION], err) != ERR_NONE)
		return err->class;
	pg_params_init(&params, &cli->arena);
	pg_params_instant(&params, as_of);
	class = pg_run(cli->pg, "balance", &params, &result, err);
	if (class == ERR_NONE)
		*ret_unbalanced = print_balance(result);
	PQclear(result);
	pg_rollback(cli->pg);
	return class;
}

static enum err_class
run_trial_balance(struct cli *cli, const struct cli_input *input, struct err *err)
{
	int unbalanced = 0;

	/* Exit code 1 says that it does not balance, and nothing else does. */
	if (balance(cli, input, &unbalanced, err) != ERR_NONE) {
		(void)err_wrap(err, "no trial balance");
		return err->class = ERR_FATAL;
	}
	if (unbalanced > 0)
		return err_set(err, ERR_RETRY, "%d of them do not balance", unbalanced);
	return ERR_NONE;
}

const struct cli_command journal_commands[] = {
    {"journal", "trial-balance", "[--organisation ID] [--as-of TIME]",
	"show what each account comes to, for each organisation and currency; exit code 1 when it "
	"does not balance, 2 when it could not be done",
	.options = {{"--organisation", OPTION_OPTIONAL}, {"--as-of", OPTION_OPTIONAL}},
	.run = run_trial_balance},
    {.noun = NULL},
};

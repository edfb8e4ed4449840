#ifndef COMMON_CODEC_INVOICE_DIGEST_H
#define COMMON_CODEC_INVOICE_DIGEST_H

/*
 * The digest of what an invoice says: equal for a preview and for the invoice that came of it when
 * nothing changed in between, and different as soon as anything that is billed is.  libsodium is
 * ready.
 */

#include "common/domain/bill.h"
#include "common/domain/invoice.h"

#define INVOICE_DIGEST_BYTES 16
#define INVOICE_DIGEST_SIZE (2 * INVOICE_DIGEST_BYTES + 1) /* hexadecimal, and the NUL */

/**
 * invoice_digest(invoice, bill, ret_text):
 * The digest of ${invoice}, which invoice_issue made of ${bill}, in lower-case hexadecimal, with
 * its NUL.  It covers the customer, currency, reason and period; each line's kind, charge, plan
 * version, quantity, period and amount, or the item's description and amount; each coupon's and tax
 * rate's share of it; whether the customer is exempt and why; and the sums.  Not ids, number and
 * dates of issue, which a preview has not, nor the credit applied, which other invoices use up.
 */
void invoice_digest(
    const struct invoice *invoice, const struct bill *bill, char ret_text[INVOICE_DIGEST_SIZE]);

#endif

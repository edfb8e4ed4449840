#ifndef API_CURSOR_H
#define API_CURSOR_H

/*
 * Cursors: where a list goes on, as opaque text.  Of a keyset-paged list it is the last row's keys;
 * of the events it is a vector, the last number seen of each partition, so that an event that is
 * committed late, in another partition, is never passed over.  A cursor of one kind of list is none
 * of another.  Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/base/uuid.h"

/* The first byte of every cursor; the values are in clients' hands: never change one. */
enum cursor_kind {
	CURSOR_CUSTOMERS = 1,
	CURSOR_PLANS = 2,
	CURSOR_SUBSCRIPTIONS = 3,
	CURSOR_INVOICES = 4,
	CURSOR_CUSTOMER_INVOICES = 5,
	CURSOR_EVENTS = 6,
	CURSOR_MEMBERS = 7,
	CURSOR_INVITATIONS = 8,
	CURSOR_API_KEYS = 9,
	CURSOR_AUDIT_LOG = 10,
	CURSOR_ORGANISATIONS = 11,
	CURSOR_PLAN_VERSIONS = 12,
	CURSOR_QUANTITIES = 13,
	CURSOR_CREDITS = 14,
	CURSOR_TEST_CLOCKS = 15,
	CURSOR_COUPONS = 16,
	CURSOR_TAX_RATES = 17,
	CURSOR_ITEMS = 18,
	CURSOR_CREDIT_NOTES = 19,
	CURSOR_INVOICE_CREDIT_NOTES = 20,
	CURSOR_PAYMENTS = 21,
	CURSOR_INVOICE_PAYMENTS = 22,
	CURSOR_JOURNAL = 23,
	CURSOR_BILLING_RUNS = 24,
	CURSOR_BILLING_RUN_FAILURES = 25,
};

#define CURSOR_TEXT_SIZE 36 /* 25 bytes in base64url, and the NUL */

/* The last row that was shown. */
struct cursor {
	int64_t position;
	struct uuid id;
};

/* Before the first row of any list, newest first. */
#define CURSOR_START                                                                              \
	((struct cursor){INT64_MAX, {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
					0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}})

/**
 * cursor_write(kind, cursor, ret_text), cursor_read(text, kind, ret_cursor):
 * To text and back.  False, ${ret_cursor} untouched, when ${text} is no cursor of ${kind}.
 */
void cursor_write(enum cursor_kind kind, struct cursor cursor, char ret_text[CURSOR_TEXT_SIZE]);
NODISCARD bool cursor_read(struct str text, enum cursor_kind kind, struct cursor *ret_cursor);

/**
 * cursor_events_write(numbers, partitions, buf):
 * Append the cursor that says that of partition i all up to ${numbers}[i] was seen.
 */
void cursor_events_write(const int64_t *numbers, size_t partitions, struct buf *buf);

/**
 * cursor_events_read(text, numbers, partitions):
 * Fill ${numbers}, 0 for a partition that ${text} does not name.  False, ${numbers} undefined, when
 * it is no cursor of the events or names a partition that is not there.
 */
NODISCARD bool cursor_events_read(struct str text, int64_t *numbers, size_t partitions);

#endif

#ifndef WORKER_DOCUMENT_H
#define WORKER_DOCUMENT_H

/*
 * What a command on an issued invoice is about: the invoice with its lines, its customer, the
 * subscription whose time it charged, and the customer's time, brought up to it.  Handlers change
 * the copies that are here, and have them stored together.  Knows no rules.
 */

#include "common/domain/invoice.h"
#include "common/domain/journal.h"
#include "worker/decision.h"

struct document {
	struct instant now;         /* the customer's time */
	struct invoice invoice;     /* a copy, to be changed; its lines are: */
	struct invoice_line *lines; /* copies likewise, invoice.lines_len of them */
	struct customer customer;   /* a copy likewise */
	struct subscription
	    subscription; /* likewise, of what the invoice charged for; while it is live, as: */
	bool live;

	/* The rows that they are of. */
	struct invoice *invoice_row;
	struct invoice_line *const *line_rows;
	struct customer *customer_row;
	struct subscription *subscription_row; /* NULL: there is none */
};

/**
 * document_refer(facts, organisation_id, invoice_id):
 * Ask for all that document_find looks at.  The id is borrowed as long as ${facts} lives.
 */
void document_refer(
    struct facts *facts, struct uuid organisation_id, const struct uuid *invoice_id);

/**
 * document_find(decision, invoice_id, ret_document):
 * Find the invoice, do what fell due of its customer before the command, and make the copies.
 * Refused: INVOICE_NOT_FOUND; and as billing_bring_up.
 */
NODISCARD enum refusal document_find(
    struct decision *decision, struct uuid invoice_id, struct document *ret_document);

/**
 * document_find_anyway(decision, invoice_id, ret_document):
 * Likewise for what is true whatever becomes of the customer, such as money that came: neither a
 * test clock on its way, nor what cannot be billed, holds it up.  Refused: INVOICE_NOT_FOUND.
 */
NODISCARD enum refusal document_find_anyway(
    struct decision *decision, struct uuid invoice_id, struct document *ret_document);

/**
 * document_book(decision, document, entry):
 * Add ${entry}, as booking_add.
 */
void document_book(
    struct decision *decision, const struct document *document, struct journal_entry *entry);

/**
 * document_earn(decision, document):
 * Before something is taken back: book what the subscription has earned up to now of what was
 * deferred, so that what is then deferred is not earned yet.  While it is paused nothing is earned.
 */
void document_earn(struct decision *decision, struct document *document);

/**
 * document_take_back(document, line, net):
 * Behind document_earn: of ${net} (minor units, without taxes) of ${line}, what was not earned yet;
 * it is deferred no longer.
 */
NODISCARD int64_t document_take_back(
    struct document *document, const struct invoice_line *line, int64_t net);

/**
 * document_credit(decision, document, reason, amount, note_id):
 * Give ${amount} (minor units, from 0; 0 is nothing) to the customer's balance: because of the
 * invoice, and of the credit note ${note_id}, or nil.  The balance has room (document_has_room).
 */
void document_credit(struct decision *decision, struct document *document, struct str reason,
    int64_t amount, struct uuid note_id);

/**
 * document_has_room(document, amount):
 * Whether the customer's balance can take ${amount} (minor units, not negative).
 */
NODISCARD bool document_has_room(const struct document *document, int64_t amount);

/**
 * document_store(decision, document):
 * Put the copies in place of the rows, as far as they differ.  Events of the invoice that are
 * emitted from then on tell it as it is now, lines and all.
 */
void document_store(struct decision *decision, struct document *document);

/**
 * document_follow(decision, document, declined):
 * Behind document_store: have the subscription follow the invoice, as billing_follow.
 */
void document_follow(struct decision *decision, const struct document *document, bool declined);

/**
 * document_tell(decision, document, type):
 * Emit an event of that type about the invoice.
 */
void document_tell(
    struct decision *decision, const struct document *document, enum event_type type);

#endif

-- Entries of an account that seldom moves are found by an index of its own, however many others there are. Accounts that every invoice moves have
-- none: among their entries the list's key finds a page at once, and an index would cost each invoice.
CREATE INDEX journal_cash ON billd.journal (organisation_id, created_ms, id) WHERE cash <> 0;
CREATE INDEX journal_customer_credit ON billd.journal (organisation_id, created_ms, id) WHERE customer_credit <> 0;
CREATE INDEX journal_refunds_payable ON billd.journal (organisation_id, created_ms, id) WHERE refunds_payable <> 0;
CREATE INDEX journal_bad_debt ON billd.journal (organisation_id, created_ms, id) WHERE bad_debt <> 0;
CREATE INDEX journal_credits_granted ON billd.journal (organisation_id, created_ms, id) WHERE credits_granted <> 0;

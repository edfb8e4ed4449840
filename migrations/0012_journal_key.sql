-- One index less on what every document and every step writes to most: the list's key is the primary one. That nothing is booked twice was
-- never the work of the second index on the id, a twentieth of what a renewal writes: what causes an entry takes effect once.
ALTER TABLE billd.journal DROP CONSTRAINT journal_pkey, ADD PRIMARY KEY (organisation_id, created_ms, id);
DROP INDEX billd.journal_list;

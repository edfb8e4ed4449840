-- Over whom workers die: deaths are counted for each one by itself, as several lists are done in a partition by turns (what falls due by
-- itself, and each billing run's part), and one that is done in between must not make another's forgotten.

-- Who has something due that was tried alone and came to no end. A row goes with the transaction that does or parks what is due, and with
-- the partition's suspicion (progress.attempts) at the latest.
CREATE TABLE billd.due_suspects (
    partition int NOT NULL CHECK (partition BETWEEN 0 AND 1023),
    suspect   int8 NOT NULL, -- the end of the customer's or the clock's id
    attempts  int NOT NULL CHECK (attempts > 0),
    PRIMARY KEY (partition, suspect)
) WITH (fillfactor = 50);

ALTER TABLE billd.progress
    DROP COLUMN due_suspect,
    DROP COLUMN due_suspect_attempts;

GRANT SELECT, INSERT, UPDATE, DELETE ON billd.due_suspects TO billd_worker;

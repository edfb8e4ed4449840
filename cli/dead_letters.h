#ifndef CLI_DEAD_LETTERS_H
#define CLI_DEAD_LETTERS_H

/*
 * Messages that no worker could process, as billd.dead_letters keeps them.
 */

#include "cli/cli.h"
#include "common/codec/schema.h"

/* One of them; the texts are the result's that it was read from. */
struct dead_letter {
	int32_t partition;
	int64_t offset;
	struct uuid organisation_id; /* nil: could not be read */
	struct uuid operation_id;    /* nil: could not be read */
	struct str reason;
	struct str key;   /* none: it had none */
	struct str value; /* none: it had none */
	struct str died_at;
	struct str replayed_at; /* none: it was not */
};

/**
 * dead_letters_connect(cli, err):
 * Connect, with the statements of all of billd dead-letters prepared.
 */
NODISCARD enum err_class dead_letters_connect(struct cli *cli, struct err *err);

/**
 * dead_letters_find(cli, input, ret_result, ret_letter, err):
 * The one that the positionals PARTITION OFFSET name; the caller clears ${ret_result}.
 */
NODISCARD enum err_class dead_letters_find(struct cli *cli, const struct cli_input *input,
    PGresult **ret_result, struct dead_letter *ret_letter, struct err *err);

/**
 * dead_letter_read(result, row):
 * The one in that row.
 */
NODISCARD struct dead_letter dead_letter_read(const PGresult *result, int row);

/**
 * replay_encode(cli, schemas, letter, ret_operation_id, buf, err):
 * Append to ${buf} the command of ${letter} under a new operation id, and without its idempotency
 * key, as the old id and the key have an outcome already.  The new id is derived, so that the same
 * replay twice gives the same.  ERR_FATAL when it is no command that we can read.
 */
NODISCARD enum err_class replay_encode(struct cli *cli, const struct schemas *schemas,
    const struct dead_letter *letter, struct uuid *ret_operation_id, struct buf *buf,
    struct err *err);

/**
 * dead_letters_replay(cli, input, err):
 * The subcommand.
 */
NODISCARD enum err_class dead_letters_replay(
    struct cli *cli, const struct cli_input *input, struct err *err);

#endif

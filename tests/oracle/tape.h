#ifndef TESTS_ORACLE_TAPE_H
#define TESTS_ORACLE_TAPE_H

/*
 * 64-bit words that are read, or written, one after the other: how the oracle and the domain talk.
 * A decimal is two words (the upper 64 bits, the lower 64 bits), an id is one (0: nil), a charge's
 * code is the number of its letter.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/decimal.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/calendar.h"
#include "common/domain/rating.h"

#define WORD_BITS 64

/* Words that are read, or written, one after the other. */
struct tape {
	int64_t *words;
	size_t len;
	size_t at;
};

static inline int64_t
take(struct tape *tape)
{
	CHECK(tape->at < tape->len);
	return tape->words[tape->at++];
}

static inline void
put(struct tape *tape, int64_t word)
{
	CHECK(tape->at < tape->len);
	tape->words[tape->at++] = word;
}

static inline struct decimal
take_decimal(struct tape *tape)
{
	int64_t high = take(tape);
	uint64_t low = (uint64_t)take(tape);

	return (struct decimal){(int128)(((uint128)(uint64_t)high << WORD_BITS) | low)};
}

static inline void
put_decimal(struct tape *tape, struct decimal decimal)
{
	uint128 bits = (uint128)decimal.units;

	put(tape, (int64_t)(uint64_t)(bits >> WORD_BITS));
	put(tape, (int64_t)(uint64_t)bits);
}

static inline struct instant
take_instant(struct tape *tape)
{
	return (struct instant){take(tape)};
}

static inline struct period
take_period(struct tape *tape)
{
	struct instant start = take_instant(tape);

	return (struct period){start, take_instant(tape)};
}

static inline void
put_period(struct tape *tape, struct period period)
{
	put(tape, period.start.s);
	put(tape, period.end.s);
}

static inline struct fraction
take_fraction(struct tape *tape)
{
	int64_t part = take(tape);

	return (struct fraction){part, take(tape)};
}

static inline struct cadence
take_cadence(struct tape *tape)
{
	enum interval interval = (enum interval)take(tape);

	return (struct cadence){interval, (int32_t)take(tape)};
}

/* The id of version, plan or customer number ${word}; 0 is nil. */
static inline struct uuid
id_of(int64_t word)
{
	struct uuid id = UUID_NIL;

	memcpy(id.b + sizeof(id.b) - sizeof(word), &word, sizeof(word));
	return id;
}

static inline int64_t
word_of(struct uuid id)
{
	int64_t word;

	memcpy(&word, id.b + sizeof(id.b) - sizeof(word), sizeof(word));
	return word;
}

/* How many, and that many ids, to ${memory} with room for ${max}. */
static inline struct uuid_list
take_ids(struct tape *tape, struct uuid *memory, size_t max)
{
	struct uuid_list ids = {memory, (size_t)take(tape)};

	CHECK(ids.len <= max);
	for (size_t i = 0; i < ids.len; i++)
		memory[i] = id_of(take(tape));
	return ids;
}

/* Charges are told apart by codes of one letter. */
static const char code_letters[] = "abcdefghijklmnopqrstuvwxyz";

static inline struct str
code_of(int64_t word)
{
	CHECK(word >= 0 && word < (int64_t)sizeof(code_letters) - 1);
	return (struct str){code_letters + word, 1};
}

static inline int64_t
word_of_code(struct str code)
{
	CHECK(code.len == 1);
	return code.ptr[0] - code_letters[0];
}

#endif

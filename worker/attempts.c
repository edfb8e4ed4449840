#include "worker/attempts.h"

static size_t
place_of(const struct attempts *attempts, struct uuid id)
{
	size_t i = 0;

	while (i < attempts->len && !uuid_equal(attempts->items[i].id, id))
		i++;
	return i;
}

bool
attempts_is_known(const struct attempts *attempts, struct uuid id)
{
	return place_of(attempts, id) < attempts->len;
}

/* Where a payment that is not known would be remembered: behind the others or, when the memory is
 * full, in the place of the one whose turn comes first. */
static size_t
place_for(const struct attempts *attempts)
{
	size_t place = 0;

	if (attempts->len < ATTEMPTS_MAX)
		return attempts->len;
	for (size_t i = 1; i < ATTEMPTS_MAX; i++)
		if (attempts->items[i].not_before_ms < attempts->items[place].not_before_ms)
			place = i;
	return place;
}

bool
attempts_is_due(const struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	size_t place = place_of(attempts, id);

	if (place == attempts->len)
		place = place_for(attempts);
	return place == attempts->len || attempts->items[place].not_before_ms <= now_ms;
}

/* What is remembered of the payment, which is due; made anew when it is nothing. */
static struct attempt *
take(struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	size_t place = place_of(attempts, id);

	CHECK(attempts_is_due(attempts, id, now_ms));
	if (place < attempts->len)
		return &attempts->items[place];
	place = place_for(attempts);
	if (place == attempts->len)
		attempts->len++;
	attempts->items[place] = (struct attempt){
	    .id = id, .unknown_ms = ATTEMPTS_UNKNOWN_MS, .told_ms = ATTEMPTS_TOLD_MS};
	return &attempts->items[place];
}

/* Not before ${pause_ms} have passed, and the next time after twice as long. */
static void
pause_begin(struct attempt *attempt, int64_t *pause_ms, int64_t now_ms)
{
	attempt->not_before_ms = now_ms + *pause_ms;
	*pause_ms *= 2;
	if (*pause_ms > ATTEMPTS_PAUSE_MAX_MS)
		*pause_ms = ATTEMPTS_PAUSE_MAX_MS;
}

void
attempts_told(struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	struct attempt *attempt = take(attempts, id, now_ms);

	pause_begin(attempt, &attempt->told_ms, now_ms);
	attempt->unknown_ms = ATTEMPTS_UNKNOWN_MS;
}

void
attempts_unknown(struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	struct attempt *attempt = take(attempts, id, now_ms);

	pause_begin(attempt, &attempt->unknown_ms, now_ms);
}

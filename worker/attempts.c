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

bool
attempts_is_due(const struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	size_t i = place_of(attempts, id);

	return i == attempts->len || attempts->items[i].not_before_ms <= now_ms;
}

/* What is remembered of the payment; made anew when it is nothing. */
static struct attempt *
take(struct attempts *attempts, struct uuid id)
{
	size_t place = place_of(attempts, id);

	if (place < attempts->len)
		return &attempts->items[place];
	if (attempts->len < ATTEMPTS_MAX) {
		attempts->len++;
	} else {
		place = 0;
		for (size_t i = 1; i < ATTEMPTS_MAX; i++)
			if (attempts->items[i].not_before_ms < attempts->items[place].not_before_ms)
				place = i;
	}
	attempts->items[place] = (struct attempt){.id = id, .pause_ms = ATTEMPTS_UNKNOWN_MS};
	return &attempts->items[place];
}

void
attempts_told(struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	struct attempt *attempt = take(attempts, id);

	attempt->not_before_ms = now_ms + ATTEMPTS_TOLD_MS;
	attempt->pause_ms = ATTEMPTS_UNKNOWN_MS;
}

void
attempts_unknown(struct attempts *attempts, struct uuid id, int64_t now_ms)
{
	struct attempt *attempt = take(attempts, id);

	attempt->not_before_ms = now_ms + attempt->pause_ms;
	attempt->pause_ms *= 2;
	if (attempt->pause_ms > ATTEMPTS_UNKNOWN_MAX_MS)
		attempt->pause_ms = ATTEMPTS_UNKNOWN_MAX_MS;
}

#include "api/ring.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

struct ring_holder {
	pthread_mutex_t lock;
	struct signing_ring ring;
};

struct ring_holder *
ring_holder_new(void)
{
	struct ring_holder *holder = calloc(1, sizeof(*holder));

	CHECK(holder != NULL);
	CHECK(pthread_mutex_init(&holder->lock, NULL) == 0);
	return holder;
}

void
ring_holder_free(struct ring_holder *holder)
{
	if (holder == NULL)
		return;
	pthread_mutex_destroy(&holder->lock);
	sodium_memzero(holder, sizeof(*holder));
	free(holder);
}

void
ring_holder_set(struct ring_holder *holder, const struct signing_ring *ring)
{
	pthread_mutex_lock(&holder->lock);
	holder->ring = *ring;
	pthread_mutex_unlock(&holder->lock);
}

/* A copy of the key that signs, which the caller wipes.  False when there is none. */
static bool
newest(struct ring_holder *holder, enum signing_purpose purpose, struct signing_key *ret_key)
{
	const struct signing_key *key;

	pthread_mutex_lock(&holder->lock);
	key = signing_ring_newest(&holder->ring, purpose);
	if (key != NULL)
		*ret_key = *key;
	pthread_mutex_unlock(&holder->lock);
	return key != NULL;
}

bool
ring_holder_knows(struct ring_holder *holder, enum signing_purpose purpose)
{
	bool knows;

	pthread_mutex_lock(&holder->lock);
	knows = signing_ring_newest(&holder->ring, purpose) != NULL;
	pthread_mutex_unlock(&holder->lock);
	return knows;
}

bool
ring_holder_sign(struct ring_holder *holder, const struct str *parts, size_t len,
    char ret_text[SIGNATURE_TEXT_SIZE])
{
	struct signing_key key;

	if (!newest(holder, SIGNING_COMMAND, &key))
		return false;
	signature_write(&key, parts, len, ret_text);
	sodium_memzero(&key, sizeof(key));
	return true;
}

bool
ring_holder_token_write(
    struct ring_holder *holder, const struct token_claims *claims, char ret_text[TOKEN_TEXT_SIZE])
{
	struct signing_key key;

	if (!newest(holder, SIGNING_TOKEN, &key))
		return false;
	token_write(&key, claims, ret_text);
	sodium_memzero(&key, sizeof(key));
	return true;
}

/* Only the keys that are there are copied: two or three of the room for many. */
static void
copy_tokens(struct ring_holder *holder, struct signing_ring *ret_ring)
{
	ret_ring->len = 0;
	pthread_mutex_lock(&holder->lock);
	for (size_t i = 0; i < holder->ring.len; i++)
		if (holder->ring.keys[i].purpose == SIGNING_TOKEN)
			ret_ring->keys[ret_ring->len++] = holder->ring.keys[i];
	pthread_mutex_unlock(&holder->lock);
}

enum token_verdict
ring_holder_token_read(
    struct ring_holder *holder, struct str text, int64_t now_s, struct token_claims *ret_claims)
{
	struct signing_ring ring;
	enum token_verdict verdict;

	copy_tokens(holder, &ring);
	verdict = token_read(&ring, text, now_s, ret_claims);
	sodium_memzero(ring.keys, ring.len * sizeof(ring.keys[0]));
	return verdict;
}

#include "api/callers.h"

#include <pthread.h>
#include <sodium.h>

struct slot {
	uint64_t used; /* the tick of its last use; 0: empty */
	struct caller_entry entry;
};

struct callers {
	pthread_mutex_t lock;
	uint64_t tick;
	size_t len;
	struct slot sets[CALLERS_SETS][CALLERS_WAYS];
};

struct callers *
callers_new(void)
{
	struct callers *callers = calloc(1, sizeof(*callers));

	CHECK(callers != NULL);
	CHECK(pthread_mutex_init(&callers->lock, NULL) == 0);
	return callers;
}

void
callers_free(struct callers *callers)
{
	if (callers == NULL)
		return;
	pthread_mutex_destroy(&callers->lock);
	sodium_memzero(callers, sizeof(*callers));
	free(callers);
}

void
callers_member_hash(
    struct uuid session_id, struct uuid organisation_id, uint8_t ret_hash[CALLER_HASH_BYTES])
{
	static const char what[] = "member"; /* so that it is no key's hash */
	crypto_generichash_state state;

	CHECK(crypto_generichash_init(&state, NULL, 0, CALLER_HASH_BYTES) == 0);
	crypto_generichash_update(&state, (const unsigned char *)what, sizeof(what) - 1);
	crypto_generichash_update(&state, session_id.b, sizeof(session_id.b));
	crypto_generichash_update(&state, organisation_id.b, sizeof(organisation_id.b));
	crypto_generichash_final(&state, ret_hash, CALLER_HASH_BYTES);
}

/* The set that ${hash}, which is evenly spread, belongs to. */
static struct slot *
set_of(struct callers *callers, const uint8_t *hash)
{
	return callers->sets[(hash[0] | (size_t)hash[1] << 8) % CALLERS_SETS];
}

/* The slot that holds ${hash}, or NULL. */
static struct slot *
slot_find(struct callers *callers, const uint8_t *hash)
{
	struct slot *set = set_of(callers, hash);

	for (size_t i = 0; i < CALLERS_WAYS; i++)
		if (set[i].used != 0 && memcmp(set[i].entry.hash, hash, CALLER_HASH_BYTES) == 0)
			return &set[i];
	return NULL;
}

/* The slot of its set that is empty, or was used longest ago. */
static struct slot *
slot_oldest(struct callers *callers, const uint8_t *hash)
{
	struct slot *set = set_of(callers, hash), *oldest = set;

	for (size_t i = 1; i < CALLERS_WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	return oldest;
}

bool
callers_get(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES], int64_t now_s,
    struct caller *ret_caller)
{
	struct slot *slot;
	bool found;

	pthread_mutex_lock(&callers->lock);
	slot = slot_find(callers, hash);
	found = slot != NULL && slot->entry.expires_s > now_s;
	if (found) {
		slot->used = ++callers->tick;
		slot->entry.used_s = now_s;
		*ret_caller = slot->entry.caller;
	}
	pthread_mutex_unlock(&callers->lock);
	return found;
}

void
callers_put(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES],
    const struct caller *caller, int64_t expires_s, int64_t now_s)
{
	struct slot *slot;
	int64_t noted_s;

	CHECK(caller->kind != CALLER_NOBODY);
	pthread_mutex_lock(&callers->lock);
	slot = slot_find(callers, hash);
	noted_s = slot == NULL ? 0 : slot->entry.noted_s;
	if (slot == NULL)
		slot = slot_oldest(callers, hash);
	callers->len += slot->used == 0;
	slot->used = ++callers->tick;
	slot->entry = (struct caller_entry){
	    .caller = *caller, .expires_s = expires_s, .used_s = now_s, .noted_s = noted_s};
	memcpy(slot->entry.hash, hash, CALLER_HASH_BYTES);
	pthread_mutex_unlock(&callers->lock);
}

void
callers_update(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES], enum role role,
    int64_t expires_s)
{
	struct slot *slot;

	pthread_mutex_lock(&callers->lock);
	slot = slot_find(callers, hash);
	if (slot != NULL) {
		slot->entry.caller.role = role;
		slot->entry.expires_s = expires_s;
	}
	pthread_mutex_unlock(&callers->lock);
}

void
callers_noted(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES], int64_t used_s)
{
	struct slot *slot;

	pthread_mutex_lock(&callers->lock);
	slot = slot_find(callers, hash);
	if (slot != NULL)
		slot->entry.noted_s = used_s;
	pthread_mutex_unlock(&callers->lock);
}

void
callers_drop(struct callers *callers, const uint8_t hash[CALLER_HASH_BYTES])
{
	struct slot *slot;

	pthread_mutex_lock(&callers->lock);
	slot = slot_find(callers, hash);
	if (slot != NULL) {
		*slot = (struct slot){0};
		callers->len--;
	}
	pthread_mutex_unlock(&callers->lock);
}

size_t
callers_list(struct callers *callers, enum caller_kind kind, struct caller_entry *entries)
{
	size_t len = 0;

	pthread_mutex_lock(&callers->lock);
	for (size_t set = 0; set < CALLERS_SETS; set++)
		for (size_t way = 0; way < CALLERS_WAYS; way++) {
			const struct slot *slot = &callers->sets[set][way];

			if (slot->used != 0 && slot->entry.caller.kind == kind)
				entries[len++] = slot->entry;
		}
	pthread_mutex_unlock(&callers->lock);
	return len;
}

size_t
callers_len(struct callers *callers)
{
	size_t len;

	pthread_mutex_lock(&callers->lock);
	len = callers->len;
	pthread_mutex_unlock(&callers->lock);
	return len;
}

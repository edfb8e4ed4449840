#include "api/reuse.h"

#include <pthread.h>
#include <sodium.h>

#define TAG_BYTES 16

struct slot {
	uint8_t tag[TAG_BYTES]; /* of organisation and key */
	struct uuid operation_id;
};

struct reuse {
	pthread_mutex_t lock;
	struct slot slots[REUSE_SLOTS];
};

struct reuse *
reuse_new(void)
{
	struct reuse *reuse = calloc(1, sizeof(*reuse));

	CHECK(reuse != NULL);
	CHECK(pthread_mutex_init(&reuse->lock, NULL) == 0);
	return reuse;
}

void
reuse_free(struct reuse *reuse)
{
	if (reuse == NULL)
		return;
	pthread_mutex_destroy(&reuse->lock);
	free(reuse);
}

/* The slot that ${key} has, or would take, with the tag that it writes to ${tag}. */
static struct slot *
slot_of(struct reuse *reuse, struct uuid organisation_id, struct str key, uint8_t *tag)
{
	/* The organisation keys the hash, so that nobody can aim at another's slots. */
	CHECK(crypto_generichash(tag, TAG_BYTES, (const uint8_t *)key.ptr, key.len,
		  organisation_id.b, sizeof(organisation_id.b)) == 0);
	return &reuse->slots[(tag[0] | (size_t)tag[1] << 8) % REUSE_SLOTS];
}

static bool
is_of_key(const struct slot *slot, const struct slot *wanted)
{
	return memcmp(slot->tag, wanted->tag, TAG_BYTES) == 0;
}

enum reuse_known
reuse_note(
    struct reuse *reuse, struct uuid organisation_id, struct str key, struct uuid operation_id)
{
	struct slot wanted = {.operation_id = operation_id},
		    *slot = slot_of(reuse, organisation_id, key, wanted.tag);
	enum reuse_known known = REUSE_NEW;

	pthread_mutex_lock(&reuse->lock);
	if (!is_of_key(slot, &wanted))
		*slot = wanted;
	else
		known = uuid_equal(slot->operation_id, operation_id) ? REUSE_SAME : REUSE_OTHER;
	pthread_mutex_unlock(&reuse->lock);
	return known;
}

void
reuse_forget(
    struct reuse *reuse, struct uuid organisation_id, struct str key, struct uuid operation_id)
{
	struct slot wanted = {.operation_id = operation_id},
		    *slot = slot_of(reuse, organisation_id, key, wanted.tag);

	pthread_mutex_lock(&reuse->lock);
	if (is_of_key(slot, &wanted) && uuid_equal(slot->operation_id, operation_id))
		*slot = (struct slot){0};
	pthread_mutex_unlock(&reuse->lock);
}

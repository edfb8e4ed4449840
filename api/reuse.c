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

bool
reuse_note(
    struct reuse *reuse, struct uuid organisation_id, struct str key, struct uuid operation_id)
{
	uint8_t tag[TAG_BYTES];
	struct slot *slot;
	bool known, same;

	/* The organisation keys the hash, so that nobody can aim at another's slots. */
	CHECK(crypto_generichash(tag, sizeof(tag), (const uint8_t *)key.ptr, key.len,
		  organisation_id.b, sizeof(organisation_id.b)) == 0);
	slot = &reuse->slots[(tag[0] | (size_t)tag[1] << 8) % REUSE_SLOTS];

	pthread_mutex_lock(&reuse->lock);
	known = memcmp(slot->tag, tag, sizeof(tag)) == 0;
	same = known && uuid_equal(slot->operation_id, operation_id);
	if (!known) {
		memcpy(slot->tag, tag, sizeof(tag));
		slot->operation_id = operation_id;
	}
	pthread_mutex_unlock(&reuse->lock);
	return !known || same;
}

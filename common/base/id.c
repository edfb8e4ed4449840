#include "common/base/id.h"

#include <sodium.h>

#define PREFIX_BYTES 6
#define TAG_BITS 20
#define CUSTOMERS_TRIED 65536
#define MURMUR2_SEED 0x9747b28cu
#define MURMUR2_M 0x5bd1e995u
#define MURMUR2_R 24

/* Names what is hashed, so that no two uses of the same bytes give the same hash. */
enum hash_use {
	USE_OPERATION = 1,
	USE_TAG = 2,
	USE_RESOURCE = 3,
	USE_NUMBER_PREFIX = 4,
};

static void
hash_init(crypto_generichash_state *state, enum hash_use use)
{
	uint8_t byte = (uint8_t)use;

	crypto_generichash_init(state, NULL, 0, 16);
	crypto_generichash_update(state, &byte, 1);
}

/* Length first, so that what stands beside it cannot be shifted into it. */
static void
hash_str(crypto_generichash_state *state, struct str text)
{
	uint64_t len = text.len;

	crypto_generichash_update(state, (const uint8_t *)&len, sizeof(len));
	if (text.len > 0)
		crypto_generichash_update(state, (const uint8_t *)text.ptr, text.len);
}

static void
version_set(struct uuid *uuid)
{
	uuid->b[6] = (uint8_t)((uuid->b[6] & 0x0f) | 0x80);
	uuid->b[8] = (uint8_t)((uuid->b[8] & 0x3f) | 0x80);
}

/* The keyed tag of an operation's id: what its other bits give under ${secret}. */
static uint32_t
tag_of(const struct id_secret *secret, struct uuid organisation_id, struct uuid id)
{
	uint8_t message[1 + 16 + 16] = {USE_TAG};
	uint8_t hash[crypto_generichash_BYTES_MIN];

	id.b[13] &= 0xf0;
	id.b[14] = 0;
	id.b[15] = 0;
	memcpy(message + 1, organisation_id.b, 16);
	memcpy(message + 17, id.b, 16);
	crypto_generichash(
	    hash, sizeof(hash), message, sizeof(message), secret->bytes, sizeof(secret->bytes));
	return ((uint32_t)hash[0] << 16 | (uint32_t)hash[1] << 8 | hash[2]) >> (24 - TAG_BITS);
}

struct uuid
id_operation(const struct id_secret *secret, const struct id_request *request)
{
	crypto_generichash_state state;
	struct uuid id;
	uint32_t tag;

	CHECK(request->accepted_ms >= 0);

	hash_init(&state, USE_OPERATION);
	crypto_generichash_update(&state, request->organisation_id.b, 16);
	hash_str(&state, request->method);
	hash_str(&state, request->path);
	hash_str(&state, request->body);
	if (request->idempotency_key.ptr != NULL)
		hash_str(&state, request->idempotency_key);
	else
		crypto_generichash_update(&state, request->nonce, sizeof(request->nonce));
	crypto_generichash_final(&state, id.b, sizeof(id.b));

	if (request->idempotency_key.ptr == NULL)
		for (int i = 0; i < PREFIX_BYTES; i++)
			id.b[i] = (uint8_t)(request->accepted_ms >> (8 * (PREFIX_BYTES - 1 - i)));
	version_set(&id);
	tag = tag_of(secret, request->organisation_id, id);
	id.b[13] = (uint8_t)((id.b[13] & 0xf0) | tag >> 16);
	id.b[14] = (uint8_t)(tag >> 8);
	id.b[15] = (uint8_t)tag;
	return id;
}

bool
id_operation_is_ours(const struct id_secret *secret, struct uuid organisation_id, struct uuid id)
{
	uint32_t tag = (uint32_t)(id.b[13] & 0x0f) << 16 | (uint32_t)id.b[14] << 8 | id.b[15];

	if ((id.b[6] & 0xf0) != 0x80 || (id.b[8] & 0xc0) != 0x80)
		return false;
	return tag == tag_of(secret, organisation_id, id);
}

struct uuid
id_derive(struct uuid operation_id, enum id_kind kind, uint32_t ordinal, int32_t shard)
{
	crypto_generichash_state state;
	uint8_t what[5] = {(uint8_t)kind, (uint8_t)(ordinal >> 24), (uint8_t)(ordinal >> 16),
	    (uint8_t)(ordinal >> 8), (uint8_t)ordinal};
	struct uuid id;

	CHECK(shard >= 0);
	CHECK(shard < SHARDS);

	hash_init(&state, USE_RESOURCE);
	crypto_generichash_update(&state, operation_id.b, 16);
	crypto_generichash_update(&state, what, sizeof(what));
	crypto_generichash_final(&state, id.b, sizeof(id.b));

	memcpy(id.b, operation_id.b, PREFIX_BYTES);
	id.b[6] = (uint8_t)((id.b[6] & 0x0c) | shard >> 8);
	id.b[7] = (uint8_t)shard;
	version_set(&id);
	return id;
}

struct uuid
id_due(struct uuid subscription_id, int64_t due_at_s)
{
	enum id_kind kind = (due_at_s & 1) == 0 ? ID_DUE_EVEN : ID_DUE_ODD;

	CHECK(due_at_s >= 0);
	/* An ordinal has 32 bits, and the seconds to the end of 2199 have 33. */
	CHECK(due_at_s >> 1 <= UINT32_MAX);
	return id_derive(
	    subscription_id, kind, (uint32_t)(due_at_s >> 1), id_shard(subscription_id));
}

struct uuid
id_customer_on_clock(struct uuid operation_id, struct uuid test_clock_id)
{
	int32_t shard = id_shard_of_key(test_clock_id);

	/* One in 1,024 fits: that none of these does happens once in 10^27. */
	for (uint32_t ordinal = 0; ordinal < CUSTOMERS_TRIED; ordinal++) {
		struct uuid id = id_derive(operation_id, ID_CUSTOMER, ordinal, 0);

		if (id_shard_of_key(id) == shard)
			return id;
	}
	check_failed("a customer's id in the clock's shard", __FILE__, __LINE__);
}

int32_t
id_shard(struct uuid id)
{
	return (int32_t)(id.b[6] & 0x03) << 8 | id.b[7];
}

int32_t
id_shard_of_key(struct uuid key)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(key, text);
	return (int32_t)((murmur2(text, UUID_TEXT_SIZE - 1) & 0x7fffffff) % SHARDS);
}

void
id_number_prefix(struct uuid customer_id, char ret_text[ID_NUMBER_PREFIX_SIZE])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	crypto_generichash_state state;
	uint8_t hash[16];
	uint64_t bits;

	hash_init(&state, USE_NUMBER_PREFIX);
	crypto_generichash_update(&state, customer_id.b, 16);
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(&bits, hash, sizeof(bits));
	for (int i = 0; i < ID_NUMBER_PREFIX_SIZE - 1; i++) {
		ret_text[i] = digits[bits & 31];
		bits >>= 5;
	}
	ret_text[ID_NUMBER_PREFIX_SIZE - 1] = '\0';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
id_secret_read(struct str text, struct id_secret *ret_secret)
{
	struct id_secret secret;
	size_t len;

	if (text.ptr == NULL)
		return false;
	while (text.len > 0 && is_space(text.ptr[text.len - 1]))
		text.len--;
	while (text.len > 0 && is_space(text.ptr[0]))
		text = (struct str){text.ptr + 1, text.len - 1};
	if (text.len != 2 * sizeof(secret.bytes) ||
	    sodium_hex2bin(
		secret.bytes, sizeof(secret.bytes), text.ptr, text.len, NULL, &len, NULL) != 0 ||
	    len != sizeof(secret.bytes))
		return false;
	*ret_secret = secret;
	return true;
}

uint32_t
murmur2(const void *bytes, size_t len)
{
	const uint8_t *data = bytes;
	uint32_t h = MURMUR2_SEED ^ (uint32_t)len;

	for (; len >= 4; data += 4, len -= 4) {
		uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
			     (uint32_t)data[3] << 24;

		k *= MURMUR2_M;
		k ^= k >> MURMUR2_R;
		k *= MURMUR2_M;
		h *= MURMUR2_M;
		h ^= k;
	}
	if (len >= 3)
		h ^= (uint32_t)data[2] << 16;
	if (len >= 2)
		h ^= (uint32_t)data[1] << 8;
	if (len >= 1) {
		h ^= data[0];
		h *= MURMUR2_M;
	}
	h ^= h >> 13;
	h *= MURMUR2_M;
	h ^= h >> 15;
	return h;
}

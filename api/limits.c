#include "api/limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

#define SETS 1024
#define WAYS 8
#define NAME_BYTES 16 /* of the hash that stands for a name */
#define NS_PER_S INT64_C(1000000000)
#define NETWORK_BYTES 8 /* of an IPv6 address: what one customer of a provider has */

/* A bucket is the moment at which it will be full when nothing more is taken.  Each that is taken
 * moves it on by what one needs to come back; a moment that has passed is a full bucket. */
struct bucket {
	uint8_t name[NAME_BYTES];
	int64_t full_ns;
};

struct table {
	pthread_mutex_t lock;
	struct limit_rule rule;
	int64_t one_ns; /* in which one comes back; 0: there is no limit */
	struct bucket sets[SETS][WAYS];
};

struct limits {
	uint8_t key[crypto_generichash_KEYBYTES];
	struct table tables[LIMIT_CLASS_MAX];
};

static const char *const class_names[LIMIT_CLASS_MAX] = {
    [LIMIT_CALLER] = "caller",
    [LIMIT_ORGANISATION] = "organisation",
    [LIMIT_LOGIN_ACCOUNT] = "account",
    [LIMIT_LOGIN_ADDRESS] = "address",
};

struct limits *
limits_new(const struct limit_rule rules[LIMIT_CLASS_MAX])
{
	struct limits *limits = calloc(1, sizeof(*limits));

	CHECK(limits != NULL);
	crypto_generichash_keygen(limits->key);
	for (int class = 0; class < LIMIT_CLASS_MAX; class ++) {
		struct table *table = &limits->tables[class];

		CHECK(rules[class].quota >= 0 && rules[class].window_s > 0);
		CHECK(pthread_mutex_init(&table->lock, NULL) == 0);
		table->rule = rules[class];
		if (table->rule.quota > 0)
			table->one_ns = table->rule.window_s * NS_PER_S / table->rule.quota;
		CHECK(table->rule.quota == 0 || table->one_ns > 0);
	}
	return limits;
}

void
limits_free(struct limits *limits)
{
	if (limits == NULL)
		return;
	for (int class = 0; class < LIMIT_CLASS_MAX; class ++)
		pthread_mutex_destroy(&limits->tables[class].lock);
	free(limits);
}

const char *limits_class_name(enum limit_class class)
{
	CHECK(class < LIMIT_CLASS_MAX);
	return class_names[class];
}

/* The network of an IPv6 address, in ${bytes}; any other text as it is. */
static struct str
network_of(struct str address, unsigned char bytes[sizeof(struct in6_addr)])
{
	char text[INET6_ADDRSTRLEN];

	if (address.len >= sizeof(text))
		return address;
	memcpy(text, address.ptr, address.len);
	text[address.len] = '\0';
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return address;
	return (struct str){(const char *)bytes, NETWORK_BYTES};
}

static void
name_hash(const struct limits *limits, enum limit_class class, struct str name,
    uint8_t ret_hash[NAME_BYTES])
{
	unsigned char bytes[sizeof(struct in6_addr)];

	CHECK(name.ptr != NULL);
	if (class == LIMIT_LOGIN_ADDRESS)
		name = network_of(name, bytes);
	CHECK(crypto_generichash(ret_hash, NAME_BYTES, (const unsigned char *)name.ptr, name.len,
		  limits->key, sizeof(limits->key)) == 0);
}

static struct bucket *
set_of(struct table *table, const uint8_t *hash)
{
	return table->sets[(hash[0] | (size_t)hash[1] << 8) % SETS];
}

static struct bucket *
bucket_find(struct table *table, const uint8_t *hash)
{
	struct bucket *set = set_of(table, hash);

	for (size_t i = 0; i < WAYS; i++)
		if (memcmp(set[i].name, hash, NAME_BYTES) == 0)
			return &set[i];
	return NULL;
}

/* The bucket that a new name takes over, with what is missing from it. */
static struct bucket *
bucket_fullest(struct table *table, const uint8_t *hash)
{
	struct bucket *set = set_of(table, hash), *fullest = set;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].full_ns < fullest->full_ns)
			fullest = &set[i];
	return fullest;
}

static int64_t
seconds_up(int64_t ns)
{
	return (ns + NS_PER_S - 1) / NS_PER_S;
}

/* Take one from ${bucket}, which is then that of ${hash}.  False, nothing changed, when it is
 * empty. */
static bool
bucket_take(const struct table *table, struct bucket *bucket, const uint8_t *hash, int64_t now_ns,
    struct limit_state *state)
{
	int64_t missing_ns = bucket->full_ns > now_ns ? bucket->full_ns - now_ns : 0;
	int64_t whole_ns = table->rule.quota * table->one_ns;

	if (missing_ns + table->one_ns > whole_ns) {
		state->remaining = 0;
		state->reset_s = seconds_up(missing_ns + table->one_ns - whole_ns);
		return false;
	}
	missing_ns += table->one_ns;
	memcpy(bucket->name, hash, NAME_BYTES);
	bucket->full_ns = now_ns + missing_ns;
	state->remaining = (whole_ns - missing_ns) / table->one_ns;
	state->reset_s = seconds_up(missing_ns);
	return true;
}

bool
limits_take(struct limits *limits, enum limit_class class, struct str name, int64_t now_us,
    struct limit_state *ret_state)
{
	struct table *table = &limits->tables[class];
	uint8_t hash[NAME_BYTES];
	struct bucket *bucket;
	bool taken;

	CHECK(class < LIMIT_CLASS_MAX && now_us >= 0);
	*ret_state =
	    (struct limit_state){.quota = table->rule.quota, .window_s = table->rule.window_s};
	if (table->one_ns == 0)
		return true;
	name_hash(limits, class, name, hash);
	pthread_mutex_lock(&table->lock);
	bucket = bucket_find(table, hash);
	if (bucket == NULL)
		bucket = bucket_fullest(table, hash);
	taken = bucket_take(table, bucket, hash, now_us * 1000, ret_state);
	pthread_mutex_unlock(&table->lock);
	return taken;
}

void
limits_give_back(struct limits *limits, enum limit_class class, struct str name)
{
	struct table *table = &limits->tables[class];
	uint8_t hash[NAME_BYTES];
	struct bucket *bucket;

	CHECK(class < LIMIT_CLASS_MAX);
	if (table->one_ns == 0)
		return;
	name_hash(limits, class, name, hash);
	pthread_mutex_lock(&table->lock);
	/* Another name may have taken its place; what was missing is that one's now. */
	bucket = bucket_find(table, hash);
	if (bucket != NULL)
		bucket->full_ns -= table->one_ns;
	pthread_mutex_unlock(&table->lock);
}

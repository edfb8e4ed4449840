#include "common/base/id.h"

#include "tests/unit/unit.h"

/* Every value below was computed once by another implementation (Python's hashlib.blake2b and the
 * text of id.h).  Ids stand in databases and in clients: when one of these changes, the code is
 * wrong, never the table. */

static const struct id_secret secret = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};
static const struct uuid organisation_id = {{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
    0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}};

#define ACCEPTED_MS INT64_C(1767225600123) /* 2026-01-01T00:00:00.123Z */
#define OPERATION_BY_KEY "e88380af-8657-89a3-b143-b24eeb3727ae"
#define OPERATION_BY_NONCE "019b76da-a87b-817a-a164-7ac396c01e9f"

static struct id_request
a_request(struct str idempotency_key)
{
	return (struct id_request){
	    .organisation_id = organisation_id,
	    .accepted_ms = ACCEPTED_MS,
	    .idempotency_key = idempotency_key,
	    .nonce = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac,
		0xad, 0xae, 0xaf},
	    .method = STR("POST"),
	    .path = STR("/v1/customers"),
	    .body = STR("{\"name\":\"Ada\"}"),
	};
}

static struct uuid
uuid_of(const char *text)
{
	struct uuid uuid;

	ck_assert_msg(uuid_read(str_from(text), &uuid), "the test's own id %s is bad", text);
	return uuid;
}

static void
assert_uuid(struct uuid actual, const char *expected, const char *what)
{
	char text[UUID_TEXT_SIZE];

	uuid_write(actual, text);
	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s instead of %s", what, text, expected);
}

static void
assert_version_8(struct uuid id, const char *what)
{
	ck_assert_msg((id.b[6] & 0xf0) == 0x80, "%s: the version is not 8", what);
	ck_assert_msg((id.b[8] & 0xc0) == 0x80, "%s: the variant is not RFC 9562's", what);
}

struct murmur2_row {
	const char *text;
	int32_t expected; /* as Java's Utils.murmur2 shows it */
};

/* Those of Kafka's own test of its clients, and the short ones for every length of the tail. */
static const struct murmur2_row murmur2_rows[] = {
    {"", 275646681},
    {"a", -1563381124},
    {"ab", 316155434},
    {"abc", 479470107},
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"\xff\xff\xff\xff\xff\xff\xff", -71293549},
    {"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b", -1655041056},
};

START_TEST(test_murmur2)
{
	const struct murmur2_row *row = &murmur2_rows[_i];
	char shifted[64];

	ck_assert_int_eq((int32_t)murmur2(row->text, strlen(row->text)), row->expected);
	/* The bytes need no alignment. */
	memcpy(shifted + 1, row->text, strlen(row->text));
	ck_assert_int_eq((int32_t)murmur2(shifted + 1, strlen(row->text)), row->expected);
}
END_TEST

/* What a Kafka client does with the key: murmur2 of its text, without the sign, mod partitions. */
START_TEST(test_the_shard_gives_every_partitioning)
{
	uint64_t random = unit_seed("id");

	for (int i = 0; i < 2000; i++) {
		char text[UUID_TEXT_SIZE];
		struct uuid key;

		for (size_t b = 0; b < sizeof(key.b); b++)
			key.b[b] = (uint8_t)unit_random(&random, 256);
		uuid_write(key, text);
		for (uint32_t partitions = 1; partitions <= SHARDS; partitions *= 2)
			ck_assert_uint_eq((uint32_t)id_shard_of_key(key) % partitions,
			    (murmur2(text, strlen(text)) & 0x7fffffff) % partitions);
	}
}
END_TEST

struct shard_row {
	const char *key;
	int32_t expected;
};

static const struct shard_row shard_rows[] = {
    {OPERATION_BY_KEY, 586},
    {OPERATION_BY_NONCE, 888},
    {"10111213-1415-1617-1819-1a1b1c1d1e1f", 206},
};

START_TEST(test_pinned_shards)
{
	ck_assert_int_eq(id_shard_of_key(uuid_of(shard_rows[_i].key)), shard_rows[_i].expected);
}
END_TEST

START_TEST(test_pinned_operations)
{
	struct id_request by_key = a_request(STR("key-1"));
	struct id_request by_nonce = a_request(STR_NONE);

	assert_uuid(id_operation(&secret, &by_key), OPERATION_BY_KEY, "with a key");
	assert_uuid(id_operation(&secret, &by_nonce), OPERATION_BY_NONCE, "without a key");
}
END_TEST

/* What a second request has in another way than the first. */
enum difference {
	SAME,
	ANOTHER_TIME,
	ANOTHER_NONCE,
	ANOTHER_ORGANISATION,
	ANOTHER_METHOD,
	ANOTHER_PATH,
	ANOTHER_BODY,
	ANOTHER_KEY,
	EMPTY_BODY,
	METHOD_RUNS_INTO_PATH,
	PATH_RUNS_INTO_BODY,
};

struct operation_row {
	const char *name;
	enum difference difference;
	bool with_key;
	bool same_id;
};

static const struct operation_row operation_rows[] = {
    {"key: the same request", SAME, true, true},
    {"key: at another time", ANOTHER_TIME, true, true},
    {"key: with another nonce", ANOTHER_NONCE, true, true},
    {"key: of another organisation", ANOTHER_ORGANISATION, true, false},
    {"key: another method", ANOTHER_METHOD, true, false},
    {"key: another path", ANOTHER_PATH, true, false},
    {"key: another body", ANOTHER_BODY, true, false},
    {"key: no body", EMPTY_BODY, true, false},
    {"key: another key", ANOTHER_KEY, true, false},
    {"key: the same bytes, cut between method and path elsewhere", METHOD_RUNS_INTO_PATH, true,
	false},
    {"key: the same bytes, cut between path and body elsewhere", PATH_RUNS_INTO_BODY, true, false},
    {"no key: the same request with the same nonce", SAME, false, true},
    {"no key: at another time", ANOTHER_TIME, false, false},
    {"no key: with another nonce", ANOTHER_NONCE, false, false},
    {"no key: of another organisation", ANOTHER_ORGANISATION, false, false},
    {"no key: another body", ANOTHER_BODY, false, false},
    {"no key, then one", ANOTHER_KEY, false, false},
};

static void
differ(struct id_request *request, enum difference difference)
{
	switch (difference) {
	case SAME:
		break;
	case ANOTHER_TIME:
		request->accepted_ms += 86400000;
		break;
	case ANOTHER_NONCE:
		request->nonce[15] ^= 1;
		break;
	case ANOTHER_ORGANISATION:
		request->organisation_id.b[0] ^= 1;
		break;
	case ANOTHER_METHOD:
		request->method = STR("PATCH");
		break;
	case ANOTHER_PATH:
		request->path = STR("/v1/customerz");
		break;
	case ANOTHER_BODY:
		request->body = STR("{\"name\":\"Adb\"}");
		break;
	case ANOTHER_KEY:
		request->idempotency_key = STR("key-2");
		break;
	case EMPTY_BODY:
		request->body = STR("");
		break;
	case METHOD_RUNS_INTO_PATH:
		request->method = STR("POST/");
		request->path = STR("v1/customers");
		break;
	case PATH_RUNS_INTO_BODY:
		request->path = STR("/v1/customers{");
		request->body = STR("\"name\":\"Ada\"}");
		break;
	}
}

START_TEST(test_what_makes_an_operation)
{
	const struct operation_row *row = &operation_rows[_i];
	struct id_request first = a_request(row->with_key ? STR("key-1") : STR_NONE);
	struct id_request second = first;
	struct uuid id;

	differ(&second, row->difference);
	id = id_operation(&secret, &second);
	ck_assert_msg(
	    uuid_equal(id_operation(&secret, &first), id) == row->same_id, "%s", row->name);
	assert_version_8(id, row->name);
	ck_assert_msg(
	    id_operation_is_ours(&secret, second.organisation_id, id), "%s: ours", row->name);
}
END_TEST

START_TEST(test_the_time_stands_in_front_without_a_key)
{
	struct id_request request = a_request(STR_NONE);
	int64_t times_ms[] = {0, 1, ACCEPTED_MS, (INT64_C(1) << 48) - 1};

	for (size_t i = 0; i < ARRAY_LEN(times_ms); i++) {
		struct uuid id;
		int64_t prefix = 0;

		request.accepted_ms = times_ms[i];
		id = id_operation(&secret, &request);
		for (int b = 0; b < 6; b++)
			prefix = prefix << 8 | id.b[b];
		ck_assert_int_eq(prefix, times_ms[i]);
	}
}
END_TEST

START_TEST(test_random_operations_are_apart)
{
	struct id_request request = a_request(STR_NONE);
	struct uuid last = UUID_NIL;

	for (uint32_t i = 0; i < 5000; i++) {
		struct uuid id;

		memcpy(request.nonce, &i, sizeof(i));
		id = id_operation(&secret, &request);
		assert_version_8(id, "operation");
		ck_assert(!uuid_equal(id, last));
		ck_assert(id_operation_is_ours(&secret, organisation_id, id));
		last = id;
	}
}
END_TEST

START_TEST(test_each_flipped_bit_is_noticed)
{
	struct uuid id = uuid_of(_i < 128 ? OPERATION_BY_KEY : OPERATION_BY_NONCE);
	int bit = _i % 128;

	ck_assert(id_operation_is_ours(&secret, organisation_id, id));
	id.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	ck_assert_msg(!id_operation_is_ours(&secret, organisation_id, id), "bit %d", bit);
}
END_TEST

/* As many rows as both ids have bits. */
static const char flipped_bits[256];

START_TEST(test_the_tag_is_of_one_secret_and_one_organisation)
{
	struct uuid id = uuid_of(OPERATION_BY_KEY);

	for (size_t i = 0; i < ID_SECRET_BYTES; i++) {
		struct id_secret other = secret;

		other.bytes[i] ^= 1;
		ck_assert_msg(!id_operation_is_ours(&other, organisation_id, id), "byte %zu", i);
	}
	for (size_t i = 0; i < sizeof(organisation_id.b); i++) {
		struct uuid other = organisation_id;

		other.b[i] ^= 1;
		ck_assert_msg(!id_operation_is_ours(&secret, other, id), "byte %zu", i);
	}
	ck_assert(!id_operation_is_ours(&secret, organisation_id, UUID_NIL));
}
END_TEST

START_TEST(test_guesses_hardly_ever_pass)
{
	uint64_t random = unit_seed("guesses");
	int passed = 0;

	for (int i = 0; i < 50000; i++) {
		struct uuid id;

		for (size_t b = 0; b < sizeof(id.b); b++)
			id.b[b] = (uint8_t)unit_random(&random, 256);
		id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
		id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
		passed += id_operation_is_ours(&secret, organisation_id, id) ? 1 : 0;
	}
	/* One in a million is meant; four among these come about once in five million runs. */
	ck_assert_int_lt(passed, 4);
}
END_TEST

struct derive_row {
	const char *name;
	enum id_kind kind;
	uint32_t ordinal;
	int32_t shard;
	const char *expected;
};

static const struct derive_row derive_rows[] = {
    {"a customer", ID_CUSTOMER, 0, 0, "019b76da-a87b-8000-871c-6eef571f7e3b"},
    {"a plan", ID_PLAN, 0, 0, "019b76da-a87b-8c00-ade2-1a5affffc59c"},
    {"a subscription, the last shard", ID_SUBSCRIPTION, 0, 1023,
	"019b76da-a87b-8fff-a9dc-c622e4262fbc"},
    {"an invoice", ID_INVOICE, 0, 511, "019b76da-a87b-85ff-99a1-321cd74fc5d3"},
    {"the second invoice", ID_INVOICE, 1, 511, "019b76da-a87b-8dff-b43a-5ea12d8e4397"},
    {"an invoice line", ID_INVOICE_LINE, 0, 256, "019b76da-a87b-8100-b2da-6e15a08f4aa9"},
    {"the eighth event", ID_EVENT, 7, 1, "019b76da-a87b-8401-9288-8ec324791157"},
};

START_TEST(test_pinned_derived_ids)
{
	const struct derive_row *row = &derive_rows[_i];
	struct uuid operation_id = uuid_of(OPERATION_BY_NONCE);
	struct uuid id = id_derive(operation_id, row->kind, row->ordinal, row->shard);

	assert_uuid(id, row->expected, row->name);
	assert_version_8(id, row->name);
	ck_assert_msg(id_shard(id) == row->shard, "%s: shard %d", row->name, id_shard(id));
	ck_assert_msg(memcmp(id.b, operation_id.b, 6) == 0, "%s: prefix", row->name);
}
END_TEST

START_TEST(test_every_shard_comes_back)
{
	struct uuid operation_id = uuid_of(OPERATION_BY_KEY);

	for (int32_t shard = 0; shard < SHARDS; shard++) {
		struct uuid id = id_derive(operation_id, ID_INVOICE, 0, shard);

		ck_assert_int_eq(id_shard(id), shard);
		assert_version_8(id, "invoice");
		/* Ordinals, kinds and operations tell ids apart that share all else. */
		ck_assert(!uuid_equal(id, id_derive(operation_id, ID_INVOICE, 1, shard)));
		ck_assert(!uuid_equal(id, id_derive(operation_id, ID_INVOICE, 1u << 24, shard)));
		ck_assert(!uuid_equal(id, id_derive(operation_id, ID_EVENT, 0, shard)));
		ck_assert(
		    !uuid_equal(id, id_derive(uuid_of(OPERATION_BY_NONCE), ID_INVOICE, 0, shard)));
	}
}
END_TEST

START_TEST(test_the_shard_of_any_uuid_is_in_range)
{
	struct uuid id = {{0}};

	for (int i = 0; i < 65536; i++) {
		id.b[6] = (uint8_t)(i >> 8);
		id.b[7] = (uint8_t)i;
		ck_assert(id_shard(id) >= 0 && id_shard(id) < SHARDS);
	}
}
END_TEST

struct due_row {
	int64_t due_at_s;
	const char *expected;
};

static const struct due_row due_rows[] = {
    {0, "019b76da-a87b-8bff-86b9-7d4ecaecd835"},
    {1, "019b76da-a87b-83ff-9382-28e35791cb30"},
    {1767225600, "019b76da-a87b-8fff-b6cd-691d98261676"},
    {1767225601, "019b76da-a87b-8fff-9014-d77e74d7c245"},
    {7258118399, "019b76da-a87b-8fff-9cbf-5f40c0d58543"},
};

START_TEST(test_pinned_names_of_what_fell_due)
{
	const struct due_row *row = &due_rows[_i];
	struct uuid subscription_id = uuid_of("019b76da-a87b-8fff-a9dc-c622e4262fbc");
	struct uuid id = id_due(subscription_id, row->due_at_s);

	assert_uuid(id, row->expected, "due");
	assert_version_8(id, "due");
	/* What is derived from it lies in the subscription's shard, as its own does. */
	ck_assert_int_eq(id_shard(id), id_shard(subscription_id));
	ck_assert(!uuid_equal(id, id_due(uuid_of(OPERATION_BY_KEY), row->due_at_s)));
}
END_TEST

/* Neighbouring seconds have names of their own, and so do those whose low 32 bits are alike. */
START_TEST(test_each_second_has_its_name)
{
	struct uuid subscription_id = uuid_of(OPERATION_BY_KEY), last = UUID_NIL;

	for (int64_t s = 1767225600; s < 1767225600 + 2000; s++) {
		struct uuid id = id_due(subscription_id, s);

		ck_assert(!uuid_equal(id, last));
		ck_assert(!uuid_equal(id, id_due(subscription_id, s + (INT64_C(1) << 32))));
		last = id;
	}
}
END_TEST

START_TEST(test_a_due_second_before_1970_is_a_bug)
{
	ck_assert(!uuid_is_nil(id_due(uuid_of(OPERATION_BY_KEY), -1)));
}
END_TEST

struct clock_row {
	const char *clock_id;
	const char *expected;
};

static const struct clock_row clock_rows[] = {
    {"10111213-1415-1617-1819-1a1b1c1d1e1f", "019b76da-a87b-8400-9207-f999ff33efbe"},
    {"019b76da-a87b-8400-9119-c992e118accb", "019b76da-a87b-8c00-8670-f6e1759243f8"},
};

START_TEST(test_pinned_customers_on_clocks)
{
	struct uuid clock_id = uuid_of(clock_rows[_i].clock_id);
	struct uuid id = id_customer_on_clock(uuid_of(OPERATION_BY_NONCE), clock_id);

	assert_uuid(id, clock_rows[_i].expected, "customer");
	ck_assert_int_eq(id_shard_of_key(id), id_shard_of_key(clock_id));
}
END_TEST

START_TEST(test_every_clock_finds_its_customers)
{
	uint64_t random = unit_seed("clocks");

	for (int i = 0; i < 50; i++) {
		struct uuid operation_id, clock_id, id;

		for (size_t b = 0; b < sizeof(clock_id.b); b++) {
			operation_id.b[b] = (uint8_t)unit_random(&random, 256);
			clock_id.b[b] = (uint8_t)unit_random(&random, 256);
		}
		id = id_customer_on_clock(operation_id, clock_id);
		ck_assert_int_eq(id_shard_of_key(id), id_shard_of_key(clock_id));
		assert_version_8(id, "customer");
	}
}
END_TEST

struct prefix_row {
	const char *customer_id;
	const char *expected;
};

static const struct prefix_row prefix_rows[] = {
    {"10111213-1415-1617-1819-1a1b1c1d1e1f", "7QDANPBFKB9V"},
    {"019b76da-a87b-8000-871c-6eef571f7e3b", "HE0VX18JMGQ2"},
    {"00000000-0000-0000-0000-000000000000", "YWBTGJFETFH1"},
};

START_TEST(test_pinned_number_prefixes)
{
	const struct prefix_row *row = &prefix_rows[_i];
	char text[ID_NUMBER_PREFIX_SIZE + 1];

	memset(text, '!', sizeof(text));
	id_number_prefix(uuid_of(row->customer_id), text);
	ck_assert_str_eq(text, row->expected);
	ck_assert_uint_eq(strlen(text), ID_NUMBER_PREFIX_SIZE - 1);
	ck_assert_uint_eq(strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), strlen(text));
	ck_assert_int_eq(text[ID_NUMBER_PREFIX_SIZE], '!');
}
END_TEST

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct secret_row {
	const char *name;
	struct str text;
	bool taken;
};

static const struct secret_row secret_rows[] = {
    {"64 digits", {HEX32, 64}, true},
    {"upper case", {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 64}, true},
    {"a line end behind", {HEX32 "\n", 65}, true},
    {"all kinds of white space behind", {HEX32 " \t\r\n", 68}, true},
    {"white space in front", {" \t\r\n" HEX32, 68}, true},
    {"white space on both sides", {"\n" HEX32 "\n", 66}, true},
    {"none", {NULL, 0}, false},
    {"empty", {"", 0}, false},
    {"white space alone", {" \n", 2}, false},
    {"a digit short", {HEX32, 63}, false},
    {"two digits short", {HEX32, 62}, false},
    {"two digits too many", {HEX32 "20", 66}, false},
    {"a letter that is no digit",
	{"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 64}, false},
    {"a space in the middle",
	{"00010203040506070809 a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 64}, false},
    {"a NUL behind", {HEX32 "\0", 65}, false},
};

START_TEST(test_secret)
{
	const struct secret_row *row = &secret_rows[_i];
	const struct id_secret untouched = {{42}};
	struct id_secret read = untouched;

	ck_assert_msg(id_secret_read(row->text, &read) == row->taken, "%s", row->name);
	ck_assert_msg(
	    memcmp(&read, row->taken ? &secret : &untouched, sizeof(read)) == 0, "%s", row->name);
}
END_TEST

START_TEST(test_aborts_on_a_shard_below)
{
	(void)!id_shard(id_derive(UUID_NIL, ID_EVENT, 0, -1));
}
END_TEST

START_TEST(test_aborts_on_a_shard_above)
{
	(void)!id_shard(id_derive(UUID_NIL, ID_EVENT, 0, SHARDS));
}
END_TEST

START_TEST(test_aborts_before_the_epoch)
{
	struct id_request request = a_request(STR_NONE);

	request.accepted_ms = -1;
	(void)!id_shard(id_operation(&secret, &request));
}
END_TEST

UNIT_MAIN("id", UNIT_ROWS(test_murmur2, murmur2_rows),
    UNIT(test_the_shard_gives_every_partitioning), UNIT_ROWS(test_pinned_shards, shard_rows),
    UNIT(test_pinned_operations), UNIT_ROWS(test_what_makes_an_operation, operation_rows),
    UNIT(test_the_time_stands_in_front_without_a_key), UNIT(test_random_operations_are_apart),
    UNIT_ROWS(test_each_flipped_bit_is_noticed, flipped_bits),
    UNIT(test_the_tag_is_of_one_secret_and_one_organisation), UNIT(test_guesses_hardly_ever_pass),
    UNIT_ROWS(test_pinned_derived_ids, derive_rows),
    UNIT_ROWS(test_pinned_names_of_what_fell_due, due_rows), UNIT(test_each_second_has_its_name),
    UNIT_ABORTS(test_a_due_second_before_1970_is_a_bug),
    UNIT_ROWS(test_pinned_customers_on_clocks, clock_rows),
    UNIT(test_every_clock_finds_its_customers), UNIT(test_every_shard_comes_back),
    UNIT(test_the_shard_of_any_uuid_is_in_range),
    UNIT_ROWS(test_pinned_number_prefixes, prefix_rows), UNIT_ROWS(test_secret, secret_rows),
    UNIT_ABORTS(test_aborts_on_a_shard_below), UNIT_ABORTS(test_aborts_on_a_shard_above),
    UNIT_ABORTS(test_aborts_before_the_epoch))

#include "common/codec/transcode.h"

#include "tests/unit/request.h"

/* How much a request may hold, and what is said of one that holds more. */

static bool
is_taken(struct request *request, const struct buf *body)
{
	return request_run(request, request_schema(request, "CreateCustomer"), buf_str(body));
}

START_TEST(test_length_counts_code_points)
{
	struct request request;
	struct buf body;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&body, CODEC_TEXT_MAX);
	for (int count = 200; count <= 201; count++) {
		buf_clear(&body);
		buf_append_str(&body, STR("{\"name\":\""));
		for (int i = 0; i < count; i++)
			buf_append_str(&body, STR("\xf0\x9f\x9a\x80"));
		buf_append_str(&body, STR("\"}"));
		ck_assert_int_eq(is_taken(&request, &body), count == 200);
	}
	ck_assert_uint_eq(request.faults.len, 1);
	unit_assert_str(request.faults.items[0].detail, "must be at most 200 characters", "201");
	buf_release(&body);
	request_release(&request);
}
END_TEST

START_TEST(test_a_map_has_at_most_so_many_pairs)
{
	struct request request;
	struct buf body;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&body, CODEC_TEXT_MAX);
	for (int count = 50; count <= 51; count++) {
		buf_clear(&body);
		buf_append_str(&body, STR("{\"name\":\"a\",\"metadata\":{"));
		for (int i = 0; i < count; i++)
			buf_printf(&body, "%s\"k%d\":\"v\"", i == 0 ? "" : ",", i);
		buf_append_str(&body, STR("}}"));
		ck_assert_int_eq(is_taken(&request, &body), count == 50);
	}
	unit_assert_str(request.faults.items[0].pointer, "/metadata", "the pointer");
	unit_assert_str(request.faults.items[0].detail, "must have at most 50 pairs", "51");
	buf_release(&body);
	request_release(&request);
}
END_TEST

START_TEST(test_faults_beyond_the_maximum_are_counted)
{
	struct request request;
	struct buf body;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	buf_init(&body, CODEC_TEXT_MAX);
	buf_append_str(&body, STR("{\"name\":\"a\""));
	for (int i = 0; i < FAULTS_MAX + 5; i++)
		buf_printf(&body, ",\"unknown_%d\":1", i);
	buf_append_char(&body, '}');
	ck_assert(!is_taken(&request, &body));
	ck_assert_uint_eq(request.faults.len, FAULTS_MAX);
	ck_assert_uint_eq(request.faults.found, FAULTS_MAX + 5);
	buf_release(&body);
	request_release(&request);
}
END_TEST

/* A hundred thousand brackets, closed or not, and a name as long as the body may be. */
START_TEST(test_absurd_bodies_are_plain_faults)
{
	const struct schema *schema;
	struct request request;
	struct buf body;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	schema = request_schema(&request, "CreateCustomer");
	buf_init(&body, 1024 * 1024);
	buf_append_str(&body, STR("{\"name\":"));
	for (int i = 0; i < 100000; i++)
		buf_append_char(&body, '[');
	ck_assert(!request_run(&request, schema, buf_str(&body)));
	unit_assert_str(request.faults.items[0].pointer, "", "the whole body");
	ck_assert_msg(strstr(request.faults.items[0].detail.ptr, "is nested too deeply") != NULL,
	    "%s", request.faults.items[0].detail.ptr);

	buf_clear(&body);
	request.faults.len = request.faults.found = 0;
	buf_append_str(&body, STR("{\"name\":\"a\",\""));
	for (int i = 0; i < 100000; i++)
		buf_append_char(&body, '/');
	buf_append_str(&body, STR("\":1}"));
	ck_assert(!request_run(&request, schema, buf_str(&body)));
	ck_assert_uint_eq(request.faults.found, 1);
	unit_assert_str(request.faults.items[0].pointer, "", "what holds the name");
	buf_release(&body);
	request_release(&request);
}
END_TEST

START_TEST(test_a_full_buffer_is_a_fault)
{
	struct request request;

	request_init(&request, 100);
	ck_assert(!request_run(&request, request_schema(&request, "ArchivePlan"), STR("")));
	ck_assert_uint_eq(request.faults.len, 1);
	unit_assert_str(request.faults.items[0].pointer, "", "the whole body");
	unit_assert_str(request.faults.items[0].detail, "is too large", "what is wrong");
	request_release(&request);
}
END_TEST

START_TEST(test_a_full_arena_still_counts)
{
	struct request request;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	arena_init(&request.arena, 16);
	ck_assert(!request_run(&request, request_schema(&request, "CreatePlan"), STR("{}")));
	ck_assert_uint_eq(request.faults.len, 0);
	ck_assert_uint_eq(request.faults.found, 5);
	request_release(&request);
}
END_TEST

START_TEST(test_faults_of_the_ingress)
{
	struct request request;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	fault_add(&request.faults, STR("/limit"), "must be at most %d", 100);
	ck_assert_uint_eq(request.faults.len, 1);
	unit_assert_str(request.faults.items[0].pointer, "/limit", "the pointer");
	unit_assert_str(request.faults.items[0].detail, "must be at most 100", "the detail");
	request_release(&request);
}
END_TEST

START_TEST(test_a_path_without_its_id_is_a_bug)
{
	const struct transcode_given given = {&command_meta_record, &request_meta, NULL, 0};
	struct request request;
	json_t *json;

	request_init(&request, REQUEST_MESSAGE_BYTES);
	ck_assert(transcode_parse(STR(""), &json, &request.faults));
	ck_assert(transcode(
	    request_schema(&request, "ArchivePlan"), json, &given, &request.faults, &request.buf));
}
END_TEST

UNIT_MAIN("transcode_bounds", UNIT(test_length_counts_code_points),
    UNIT(test_a_map_has_at_most_so_many_pairs), UNIT(test_faults_beyond_the_maximum_are_counted),
    UNIT(test_absurd_bodies_are_plain_faults), UNIT(test_a_full_buffer_is_a_fault),
    UNIT(test_a_full_arena_still_counts), UNIT(test_faults_of_the_ingress),
    UNIT_ABORTS(test_a_path_without_its_id_is_a_bug))

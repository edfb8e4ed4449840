#include "api/framing.h"

#include "api/respond.h"

/* Whether the bytes between the headers are to be looked at; libmicrohttpd 1.0 is strict itself. */
#define LAYOUT_IS_OURS (MHD_VERSION < 0x01000000)

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct request *request = cls;

	(void)kind;
	layout_header(
	    &request->layout, (struct str){name, name_len}, (struct str){value, value_len});
	headers_note(
	    &request->headers, (struct str){name, name_len}, (struct str){value, value_len});
	return MHD_YES;
}

void
framing_take(struct request *request, struct str version)
{
	layout_begin(&request->layout, request->method, request->target, version);
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, on_header, request);
}

static bool
method_is_known(struct str method)
{
	static const char *const known[] = {
	    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_equal(method, str_from(known[i])))
			return true;
	return false;
}

/* The lines of the request, from its first byte to the first of its body. */
static struct str
header_block(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return (struct str){request->method.ptr, info == NULL ? 0 : info->header_size};
}

/* What is wrong with the request as HTTP, or NULL. */
static const char *
fault_of(const struct request *request, struct str version)
{
	const char *fault = headers_fault(&request->headers, version);

	if (fault != NULL)
		return fault;
	if (request->odd_target)
		return "The request's target has a space or a control character.";
	if (LAYOUT_IS_OURS && !layout_is_sound(&request->layout, header_block(request)))
		return "A line does not end with CR LF, goes on in the next, or has a byte that "
		       "no line has.";
	if (!method_is_known(request->method))
		return "There is no such method.";
	return NULL;
}

/* After a fault nothing behind it can be believed, and the connection is closed.  So it is behind
 * a chunked body: of its framing libmicrohttpd forgives more than can be seen from here. */
bool
framing_is_sound(struct request *request, struct str version)
{
	const char *fault = fault_of(request, version);

	request->answer.close =
	    fault != NULL || request->headers.values[HEADER_TRANSFER_ENCODING].ptr != NULL;
	if (fault != NULL)
		answer_problem(request, PROBLEM_MALFORMED_REQUEST, "%s", fault);
	request->framing = request->layout.at;
	return fault == NULL;
}

static void
refuse_body(struct request *request, const char *fault)
{
	request->discard = true;
	request->answer.close = true;
	answer_problem(request, PROBLEM_MALFORMED_REQUEST, "%s", fault);
}

/* The lines between the chunks, as far as they came together with the piece at ${bytes}: they stand
 * before it. */
void
framing_body(struct request *request, const char *bytes, size_t len)
{
	if (request->headers.values[HEADER_TRANSFER_ENCODING].ptr == NULL || !LAYOUT_IS_OURS)
		return;
	if (!request->discard && !layout_chunks_are_sound(request->framing, bytes))
		refuse_body(request, "A line between the chunks does not end with CR LF.");
	request->framing = bytes + len;
}

/* What is behind the chunks can change nothing that was decided before them. */
static enum MHD_Result
on_trailer(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct request *request = cls;

	(void)kind;
	(void)value;
	(void)value_len;
	if (!request->discard && !header_may_trail((struct str){name, name_len}))
		refuse_body(request, "A header stands behind the body that may not stand there.");
	return MHD_YES;
}

void
framing_end(struct request *request)
{
	if (request->headers.values[HEADER_TRANSFER_ENCODING].ptr != NULL)
		MHD_get_connection_values_n(
		    request->connection, MHD_FOOTER_KIND, on_trailer, request);
}

#include "api/docs.h"

#include "api/respond.h"
#include "common/base/embedded.h"

#define HTML_TYPE "text/html; charset=utf-8"
/* Swagger UI sets styles on its elements and draws its icons from data: URLs. */
#define CONTENT_POLICY                                                                \
	"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;" \
	" object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct {
	const char *suffix, *type;
} file_types[] = {
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".png", "image/png"},
};

static bool
ends_with(struct str text, struct str end)
{
	return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

/* The type of a file that browsers may have, or NULL. */
static const char *
file_type(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(file_types); i++)
		if (ends_with(name, str_from(file_types[i].suffix)))
			return file_types[i].type;
	return NULL;
}

/* The embedded file with that name behind the last '/', or NULL. */
static const struct embedded_file *
file_find(struct str name)
{
	for (size_t i = 0; i < embedded_docs_len; i++) {
		struct str path = str_from(embedded_docs[i].name);

		if (ends_with(path, name) && path.len > name.len &&
		    path.ptr[path.len - name.len - 1] == '/')
			return &embedded_docs[i];
	}
	return NULL;
}

static void
answer_page(struct request *request, const char *type, struct str bytes)
{
	answer_header(request, "Content-Security-Policy", CONTENT_POLICY);
	answer_header(request, "X-Content-Type-Options", "nosniff");
	answer_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "max-age=300");
	answer_bytes(request, MHD_HTTP_OK, type, bytes);
}

bool
docs_run_index(struct request *request)
{
	const struct embedded_file *file = file_find(STR("index.html"));

	CHECK(file != NULL);
	answer_page(request, HTML_TYPE, (struct str){file->ptr, file->len});
	return true;
}

bool
docs_run_file(struct request *request)
{
	struct str name = request_param(request, "file");
	const char *type = file_type(name);
	const struct embedded_file *file = type == NULL ? NULL : file_find(name);

	if (file == NULL)
		answer_problem(request, PROBLEM_NOT_FOUND, "There is no such file.");
	else
		answer_page(request, type, (struct str){file->ptr, file->len});
	return true;
}

/* Text of ours in HTML; the tables hold plain sentences, and this keeps it so. */
static void
put_html(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			buf_append_str(out, STR("&lt;"));
			break;
		case '>':
			buf_append_str(out, STR("&gt;"));
			break;
		case '&':
			buf_append_str(out, STR("&amp;"));
			break;
		default:
			buf_append_char(out, *text);
		}
	}
}

static void
put_head(struct buf *out, const char *title)
{
	buf_append_str(
	    out, STR("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width\">\n"
		     "<link rel=\"stylesheet\" href=\"/docs/docs.css\">\n<title>"));
	put_html(out, title);
	buf_append_str(out, STR(" - billd</title>\n</head>\n<body class=\"text\">\n<h1>"));
	put_html(out, title);
	buf_append_str(out, STR("</h1>\n"));
}

bool
docs_run_problems(struct request *request)
{
	struct buf *out = &request->out;
	const struct refusal_info *info;

	put_head(out, "Types of problems");
	buf_append_str(out,
	    STR("<p>Every error is an application/problem+json document (RFC 9457); its type is "
		"one of "
		"these.</p>\n<table>\n<tr><th>type</th><th>status</th><th>title</th></tr>\n"));
	for (size_t i = 0; (info = problem_at(i)) != NULL; i++) {
		buf_printf(out,
		    "<tr><td><a href=\"" PROBLEM_TYPE_PREFIX "%s\">%s</a></td><td>%d</td><td>",
		    info->slug, info->slug, info->http_status);
		put_html(out, info->title);
		buf_append_str(out, STR("</td></tr>\n"));
	}
	buf_append_str(out, STR("</table>\n</body>\n</html>\n"));
	answer_page(request, HTML_TYPE, buf_str(out));
	return true;
}

bool
docs_run_problem(struct request *request)
{
	const struct refusal_info *info = problem_by_slug(request_param(request, "slug"));
	struct buf *out = &request->out;

	if (info == NULL) {
		answer_problem(request, PROBLEM_NOT_FOUND, "There is no such type of problem.");
		return true;
	}
	put_head(out, info->title);
	buf_append_str(out, STR("<p>"));
	put_html(out, info->explanation);
	buf_printf(out,
	    "</p>\n<p>HTTP status %d, type <code>" PROBLEM_TYPE_PREFIX "%s</code></p>\n"
	    "<p><a href=\"/docs/problems\">All types</a></p>\n</body>\n</html>\n",
	    info->http_status, info->slug);
	answer_page(request, HTML_TYPE, buf_str(out));
	return true;
}

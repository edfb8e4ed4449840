#include "common/codec/fingerprint.h"

#include "tests/unit/codec.h"

/* Every constant here was computed with fastavro (schema.fingerprint, to_parsing_canonical_form).
 */

static const struct bytes_row {
	const char *name;
	const char *text;
	uint64_t fingerprint;
} bytes_rows[] = {
    {"no bytes at all are the seed", "", UINT64_C(0xc15d213aa4d7a795)},
    {"the schema of null", "'null'", UINT64_C(0x63dd24e7cc258f8a)},
    {"the schema of an int", "'int'", UINT64_C(0x7275d51a3f395c8f)},
    {"the schema of a string", "'string'", UINT64_C(0x8f014872634503c7)},
    {"a map", "{'type':'map','values':'string'}", UINT64_C(0x86ce965d92864572)},
};

START_TEST(test_bytes)
{
	const struct bytes_row *row = &bytes_rows[_i];

	ck_assert_msg(fingerprint_bytes(str_from(codec_json(row->text))) == row->fingerprint, "%s",
	    row->name);
}
END_TEST

static const struct canonical_row {
	const char *name;
	const char *schema;
	const char *canonical;
	uint64_t fingerprint;
} canonical_rows[] = {
    {"a plain record", "{'type':'record','name':'R','fields':[{'name':'a','type':'string'}]}",
	"{'name':'R','type':'record','fields':[{'name':'a','type':'string'}]}",
	UINT64_C(0x9f65380be1feca52)},
    {"docs, defaults, logical types and spaces are dropped, the namespace goes into the name",
	"{ 'doc':'d', 'name':'R', 'type':'record', 'namespace':'x.y', 'fields':[\n"
	"{'doc':'e','type':{'logicalType':'uuid','type':'string'},'name':'a'},\n"
	"{'name':'b','type':['null',{'type':'long','logicalType':'timestamp-millis'}],"
	"'default':null}]}",
	"{'name':'x.y.R','type':'record','fields':[{'name':'a','type':'string'},"
	"{'name':'b','type':['null','long']}]}",
	UINT64_C(0xb0ff60c50c1f04ae)},
    {"our own rules are dropped",
	"{'type':'record','name':'R','exactlyOne':['a','b'],'fields':["
	"{'name':'a','type':['null','string'],'default':null,'format':'email','maxLength':5},"
	"{'name':'b','type':['null','string'],'default':null,'examples':['x']}]}",
	"{'name':'R','type':'record','fields':[{'name':'a','type':['null','string']},"
	"{'name':'b','type':['null','string']}]}",
	0},
    {"a named type is defined once and then named in full",
	"{'type':'record','name':'x.R','fields':[{'name':'a','type':{'type':'enum','name':'E',"
	"'symbols':['p','q']}},{'name':'b','type':'E','default':'p'},"
	"{'name':'c','type':['null','x.E'],'default':null}]}",
	"{'name':'x.R','type':'record','fields':[{'name':'a','type':{'name':'x.E','type':'enum',"
	"'symbols':['p','q']}},{'name':'b','type':'x.E'},{'name':'c','type':['null','x.E']}]}",
	UINT64_C(0x5987aa4631b1d72a)},
    {"arrays and maps",
	"{'type':'record','name':'R','namespace':'x','fields':[{'name':'l','type':{'type':'array',"
	"'items':{'type':'record','name':'y.I','fields':[{'name':'n','type':'int'},"
	"{'name':'t','type':'boolean'}]}}},{'name':'m','type':{'type':'map','values':'string'},"
	"'default':{}},{'name':'again','type':['null','y.I'],'default':null}]}",
	"{'name':'x.R','type':'record','fields':[{'name':'l','type':{'type':'array','items':"
	"{'name':'y.I','type':'record','fields':[{'name':'n','type':'int'},{'name':'t',"
	"'type':'boolean'}]}}},{'name':'m','type':{'type':'map','values':'string'}},"
	"{'name':'again','type':['null','y.I']}]}",
	UINT64_C(0xe8202b43189cc7ce)},
    {"a nested record's namespace holds inside it, and only there",
	"{'type':'record','name':'x.R','fields':[{'name':'a','type':{'type':'record','name':'y.A',"
	"'fields':[{'name':'e','type':{'type':'enum','name':'E','symbols':['s']}}]}},"
	"{'name':'b','type':{'type':'enum','name':'E','symbols':['t']}}]}",
	"{'name':'x.R','type':'record','fields':[{'name':'a','type':{'name':'y.A','type':'record',"
	"'fields':[{'name':'e','type':{'name':'y.E','type':'enum','symbols':['s']}}]}},"
	"{'name':'b','type':{'name':'x.E','type':'enum','symbols':['t']}}]}",
	UINT64_C(0xe76f9530f1c1ce6e)},
};

START_TEST(test_canonical)
{
	const struct canonical_row *row = &canonical_rows[_i];
	struct schema *schema = codec_schema(row->schema);
	struct buf buf;

	buf_init(&buf, CODEC_TEXT_MAX);
	fingerprint_canonical(schema, &buf);
	unit_assert_str(buf_str(&buf), codec_json(row->canonical), row->name);
	ck_assert_msg(schema->fingerprint == fingerprint_bytes(buf_str(&buf)), "%s", row->name);
	if (row->fingerprint != 0)
		ck_assert_msg(schema->fingerprint == row->fingerprint, "%s", row->name);
	buf_release(&buf);
	schema_free(schema);
}
END_TEST

/* fastavro wrote the frames of the golden bytes: each must name one of our schemas, by its name. */
START_TEST(test_golden_frames)
{
	const struct schemas *schemas = codec_schemas();
	struct buf buf;
	glob_t files;

	buf_init(&buf, AVRO_MESSAGE_MAX);
	ck_assert_int_eq(glob("schemas/golden/v*/*.bin", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const struct schema *schema;
		uint64_t fingerprint = 0;
		struct str body;

		codec_file(files.gl_pathv[i], &buf);
		ck_assert(avro_frame_read(buf_str(&buf), &fingerprint, &body));
		schema = schemas_by_fingerprint(schemas, fingerprint);
		ck_assert_msg(schema != NULL, "%s: unknown fingerprint", files.gl_pathv[i]);
	}
	ck_assert_uint_gt(files.gl_pathc, 0);
	globfree(&files);
	buf_release(&buf);
}
END_TEST

UNIT_MAIN("fingerprint", UNIT_ROWS(test_bytes, bytes_rows),
    UNIT_ROWS(test_canonical, canonical_rows), UNIT(test_golden_frames))

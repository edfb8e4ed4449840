#include "common/codec/schema.h"

#include "tests/unit/codec.h"

/* A record with one field `f`, whose attributes beside the name are %s. */
#define RECORD_WITH(field) "{'type':'record','name':'R','fields':[{'name':'f'," field "}]}"

#define OF_RECORDS                                                                          \
	"{'type':'array','items':{'type':'record','name':'I','fields':[{'name':'a','type':" \
	"'int'}]}}"

static const struct refused_row {
	const char *name;
	const char *schema;
	const char *reason; /* a part of the error's text */
} refused_rows[] = {
    {"not JSON", "{'type':", "line 1"},
    {"a key stands twice", "{'type':'record','type':'record','name':'R','fields':[]}", "duplicate"},
    {"the top is no record", "{'type':'enum','name':'E','symbols':['a']}", "must be a record"},
    {"the top is a union",
	"['null',{'type':'record','name':'R','fields':[{'name':'f',"
	"'type':'int'}]}]",
	"must be a record"},
    {"a record without fields", "{'type':'record','name':'R','fields':[]}", "1 to 64 fields"},
    {"a record without a name", "{'type':'record','fields':[{'name':'f','type':'int'}]}",
	"valid name"},
    {"a name with a dash", "{'type':'record','name':'a-b','fields':[]}", "valid name"},
    {"a bad namespace", "{'type':'record','name':'R','namespace':'a..b','fields':[]}", "namespace"},
    {"a field twice",
	"{'type':'record','name':'R','fields':[{'name':'f','type':'int'},{'name':'f','type':'int'}]"
	"}",
	"field f stands twice"},
    {"a name is defined twice",
	"{'type':'record','name':'R','fields':["
	"{'name':'f','type':{'type':'enum','name':'E','symbols':['a']}},"
	"{'name':'g','type':{'type':'enum','name':'E','symbols':['a']}}]}",
	"E is defined twice"},
    {"an unknown attribute of a record",
	"{'type':'record','name':'R','aliases':['S'],'fields':[{'name':'f','type':'int'}]}",
	"unknown attribute aliases of type record"},
    {"a float", RECORD_WITH("'type':'float'"), "\"float\" is no type of our subset"},
    {"bytes", RECORD_WITH("'type':'bytes'"), "\"bytes\" is no type of our subset"},
    {"null alone", RECORD_WITH("'type':'null'"), "\"null\" is no type of our subset"},
    {"fixed", RECORD_WITH("'type':{'type':'fixed','name':'F','size':4}"),
	"\"fixed\" is no type of our subset"},
    {"a type that is not defined", RECORD_WITH("'type':'Money'"), "nor defined before its use"},
    {"a record that holds itself", RECORD_WITH("'type':['null','R'],'default':null"),
	"nor defined before its use"},
    {"no type", RECORD_WITH("'doc':'x'"), "a type must be"},
    {"a doc that is no string", RECORD_WITH("'type':'int','doc':5"), "doc must be a string"},
    {"null is not first", RECORD_WITH("'type':['string','null']"), "null, first"},
    {"a union of three", RECORD_WITH("'type':['null','string','int']"), "null, first"},
    {"a union in a union", RECORD_WITH("'type':['null',['null','int']]"), "cannot hold a union"},
    {"an array of ints", RECORD_WITH("'type':{'type':'array','items':'int'}"),
	"of records or strings"},
    {"an array of enums",
	RECORD_WITH("'type':{'type':'array','items':{'type':'enum','name':'E','symbols':['a']}}"),
	"of records or strings"},
    {"an array of what may be null",
	RECORD_WITH("'type':{'type':'array','items':['null','string']}"), "of records or strings"},
    {"an array of arrays",
	RECORD_WITH("'type':{'type':'array','items':{'type':'array','items':'string'}}"),
	"of records or strings"},
    {"a map of ints", RECORD_WITH("'type':{'type':'map','values':'int'}"), "of strings"},
    {"an enum without symbols", RECORD_WITH("'type':{'type':'enum','name':'E','symbols':[]}"),
	"1 to 64 symbols"},
    {"a symbol twice", RECORD_WITH("'type':{'type':'enum','name':'E','symbols':['a','a']}"),
	"symbol a stands twice"},
    {"a symbol that is no name", RECORD_WITH("'type':{'type':'enum','name':'E','symbols':['a b']}"),
	"symbol 0 is not a valid name"},
    {"an unknown logical type", RECORD_WITH("'type':{'type':'long','logicalType':'time-micros'}"),
	"not one of ours"},
    {"a logical type on the wrong type",
	RECORD_WITH("'type':{'type':'string','logicalType':'timestamp-millis'}"),
	"not one of ours"},
    {"a typo in an attribute", RECORD_WITH("'type':'string','maxLenght':5"),
	"field f: unknown attribute maxLenght"},
    {"an unknown format", RECORD_WITH("'type':'string','format':'e-mail'"),
	"format has a value that it cannot have"},
    {"an unknown source", RECORD_WITH("'type':'string','in':'query'"),
	"in has a value that it cannot have"},
    {"a path field that is no UUID", RECORD_WITH("'type':'string','in':'path'"),
	"in has a value that it cannot have"},
    {"a meta field that is no record", RECORD_WITH("'type':'string','in':'meta'"),
	"in has a value that it cannot have"},
    {"a path field inside a record",
	RECORD_WITH("'type':{'type':'record','name':'S','fields':[{'name':'g','in':'path','type':"
		    "{'type':'string','logicalType':'uuid'}}]}"),
	"only a field of the top record"},
    {"a minimum on a text", RECORD_WITH("'type':'string','minimum':5"), "no rule for its type"},
    {"a length on a number", RECORD_WITH("'type':'int','maxLength':5"), "no rule for its type"},
    {"a length on a UUID",
	RECORD_WITH("'type':{'type':'string','logicalType':'uuid'},'maxLength':5"),
	"no rule for its type"},
    {"a negative length", RECORD_WITH("'type':'string','maxLength':-1"), "cannot have"},
    {"a length that is a text", RECORD_WITH("'type':'string','maxLength':'5'"), "cannot have"},
    {"a minimum with decimals", RECORD_WITH("'type':'int','minimum':1.5"), "cannot have"},
    {"a minimum over the maximum", RECORD_WITH("'type':'int','minimum':5,'maximum':4"),
	"leave no value"},
    {"a maximum that no int reaches", RECORD_WITH("'type':'int','maximum':2147483648"),
	"leave no value"},
    {"no examples", RECORD_WITH("'type':'int','examples':[]"), "cannot have"},
    {"a default of another type", RECORD_WITH("'type':'int','default':'1'"), "does not fit"},
    {"a default under the minimum", RECORD_WITH("'type':'int','default':0,'minimum':1"),
	"does not fit"},
    {"a default that is no symbol",
	RECORD_WITH("'type':{'type':'enum','name':'E','symbols':['a']},'default':'b'"),
	"does not fit"},
    {"a default of the union's second branch", RECORD_WITH("'type':['null','int'],'default':1"),
	"does not fit"},
    {"a map's default with pairs",
	RECORD_WITH("'type':{'type':'map','values':'string'},'default':{'a':'b'}"), "does not fit"},
    {"a default that is no decimal number",
	RECORD_WITH("'type':'string','format':'decimal','default':'-1'"), "does not fit"},
    {"a default with more places than the rule allows",
	RECORD_WITH("'type':'string','format':'decimal','places':2,'default':'0.001'"),
	"does not fit"},
    {"more places than a decimal has",
	RECORD_WITH("'type':'string','format':'decimal','places':13"), "at most 12 places"},
    {"a decimal that may be empty",
	RECORD_WITH("'type':'string','format':'decimal','allowEmpty':true"),
	"an empty text is no decimal"},
    {"places of a number", RECORD_WITH("'type':'long','places':2"), "no rule for its type"},
    {"items of a text", RECORD_WITH("'type':'string','maxItems':2"), "no rule for its type"},
    {"a length of records", RECORD_WITH("'type':" OF_RECORDS ",'maxLength':5"),
	"no rule for its type"},
    {"a format of records", RECORD_WITH("'type':" OF_RECORDS ",'format':'code'"),
	"no rule for its type"},
    {"records that stand there once", RECORD_WITH("'type':" OF_RECORDS ",'uniqueItems':true"),
	"no rule for its type"},
    {"a length of UUIDs",
	RECORD_WITH("'type':{'type':'array','items':{'type':'string','logicalType':'uuid'}},"
		    "'minLength':1"),
	"no rule for its type"},
    {"once that is a number",
	RECORD_WITH("'type':{'type':'array','items':'string'},'uniqueItems':1"), "cannot have"},
    {"a list's default with a text",
	RECORD_WITH("'type':{'type':'array','items':'string'},'default':['a']"), "does not fit"},
    {"a text that is not zero", RECORD_WITH("'type':'string','nonZero':true"),
	"no rule for its type"},
    {"a default that must not be", RECORD_WITH("'type':'long','nonZero':true,'default':0"),
	"does not fit"},
    {"JSON in a number", RECORD_WITH("'type':'long','json':true"), "no rule for its type"},
    {"exactlyOne of a list that must be given",
	"{'type':'record','name':'R','exactlyOne':['f','h'],'fields':["
	"{'name':'f','type':['null','int'],'default':null},{'name':'h','type':{'type':'array',"
	"'items':{'type':'record','name':'I','fields':[{'name':'a','type':'int'}]}}}]}",
	"exactlyOne: h is not an optional field"},
    {"exactlyOne of an unknown field",
	"{'type':'record','name':'R','exactlyOne':['f','g'],'fields':["
	"{'name':'f','type':['null','int'],'default':null},{'name':'h','type':'int'}]}",
	"exactlyOne: g is not an optional field"},
    {"exactlyOne of a field that must be given",
	"{'type':'record','name':'R','exactlyOne':['f','h'],'fields':["
	"{'name':'f','type':['null','int'],'default':null},{'name':'h','type':'int'}]}",
	"exactlyOne: h is not an optional field"},
};

START_TEST(test_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	struct schema *schema = NULL;
	struct err err = {0};

	ck_assert_msg(schema_parse(str_from(codec_json(row->schema)), &schema, &err) == ERR_FATAL,
	    "%s: accepted", row->name);
	ck_assert_msg(strstr(err.text, row->reason) != NULL, "%s: %s", row->name, err.text);
	ck_assert_ptr_null(schema);
}
END_TEST

START_TEST(test_every_attribute_is_read)
{
	struct schema *schema = codec_schema(
	    "{'type':'record','name':'T','namespace':'x','doc':'top','exactlyOne':['b','c'],'"
	    "fields':["
	    "{'name':'a','in':'path','type':{'type':'string','logicalType':'uuid'}},"
	    "{'name':'b','doc':'bee','type':['null','string'],'default':null,'format':'code',"
	    "'minLength':2,'maxLength':9,'allowEmpty':true,'examples':['bb']},"
	    "{'name':'c','type':['null','long'],'default':null,'minimum':-3,'maximum':7},"
	    "{'name':'d','type':{'type':'map','values':'string'},'default':{},'maxProperties':4,"
	    "'maxKeyLength':6,'maxLength':8},"
	    "{'name':'e','type':'int'}]}");
	const struct schema_field *fields = schema->fields;

	unit_assert_str(schema->name, "x.T", "the full name");
	unit_assert_str(schema->doc, "top", "the record's doc");
	ck_assert_uint_eq(schema->fields_len, 5);
	ck_assert_uint_eq(schema->exactly_one_len, 2);
	unit_assert_str(schema->exactly_one[1], "c", "the group");

	ck_assert(fields[0].source == SOURCE_PATH && fields[0].type->logical == SCHEMA_UUID);
	ck_assert_ptr_null(fields[0].fallback);

	unit_assert_str(fields[1].doc, "bee", "the field's doc");
	ck_assert(fields[1].source == SOURCE_BODY && fields[1].type->nullable);
	ck_assert(fields[1].type->type == SCHEMA_STRING && json_is_null(fields[1].fallback));
	ck_assert(fields[1].format == FORMAT_CODE && fields[1].allow_empty);
	ck_assert(fields[1].length_min == 2 && fields[1].length_max == 9);
	unit_assert_str(schema_str(json_array_get(fields[1].examples, 0)), "bb", "the example");

	ck_assert(fields[2].minimum == -3 && fields[2].maximum == 7);
	ck_assert(fields[3].pairs_max == 4 && fields[3].key_length_max == 6);
	ck_assert(fields[3].length_max == 8);
	ck_assert(fields[4].minimum == INT32_MIN && fields[4].maximum == INT32_MAX);
	ck_assert(fields[4].length_max == SIZE_MAX && fields[4].format == FORMAT_ANY);
	schema_free(schema);
}
END_TEST

START_TEST(test_the_attributes_of_lists_and_decimals_are_read)
{
	struct schema *schema = codec_schema(
	    "{'type':'record','name':'T','exactlyOne':['a','b'],'fields':["
	    "{'name':'a','type':{'type':'array','items':{'type':'record','name':'I','fields':["
	    "{'name':'c','type':'string','format':'decimal','places':0,'default':'15'}]}},"
	    "'default':[],'maxItems':3},"
	    "{'name':'b','type':['null','string'],'default':null,'json':true},"
	    "{'name':'d','type':'string','format':'decimal','default':'0'},"
	    "{'name':'e','type':'string','format':'anchor','default':'start'}]}");
	const struct schema_field *fields = schema->fields;

	ck_assert_uint_eq(schema->exactly_one_len, 2);
	ck_assert_uint_eq(fields[0].items_max, 3);
	ck_assert_uint_eq(fields[0].type->items->fields[0].places, 0);
	ck_assert(fields[1].json && fields[1].items_max == SIZE_MAX);
	ck_assert(!fields[2].json && fields[2].format == FORMAT_DECIMAL && fields[2].places == 12);
	ck_assert(fields[3].format == FORMAT_ANCHOR);
	schema_free(schema);
}
END_TEST

START_TEST(test_a_named_type_is_the_same_by_name)
{
	struct schema *schema = codec_schema("{'type':'record','name':'x.T','fields':[{'name':'a','"
					     "type':{'type':'record','name':'M',"
					     "'fields':[{'name':'n','type':'long'}]}},{'name':'b','"
					     "type':['null','M'],'default':null}]}");

	ck_assert(!schema->fields[0].type->nullable);
	ck_assert(schema->fields[1].type->nullable);
	ck_assert_ptr_eq(schema->fields[0].type->fields, schema->fields[1].type->fields);
	unit_assert_str(schema->fields[1].type->name, "x.M", "its full name");
	schema_free(schema);
}
END_TEST

START_TEST(test_records_are_nested_up_to_a_limit)
{
	struct schema *schema = NULL;
	struct err err = {0};
	struct buf buf;

	buf_init(&buf, CODEC_TEXT_MAX);
	for (int depth = SCHEMA_DEPTH_MAX; depth <= SCHEMA_DEPTH_MAX + 1; depth++) {
		buf_clear(&buf);
		for (int i = 0; i < depth; i++)
			buf_printf(&buf,
			    "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"f\","
			    "\"type\":",
			    i);
		buf_append_str(&buf, STR("\"int\""));
		for (int i = 0; i < depth; i++)
			buf_append_str(&buf, STR("}]}"));
		ck_assert_int_eq(schema_parse(buf_str(&buf), &schema, &err),
		    depth == SCHEMA_DEPTH_MAX ? ERR_NONE : ERR_FATAL);
	}
	ck_assert_msg(strstr(err.text, "nested deeper than 8") != NULL, "%s", err.text);
	schema_free(schema);
	buf_release(&buf);
}
END_TEST

#define ONE(name, field)                                                            \
	"{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[{\"name\":\"" field \
	"\",\"type\":\"int\"}]}"
#define FILE_OF(path, text)                  \
	{                                    \
		path, text, sizeof(text) - 1 \
	}

START_TEST(test_a_set_knows_current_and_released_schemas)
{
	static const struct embedded_file files[] = {
	    FILE_OF("schemas/README.md", "not a schema"),
	    FILE_OF("schemas/actions/c.avsc", ONE("C", "now")),
	    FILE_OF("schemas/events/b.avsc", ONE("B", "now")),
	    FILE_OF("schemas/released/v1/events/b.avsc", ONE("B", "then")),
	    FILE_OF("schemas/released/v2/events/b.avsc", ONE("B", "now")),
	    FILE_OF("schemas/released/v1/commands/gone.avsc", ONE("Gone", "then")),
	    FILE_OF("schemas/commands/a.avsc", ONE("A", "now")),
	};
	struct schema *old = codec_schema("{'type':'record','name':'B','fields':"
					  "[{'name':'then','type':'int'}]}");
	const struct schema *b, *found;
	struct schemas *schemas = NULL;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(files, ARRAY_LEN(files), &schemas, &err), ERR_NONE);

	unit_assert_str(schemas_at(schemas, 0)->name, "A", "commands come first");
	unit_assert_str(schemas_at(schemas, 1)->name, "B", "events come after them");
	unit_assert_str(schemas_at(schemas, 2)->name, "C", "actions come last");
	ck_assert_ptr_null(schemas_at(schemas, 3));
	ck_assert_ptr_null(schemas_by_name(schemas, STR("Gone")));
	found = schemas_by_name(schemas, STR("C"));
	ck_assert_ptr_eq(found, schemas_at(schemas, 2));
	ck_assert_msg(schemas_by_fingerprint(schemas, found->fingerprint) == NULL,
	    "an action is on no topic");

	b = schemas_by_name(schemas, STR("B"));
	unit_assert_str(b->fields[0].name, "now", "by name comes the current one");
	ck_assert_ptr_eq(schemas_by_fingerprint(schemas, b->fingerprint), b);

	found = schemas_by_fingerprint(schemas, old->fingerprint);
	ck_assert_ptr_nonnull(found);
	unit_assert_str(found->fields[0].name, "then", "by fingerprint comes the released one");
	ck_assert_ptr_null(schemas_by_fingerprint(schemas, old->fingerprint + 1));

	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(schemas_any_at(schemas, i));
	ck_assert_ptr_null(schemas_any_at(schemas, 4));
	for (size_t i = 1; i < 4; i++)
		ck_assert_uint_lt(schemas_any_at(schemas, i - 1)->fingerprint,
		    schemas_any_at(schemas, i)->fingerprint);
	schemas_free(schemas);
	schema_free(old);
}
END_TEST

START_TEST(test_two_current_schemas_of_one_name)
{
	static const struct embedded_file files[] = {
	    FILE_OF("schemas/commands/a.avsc", ONE("A", "f")),
	    FILE_OF("schemas/commands/b.avsc", ONE("A", "g")),
	};
	struct schemas *schemas = NULL;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(files, ARRAY_LEN(files), &schemas, &err), ERR_FATAL);
	ck_assert_str_eq(err.text, "schemas/commands/b.avsc: another current schema is named A");
}
END_TEST

START_TEST(test_an_action_is_its_body)
{
	static const struct embedded_file files[] = {FILE_OF("schemas/actions/a.avsc",
	    "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"f\",\"type\":\"int\"},"
	    "{\"name\":\"g_id\",\"in\":\"path\",\"type\":{\"type\":\"string\","
	    "\"logicalType\":\"uuid\"}}]}")};
	struct schemas *schemas = NULL;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(files, ARRAY_LEN(files), &schemas, &err), ERR_FATAL);
	ck_assert_str_eq(
	    err.text, "schemas/actions/a.avsc: field g_id: an action's come from the body");
}
END_TEST

START_TEST(test_a_bad_released_schema_is_named)
{
	static const struct embedded_file files[] = {
	    FILE_OF("schemas/released/v1/commands/a.avsc", "[]")};
	struct schemas *schemas = NULL;
	struct err err = {0};

	ck_assert_int_eq(schemas_open_files(files, ARRAY_LEN(files), &schemas, &err), ERR_FATAL);
	ck_assert_msg(
	    strstr(err.text, "schemas/released/v1/commands/a.avsc: ") == err.text, "%s", err.text);
}
END_TEST

START_TEST(test_what_is_embedded)
{
	struct schemas *schemas = NULL;
	const struct schema *schema;
	struct err err = {0};
	struct buf buf;

	ck_assert_msg(schemas_open(&schemas, &err) == ERR_NONE, "%s", err.text);
	schema = schemas_by_name(schemas, STR("billd.command.CreatePlan"));
	ck_assert_ptr_nonnull(schema);
	buf_init(&buf, CODEC_TEXT_MAX);
	codec_file("schemas/commands/create_plan.avsc", &buf);
	ck_assert_msg(str_equal(schema->text, buf_str(&buf)), "the text is the file's");
	buf_release(&buf);
	schemas_free(schemas);
	schemas_free(NULL);
	schema_free(NULL);
}
END_TEST

UNIT_MAIN("schema", UNIT_ROWS(test_refused, refused_rows), UNIT(test_every_attribute_is_read),
    UNIT(test_the_attributes_of_lists_and_decimals_are_read),
    UNIT(test_a_named_type_is_the_same_by_name), UNIT(test_records_are_nested_up_to_a_limit),
    UNIT(test_a_set_knows_current_and_released_schemas), UNIT(test_two_current_schemas_of_one_name),
    UNIT(test_an_action_is_its_body), UNIT(test_a_bad_released_schema_is_named),
    UNIT(test_what_is_embedded))

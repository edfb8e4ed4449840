#include "api/layout.h"

/* Go behind the CR LF that followed ${text}. */
static void
line_end(struct layout *layout, struct str text)
{
	const char *end = text.ptr + text.len;

	layout->at = end[0] == '\0' && end[1] == '\0' ? end + 2 : NULL;
}

void
layout_begin(struct layout *layout, struct str method, struct str target, struct str version)
{
	layout->at = NULL;
	/* One space between them. */
	if (method.ptr + method.len + 1 == target.ptr && target.ptr + target.len + 1 == version.ptr)
		line_end(layout, version);
}

void
layout_header(struct layout *layout, struct str name, struct str value)
{
	bool here = layout->at != NULL && name.ptr == layout->at;

	layout->at = NULL;
	/* Between the colon and the value there may be blanks, which belong to neither. */
	if (here && value.ptr != NULL && value.ptr > name.ptr + name.len)
		line_end(layout, value);
}

bool
layout_is_sound(const struct layout *layout, struct str block)
{
	const char *at = layout->at;

	return at != NULL && at + 2 == block.ptr + block.len && at[0] == '\0' && at[1] == '\0';
}

bool
layout_chunks_are_sound(const char *from, const char *to)
{
	for (; from < to; from++)
		if (from[0] == '\n' && from[-1] != '\r')
			return false;
	return true;
}

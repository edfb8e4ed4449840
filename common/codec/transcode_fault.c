#include "common/codec/transcode_fault.h"

#include <stdarg.h>

#define DETAIL_MAX 400
#define POINTER_MAX (16 * 1024)

/* Count the fault; keep it when there is room in the list and in the arena. */
static void
fault_keep(struct faults *faults, struct str pointer, const char *detail)
{
	struct fault *fault = &faults->items[faults->len];

	faults->found++;
	if (faults->len == FAULTS_MAX)
		return;
	if (arena_str(faults->arena, pointer, &fault->pointer) &&
	    arena_str(faults->arena, str_from(detail), &fault->detail))
		faults->len++;
}

void
fault_add(struct faults *faults, struct str pointer, const char *format, ...)
{
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	fault_keep(faults, pointer, detail);
}

/* RFC 6901: '~' is ~0 and '/' is ~1. */
static void
name_append(struct str name, struct buf *buf)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '~')
			buf_append_str(buf, STR("~0"));
		else if (name.ptr[i] == '/')
			buf_append_str(buf, STR("~1"));
		else
			buf_append_char(buf, name.ptr[i]);
	}
}

/* Depth is bounded by SCHEMA_DEPTH_MAX: places are made by walking a schema. */
static void
place_append(const struct place *place, struct buf *buf)
{
	if (place == NULL)
		return;
	place_append(place->up, buf);
	buf_append_char(buf, '/');
	if (place->name.ptr == NULL)
		buf_printf(buf, "%zu", place->index);
	else
		name_append(place->name, buf);
}

void
fault_at(struct faults *faults, const struct place *place, const char *format, ...)
{
	char detail[DETAIL_MAX];
	struct buf pointer;
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);

	/* A name of the client's may be absurdly long: then the fault is told of what holds it. */
	buf_init(&pointer, POINTER_MAX);
	place_append(place, &pointer);
	if (pointer.overflow) {
		buf_clear(&pointer);
		place_append(place->up, &pointer);
	}
	fault_keep(faults, buf_str(&pointer), detail);
	buf_release(&pointer);
}

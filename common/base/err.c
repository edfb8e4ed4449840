#include "common/base/err.h"

#include <stdarg.h>

/* Errors are single lines in logs; a library's text may not be. */
static void
flatten(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

enum err_class
err_set(struct err *err, enum err_class class, const char *format, ...)
{
	va_list args;

	CHECK(class != ERR_NONE);
	*err = (struct err){.class = class};
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	flatten(err->text);
	return class;
}

enum err_class
err_wrap(struct err *err, const char *format, ...)
{
	char inner[ERR_TEXT_SIZE];
	va_list args;
	size_t len;

	CHECK(err->class != ERR_NONE);
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", inner);
	flatten(err->text);
	return err->class;
}

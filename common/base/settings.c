#include "common/base/settings.h"

#include <errno.h>

#include "common/base/log.h"
#include "common/base/str.h"

#define SETTING_FILE_MAX 65536
#define VARIABLE_MAX 128

static const char *
variable_read(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The content of a secret's file, without the line end behind it.  Lives as long as the process. */
static enum err_class
file_read(const char *variable, const char *path, const char **ret_text, struct err *err)
{
	enum err_class class = ERR_FATAL;
	char *text = malloc(SETTING_FILE_MAX + 1);
	FILE *file = NULL;
	size_t len;

	if (text == NULL) {
		err_set(err, ERR_FATAL, "%s: out of memory", variable);
		goto out;
	}
	file = fopen(path, "re");
	if (file == NULL) {
		err_set(err, ERR_FATAL, "%s: cannot open %s: %s", variable, path, strerror(errno));
		goto out;
	}
	len = fread(text, 1, SETTING_FILE_MAX + 1, file);
	if (ferror(file) || len > SETTING_FILE_MAX) {
		err_set(err, ERR_FATAL, "%s: cannot read %s, or it has over %d bytes", variable,
		    path, SETTING_FILE_MAX);
		goto out;
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len == 0) {
		err_set(err, ERR_FATAL, "%s: %s is empty", variable, path);
		goto out;
	}
	/* It would end there, without a word. */
	if (memchr(text, '\0', len) != NULL) {
		err_set(err, ERR_FATAL, "%s: %s has a NUL, which no text has", variable, path);
		goto out;
	}
	text[len] = '\0';
	*ret_text = text;
	text = NULL;
	class = ERR_NONE;
out:
	if (file != NULL)
		fclose(file);
	free(text);
	return class;
}

static enum err_class
integer_read(const struct setting *setting, struct err *err)
{
	const char *text = variable_read(setting->name);

	if (text == NULL)
		text = setting->fallback;
	CHECK(text != NULL);
	if (!str_read_int64(str_from(text), setting->minimum, setting->maximum, setting->value))
		return err_set(err, ERR_FATAL, "%s: \"%s\" is not an integer between %lld and %lld",
		    setting->name, text, (long long)setting->minimum, (long long)setting->maximum);
	return ERR_NONE;
}

static enum err_class
power_read(const struct setting *setting, struct err *err)
{
	const int64_t *value = setting->value;

	if (integer_read(setting, err) != ERR_NONE)
		return err->class;
	if ((*value & (*value - 1)) != 0)
		return err_set(err, ERR_FATAL, "%s: %lld is not a power of two", setting->name,
		    (long long)*value);
	return ERR_NONE;
}

/* The next of the words at ${at}, one space behind the other; none at their end. */
static struct str
word_next(const char **at)
{
	struct str word = {*at, strcspn(*at, " ")};

	*at += word.len;
	*at += strspn(*at, " ");
	return word;
}

static enum err_class
choice_read(const struct setting *setting, struct err *err)
{
	const char *text = variable_read(setting->name), *at = setting->fallback;
	struct str word = word_next(&at);
	int64_t which = 0;

	while (text != NULL && word.len > 0 && !str_equal(word, str_from(text))) {
		word = word_next(&at);
		which++;
	}
	if (word.len == 0)
		return err_set(err, ERR_FATAL, "%s: \"%s\" is none of: %s", setting->name, text,
		    setting->fallback);
	*(int64_t *)setting->value = which;
	return ERR_NONE;
}

static enum err_class
text_read(const struct setting *setting, struct err *err)
{
	const char *text = variable_read(setting->name);

	if (text == NULL)
		text = setting->fallback;
	if (setting->minimum == 1 && (text == NULL || text[0] == '\0'))
		return err_set(err, ERR_FATAL, "%s must be set: %s", setting->name, setting->help);
	*(const char **)setting->value = text;
	return ERR_NONE;
}

static enum err_class
level_read(const struct setting *setting, struct err *err)
{
	const char *const *value = setting->value;

	if (text_read(setting, err) != ERR_NONE)
		return err->class;
	if (!log_level_is_known(*value))
		return err_set(err, ERR_FATAL, "%s: \"%s\" is not debug, info, warn or error",
		    setting->name, *value);
	return ERR_NONE;
}

/* The variable itself goes before the file that NAME_FILE names. */
static enum err_class
secret_read(const struct setting *setting, struct err *err)
{
	char file_variable[VARIABLE_MAX];
	const char *path, *text = NULL;

	snprintf(file_variable, sizeof(file_variable), "%s_FILE", setting->name);
	path = variable_read(file_variable);
	if (path == NULL || variable_read(setting->name) != NULL)
		return text_read(setting, err);
	if (file_read(file_variable, path, &text, err) != ERR_NONE)
		return err->class;
	*(const char **)setting->value = text;
	return ERR_NONE;
}

static enum err_class
setting_read(const struct setting *setting, struct err *err)
{
	switch (setting->kind) {
	case SETTING_INTEGER:
		return integer_read(setting, err);
	case SETTING_POWER:
		return power_read(setting, err);
	case SETTING_LEVEL:
		return level_read(setting, err);
	case SETTING_CHOICE:
		return choice_read(setting, err);
	case SETTING_TEXT:
		return text_read(setting, err);
	case SETTING_SECRET:
		return secret_read(setting, err);
	}
	CHECK(!"a kind of setting that does not exist");
	return ERR_FATAL;
}

enum err_class
settings_read(const struct setting *settings, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if (setting_read(&settings[i], err) != ERR_NONE)
			return err->class;
	return ERR_NONE;
}

/* "continuous (or hourly, manual)" */
static void
choice_print(const struct setting *setting)
{
	const char *at = setting->fallback;
	struct str word = word_next(&at);

	printf("%.*s", (int)word.len, word.ptr);
	for (const char *before = " (or "; (word = word_next(&at)).len > 0; before = ", ")
		printf("%s%.*s", before, (int)word.len, word.ptr);
	printf(")");
}

/* The last column of both tables: the range or the default. */
static void
range_print(const struct setting *setting)
{
	if (setting->kind == SETTING_CHOICE)
		choice_print(setting);
	else if (setting->fallback != NULL)
		printf("%s", setting->fallback);
	else
		printf("%s", setting->minimum == 1 ? "must be set" : "none");
	if (setting->kind == SETTING_INTEGER || setting->kind == SETTING_POWER)
		printf(" (%lld to %lld)", (long long)setting->minimum, (long long)setting->maximum);
}

void
settings_help(const char *program, const char *purpose, const struct setting *settings, size_t len)
{
	printf("%s: %s\n\nSettings are environment variables; a variable marked * may instead "
	       "be given as NAME_FILE, the path of a file that holds it.\n\n",
	    program, purpose);
	for (size_t i = 0; i < len; i++) {
		printf("  %s%s\n      %s\n      default: ", settings[i].name,
		    settings[i].kind == SETTING_SECRET ? " *" : "", settings[i].help);
		range_print(&settings[i]);
		printf("\n");
	}
	printf("\nExit codes: 0 clean stop; 1 the environment failed, start again; "
	       "2 a setting is wrong; 3 stopped before it was done.\n");
}

void
settings_markdown(const char *program, const struct setting *settings, size_t len)
{
	printf("## %s\n\n| variable | default | meaning |\n| --- | --- | --- |\n", program);
	for (size_t i = 0; i < len; i++) {
		printf("| `%s`%s | ", settings[i].name,
		    settings[i].kind == SETTING_SECRET ? " *" : "");
		range_print(&settings[i]);
		printf(" | %s |\n", settings[i].help);
	}
	printf("\n");
}

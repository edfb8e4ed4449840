/* From argv to what a subcommand was given. */

#include "cli/cli.h"
#include "common/base/utf8.h"

static int
option_index(const struct cli_command *command, const char *name)
{
	for (int i = 0; i < CLI_OPTIONS_MAX && command->options[i].name != NULL; i++)
		if (strcmp(command->options[i].name, name) == 0)
			return i;
	return -1;
}

/* What the command takes, for an error's text. */
static const char *
synopsis_of(const struct cli_command *command)
{
	return command->synopsis[0] != '\0' ? command->synopsis : "nothing";
}

/* Take the option at argv[*at], and its value behind it. */
static enum err_class
read_option(const struct cli_command *command, int argc, char **argv, int *at,
    struct cli_input *input, struct err *err)
{
	const char *name = argv[*at];
	int index = option_index(command, name);

	if (index < 0)
		return err_set(
		    err, ERR_FATAL, "unknown option %s; it takes: %s", name, synopsis_of(command));
	if (input->options[index] != NULL)
		return err_set(err, ERR_FATAL, "%s is given twice", name);
	if (command->options[index].kind == OPTION_FLAG) {
		input->options[index] = name;
		return ERR_NONE;
	}
	if (*at + 1 == argc)
		return err_set(err, ERR_FATAL, "%s needs a value", name);
	input->options[index] = argv[++*at];
	return ERR_NONE;
}

enum err_class
cli_read(const struct cli_command *command, int argc, char **argv, struct cli_input *ret_input,
    struct err *err)
{
	struct cli_input *input = ret_input;

	*input = (struct cli_input){.positionals_len = 0};
	for (int at = 0; at < argc; at++) {
		if (argv[at][0] == '-' && argv[at][1] == '-') {
			if (read_option(command, argc, argv, &at, input, err) != ERR_NONE)
				return err->class;
		} else if (input->positionals_len == command->positionals_max) {
			return err_set(err, ERR_FATAL, "unexpected argument %s; it takes: %s",
			    argv[at], synopsis_of(command));
		} else {
			input->positionals[input->positionals_len++] = argv[at];
		}
	}
	if (input->positionals_len < command->positionals_min)
		return err_set(
		    err, ERR_FATAL, "arguments are missing; it takes: %s", synopsis_of(command));
	for (int i = 0; i < CLI_OPTIONS_MAX && command->options[i].name != NULL; i++)
		if (command->options[i].kind == OPTION_REQUIRED && input->options[i] == NULL)
			return err_set(err, ERR_FATAL, "%s is missing; it takes: %s",
			    command->options[i].name, synopsis_of(command));
	return ERR_NONE;
}

enum err_class
cli_read_uuid(const char *name, const char *text, struct uuid *ret_uuid, struct err *err)
{
	if (!uuid_read(str_from(text), ret_uuid))
		return err_set(err, ERR_FATAL, "%s: \"%s\" is no UUID", name, text);
	return ERR_NONE;
}

enum err_class
cli_read_name(const char *name, const char *text, struct str *ret_str, struct err *err)
{
	struct str str = str_from(text);

	if (str.len == 0)
		return err_set(err, ERR_FATAL, "%s must not be empty", name);
	if (!utf8_is_valid(str))
		return err_set(err, ERR_FATAL, "%s is not UTF-8", name);
	if (utf8_count(str) > CLI_NAME_MAX)
		return err_set(
		    err, ERR_FATAL, "%s has more than %d characters", name, CLI_NAME_MAX);
	*ret_str = str;
	return ERR_NONE;
}

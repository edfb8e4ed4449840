/* billd migrate: the schema of the database. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/postgres/migrate.h"

#define DIRECTORY "migrations"
#define PATH_SIZE 128

static enum err_class
open_database(const struct cli *cli, struct migrate **ret_migrate, struct err *err)
{
	if (cli->database_url == NULL)
		return err_set(err, ERR_FATAL, "BILLD_DATABASE_URL must be set");
	return migrate_open(
	    cli->database_url, embedded_migrations, embedded_migrations_len, ret_migrate, err);
}

static enum err_class
run_up(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct migrate *migrate = NULL;
	const struct migration *done = NULL;
	enum err_class class;
	size_t count = 0;

	(void)input;
	class = open_database(cli, &migrate, err);
	if (class != ERR_NONE)
		return class;
	while ((class = migrate_up(migrate, &done, err)) == ERR_NONE && done != NULL) {
		printf("applied %s\n", done->name);
		fflush(stdout);
		count++;
	}
	if (class == ERR_NONE && count == 0)
		printf("nothing to do: the database is at %04zu\n", embedded_migrations_len);
	migrate_close(migrate);
	return class;
}

static enum err_class
run_status(struct cli *cli, const struct cli_input *input, struct err *err)
{
	struct migrate *migrate = NULL;
	const struct migration *migration;
	const struct migration_applied *applied;

	(void)input;
	if (open_database(cli, &migrate, err) != ERR_NONE)
		return err->class;
	for (size_t i = 0; (migration = migrate_at(migrate, i, &applied)) != NULL; i++)
		printf("%-20s  %s\n", applied == NULL ? "pending" : applied->applied_at,
		    migration->name);
	migrate_close(migrate);
	return ERR_NONE;
}

static bool
is_good_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			name[i] == '_'))
			return false;
	return len > 0 && len + sizeof("0000_.sql") <= MIGRATION_NAME_SIZE;
}

/* The highest number among the files of the directory. */
static enum err_class
find_last(int64_t *ret_last, struct err *err)
{
	DIR *directory = opendir(DIRECTORY);
	const struct dirent *entry;
	int64_t number;

	if (directory == NULL)
		return err_set(err, ERR_FATAL, "cannot read ./%s: %s", DIRECTORY, strerror(errno));
	*ret_last = 0;
	while ((entry = readdir(directory)) != NULL) {
		struct str name = str_from(entry->d_name);

		if (name.len > 5 && name.ptr[4] == '_' &&
		    str_read_int64((struct str){name.ptr, 4}, *ret_last, INT32_MAX, &number))
			*ret_last = number;
	}
	closedir(directory);
	return ERR_NONE;
}

static enum err_class
write_file(const char *path, const char *name, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool is_good;

	if (file == NULL) {
		err_set(err, ERR_FATAL, "cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return err->class;
	}
	is_good = fprintf(file,
		      "-- %s: say here what changes, and why.\n"
		      "-- It runs in one transaction, as billd_owner; once released it is never "
		      "edited.\n\n",
		      name) > 0;
	if (fclose(file) != 0 || !is_good)
		return err_set(err, ERR_FATAL, "cannot write %s: %s", path, strerror(errno));
	return ERR_NONE;
}

static enum err_class
run_new(struct cli *cli, const struct cli_input *input, struct err *err)
{
	const char *name = input->positionals[0];
	char path[PATH_SIZE];
	int64_t last = 0;

	(void)cli;
	if (!is_good_name(name))
		return err_set(err, ERR_FATAL,
		    "\"%s\": a name has lower-case letters, digits and underscores, %zu at most",
		    name, MIGRATION_NAME_SIZE - sizeof("0000_.sql"));
	if (find_last(&last, err) != ERR_NONE)
		return err->class;
	if (last >= MIGRATIONS_MAX)
		return err_set(err, ERR_FATAL, "there are %d migrations already", MIGRATIONS_MAX);
	snprintf(path, sizeof(path), "%s/%04d_%s.sql", DIRECTORY, (int)last + 1, name);
	if (write_file(path, name, err) != ERR_NONE)
		return err->class;
	printf("%s\n", path);
	return ERR_NONE;
}

const struct cli_command migrate_commands[] = {
    {"migrate", "up", "", "apply what is pending", .run = run_up},
    {"migrate", "status", "", "list all migrations: when each was applied, or that it is pending",
	.run = run_status},
    {"migrate", "new", "NAME", "begin the next file in ./migrations", .positionals_min = 1,
	.positionals_max = 1, .run = run_new},
    {.noun = NULL},
};

#include "common/zone/zone_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/zone/zone.h"
#include "common/zone/zone_file.h"

#define DIRECTORY_DEFAULT "/usr/share/zoneinfo"
#define DIRECTORY_SIZE 1024
#define NAMES_MAX 1024 /* release 2025b has 597 */
#define PARTS_MAX 4    /* "America/Argentina/Buenos_Aires" has 3 */

/* What lies in the directory itself and names no place: copies of the whole database (one of them
 * with leap seconds), the machine's own zone, the rules that POSIX leaves open, and "not set". */
static const char *const not_names[] = {
    "Factory",
    "localtime",
    "posix",
    "posixrules",
    "right",
};

/* What zone_init reads; nothing writes to it once it is ready. */
static struct {
	atomic_bool ready;
	pthread_mutex_t mutex; /* for the reading */
	char directory[DIRECTORY_SIZE];
	size_t len;
	char names[NAMES_MAX][ZONE_NAME_MAX + 1]; /* as by str_compare */
} list = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool
part_is_valid(const char *part)
{
	size_t len = 0;

	for (; part[len] != '\0'; len++) {
		char c = part[len];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			c == '_' || c == '-' || c == '+'))
			return false;
	}
	return len > 0;
}

static bool
part_is_of_names(const char *part, bool is_first)
{
	for (size_t i = 0; is_first && i < ARRAY_LEN(not_names); i++)
		if (strcmp(part, not_names[i]) == 0)
			return false;
	return part_is_valid(part);
}

/* The class of the error number ${number}. */
static enum err_class
directory_error(int number, const char *name, struct err *err)
{
	bool passes = number == ENOMEM || number == EMFILE || number == ENFILE || number == EINTR ||
		      number == EIO || number == EAGAIN;

	return err_set(err, passes ? ERR_RETRY : ERR_FATAL, "reading %s/%s: %s", list.directory,
	    name, strerror(number));
}

/* Add ${name}, if the file ${fd} is one of the database. */
static enum err_class
name_add(int fd, const char *name, struct err *err)
{
	char magic[sizeof(ZONE_FILE_MAGIC) - 1] = "";
	ssize_t len = read(fd, magic, sizeof(magic));

	if (len < 0)
		return directory_error(errno, name, err);
	if (len != sizeof(magic) || memcmp(magic, ZONE_FILE_MAGIC, sizeof(magic)) != 0)
		return ERR_NONE;
	if (list.len == NAMES_MAX)
		return err_set(
		    err, ERR_FATAL, "%s has more than %d time zones", list.directory, NAMES_MAX);
	memcpy(list.names[list.len++], name, strlen(name) + 1);
	return ERR_NONE;
}

static enum err_class directory_walk(int fd, const char *prefix, size_t parts, struct err *err);

/* Add the file ${part} of the directory ${directory_fd}, or all in it; ${parts} are above it. */
static enum err_class
part_walk(int directory_fd, const char *prefix, const char *part, size_t parts, struct err *err)
{
	char name[ZONE_NAME_MAX + 1];
	int len = snprintf(name, sizeof(name), "%s%s%s", prefix, parts == 0 ? "" : "/", part);
	enum err_class class = ERR_NONE;
	struct stat status;
	int fd;

	if (len > ZONE_NAME_MAX)
		return ERR_NONE;
	/* A pipe in a file's place must not hold us up. */
	fd = openat(directory_fd, part, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		/* A link to nothing is no name; nor is what is being replaced. */
		return errno == ENOENT ? ERR_NONE : directory_error(errno, name, err);
	if (fstat(fd, &status) != 0)
		class = directory_error(errno, name, err);
	else if (S_ISDIR(status.st_mode) && parts + 1 < PARTS_MAX)
		return directory_walk(fd, name, parts + 1, err);
	else if (S_ISREG(status.st_mode))
		class = name_add(fd, name, err);
	close(fd);
	return class;
}

/* Add all names in the directory ${fd}, which is closed. */
static enum err_class
directory_walk(int fd, const char *prefix, size_t parts, struct err *err)
{
	enum err_class class = ERR_NONE;
	DIR *directory = fdopendir(fd);

	if (directory == NULL) {
		class = directory_error(errno, prefix, err);
		close(fd);
		return class;
	}
	while (class == ERR_NONE) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(directory);
		if (entry == NULL) {
			if (errno != 0)
				class = directory_error(errno, prefix, err);
			break;
		}
		if (part_is_of_names(entry->d_name, parts == 0))
			class = part_walk(fd, prefix, entry->d_name, parts, err);
	}
	closedir(directory);
	return class;
}

static int
names_compare(const void *a, const void *b)
{
	return str_compare(str_from(a), str_from(b));
}

static int
name_compare(const void *key, const void *element)
{
	return str_compare(*(const struct str *)key, str_from(element));
}

static bool
list_has(struct str name)
{
	return bsearch(&name, list.names, list.len, sizeof(list.names[0]), name_compare) != NULL;
}

/* Read a zone of the list: a database of another form is told now, not by the first customer. */
static enum err_class
database_try(struct err *err)
{
	char path[DIRECTORY_SIZE + sizeof("/UTC")];
	struct zone zone;

	if (!list_has(STR("UTC")))
		return err_set(err, ERR_FATAL,
		    "%s has no time zone UTC: is the package tzdata installed?", list.directory);
	snprintf(path, sizeof(path), "%s/UTC", list.directory);
	return zone_file_read(path, &zone, err);
}

static enum err_class
list_read(struct err *err)
{
	const char *directory = getenv("TZDIR");
	int fd;

	if (directory == NULL || directory[0] == '\0')
		directory = DIRECTORY_DEFAULT;
	if (snprintf(list.directory, sizeof(list.directory), "%s", directory) >= DIRECTORY_SIZE)
		return err_set(err, ERR_FATAL, "TZDIR has more than %d bytes", DIRECTORY_SIZE - 1);
	fd = open(list.directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0)
		return err_set(err, ERR_FATAL, "opening %s: %s; is the package tzdata installed?",
		    list.directory, strerror(errno));
	list.len = 0;
	if (directory_walk(fd, "", 0, err) != ERR_NONE)
		return err->class;
	qsort(list.names, list.len, sizeof(list.names[0]), names_compare);
	return database_try(err);
}

enum err_class
zone_init(struct err *err)
{
	enum err_class class = ERR_NONE;

	if (atomic_load_explicit(&list.ready, memory_order_acquire))
		return ERR_NONE;
	pthread_mutex_lock(&list.mutex);
	if (!atomic_load_explicit(&list.ready, memory_order_relaxed)) {
		class = list_read(err);
		if (class == ERR_NONE)
			atomic_store_explicit(&list.ready, true, memory_order_release);
	}
	pthread_mutex_unlock(&list.mutex);
	if (class != ERR_NONE)
		return err_wrap(err, "time zones");
	return ERR_NONE;
}

bool
zone_is_known(struct str name)
{
	struct err err;

	return zone_init(&err) == ERR_NONE && name.len <= ZONE_NAME_MAX && list_has(name);
}

const char *
zone_names_directory(void)
{
	CHECK(atomic_load_explicit(&list.ready, memory_order_acquire));
	return list.directory;
}

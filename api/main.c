/*
 * billd-api: the ingress.  HTTP requests become commands on Kafka; what came of them is read from
 * PostgreSQL.
 */

#include "api/ingress.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/postgres/pg.h"

#define PROGRAM "billd-api"

static struct ingress_settings settings;

static const struct setting setting_table[] = {
    {"BILLD_LISTEN", SETTING_TEXT, &settings.listen, "127.0.0.1", 1, 0, "address to listen on"},
    {"BILLD_PORT", SETTING_INTEGER, &settings.port, "8000", 1, 65535, "port to listen on"},
    {"BILLD_DATABASE_URL", SETTING_SECRET, &settings.database_url, NULL, 1, 0,
	"how to connect to PostgreSQL, as the role billd_api"},
    {"BILLD_KAFKA_BOOTSTRAP", SETTING_TEXT, &settings.kafka_bootstrap, "127.0.0.1:19092", 1, 0,
	"brokers to begin with, host:port,host:port"},
    {"BILLD_PARTITIONS", SETTING_POWER, &settings.partitions, "16", 1, SHARDS,
	"partitions of billd.commands, a power of two; the same for all programs"},
    {"BILLD_SECRET", SETTING_SECRET, &settings.secret, NULL, 1, 0,
	"64 hexadecimal digits that operation ids are tagged by and signing keys derived from; the "
	"same for all of billd-api"},
    {"BILLD_LOG_LEVEL", SETTING_LEVEL, &settings.log_level, "info", 1, 0,
	"debug, info, warn or error; each request is a line of info"},
    {"BILLD_HTTP_THREADS", SETTING_INTEGER, &settings.http_threads, "2", 1, 64, "event loops"},
    {"BILLD_CONNECTIONS", SETTING_INTEGER, &settings.connections, "10000", 16, 1000000,
	"connections of clients at once; each needs an open file, one more is answered with 503"},
    {"BILLD_DATABASE_CONNECTIONS", SETTING_INTEGER, &settings.database_connections, "4", 1, 64,
	"connections for queries; three more are for waiting, for streams and for health"},
    {"BILLD_PRODUCE_TIMEOUT_MS", SETTING_INTEGER, &settings.produce_timeout_ms, "5000", 100, 60000,
	"milliseconds until a command that Kafka did not confirm is answered with 503"},
    {"BILLD_HEADER_TIMEOUT_MS", SETTING_INTEGER, &settings.header_timeout_ms, "5000", 100, 600000,
	"milliseconds for a client to send a request's headers"},
    {"BILLD_BODY_TIMEOUT_MS", SETTING_INTEGER, &settings.body_timeout_ms, "10000", 100, 600000,
	"milliseconds for a client to send a request's body"},
    {"BILLD_IDLE_TIMEOUT_MS", SETTING_INTEGER, &settings.idle_timeout_ms, "30000", 1000, 3600000,
	"milliseconds that a connection is kept between requests"},
    {"BILLD_PASSWORD_THREADS", SETTING_INTEGER, &settings.password_threads, "2", 1, 16,
	"threads that hash passwords, each with 19 MiB and a connection to PostgreSQL"},
    {"BILLD_ACTION_THREADS", SETTING_INTEGER, &settings.action_threads, "2", 1, 16,
	"threads for other changes of people, organisations and keys, each with a connection"},
    {"BILLD_RATE_CALLER", SETTING_INTEGER, &settings.rate_caller, "0", 0, 1000000,
	"requests a second of one API key or user, ten seconds' worth at once; 0: no limit"},
    {"BILLD_RATE_ORGANISATION", SETTING_INTEGER, &settings.rate_organisation, "0", 0, 1000000,
	"requests a second of one organisation, ten seconds' worth at once; 0: no limit"},
    {"BILLD_LOGIN_RATE_ACCOUNT", SETTING_INTEGER, &settings.login_rate_account, "10", 0, 1000000,
	"failed attempts a minute to log in with one email address; 0: no limit"},
    {"BILLD_LOGIN_RATE_ADDRESS", SETTING_INTEGER, &settings.login_rate_address, "100", 0, 1000000,
	"failed attempts a minute to log in, register or refresh from one network address, of IPv6 "
	"from one /64; 0: no limit"},
    {"BILLD_FORWARDED", SETTING_INTEGER, &settings.forwarded, "0", 0, 1,
	"1: the last entry of X-Forwarded-For is the client, as behind a proxy that writes it"},
    {"BILLD_DRAIN_MS", SETTING_INTEGER, &settings.drain_ms, "10000", 0, 600000,
	"milliseconds that a clean stop gives to running requests"},
};

int
main(int argc, char **argv)
{
	struct err err = {.class = ERR_NONE};
	bool check;
	int code;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		settings_help(
		    PROGRAM, "the HTTP ingress of billd", setting_table, ARRAY_LEN(setting_table));
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--settings-markdown") == 0) {
		settings_markdown(PROGRAM, setting_table, ARRAY_LEN(setting_table));
		return EXIT_OK;
	}
	log_init(PROGRAM, NULL);
	check = argc == 2 && strcmp(argv[1], "--check") == 0;
	if (argc != 1 && !check) {
		log_line(LOG_ERROR, "it takes --help, --check or no argument",
		    log_text("argument", argv[1]));
		return EXIT_USAGE;
	}
	if (settings_read(setting_table, ARRAY_LEN(setting_table), &err) != ERR_NONE ||
	    pg_url_check("BILLD_DATABASE_URL", settings.database_url, &err) != ERR_NONE) {
		log_line(LOG_ERROR, "a setting is wrong", log_text("error", err.text));
		return EXIT_USAGE;
	}
	log_init(PROGRAM, settings.log_level);
	if (daemon_init(&err) != ERR_NONE) {
		log_line(LOG_ERROR, "cannot start", log_text("error", err.text));
		return EXIT_FAULT;
	}
	log_hold();
	code = check ? ingress_check(&settings, &err) : ingress_run(&settings, &err);
	if (err.class != ERR_NONE)
		log_line(LOG_ERROR, "cannot start", log_text("error", err.text));
	log_flush();
	return code;
}

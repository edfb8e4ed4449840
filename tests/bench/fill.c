/*
 * Put commands on the topic, as fast as it takes them.
 *
 *   fill BOOTSTRAP TOPIC WIRE... customers|subscriptions|both|poison ROUND FIRST COUNT
 *
 * both: for each customer, the command that creates it and the one that subscribes it, COUNT
 * commands together, so half as many customers.  poison: customers, one in a hundred spoilt.  With
 * ids in place of a topic's name nothing is sent: the customers' ids are printed, one a line.
 */

#include "common/base/daemon.h"
#include "tests/bench/bench.h"
#include "tests/bench/wire.h"

#define IN_FLIGHT_MAX 100000
#define DELIVERIES_MAX 1000
#define POISON_EVERY 100

enum kind {
	KIND_CUSTOMERS,
	KIND_SUBSCRIPTIONS,
	KIND_BOTH,
	KIND_POISON,
	KIND_MAX
};

static const char *const kinds[KIND_MAX] = {"customers", "subscriptions", "both", "poison"};

static enum kind
kind_read(const char *text)
{
	for (size_t i = 0; i < KIND_MAX; i++)
		if (strcmp(text, kinds[i]) == 0)
			return (enum kind)i;
	bench_die("there is no kind \"%s\"", text);
}

static void
make(const struct wire *wire, enum kind kind, int64_t round, int64_t number,
    struct wire_message *message)
{
	switch (kind) {
	case KIND_SUBSCRIPTIONS:
		wire_subscription(wire, round, number, message);
		return;
	case KIND_BOTH:
		if (number % 2 == 0)
			wire_customer(wire, number / 2, message);
		else
			wire_subscription(wire, round, number / 2, message);
		return;
	case KIND_POISON:
		if (number % POISON_EVERY == 0)
			wire_poison(wire, number, message);
		else
			wire_customer(wire, number, message);
		return;
	case KIND_CUSTOMERS:
	case KIND_MAX:
		break;
	}
	wire_customer(wire, number, message);
}

/* Take the reports that are there.  Every command must come to the topic. */
static void
reports(struct producer *producer, int timeout_ms)
{
	struct delivery deliveries[DELIVERIES_MAX];
	size_t len = producer_poll(producer, timeout_ms, deliveries, DELIVERIES_MAX);

	for (size_t i = 0; i < len; i++)
		if (!deliveries[i].persisted)
			bench_die("a command was not persisted: %s", deliveries[i].reason);
}

static void
send_all(const struct wire *wire, struct producer *producer, const char *topic, enum kind kind,
    int64_t round, int64_t first, int64_t count)
{
	struct wire_message message;
	struct err err;

	wire_message_init(&message);
	for (int64_t number = first; number < first + count; number++) {
		struct message out;

		make(wire, kind, round, number, &message);
		wire_message_write(&message, topic, &out);
		while (producer_send(producer, &out, &err) != ERR_NONE) {
			if (err.class != ERR_RETRY)
				bench_die("%s", err.text);
			reports(producer, 10);
		}
		if (number % DELIVERIES_MAX == 0)
			reports(producer, 0);
	}
	while (producer_in_flight(producer) > 0)
		reports(producer, 100);
	wire_message_release(&message);
}

static void
print_ids(const struct wire *wire, int64_t first, int64_t count)
{
	char text[UUID_TEXT_SIZE];

	for (int64_t number = first; number < first + count; number++) {
		uuid_write(wire_customer_id(wire, number), text);
		puts(text);
	}
}

int
main(int argc, char **argv)
{
	const struct producer_settings settings = {
	    .bootstrap = argc > 2 ? argv[1] : NULL,
	    .topic = argc > 2 ? argv[2] : NULL,
	    .profile = PRODUCER_THROUGHPUT,
	    .queue_messages_max = IN_FLIGHT_MAX,
	};
	char **rest = argv + 3 + WIRE_ARGUMENTS;
	struct producer *producer;
	int64_t round, first, count;
	struct wire wire;
	enum kind kind;
	struct err err;

	if (argc != 7 + WIRE_ARGUMENTS)
		bench_die("usage: fill BOOTSTRAP TOPIC|ids " WIRE_USAGE
			  " customers|subscriptions|both|poison ROUND FIRST COUNT");
	wire_open(argv + 3, &wire);
	kind = kind_read(rest[0]);
	round = bench_number("ROUND", rest[1], 1, INT64_MAX);
	first = bench_number("FIRST", rest[2], 0, INT64_MAX / 4);
	count = bench_number("COUNT", rest[3], 1, INT64_MAX / 4);
	if (strcmp(argv[2], "ids") == 0) {
		print_ids(&wire, first, count);
	} else {
		int64_t began_us = clock_steady_us();

		if (producer_open(&settings, &producer, &err) != ERR_NONE)
			bench_die("%s", err.text);
		send_all(&wire, producer, argv[2], kind, round, first, count);
		printf("{\"seconds\": %.3f}\n", (double)(clock_steady_us() - began_us) / 1e6);
		producer_free(producer);
	}
	wire_close(&wire);
	return 0;
}

#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

/*
 * Commands as the ingress puts them on billd.commands: the same ids, keys, partitions, headers and
 * bytes as api/submit.c gives them, without a request.  Only the signature is any: as long as a
 * real one, and the same for all, as whoever is compared with need not compute it.  They are
 * numbered, and all of a number follows from the number: so whoever makes subscriptions knows the
 * customers' ids.
 */

#include "common/base/id.h"
#include "common/base/signing.h"
#include "common/codec/schema.h"
#include "common/kafka/producer.h"

#define WIRE_HEADER_REQUEST_ID "billd_request_id"

/* Whose commands they are. */
struct wire {
	struct schemas *schemas; /* owned */
	struct id_secret secret;
	struct uuid organisation_id;
	struct uuid plan_id;
	char actor[100];
	char signature[SIGNATURE_TEXT_SIZE];
	int64_t base_ms; /* when number 0 was accepted; 20 follow in each millisecond */
	int32_t partitions;
};

/* One command, ready to be sent. */
struct wire_message {
	struct buf value;
	char key[UUID_TEXT_SIZE];
	char request_id[UUID_TEXT_SIZE];
	char signature[SIGNATURE_TEXT_SIZE];
	int32_t partition;
};

/* The same for the command line: in this order, the arguments of wire_open. */
#define WIRE_USAGE "SECRET_FILE ORGANISATION KEY PLAN BASE_MS PARTITIONS"
#define WIRE_ARGUMENTS 6

/**
 * wire_open(arguments, ret_wire), wire_close(wire):
 * Take the arguments of WIRE_USAGE; ends the program when one is wrong.
 */
void wire_open(char **arguments, struct wire *ret_wire);
void wire_close(struct wire *wire);

/**
 * wire_customer_id(wire, number):
 * The customer that wire_customer(wire, number) creates.
 */
NODISCARD struct uuid wire_customer_id(const struct wire *wire, int64_t number);

/**
 * wire_customer(wire, number, message), wire_subscription(wire, round, number, message),
 * wire_poison(wire, number, message):
 * Fill ${message}, whose memory is used again: a command that creates the customer of that number;
 * one that subscribes it, another one in each round; one that no worker can read.
 */
void wire_customer(const struct wire *wire, int64_t number, struct wire_message *message);
void wire_subscription(
    const struct wire *wire, int64_t round, int64_t number, struct wire_message *message);
void wire_poison(const struct wire *wire, int64_t number, struct wire_message *message);

/**
 * wire_message_init(message), wire_message_release(message):
 * Make it empty; and free it.
 */
void wire_message_init(struct wire_message *message);
void wire_message_release(struct wire_message *message);

/**
 * wire_message_write(message, topic, ret_message):
 * As a producer sends it; borrowed from ${message}.
 */
void wire_message_write(
    const struct wire_message *message, const char *topic, struct message *ret_message);

#endif

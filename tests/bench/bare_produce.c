/*
 * What Kafka gives to a program that does nothing but produce: commands as the ingress writes them,
 * with the settings of its producer.
 *
 *   bare_produce BOOTSTRAP TOPIC WIRE... window N SECONDS    N in flight, each followed by another
 *   bare_produce BOOTSTRAP TOPIC WIRE... rate N SECONDS      N a second, each timed to its report
 *
 * The first second is not counted.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "common/base/daemon.h"
#include "tests/bench/bare_kafka.h"
#include "tests/bench/bench.h"
#include "tests/bench/wire.h"

#define MESSAGES 20000 /* made before, and sent again and again */
#define WARM_UP_US 1000000

struct bench {
	struct bare_kafka bare;
	struct wire_message *messages;
	const char *topic;
	int64_t next;      /* message */
	int64_t count_us;  /* reports count from here */
	int64_t end_us;    /* to here */
	int64_t delivered; /* while they counted */
	bool window;
	atomic_bool sent_all;
	struct bench_times times;
};

static void
send_next(struct bench *bench, int64_t at_us)
{
	struct message message;

	wire_message_write(&bench->messages[bench->next++ % MESSAGES], bench->topic, &message);
	message.opaque = (void *)(intptr_t)at_us;
	if (!bare_kafka_send(&bench->bare, &message))
		bench_die("the producer's queue is full");
}

static void
on_delivered(void *opaque, void *context)
{
	struct bench *bench = context;
	int64_t sent_us = (intptr_t)opaque, now_us = clock_steady_us();

	if (bench->window) {
		if (now_us >= bench->count_us && now_us < bench->end_us)
			bench->delivered++;
		if (now_us < bench->end_us)
			send_next(bench, now_us);
	} else if (sent_us >= bench->count_us) {
		bench->delivered++;
		bench_times_add(&bench->times, now_us - sent_us);
	}
}

static void
run_window(struct bench *bench, int64_t window)
{
	for (int64_t i = 0; i < window; i++)
		send_next(bench, 0);
	while (bench->bare.in_flight > 0)
		bare_kafka_poll(&bench->bare, 100);
}

/* Reports are taken as they come, while the other thread sleeps until the next message is due. */
static void *
take_reports(void *argument)
{
	struct bench *bench = argument;

	while (!bench->sent_all || bench->bare.in_flight > 0)
		bare_kafka_poll(&bench->bare, 100);
	return NULL;
}

/* Each has its time by the plan, and is measured from there: one that comes late counts as slow. */
static void
run_rate(struct bench *bench, int64_t rate)
{
	int64_t began_us = clock_steady_us(), due_us = began_us;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, take_reports, bench) == 0);
	for (int64_t number = 1; due_us < bench->end_us; number++) {
		int64_t wait_us = due_us - clock_steady_us();

		if (wait_us > 0)
			nanosleep(&(struct timespec){.tv_sec = wait_us / 1000000,
				      .tv_nsec = wait_us % 1000000 * 1000},
			    NULL);
		send_next(bench, due_us);
		due_us = began_us + number * 1000000 / rate;
	}
	bench->sent_all = true;
	pthread_join(thread, NULL);
}

int
main(int argc, char **argv)
{
	char **rest = argv + 3 + WIRE_ARGUMENTS;
	struct bench bench = {.next = 0};
	struct wire wire;
	int64_t number, seconds;

	if (argc != 6 + WIRE_ARGUMENTS)
		bench_die(
		    "usage: bare_produce BOOTSTRAP TOPIC " WIRE_USAGE " window|rate N SECONDS");
	wire_open(argv + 3, &wire);
	number = bench_number("N", rest[1], 1, 100000);
	seconds = bench_number("SECONDS", rest[2], 1, 3600);
	bench.window = strcmp(rest[0], "window") == 0;
	bench.topic = argv[2];
	bench.messages = calloc(MESSAGES, sizeof(*bench.messages));
	CHECK(bench.messages != NULL);
	for (int64_t i = 0; i < MESSAGES; i++) {
		wire_message_init(&bench.messages[i]);
		wire_subscription(&wire, 1, i, &bench.messages[i]);
	}
	bench.bare.delivered = on_delivered;
	bench.bare.context = &bench;
	bare_kafka_open(argv[1], argv[2], PRODUCER_LATENCY, &bench.bare);
	bench.count_us = clock_steady_us() + WARM_UP_US;
	bench.end_us = bench.count_us + seconds * 1000000;
	if (bench.window)
		run_window(&bench, number);
	else
		run_rate(&bench, number);
	printf("{\"count\": %lld, \"seconds\": %lld, \"bytes\": %zu, \"times_us\": ",
	    (long long)bench.delivered, (long long)seconds, bench.messages[0].value.len);
	bench_times_print(&bench.times);
	puts("}");
	bare_kafka_close(&bench.bare);
	for (size_t i = 0; i < MESSAGES; i++)
		wire_message_release(&bench.messages[i]);
	free(bench.messages);
	wire_close(&wire);
	return 0;
}

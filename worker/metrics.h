#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

/*
 * What the worker tells Prometheus: numbers that its loop and its runners set, payments_* its payer
 * (payer.h), waiting_*, parked and runs_* its scheduler (scheduler.h), and a small HTTP server of
 * its own thread that shows them at /metrics.
 */

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/base/err.h"

/* METRIC(field, name, kind, help); a gauge is written by one thread, a counter by any. */
#define METRICS(METRIC)                                                                           \
	METRIC(commands_succeeded, "billd_commands_total{outcome=\"succeeded\"}", "counter",      \
	    "Commands by outcome")                                                                \
	METRIC(commands_refused, "billd_commands_total{outcome=\"refused\"}", "counter", NULL)    \
	METRIC(commands_repeated, "billd_commands_total{outcome=\"repeated\"}", "counter", NULL)  \
	METRIC(commands_dead, "billd_commands_total{outcome=\"dead_letter\"}", "counter", NULL)   \
	METRIC(batches, "billd_batches_total", "counter", "Batches committed")                    \
	METRIC(batch_retries, "billd_batch_retries_total", "counter",                             \
	    "Batches rolled back to be tried again")                                              \
	METRIC(batches_overlapped, "billd_batches_overlapped_total", "counter",                   \
	    "Batches decided while the one before was stored")                                    \
	METRIC(batch_last_size, "billd_batch_last_size", "gauge", "Messages in the last batch")   \
	METRIC(transaction_us, "billd_transaction_microseconds_total", "counter",                 \
	    "Time spent in transactions that committed")                                          \
	METRIC(transaction_last_us, "billd_transaction_last_microseconds", "gauge",               \
	    "Time of the last transaction")                                                       \
	METRIC(events, "billd_events_total", "counter", "Events committed")                       \
	METRIC(events_unpublished, "billd_events_unpublished", "gauge",                           \
	    "Events of our partitions that are committed and not known to be published")          \
	METRIC(due_chunks, "billd_due_chunks_total", "counter",                                   \
	    "Transactions that did what fell due")                                                \
	METRIC(due_steps, "billd_due_steps_total", "counter",                                     \
	    "Steps of subscriptions and test clocks that fell due and were done")                 \
	METRIC(due_failed, "billd_due_failed_total", "counter",                                   \
	    "Customers whose due work could not be done, and was parked or left alone")           \
	METRIC(due_oldest_s, "billd_due_oldest_seconds", "gauge",                                 \
	    "Age of the oldest of what the last look found due and not done")                     \
	METRIC(waiting, "billd_due_subscriptions", "gauge",                                       \
	    "Subscriptions of our partitions that are due and not billed; no more are counted "   \
	    "than 100000")                                                                        \
	METRIC(waiting_oldest_s, "billd_due_subscriptions_oldest_seconds", "gauge",               \
	    "Age of the oldest of them")                                                          \
	METRIC(parked, "billd_parked_subscriptions", "gauge",                                     \
	    "Those of our partitions that could not be billed; no more are counted than 100000")  \
	METRIC(runs_told, "billd_runs_scheduled_total", "counter",                                \
	    "Billing runs of an hour that were told")                                             \
	METRIC(runs_closed, "billd_runs_closed_total", "counter",                                 \
	    "Billing runs that were through, added up and told")                                  \
	METRIC(runs_unbalanced, "billd_runs_unbalanced_total", "counter",                         \
	    "Those of them whose report is not what their invoices and the journal say")          \
	METRIC(runs_invoices, "billd_run_invoices_total", "counter",                              \
	    "Invoices of those that were not dry")                                                \
	METRIC(runs_failures, "billd_run_failures_total", "counter",                              \
	    "Subscriptions that these could not bill")                                            \
	METRIC(payments_asked, "billd_payments_asked_total", "counter",                           \
	    "Times that a provider was asked for a payment or a refund")                          \
	METRIC(payments_succeeded, "billd_payments_answered_total{outcome=\"succeeded\"}",        \
	    "counter", "What providers answered")                                                 \
	METRIC(payments_declined, "billd_payments_answered_total{outcome=\"declined\"}",          \
	    "counter", NULL)                                                                      \
	METRIC(payments_unknown, "billd_payments_answered_total{outcome=\"unknown\"}", "counter", \
	    NULL)                                                                                 \
	METRIC(payments_oldest_s, "billd_payments_oldest_seconds", "gauge",                       \
	    "Age of the oldest payment or refund of our partitions that is not settled")          \
	METRIC(partitions, "billd_partitions", "gauge", "Partitions of ours")                     \
	METRIC(lag, "billd_consumer_lag", "gauge",                                                \
	    "Commands in our partitions that are not processed yet")                              \
	METRIC(oldest_pending_ms, "billd_oldest_pending_operation_milliseconds", "gauge",         \
	    "Age of the oldest operation in our partitions that is not done yet")                 \
	METRIC(kafka_up, "billd_kafka_up", "gauge", "Whether a broker of Kafka answers")          \
	METRIC(database_up, "billd_database_up", "gauge",                                         \
	    "Whether the last attempt to use the database went well")

/* The highest number of waiting and of parked subscriptions, which are counted one by one. */
#define METRICS_WAITING_MAX 100000

#define METRICS_LATENESS_BUCKETS 11 /* of billd_invoice_lateness_seconds, and one to infinity */

struct metrics {
#define METRIC(field, name, kind, help) _Atomic int64_t field;
	METRICS(METRIC)
#undef METRIC
	/* Invoices by how late they came, each in one bucket. */
	_Atomic int64_t lateness[METRICS_LATENESS_BUCKETS + 1];
	_Atomic int64_t lateness_sum_s;
};

/**
 * metrics_lateness(metrics, seconds):
 * An invoice was committed ${seconds} after it had fallen due; one that was billed ahead came in
 * time.  From any thread.
 */
void metrics_lateness(struct metrics *metrics, int64_t seconds);

struct metrics_server;

/**
 * metrics_serve(metrics, listen, port, ret_server, err), metrics_free(server):
 * Answer GET /metrics and GET /health/live on the address ${listen}, port ${port}.  ERR_FATAL when
 * the port cannot be had.  Free accepts NULL.
 */
NODISCARD enum err_class metrics_serve(struct metrics *metrics, struct in_addr listen, int64_t port,
    struct metrics_server **ret_server, struct err *err);
void metrics_free(struct metrics_server *server);

#endif

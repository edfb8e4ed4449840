"""Every fault that a chaos run knows, a row each."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import faults_kafka as kafka
import faults_postgres as postgres
import faults_programs as programs

KILLED, ABORTED, FAILED = -signal.SIGKILL, -signal.SIGABRT, 1


@dataclass(frozen=True)
class Fault:
    name: str
    of: str  # whose: in a mixed round, those of one part come one after the other, those of several together
    what: str
    run: Callable
    workers: int = 2
    deaths: tuple = ()  # (kind, exit code) of the deaths that belong to it; any other is a violation
    load: dict = field(default_factory=dict)  # Options of the load that differ
    alone: bool = False  # never with others
    missing: Callable = lambda: None  # why it can't be tried here; None: it can


WORKER_KILLED, API_KILLED = (("worker", KILLED),), (("api", KILLED),)
FAULTS = [
    Fault("none", "load", "no fault: the load alone", programs.nothing),
    Fault("kill-1-worker", "worker", "one worker, killed at random moments", programs.kill_workers, 1, WORKER_KILLED),
    Fault("kill-2-workers", "worker", "two workers, killed at random moments", programs.kill_workers, 2, WORKER_KILLED),
    Fault("kill-3-workers", "worker", "three workers, killed at random moments", programs.kill_workers, 3,
          WORKER_KILLED),
    Fault("worker-points", "worker", "a worker dies after load, before and after commit, publishing, with due work",
          programs.workers_at_points, 3, WORKER_KILLED),
    Fault("kill-payer", "worker", "a worker is killed while money is on its way", programs.kill_payers, 2,
          WORKER_KILLED),
    Fault("payer-points", "worker", "a worker dies before and after it asks a provider, and when it was told",
          programs.payers_at_points, 3, WORKER_KILLED),
    Fault("kill-runner", "worker", "a worker is killed while a billing run is on its way", programs.kill_runners, 2,
          WORKER_KILLED, load={"by_hand": True}),
    Fault("run-points", "worker", "a worker dies with a billing run's work in hand, and at the end of its part",
          programs.runners_at_points, 3, WORKER_KILLED, load={"by_hand": True}),
    Fault("doomed-command", "worker", "a command makes a CHECK fail, in whichever worker decides it",
          programs.doom_workers, 2, (("worker", ABORTED),), alone=True),
    Fault("worker-stopped", "worker", "a worker sleeps (SIGSTOP) until its partitions moved, and wakes up",
          programs.stop_until_moved),
    Fault("come-and-go", "worker", "workers are added and removed every few seconds", programs.come_and_go),
    Fault("clock-moved", "worker", "the workers' clock jumps by a day, and back", programs.move_clock, alone=True,
          missing=programs.no_faketime),
    Fault("kill-api", "api", "the api is killed amid requests", programs.kill_apis, 2, API_KILLED),
    Fault("api-points", "api", "the api dies after producing, and before the 202", programs.apis_at_points, 2,
          API_KILLED),
    Fault("stop-postgres", "postgres", "PostgreSQL is stopped and started", postgres.stop_postgres),
    Fault("crash-postgres", "postgres", "PostgreSQL is killed and recovers", postgres.crash_postgres),
    Fault("cut-before-commit", "postgres", "connections are cut during COMMIT, before its record is written",
          postgres.cut_before_the_commit_record),
    Fault("cut-after-commit", "postgres", "connections are cut during COMMIT, when it is durable and not answered",
          postgres.cut_after_the_commit_record),
    Fault("slow-commits", "postgres", "each commit takes 500 ms longer", postgres.slow_commits),
    Fault("disk-full", "postgres", "PostgreSQL's disk is full for a while", postgres.fill_disk, alone=True,
          missing=postgres.no_mount),
    Fault("stop-kafka", "kafka", "Kafka is stopped and started", kafka.stop_kafka),
    Fault("kill-kafka", "kafka", "Kafka is killed and started", kafka.kill_kafka),
    Fault("hot-key", "load", "90 % of the traffic is about one customer", programs.hot_key, load={"hot_share": 0.9}),
    Fault("poison", "load", "1 % of the messages cannot be processed", programs.poison, load={"poison_share": 0.01}),
    Fault("oversize", "load", "requests and messages of a MiB and more", programs.poison, load={"large_share": 0.01}),
    # These end the topic's and the database's continuity, and come last.
    Fault("older-database", "postgres", "the database is restored to an older state", postgres.restore_older,
          load={"orderly": True}, alone=True),
    Fault("topic-again", "kafka", "the topic of commands is deleted and made again", kafka.topic_again, 2,
          (("worker", FAILED),), {"poison_share": 0.1}, alone=True),
]  # fmt: skip
BY_NAME = {fault.name: fault for fault in FAULTS}

"""A drill: a stack, its supervisor, and rounds of load and faults on them, each judged when it is quiet again."""

import contextlib
import random
import shutil
import subprocess
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import checker
import evidence
import history as records
import requests
from client import new_session
from fleet import Fleet
from load import Load, Options
from programs import ROOT
from spell import Spell
from stack import PARTITIONS, Stack
from waiting import PATIENCE

BINARIES = ROOT / "build/chaos"  # with crash points: make V=chaos
QUIET_SECONDS = 120
READY_SECONDS = 120
FAULT_SECONDS = 400  # until a fault must have come to its end, beyond the time that it was given
DUE_SECONDS = 3  # so late may be what falls due: the fleet's margin, a look, and the work
SIGHTS = 2  # operations that the observer looks at, at a time
WITHOUT = {"completed_at"}  # of an operation: when the database had it, not what it is


@dataclass
class Result:
    """One round."""

    name: str
    attempts: int = 0
    answers: Counter = field(default_factory=Counter)  # by HTTP status; None: no answer
    effects: int = 0  # operations that are done
    deaths: int = 0
    hits: dict = field(default_factory=dict)  # {fault: how often it hit}
    overlapped: int = 0  # batches that were decided while another was stored, by the workers that are left
    quiet_seconds: float = 0.0
    violations: list = field(default_factory=list)

    def line(self):
        answers = " ".join(f"{status or 'none'}:{count}" for status, count in sorted_answers(self.answers))
        hits = " ".join(f"{name}:{count}" for name, count in self.hits.items())
        verdict = f"{len(self.violations)} VIOLATIONS" if self.violations else "no violation"
        return (
            f"{self.name:<18} attempts {self.attempts:<5} answers [{answers}]  effects {self.effects}  hits [{hits}]  "
            f"deaths {self.deaths}  overlapped {self.overlapped}  quiet after {self.quiet_seconds:.1f} s  {verdict}"
        )


def sorted_answers(answers):
    return sorted(answers.items(), key=lambda item: item[0] or 0)


class DrillStack(Stack):
    """A stack whose end is final: a fault that is still at work cannot start a server again behind it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.closer = None  # the thread that ends it
        self.turns = {"postgres": threading.Lock(), "kafka": threading.Lock()}

    def script(self, name, *arguments, **more):
        if arguments[0] not in ("start", "stop", "kill", "wipe"):
            return super().script(name, *arguments, **more)
        with self.turns[name]:
            assert self.closer in (None, threading.current_thread()), "the stack has come to its end"
            return super().script(name, *arguments, **more)


class Drill:
    """Use as a context: whatever happens, every process that it started ends."""

    partitions = PARTITIONS

    def __init__(self, seed):
        self.seed = seed
        self.history = []  # of the round
        self.past = []  # of the rounds before it
        self.load = self.fleet = self.observer = None
        self.names = []  # of the rounds
        self.collected = None
        self.mounts = []  # file systems of a fault that is at work
        self.session = new_session()
        self.stack = DrillStack(BINARIES)

    def __enter__(self):
        try:
            self.stack.start_servers()
            self.fleet = Fleet(self.stack).start(workers=2)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stack.closer = threading.current_thread()
        if self.load:
            self.load.stopping.set()
        if self.observer:
            self.observer.ended.set()
        if self.fleet:
            self.fleet.end()
        for path in self.mounts:
            with contextlib.suppress(Exception):
                self.stack.script("postgres", "kill")
            subprocess.run(["umount", path], check=False)
        self.stack.end()
        self.stack.remove(keep_logs=False)

    def keep(self, directory):
        """What a later look at a violation needs: history, evidence, logs."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        records.write(directory / "history.jsonl", self.judged_history())
        if self.collected:
            evidence.save(directory / "evidence.json.gz", self.collected)
        shutil.rmtree(directory / "log", ignore_errors=True)
        shutil.copytree(self.stack.logs, directory / "log")

    # For faults

    def note(self, name, what):
        self.history.append(records.Fault(time.time(), name, what))

    def doomed(self, operation_id):
        """It aborts workers, by our own wish: its dead letter is no surprise."""
        rows = self.stack.rows(
            'SELECT partition, "offset", reason FROM billd.dead_letters WHERE operation_id = %s', [operation_id]
        )
        for partition, offset, reason in rows:
            self.history.append(records.Poison(time.time(), partition, offset, reason))
        assert len(rows) == 1, f"{operation_id} is {len(rows)} dead letters"

    def metric(self, member, name):
        try:
            page = self.session.get(member.program.url + "/metrics", timeout=2 * PATIENCE).text
        except requests.RequestException:
            return None
        values = [line.split()[-1] for line in page.splitlines() if line.startswith(name + " ")]
        return int(values[0]) if values else None

    def outcome(self, tenant, operation_id):
        """An operation that is done; None while it is not, or nobody says so."""
        try:
            answer = tenant.client.twin().request("GET", f"/v1/operations/{operation_id}")
        except requests.RequestException:
            return None
        return answer.json() if answer.status_code == 200 and answer.json()["status"] != "pending" else None

    def await_quiet(self):
        evidence.quiet(self.stack, QUIET_SECONDS, DUE_SECONDS)

    def rows(self):
        """{table: its rows, as text}: what the same commands must give again."""
        found = {}
        for table in set(evidence.TABLES) - {"organisations", "dead_letters", "progress", "transfers"}:
            rows = evidence.read_table(self.stack, table)
            found[table] = {str({k: v for k, v in row.items() if k not in WITHOUT}) for row in rows}
        return found

    def renew_load(self, name, **changes):
        """New organisations, and histories that begin now: what came before cannot be judged any more."""
        options = replace(self.load.options, **changes)
        self.load.cease()
        self.load.settle()
        self.observer.stop()
        self.history, self.past = [], []
        self.load_begin(name, options)

    # A round

    def load_begin(self, name, options):
        self.load = Load(self.stack, self.history, f"{self.seed}/{name}", name, options).prepare(self.partitions)
        clients = {tenant.id: tenant.client for tenant in self.load.tenants}
        self.observer = evidence.Observer(self.stack, clients, self.history, seed=f"{self.seed}/{name}", sights=SIGHTS)
        self.observer.start()
        self.load.start()

    def operations(self):
        return int(self.stack.superuser("SELECT count(*) FROM billd.operations"))

    def judged_history(self):
        return sorted(self.history, key=lambda record: record.at)

    def round(self, name, faults, seconds, **options):
        """Load and faults for some seconds, then silence, then the checker's judgement: a Result."""
        result = Result(name)
        for fault in faults:
            options = options | fault.load
        self.names.append(name)
        began_operations, since = self.operations(), len(self.fleet.deaths)
        self.past += self.history
        self.history, self.collected, self.load, self.observer = [], None, None, None
        try:
            self.fleet.size(max(fault.workers for fault in faults))
            self.fleet.bill("manual" if options.get("by_hand") else "continuous")
            self.fleet.await_ready(READY_SECONDS)
            self.load_begin(name, Options(**options))
            result.violations += self.suffer(faults, seconds, result)
            self.load.cease()
            ended = time.monotonic()
            self.load.settle()
            self.fleet.bill("continuous")  # what no run has billed
            self.await_quiet()
            result.quiet_seconds = time.monotonic() - ended
            self.fleet.await_ready(READY_SECONDS)
            self.observer.stop()
            assert self.observer.failure is None, self.observer.failure
            result.effects = self.operations() - began_operations
            counts = [self.metric(member, "billd_batches_overlapped_total") for member in self.fleet.running("worker")]
            result.overlapped = sum(filter(None, counts))
            self.judge(result)
        except Exception:
            # Not to come to rest is a violation like any other.
            result.violations.append(traceback.format_exc())
        result.violations += self.strange_deaths(since, faults)
        result.deaths = len([death for death in self.fleet.deaths_since(since) if death.code != 0])
        if self.observer:
            self.observer.ended.set()
        if self.load:
            self.load.stopping.set()
            result.violations += self.load.errors
            result.answers = self.load.answers
            result.attempts = sum(result.answers.values())
        return result

    def judge(self, result):
        self.collected = evidence.collect(self.stack, self.history)
        result.violations += [str(found) for found in checker.check(self.judged_history(), self.collected)]

    def judge_all(self):
        """All rounds of this stack together, once more: what came late would be a violation here."""
        result = Result("all rounds")
        self.history, self.past = self.past + self.history, []
        result.attempts = sum(isinstance(record, records.Attempt) for record in self.history)
        result.effects = self.operations()
        self.judge(result)
        return result

    def suffer(self, faults, seconds, result):
        """All faults at work: those of one part one after the other, the parts at once. What went wrong with them."""
        parts, wrong = {}, []
        for fault in faults:
            parts.setdefault(fault.of, []).append(fault)
        threads = []
        for part, mine in parts.items():
            random.Random(f"{self.seed}/{result.name}/{part}").shuffle(mine)
            work = threading.Thread(target=self.work, args=(mine, seconds / len(mine), result, wrong), daemon=True)
            threads.append((part, work))
            work.start()
        deadline = time.monotonic() + seconds + FAULT_SECONDS * PATIENCE
        for part, work in threads:
            work.join(max(0.0, deadline - time.monotonic()))
            if work.is_alive():
                wrong.append(f"the faults of {part} do not come to an end")
        return wrong

    def work(self, faults, seconds, result, wrong):
        for fault in faults:
            spell = Spell(self, fault.name, f"{self.seed}/{result.name}", seconds)
            spell.note("begins")
            try:
                fault.run(spell)
            except Exception:
                wrong.append(f"{fault.name}: {traceback.format_exc()}")
            spell.note("ends")
            result.hits[fault.name] = spell.times
            if spell.times == 0:
                wrong.append(f"{fault.name} never hit: it proves nothing")

    def strange_deaths(self, since, faults):
        """Programs that ended in a way that none of the faults explains."""
        allowed = {death for fault in faults for death in fault.deaths}
        return [
            f"{death.name} ended with {death.code}, and no fault explains it: {death.last}"
            for death in self.fleet.deaths_since(since)
            if death.code != 0 and (death.kind, death.code) not in allowed
        ]

"""The supervisor of a chaos run: an api and some workers, started again whenever one dies."""

import signal
import threading
import time
from dataclasses import dataclass

from programs import answers, tail
from waiting import eventually

# What falls due is done soon, and close behind the commands.
DUE = {"BILLD_DUE_MARGIN_MS": 300, "BILLD_DUE_INTERVAL_MS": 100}
# Every second worker's, from the first on: full batches, so that one is decided while others are stored.
SMALL_BATCHES = {"BILLD_BATCH_MAX": 2}
RESTART_SECONDS = 0.3  # between a death and the next start


@dataclass
class Death:
    """A program ended. What it said last is kept: the next start goes on in the same log."""

    at: float  # seconds since the epoch
    kind: str  # api or worker
    name: str
    code: int  # its exit code, or minus the signal
    last: str  # the last line of its log


class Member:
    """A program that shall run."""

    def __init__(self, kind, program):
        self.kind, self.program = kind, program
        self.settings = program.settings
        self.once = {}  # environment of the next start alone
        self.wanted = True
        self.restart_at = 0.0


class Fleet:
    def __init__(self, stack):
        self.stack = stack
        self.always = {"api": {}, "worker": {}}  # environment of every start
        self.deaths = []
        self.members = []
        self.made = 0  # workers so far: each has a name and a log of its own
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self._watch, name="fleet", daemon=True)

    def start(self, workers):
        with self.lock:
            self.members.append(Member("api", self.stack.make_api("api", self.stack.api_port)))
        self.size(workers)
        self.watcher.start()
        self.await_ready()
        return self

    def end(self):
        """Everything ends, whatever state it is in."""
        self.ended.set()
        if self.watcher.is_alive():
            self.watcher.join(30)
        for member in self.members:
            member.program.end()

    # What faults ask for

    def size(self, count):
        """So many workers from now on; those that are too many get a clean stop."""
        with self.lock:
            wanted = self.wanted("worker")
            for member in wanted[count:]:
                member.wanted = False
                if member.program.is_running():
                    member.program.signal(signal.SIGCONT)
                    member.program.signal(signal.SIGTERM)
            for _ in range(count - len(wanted)):
                self.made += 1
                settings = DUE | (SMALL_BATCHES if self.made % 2 else {})
                self.members.append(Member("worker", self.stack.make_worker(f"worker-{self.made}", **settings)))

    def wanted(self, kind):
        with self.lock:
            return [member for member in self.members if member.kind == kind and member.wanted]

    def running(self, kind):
        with self.lock:
            return [member for member in self.wanted(kind) if member.program.is_running()]

    def ready(self, kind):
        """Those that run and answer: they are past their start, and a signal finds them prepared."""
        return [member for member in self.running(kind) if answers(member.program.ready_url)]

    def gone(self):
        """Whether no worker runs any more, also none that is about to stop."""
        with self.lock:
            return not any(m.kind == "worker" and m.program.is_running() for m in self.members)

    def signal(self, member, number):
        with self.lock:
            if member.program.is_running():
                member.program.signal(number)

    def restart(self, member, **once):
        """A clean stop, and a start with some more environment, this one time."""
        with self.lock:
            member.once = once
            member.restart_at = 0.0
            self.signal(member, signal.SIGTERM)

    def restart_all(self, kind):
        for member in self.running(kind):
            self.restart(member)

    def bill(self, how):
        """Who bills what falls due from now on, whoever of the workers is started again: BILLD_BILLING."""
        if self.always["worker"].get("BILLD_BILLING", "continuous") != how:
            self.always["worker"]["BILLD_BILLING"] = how
            self.restart_all("worker")

    def await_ready(self, seconds=90):
        eventually(self._is_ready, "the api and all workers are ready", seconds, 0.1)

    def deaths_since(self, index):
        with self.lock:
            return self.deaths[index:]

    # The watch

    def _is_ready(self):
        with self.lock:
            wanted = [member for member in self.members if member.wanted]
        try:
            return all(member.program.is_running() and member.program.is_ready() for member in wanted)
        except AssertionError:  # one has just died
            return False

    def _watch(self):
        while not self.ended.wait(0.05):
            with self.lock:
                for member in list(self.members):
                    self._look_after(member)

    def _look_after(self, member):
        program = member.program
        if program.is_running():
            return
        if program.process is not None and member.restart_at == 0.0:
            code = program.process.returncode
            self.deaths.append(Death(time.time(), member.kind, program.name, code, tail(program.log, 1)))
            member.restart_at = time.monotonic() + (RESTART_SECONDS if code != 0 else 0.001)
        if not member.wanted:
            self.members.remove(member)
        elif time.monotonic() >= member.restart_at:
            program.settings = member.settings | self.always[member.kind] | member.once
            member.once = {}
            member.restart_at = 0.0
            program.start(wait=False)

"""Our programs as child processes: started with settings, waited for, signalled, and ended in any way."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import requests
from waiting import PATIENCE, eventually

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("BILLD_BIN_DIR", ROOT / "build/release"))


def tail(path, lines=25):
    """The end of a log, for a message."""
    try:
        text = Path(path).read_bytes()[-200_000:].decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])


def run(program, *arguments, env=None, timeout=30):
    """Run one of our programs to its end: a CompletedProcess with texts."""
    return subprocess.run(
        [BIN / program, *arguments],
        env=clean_environment(env or {}),
        capture_output=True,
        text=True,
        timeout=timeout * PATIENCE,
        check=False,
    )


def number_told(name, default, least=0):
    """The number that the environment variable `name` tells."""
    told = os.environ.get(name) or default
    try:
        number = float(told)
    except ValueError:
        sys.exit(f"error: {name}={told}: it must be a number")
    if not least <= number < math.inf:
        sys.exit(f"error: {name}={told}: it must be at least {least}")
    return number


def clean_environment(settings):
    """This process's environment without any billd setting but `settings`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BILLD_")}
    return env | {name: str(value) for name, value in settings.items()}


def fetch(url, **more):
    """GET url on a connection of its own, past any proxy."""
    session = requests.Session()
    session.trust_env = False
    with session:
        return session.get(url, timeout=15, **more)


def answers(url):
    """Whether GET url is a 200."""
    try:
        return fetch(url).status_code == 200
    except requests.RequestException:
        return False


class Program:
    """A daemon of ours. It logs to a file of its own and is ready when its url answers 200."""

    def __init__(self, name, program, settings, log_dir, ready_url, binaries=BIN):
        self.name, self.program, self.settings, self.ready_url = name, program, settings, ready_url
        self.log = Path(log_dir) / f"{name}.log"
        self.binaries = Path(binaries)
        self.process = None

    def start(self, wait=True):
        assert not self.is_running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / self.program],
                env=clean_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            eventually(self.is_ready, f"{self.name} is ready at {self.ready_url}\n{tail(self.log)}", 30, 0.05)
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        assert self.is_running(), f"{self.name} ended with {self.process.returncode} at its start:\n{tail(self.log)}"
        return answers(self.ready_url)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30):
        """Its exit code; fails when it does not end in time."""
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds} s:\n{tail(self.log)}") from None

    def stop(self, seconds=30):
        """A clean stop: its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """What a crash looks like from outside."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def end(self):
        """For the end of tests: whatever state it is in."""
        if not self.is_running():
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def log_lines(self):
        try:
            return self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

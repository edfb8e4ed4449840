"""The programs as processes: clean stops, settings, help, ports, exit codes."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading

import programs
import pytest
import requests
from programs import BIN, ROOT
from waiting import PATIENCE, eventually

ROLES = {"billd-api": "api", "billd-worker": "worker", "billd": "owner"}
DAEMONS = ["billd-api", "billd-worker"]
EXIT_STOPPED = 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_api_stops_cleanly(stack, number):
    """SIGTERM or SIGINT: exit 0 within seconds, and nobody listens any more."""
    with stack.another_api() as api:
        api.signal(number)
        assert api.wait(15) == 0, programs.tail(api.log)
        assert not programs.answers(api.ready_url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_cleanly(stack, number):
    """The same; it leaves its group, so that another worker takes over at once."""
    worker = stack.make_worker(f"worker-stop-{number}").start()
    worker.signal(number)
    assert worker.wait(15) == 0, programs.tail(worker.log)


def test_an_api_that_stops_answers_what_it_has_begun(stack, org):
    """Requests that run while SIGTERM comes are answered, each; the waiting ones with 202."""
    answers = []
    with stack.another_api() as api:
        client = org.at(f"http://127.0.0.1:{api.settings['BILLD_PORT']}")

        def ask():
            answers.append(client.twin().request("POST", "/v1/customers", {"name": "W"}, headers={"Prefer": "wait=20"}))

        with stack.without_worker():
            threads = [threading.Thread(target=ask) for _ in range(10)]
            for thread in threads:
                thread.start()
            eventually(lambda: waiting_requests(api) >= 10, "ten requests wait in the api", 10)
            assert api.stop(15) == 0, programs.tail(api.log)
            for thread in threads:
                thread.join(20 * PATIENCE)
    assert [answer.status_code for answer in answers] == [202] * 10


# A library that reads one body slowly, and says so: whoever is at it when its processor is taken away.
SLOW_READER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

void *json_loadb(const char *bytes, size_t len, size_t flags, void *error)
{
	void *(*real)(const char *, size_t, size_t, void *) = dlsym(RTLD_NEXT, "json_loadb");

	if (memmem(bytes, len, "slowly", 6) != NULL) {
		(void)!write(2, "at it\n", 6);
		sleep(2);
	}
	return real(bytes, len, flags, error);
}
"""


@pytest.fixture(scope="module")
def slow_reader(tmp_path_factory):
    library = tmp_path_factory.mktemp("slow") / "slow_reader.so"
    command = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"]
    subprocess.run(command, input=SLOW_READER, text=True, check=True, timeout=60 * PATIENCE)
    return library


def test_what_an_event_loop_is_at_when_the_time_is_over_is_no_crash(stack, org, slow_reader):
    """A command that began before the end and would be handed over behind it: the stop says that it was not done."""
    with stack.another_api(LD_PRELOAD=slow_reader, BILLD_DRAIN_MS=0) as api:
        client = org.at(f"http://127.0.0.1:{api.settings['BILLD_PORT']}")
        assert client.get("/v1/customers")["data"] == []

        def ask():
            with contextlib.suppress(requests.ConnectionError):
                client.request("POST", "/v1/customers", {"name": "slowly"})

        thread = threading.Thread(target=ask)
        thread.start()
        eventually(lambda: "at it" in api.log.read_text(), "the body is being read")
        assert api.stop(15) == EXIT_STOPPED, programs.tail(api.log)
        thread.join(20 * PATIENCE)


def waiting_requests(api):
    """How many requests wait for an outcome: begun, each of them."""
    shown = requests.get(f"http://127.0.0.1:{api.settings['BILLD_PORT']}/metrics", timeout=5).text
    return int(re.search(r"^billd_waiters (\d+)$", shown, re.MULTILINE).group(1))


def variables_of(program):
    """The BILLD_* variables that the program's own help tells of."""
    done = programs.run(program, "--help")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(re.findall(r"\bBILLD_[A-Z_]+\b", done.stdout)), done.stdout


@pytest.mark.parametrize("program", ROLES)
def test_help_lists_every_setting(program):
    """Each BILLD_* name in the program's source is in its --help, and in docs/settings.md."""
    told, text = variables_of(program)
    folder = {"billd-api": "api", "billd-worker": "worker", "billd": "cli"}[program]
    used = {
        name for source in (ROOT / folder).glob("*.c") for name in re.findall(r'"(BILLD_[A-Z_]+)"', source.read_text())
    }
    assert used and used <= told, used - told
    assert "BILLD_DATABASE_URL" in told and program in text
    documented = (ROOT / "docs/settings.md").read_text()
    assert {name for name in told if name not in documented} == set()


BAD = {
    "BILLD_PORT": ["abc", "0x50", "-1", "65536", "80 80", "99999999999999999999"],
    "BILLD_LISTEN": ["not an address"],
    "BILLD_SECRET_FILE": ["/nonexistent/secret"],
    "BILLD_METRICS_PORT": ["x", "70000"],
    "BILLD_PARTITIONS": ["3", "0", "2048", "many"],
    "BILLD_LOG_LEVEL": ["loud"],
    "BILLD_BILLING": ["daily", "Hourly", "hourly manual"],
    "BILLD_METRICS_LISTEN": ["foo", "::1"],
    "BILLD_SIGNED_COMMANDS": ["2"],
    "BILLD_DATABASE_URL": ["", "a", "postgres://[::1"],
}
ONLY = {
    "BILLD_PORT": "billd-api",
    "BILLD_LISTEN": "billd-api",
    "BILLD_SECRET_FILE": "billd-api",
    "BILLD_METRICS_PORT": "billd-worker",
    "BILLD_METRICS_LISTEN": "billd-worker",
    "BILLD_SIGNED_COMMANDS": "billd-worker",
    "BILLD_BILLING": "billd-worker",
}


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [(program, name, value) for program in DAEMONS for name, values in BAD.items()
     if ONLY.get(name, program) == program for value in values],
)  # fmt: skip
def test_a_bad_setting_stops_the_program_at_its_start(stack, program, name, value):
    """Exit 2, and the message names the variable."""
    settings = stack.settings(ROLES[program]) | {"BILLD_PORT": 1, "BILLD_METRICS_PORT": 0, name: value}
    try:
        done = programs.run(program, env=settings, timeout=6)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{program} runs with {name}={value}")
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert name in done.stderr, done.stderr


@pytest.mark.parametrize("program", DAEMONS)
def test_a_bad_secret_stops_the_program(stack, tmp_path, program):
    """Too short, or no hexadecimal digits: exit 2, and the secret is not shown."""
    for text in ("abc", "z" * 64, "ab" * 31):
        (tmp_path / "secret").write_text(text)
        settings = stack.settings(ROLES[program]) | {"BILLD_PORT": 1, "BILLD_METRICS_PORT": 0}
        done = programs.run(program, env=settings | {"BILLD_SECRET_FILE": tmp_path / "secret"}, timeout=20)
        assert done.returncode == 2 and "BILLD_SECRET" in done.stderr, (done.returncode, done.stderr)
        assert text not in done.stderr or text == "abc"


def test_a_taken_port_is_told(stack):
    """An api on a port that somebody has ends with an error that names the port and BILLD_PORT."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        settings = stack.settings("api") | {"BILLD_LISTEN": "127.0.0.1", "BILLD_PORT": port}
        done = programs.run("billd-api", env=settings, timeout=20)
    assert done.returncode in (1, 2), (done.returncode, done.stderr)
    assert str(port) in done.stderr and "BILLD_PORT" in done.stderr, done.stderr


def test_a_port_of_metrics_that_another_worker_has_is_told(stack):
    settings = stack.settings("worker") | {"BILLD_METRICS_PORT": stack.worker.settings["BILLD_METRICS_PORT"]}
    done = programs.run("billd-worker", env=settings, timeout=20)
    assert done.returncode == 1 and "BILLD_METRICS_PORT" in done.stderr, (done.returncode, done.stderr)


@pytest.mark.parametrize("program", ROLES)
@pytest.mark.parametrize("argument", ["--none-such", "none-such"])
def test_an_unknown_argument_is_an_error_of_usage(stack, program, argument):
    """Exit 2, and it says what is known."""
    done = programs.run(program, argument, env=stack.settings(ROLES[program]) | {"BILLD_PORT": 1}, timeout=20)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert program in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("organisation", "create"),
        ("organisation", "create", "--name", "X", "--currency", "usd", "--timezone", "Etc/UTC"),
        ("organisation", "create", "--name", "X", "--currency", "USD", "--timezone", "Mars/Base"),
        ("organisation", "create", "--name", "", "--currency", "USD", "--timezone", "Etc/UTC"),
        ("api-key", "create", "--name", "x"),
        ("api-key", "create", "--organisation", "not-a-uuid", "--name", "x"),
        ("migrate", "sideways"),
        ("dead-letters", "show"),
        ("dead-letters", "show", "x", "y"),
    ],
)
def test_the_operators_command_refuses_what_it_cannot_mean(stack, arguments):
    """Exit 2 with a message, and nothing on stdout that a script could take for an answer."""
    done = programs.run("billd", *arguments, env=stack.settings("owner"))
    assert done.returncode == 2 and done.stderr, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""


def test_a_key_for_an_organisation_that_is_not_there_is_an_error(stack):
    """No key is printed."""
    ghost = "0198a0d2-0000-8000-8000-000000000001"
    done = programs.run(
        "billd", "api-key", "create", "--organisation", ghost, "--name", "x", env=stack.settings("owner")
    )
    assert done.returncode in (1, 2) and done.stdout == "" and done.stderr, (done.returncode, done.stdout, done.stderr)


def test_topics_apply_again_changes_nothing(stack):
    """A no-op; with another number of partitions it is refused."""
    stack.billd("topics", "apply")
    before = stack.progress()
    done = programs.run("billd", "topics", "apply", env=stack.settings("owner") | {"BILLD_PARTITIONS": 4})
    assert done.returncode != 0, done.stdout
    assert set(stack.progress()) == set(before)


def test_logs_are_json_lines_without_secrets(stack, org):
    """Every line of both programs; neither key nor password nor the request secret is in any."""
    org.customer(name="Secret Name 4711")
    secret = stack.secret_file.read_text().strip()
    password = stack.database_urls["worker"].split(":")[2].split("@")[0]
    for program in (stack.api, stack.worker):
        lines = program.log_lines()
        assert lines
        for line in lines:
            record = json.loads(line)
            assert {"ts", "level", "program", "event"} <= set(record), line
        text = "\n".join(lines)
        for word in (org.key, secret, password, "Secret Name 4711"):
            assert word not in text, f"{word[:12]}… is in the log of {program.name}"


def test_programs_are_where_they_should_be():
    """So that a failure elsewhere is not a missing build."""
    assert [name for name in ROLES if not (BIN / name).is_file()] == []

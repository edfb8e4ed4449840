"""What the tests of both folders share: one stack for the session, an organisation for each test."""

import signal
import time

import pytest
from programs import tail
from runs import billing_by_hand
from stack import PARTITIONS, Stack
from wire import Wire


def pytest_configure():
    """Whoever ends us politely must not leave servers behind: as Ctrl-C, so that fixtures are closed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(request):
    stack = Stack()
    request.config.stack = stack
    try:
        yield stack.start()
    finally:
        stack.end()
        stack.remove(keep_logs=request.session.testsfailed > 0)


@pytest.fixture(scope="session")
def wire(stack):
    return Wire(stack.bootstrap, PARTITIONS)


@pytest.fixture(scope="module")
def by_hand(stack):
    """For modules in which what is due waits for a billing run."""
    with billing_by_hand(stack):
        yield


@pytest.fixture
def org(stack):
    """The client of an organisation of the test's own: USD, UTC."""
    return stack.organisation()


@pytest.fixture
def breaks_servers(stack):
    """For tests that stop or kill what all tests share: it is back afterwards."""
    yield stack
    stack.ensure()


@pytest.fixture(autouse=True)
def nobody_dies(request):
    """A test in which the api or the worker died has failed, whatever else it saw; the next one finds them alive."""
    yield
    stack = getattr(request.config, "stack", None)
    dead = [program for program in stack.ours() if not program.is_running()] if stack else []
    told = [f"{program.name} died, exit code {program.process.returncode}:\n{tail(program.log)}" for program in dead]
    for program in dead:
        program.start()
    assert not dead, "\n".join(told)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the ends of the programs' logs."""
    report = yield
    stack = getattr(item.config, "stack", None)
    if report.failed and stack:
        for log in sorted(stack.logs.glob("*.log")):
            if log.name != "kafka.log" and log.stat().st_mtime > time.time() - 60:
                report.sections.append((f"end of {log.name}", tail(log, 8)))
    return report

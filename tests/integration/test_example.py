"""The flow of the README, which `make run` plays: deploy/example.sh."""

import os
import re
import subprocess

import pytest
from people import Person
from programs import ROOT
from waiting import PATIENCE


@pytest.fixture
def play(stack, org, tmp_path):
    """Play it against the stack, with the key of an organisation of the test's own: what it printed."""

    def played():
        environment = os.environ | {
            "BILLD_URL": stack.url,
            "BILLD_API_KEY": org.key,
            "KAFKA_BOOTSTRAP": stack.bootstrap,
            "BILLD_RUN_DIR": str(tmp_path),
        }
        command = [ROOT / "deploy/example.sh"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120 * PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return played


def told(output, name):
    """What stands behind a name at the end of the output."""
    return re.search(rf"^ +{name} +(\S+)$", output.split("All of it runs on:")[1], re.M)[1]


def test_the_example_can_be_played_again(play, org):
    """With one user, one organisation and one membership, however often; it bills each time, and thrice on a clock."""
    first, second = play(), play()
    assert "POST /v1/auth/register" in first and "POST /v1/auth/register" not in second
    assert told(first, "user") == told(second, "user")
    assert [entry["email"] for entry in org.get(f"/v1/organisations/{org.organisation_id}/members")["data"]] == [
        told(first, "user")
    ]
    assert len(org.get("/v1/invoices")["data"]) == 2 * 4


def test_what_the_example_prints_at_the_end_works(stack, play, org):
    """The URLs, the demo key, and the user with the password, who sees the demo organisation."""
    output = play()
    assert told(output, "API") == stack.url and told(output, "docs") == stack.url + "/docs"
    assert told(output, "API key") == org.key
    person = Person(stack.url, stack.problem_pages, email=told(output, "user"), password=told(output, "password"))
    person.log_in()
    assert len(person.acting_in(org.organisation_id).get("/v1/invoices")["data"]) == 4


def test_the_example_does_without_the_user_of_another_database(play, tmp_path):
    """Such as one that was wiped: it registers another."""
    (tmp_path / "demo-user").write_text("nobody@example.com\nnobody has this password\n")
    assert told(play(), "user") != "nobody@example.com"

"""Every way in which a command is refused: listed where the documentation says, and provoked by some test."""

import re

import pytest
from programs import ROOT, fetch

HERE = ROOT / "tests/integration"


def table(name):
    """{slug: (status, title)} of a table of problems."""
    rows = re.findall(r'^(?:REFUSAL|PROBLEM)\(\w+, "([a-z-]+)", (\d+), "([^"]+)"', (ROOT / name).read_text(), re.M)
    return {slug: (int(status), title) for slug, status, title in rows}


REFUSALS = table("common/domain/refusal.def")


@pytest.fixture(scope="module")
def listed(stack):
    """{slug: status} as /docs/problems lists them."""
    page = fetch(stack.url + "/docs/problems").text
    rows = re.findall(
        r'<tr><td><a href="(/docs/problems/([^"]+))">\2</a></td><td>(\d+)</td><td>([^<]+)</td></tr>', page
    )
    assert rows and len(rows) == page.count("<tr><td>")
    return {slug: (path, int(status), title) for path, slug, status, title in rows}


def test_the_list_is_that_of_the_tables(listed):
    """Each refusal and each problem of the api once, with its status and title, and nothing else."""
    tables = REFUSALS | table("api/problem.def")
    assert {slug: (status, title) for slug, (_, status, title) in listed.items()} == tables
    assert len(tables) > 40


def test_each_page_of_the_list_explains_itself(stack, listed):
    """A sentence more than its title says, in plain words."""
    for slug, (path, status, title) in listed.items():
        page = fetch(stack.url + path)
        assert page.status_code == 200, slug
        text = re.sub(r"<[^>]+>", "", page.text)
        assert title in text and f"HTTP status {status}, type /docs/problems/{slug}" in text
        explanation = re.search(r"<p>(.+?)</p>", page.text, re.S).group(1)
        assert len(explanation) > len(title) and explanation.endswith("."), slug


@pytest.mark.parametrize("slug", REFUSALS)
def test_each_refusal_is_one_that_some_test_meets(slug):
    """A row by HTTP or on the topic, that names it: quoted, as only code that expects it does."""
    told = [path.name for path in HERE.glob("test_*.py") if f'"{slug}"' in path.read_text()]
    assert told, f"no test in {HERE} is refused with {slug}"


def test_metadata_grows_to_fifty_pairs(org):
    """metadata-too-large for one more, which takes nothing with it; one that goes makes room."""
    pairs = {f"key-{number}": "value" for number in range(50)}
    for path, resource_id in (
        ("/v1/customers", org.customer(metadata=pairs)),
        ("/v1/plans", org.plan(metadata=pairs)),
    ):
        path = f"{path}/{resource_id}"
        org.fail("metadata-too-large", "PATCH", path, {"metadata": {"one-more": "value"}})
        assert org.get(path)["metadata"] == pairs
        org.succeed("PATCH", path, {"metadata": {"one-more": "value", "key-7": ""}})
        assert len(org.get(path)["metadata"]) == 50

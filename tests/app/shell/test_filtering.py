"""Traces are chosen in the shell by what the page filters by."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from app.services import Services
from tests.factories import make_trace

Make = Callable[..., Services]
Run = Callable[..., Result]


@pytest.fixture
def services(make_services: Make) -> Services:
    """Two traces of an application and one of a person."""
    made = make_services()
    for question, fields in {
        "How is a refund made?": {
            "duration_ms": 3000.0,
            "origin": "application",
            "service": "shop",
            "tags": ("vip",),
            "session": "s1",
        },
        "Where is my refund?": {"duration_ms": 100.0, "origin": "application", "service": "desk", "user": "ada"},
        "Who proposed drift?": {"duration_ms": 5000.0},
    }.items():
        made.store.put(make_trace(question=question, **fields))
    return made


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--where", 'latency_ms > 2000 and "REFUND" in question'], ["How is a refund made?"]),
        (["--tag", "vip"], ["How is a refund made?"]),
        (["--tag", "vip", "--tag", "beta"], ["How is a refund made?"]),
        (["--session", "s1"], ["How is a refund made?"]),
        (["--user", "ada"], ["Where is my refund?"]),
        (["--service", "shop", "--service", "desk", "--search", "where"], ["Where is my refund?"]),
        (["--origin", "person"], ["Who proposed drift?"]),
        (["--model", "extractive", "--kind", "llm", "--where", "latency_ms >= 5s"], ["Who proposed drift?"]),
        (["--kind", "agent"], []),
    ],
    ids=" ".join,
)
def test_options_choose_what_is_listed_and_what_is_exported(
    run: Run, services: Services, options: list[str], found: list[str]
) -> None:
    rows = json.loads(run("traces", *options, "--json", services=services).stdout)
    assert [row["question"] for row in rows] == found
    lines = run("traces", *options, "--export", "jsonl", services=services).stdout.splitlines()
    assert [json.loads(line)["trace"]["question"] for line in lines] == found


def test_a_view_is_listed_and_an_option_takes_the_place_of_what_it_says(run: Run, services: Services) -> None:
    services.store.views.save("slow", "expression=latency_ms+%3E+2000&sort=fastest")
    rows = json.loads(run("traces", "--view", "slow", "--json", services=services).stdout)
    assert [row["question"] for row in rows] == ["How is a refund made?", "Who proposed drift?"]
    rows = json.loads(run("traces", "--view", "slow", "--where", "latency_ms < 2s", "--json", services=services).stdout)
    assert [row["question"] for row in rows] == ["Where is my refund?"]


def test_a_wrong_expression_leaves_with_two_and_points_at_the_place(run: Run, services: Services) -> None:
    done = run("traces", "--where", "abstained or latency > 5", services=services)
    assert done.exit_code == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert "did you mean `latency_ms`?" in lines[0]
    assert lines[-2][lines[-1].index("^") :] == "latency > 5"


def test_a_view_that_is_not_there_leaves_with_two(run: Run, services: Services) -> None:
    done = run("traces", "--view", "gone", services=services)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no saved view 'gone'" in done.stderr

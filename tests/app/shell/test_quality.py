"""`raglass quality`."""

import json
import time
from collections.abc import Callable

import pytest
from click.testing import Result

from app.services import Services
from tests.factories import make_trace

Run = Callable[..., Result]


def test_nothing_watched_yet_says_who_would(run: Run, services: Services) -> None:
    found = run("quality", services=services)
    assert found.exit_code == 0
    assert "a dashboard does so while it runs" in found.stdout


@pytest.mark.slow
def test_each_rule_says_how_it_goes_and_what_waits(run: Run, services: Services) -> None:
    services.store.put_all([make_trace(asked_at=time.time() - 60) for _ in range(3)])
    services.store.fold()
    services.quality.watcher.look()
    found = run("quality", "--last", "1h", services=services).stdout
    assert "Grounded share 100 %, of 3 traces  (grounded, 3 traces)" in found
    assert "every new trace; none waits" in found
    read = json.loads(run("quality", "--json", services=services).stdout)
    assert read["watching"]["lag"]["traces"] == 0
    assert {each["rule"]["name"]: each["whole"]["mean"] for each in read["rules"]}["grounded"] == 1.0


def test_an_age_that_is_none_is_refused(run: Run, services: Services) -> None:
    assert run("quality", "--last", "soon", services=services).exit_code == 2

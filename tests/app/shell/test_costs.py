"""`raglass costs`."""

import json
import time
from collections.abc import Callable

import pytest
from click.testing import Result

from app.services import Services
from tests.metrics.spending import MINI, asked

Run = Callable[..., Result]


def test_costs_are_printed_by_day_and_model(run: Run, services: Services) -> None:
    services.store.put(asked(MINI, time.time(), read=1_000_000, written=0))
    told = run("costs", "--days", "1", services=services)
    assert told.exit_code == 0
    assert "gpt-4o-mini" in told.stdout
    assert "about $0.15 by list prices of 2025-06" in told.stdout


@pytest.mark.slow
def test_programs_read_json(run: Run, services: Services) -> None:
    services.store.put(asked("house", time.time()))
    data = json.loads(run("costs", "--json", services=services).stdout)
    assert data["total"]["usd"] is None
    assert data["total"]["unknown"] == ["house"]
    assert [each["input_tokens"] for each in data["days"]] == [100]

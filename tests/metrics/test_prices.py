"""A price table of one's own in place of the committed one, price by price, with its date."""

import json
from pathlib import Path
from typing import Any

import pytest

from metrics.prices import TABLE, price_table
from metrics.token_costs import TokenUse, token_price, total_cost
from pipeline.errors import ConfigError

COMMITTED = json.loads(TABLE.read_text("utf-8"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(text: object) -> None:
        path = tmp_path / f"prices-{len(list(tmp_path.iterdir()))}.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
        monkeypatch.setenv("RAGLASS_PRICES", str(path))

    return write


def test_own_prices_stand_in_for_committed_ones_and_the_others_stay(own: Any) -> None:
    own({"as_of": "2026-11", "tokens_million": {"gpt-4o-mini": [1, 2], "house": [0.5, 0]}, "alarm_month": 7})
    table = price_table()
    assert table["alarm_month"] == 7
    assert table["metric_month"] == COMMITTED["metric_month"]
    assert token_price("gpt-4o") == tuple(COMMITTED["tokens_million"]["gpt-4o"])
    cost = total_cost([TokenUse("gpt-4o-mini", 1, 1_000_000, 1_000_000, 0), TokenUse("house", 1, 2_000_000, 9, 0)])
    assert cost is not None
    assert (cost.usd, cost.as_of) == (4.0, f"{COMMITTED['as_of']}, own of 2026-11")


BAD: dict[str, tuple[object, str]] = {
    "no JSON": ("prices", "cannot be read as JSON"),
    "no date": ({"tokens_million": {}}, "does not say of when"),
    "a list": ([], "does not say of when"),
    "a typing error": ({"as_of": "2026-11", "token_million": {}}, "'token_million', which is no price"),
    "one price": ({"as_of": "2026-11", "tokens_million": {"m": [1]}}, "another form"),
    "negative": ({"as_of": "2026-11", "tokens_million": {"m": [1, -1]}}, "another form"),
    "not a number": ({"as_of": "2026-11", "alarm_month": True}, "another form"),
    "NaN": ('{"as_of": "2026-11", "alarm_month": NaN}', "another form"),
    "no table": ({"as_of": "2026-11", "tokens_million": 3}, "another form"),
}


@pytest.mark.parametrize("name", BAD)
def test_file_that_holds_no_prices_is_refused(own: Any, name: str) -> None:
    given, words = BAD[name]
    own(given)
    with pytest.raises(ConfigError, match=words):
        price_table()


def test_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGLASS_PRICES", "/nowhere/prices.json")
    with pytest.raises(ConfigError, match=r"/nowhere/prices\.json"):
        price_table()

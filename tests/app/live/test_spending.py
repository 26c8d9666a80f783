"""What was spent by day, as rows, bars and words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.live.spending import MODELS, OTHERS, read_spending, spending_text, spending_to_dict
from metrics.costs import DAY_S
from metrics.store import TraceStore
from tests.metrics.spending import DAY, MINI, OTHER, asked

NOW = DAY + 3_600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:
        yield opened


def test_days_without_cost_are_0_and_models_without_price_are_not_drawn_but_named(store: TraceStore) -> None:
    store.put_all(
        [asked(MINI, DAY - DAY_S, read=1_000_000, written=0), asked(OTHER, DAY), asked(MINI, DAY - 5 * DAY_S)]
    )
    found = read_spending(store, 3, NOW)
    assert found.days == (DAY - 2 * DAY_S, DAY - DAY_S, DAY)
    assert found.bars() == {MINI: [0.0, pytest.approx(0.15), 0.0]}
    assert found.title == "Cost by day and model, US dollars"
    assert "no price is known for “tiny@rack:8000”." in found.words
    assert found.undrawn_words


def test_tokens_are_drawn_where_no_price_is_known_and_the_smaller_models_together(store: TraceStore) -> None:
    store.put_all([asked(f"m{place}", DAY, read=100 - place, written=0) for place in range(MODELS + 2)])
    found = read_spending(store, 1, NOW)
    assert found.title == "Tokens by day and model"
    assert found.bars()[OTHERS] == [94.0 + 93.0]
    assert list(found.bars())[:2] == ["m0", "m1"]


def test_nothing_that_is_paid_by_the_token_is_said_so(store: TraceStore) -> None:
    found = read_spending(store, 7, NOW)
    assert found.words == "No trace of the last 7 days names a model that is paid by the token."
    assert spending_text(found) == found.words


def test_shell_has_a_line_a_day_and_model(store: TraceStore) -> None:
    store.put_all([asked(MINI, DAY, read=1_000_000, written=0), asked(OTHER, DAY, written=None)])
    found = read_spending(store, 2, NOW)
    rows = [line.split() for line in spending_text(found).splitlines()[1:3]]
    assert rows == [
        ["2024-10-04", "gpt-4o-mini", "1", "1,000,000", "0", "$0.15"],
        ["2024-10-04", "tiny@rack:8000", "1", "100", "0", "not", "known"],
    ]
    data = spending_to_dict(found)
    assert data["days"][0]["usd"] == pytest.approx(0.15)
    assert data["days"][1]["usd"] is None
    assert data["total"]["unknown"] == [OTHER]

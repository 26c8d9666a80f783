"""Cost in words: what is known with its month, what is not by name, and never a 0 that nobody knows of."""

import pytest

from app.kit.costs import Spent, dollars, price_words, spent_to_dict, spent_words, use_usd
from metrics.token_costs import TokenUse, total_cost

MINI = TokenUse("gpt-4o-mini", 2, 1_000_000, 1_000, 0)
PARTLY = TokenUse("gpt-4o", 3, 100, 0, 2)
HOUSE = TokenUse("house", 1, 5, 5, 0)


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (0.00005, "less than $0.0001"),
        (0.012345, "about $0.0123"),
        (12.3456, "about $12.35"),
        (1234.5, "about $1,234.50"),
    ],
)
def test_sum_is_as_fine_as_it_deserves(usd: float, words: str) -> None:
    assert dollars(usd) == words


@pytest.mark.parametrize(
    ("uses", "words"),
    [
        ([], ""),
        ([MINI], "about $0.151 by list prices of 2025-06"),
        ([HOUSE], "no price is known for “house”"),
        ([MINI, HOUSE], "at least $0.151 by list prices of 2025-06, no price is known for “house”"),
        ([PARTLY], "at least $0.00025 by list prices of 2025-06, not all tokens of “gpt-4o” were counted"),
        ([TokenUse("gpt-4o", 1, 0, 0, 1)], "not all tokens of “gpt-4o” were counted"),
        (
            [TokenUse(f"m{place}\n<b>", 1, 1, 1, 0) for place in range(5)],
            "no price is known for “m0 <b>”, “m1 <b>”, “m2 <b>” and 2 more",
        ),
    ],
)
def test_what_is_not_known_is_named(uses: list[TokenUse], words: str) -> None:
    assert price_words(total_cost(uses)) == words


def test_several_traces_are_told_in_a_sentence() -> None:
    assert spent_words(Spent()) == ""
    assert spent_words(Spent((MINI,))) == (
        "1,000,000 tokens read and 1,000 written in 2 calls: about $0.151 by list prices of 2025-06."
    )
    partly = spent_words(Spent((PARTLY,), 1_757_000_000.0))
    assert partly.startswith("At least 100 tokens read and 0 written in 3 calls: at least $0.00025")
    assert partly.endswith("Tokens are counted since 2025-09-04 15:33:20 UTC; what was stored before is left out.")


def test_a_cell_never_shows_a_sum_that_nobody_knows() -> None:
    assert [use_usd(use) for use in (MINI, PARTLY, HOUSE)] == ["$0.151", "≥ $0.00025", "not known"]
    assert spent_to_dict(Spent((HOUSE,)))["usd"] is None
    assert spent_to_dict(Spent((MINI, HOUSE)))["unknown"] == ["house"]

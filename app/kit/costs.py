"""What models took and cost by the token, in words: one place, so that traces, runs, days and the shell say the same thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.kit.numbers import MISSING, count
from app.kit.plain import one_line, shortened
from app.kit.wording import listed, when
from metrics.token_costs import TokenCost, TokenUse, token_price, total_cost

LEAST_USD = 0.0001
"""Less is not written out."""

NAMED = 3
"""Models named in a sentence."""

NAME_CHARS = 60
"""Characters of a model's name that are shown."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What several traces took together."""

    uses: tuple[TokenUse, ...] = ()
    """By model; empty where nothing is paid by the token, as far as is known."""
    counted_from: float | None = None
    """When counting began, in seconds since the epoch, where some of the traces are older; None where all were counted."""


def dollars(usd: float) -> str:
    """A sum: "about $0.0123", "less than $0.0001"."""
    return "less than $0.0001" if usd < LEAST_USD else f"about {_figure(usd)}"


def _figure(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.3g}"


def price_words(cost: TokenCost | None) -> str:
    """What calls cost together, and what is not known of it; empty for none."""
    if cost is None:
        return ""
    unpriced = [model for model in cost.unknown if token_price(model) is None]
    uncounted = [model for model in cost.unknown if model not in unpriced]
    sum_words = f"at least {_figure(cost.usd)}" if cost.unknown else dollars(cost.usd)
    told = [
        f"{sum_words} by list prices of {cost.as_of}" if cost.is_known else "",
        f"no price is known for {_named(unpriced)}" if unpriced else "",
        f"not all tokens of {_named(uncounted)} were counted" if uncounted else "",
    ]
    return ", ".join(filter(None, told))


def model_name(model: str) -> str:
    """A model's name, as far as it is shown."""
    return shortened(one_line(model), NAME_CHARS)


def _named(models: Sequence[str]) -> str:
    named = [f"“{model_name(model)}”" for model in models[:NAMED]]
    more = [f"{len(models) - NAMED:,} more"] if len(models) > NAMED else []
    return listed([*named, *more])


def spent_words(spent: Spent) -> str:
    """Tokens and cost of several traces, in a sentence or two; empty where nothing is paid by the token."""
    sentences = []
    if spent.uses:
        calls = sum(use.calls for use in spent.uses)
        read, written = (sum(getattr(use, name) for use in spent.uses) for name in ("input_tokens", "output_tokens"))
        least = "At least " if any(use.uncounted for use in spent.uses) else ""
        told = f"{least}{count(read, 'token')} read and {written:,} written in {count(calls, 'call')}"
        sentences.append(f"{told}: {price_words(total_cost(spent.uses))}.")
    if spent.counted_from is not None:
        sentences.append(f"Tokens are counted since {when(spent.counted_from)}; what was stored before is left out.")
    return " ".join(sentences)


def spent_usd(spent: Spent) -> tuple[float | None, str]:
    """What traces cost together, to sort by and for a cell: "$0.0123", "≥ $0.01" where some is not known; "—" where nothing is paid."""
    cost = total_cost(spent.uses)
    if cost is None:
        return None, MISSING
    if not cost.is_known:
        return None, "not known"
    return cost.usd, f"≥ {_figure(cost.usd)}" if cost.unknown else dollars(cost.usd).removeprefix("about ")


def use_usd(use: TokenUse) -> str:
    """What a use cost, for a cell: "$0.0123", "≥ $0.01" where some was not counted, "not known"."""
    if use.usd is None:
        return "not known"
    return f"≥ {_figure(use.usd)}" if use.uncounted else dollars(use.usd).removeprefix("about ")


def spent_to_dict(spent: Spent) -> dict[str, Any]:
    """JSON-ready: each model's tokens and cost, null where it is not known, and the sum."""
    cost = total_cost(spent.uses)
    return {
        "models": [use_to_dict(use) for use in spent.uses],
        "usd": cost.usd if cost is not None and cost.is_known else None,
        "unknown": [] if cost is None else list(cost.unknown),
        "prices_as_of": None if cost is None else cost.as_of,
        "counted_from": spent.counted_from,
    }


def use_to_dict(use: TokenUse) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "model": use.model,
        "calls": use.calls,
        "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens,
        "uncounted_calls": use.uncounted,
        "usd": use.usd,
    }

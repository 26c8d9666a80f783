"""What a trace's models cost by the token, from the dated table of list prices. An estimate: the bill is their owner's.

A price or a count that is not known is said to be unknown, never taken for nothing. Models that run here cost nothing by the token.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metrics.otlp.content import read_content
from metrics.prices import price_table
from pipeline.types import Trace

ELSEWHERE = re.compile(r"(?:openai|openai-completion|bedrock):(.+)", re.DOTALL)
"""The name of a generator of ours that another server runs: its model, and its host where that is not the owner's own."""

SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})$")
"""The date that some servers add to a model's name."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call of a model took."""

    model: str
    """The model, by its server's name."""
    tokens_in: int | None
    """Tokens read; None where nobody counted."""
    tokens_out: int | None
    """Tokens written, 0 for an embedder; None where nobody counted."""


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What calls of models cost together."""

    usd: float
    """Of the calls whose price is known."""
    unknown: tuple[str, ...]
    """Models of which the price or the tokens are not known, each once."""
    as_of: str
    """Month of the price table."""


def cost_of(trace: Trace) -> TokenCost | None:
    """What a trace's calls of models cost; None where it has none that is paid by the token, as far as is known."""
    usages = list(usages_of(trace))
    if not usages:
        return None
    costs = [(usage.model, _usd(usage)) for usage in usages]
    unknown = dict.fromkeys(model for model, usd in costs if usd is None)
    return TokenCost(sum(usd or 0.0 for _, usd in costs), tuple(unknown), price_table()["as_of"])


def usages_of(trace: Trace) -> Iterator[Usage]:
    """The calls that a trace tells of: our generator's on another server, or those that another application names a model for."""
    if trace.origin == "application":
        for span in trace.spans:
            if span.kind in ("llm", "embedding"):
                told = read_content(span.attributes, span.events, span.name)
                if told.model:
                    written = 0 if span.kind == "embedding" else told.completion_tokens
                    yield Usage(told.model, told.prompt_tokens, written)
        return
    found = ELSEWHERE.fullmatch(str(trace.settings.get("generator") or ""))
    generation = trace.generation
    if found is not None and generation is not None and generation.prompt is not None:
        yield Usage(found[1], generation.prompt_tokens or None, generation.completion_tokens)


def _usd(usage: Usage) -> float | None:
    table = price_table()["tokens_million"]
    price = table.get(usage.model) or table.get(SNAPSHOT.sub("", usage.model))
    if price is None or usage.tokens_in is None or usage.tokens_out is None:
        return None
    return float(usage.tokens_in * price[0] + usage.tokens_out * price[1]) / 1e6

"""What a trace's models took and cost by the token, from the dated table of list prices. An estimate: the bill is their owner's.

A price or a count that is not known is said to be unknown, never taken for nothing. Models that run here cost nothing by the token.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metrics.labels import bounded
from metrics.otlp.content import read_use
from metrics.prices import TOKENS, price_table
from pipeline.schema import span_from_dict, trace_to_dict
from pipeline.types import Trace

ELSEWHERE = re.compile(r"(?:openai|openai-completion|bedrock):(.+)", re.DOTALL)
"""The name of a generator of ours that another server runs: its model, and its host where that is not the owner's own."""

SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})$")
"""The date that some servers add to a model's name."""

INFERENCE_PROFILE = re.compile(r"^(?:us|eu|apac|ap|au|ca|jp|us-gov|global)\.(?=[a-z0-9-]+\.)")
"""What Bedrock puts before a model's id where requests may go to several regions. The list price is that of the model."""

MAX_CALL_TOKENS = 10**9
"""No call takes more; a count above it is an error of whoever counted, and would spoil every sum."""

PAID_KINDS = ("llm", "embedding")
"""Kinds of span that are paid by the token."""


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What calls of one model took."""

    model: str
    """The model, by its server's name."""
    calls: int
    """How many calls."""
    input_tokens: int
    """Tokens read, as far as they were counted."""
    output_tokens: int
    """Tokens written, as far as they were counted; 0 for an embedder."""
    uncounted: int
    """Calls of which nobody counted one or the other."""

    def __add__(self, other: "TokenUse") -> "TokenUse":
        return TokenUse(
            self.model,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.uncounted + other.uncounted,
        )

    @property
    def usd(self) -> float | None:
        """What the counted tokens cost; None where there is no price, or nothing was counted though something was used."""
        price = token_price(self.model)
        if price is None or (self.uncounted and not self.input_tokens and not self.output_tokens):
            return None
        return (self.input_tokens * price[0] + self.output_tokens * price[1]) / 1e6


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What calls of models cost together."""

    usd: float
    """Of what is known: where something is unknown, the cost is at least this."""
    unknown: tuple[str, ...]
    """Models of which the price or some of the tokens are not known, each once."""
    as_of: str
    """Month of the price table."""

    @property
    def is_known(self) -> bool:
        """Whether anything is."""
        return bool(self.usd) or not self.unknown


def cost_of(trace: Trace) -> TokenCost | None:
    """What a trace's calls of models cost; None where it has none that is paid by the token, as far as is known."""
    return total_cost(list_uses(trace_to_dict(trace)))


def total_cost(uses: Iterable[TokenUse]) -> TokenCost | None:
    """What several uses cost together; None for none."""
    found = [(use, use.usd) for use in uses]
    if not found:
        return None
    unknown = dict.fromkeys(use.model for use, usd in found if usd is None or use.uncounted)
    return TokenCost(sum(usd or 0.0 for _, usd in found), tuple(unknown), price_table()["as_of"])


def add_up(uses: Iterable[TokenUse]) -> list[TokenUse]:
    """The same with one entry a model, in the order in which models first came."""
    found: dict[str, TokenUse] = {}
    for use in uses:
        found[use.model] = found[use.model] + use if use.model in found else use
    return list(found.values())


def token_price(model: str) -> tuple[float, float] | None:
    """Dollars for a million tokens read and written, by the price table; None for a model that it does not have."""
    table = price_table()[TOKENS]
    plain = INFERENCE_PROFILE.sub("", model)
    price = table.get(model) or table.get(plain) or table.get(SNAPSHOT.sub("", plain))
    return None if price is None else (float(price[0]), float(price[1]))


def list_uses(trace: Mapping[str, Any]) -> list[TokenUse]:
    """What a trace, given in its JSON form, used of each model that is paid by the token.

    Of ours that is the generator on another server; of another application's, each model that it names. A call that is told by several
    spans, one within the other, counts once.
    """
    if trace.get("origin") == "application":
        return add_up(_calls(trace["spans"]))
    found = ELSEWHERE.fullmatch(str(trace["settings"].get("generator") or ""))
    generation = trace["generation"]
    if found is None or generation is None or generation.get("prompt") is None:
        return []
    return [_use(found[1], generation["prompt_tokens"] or None, generation.get("completion_tokens"))]


def _use(model: str, read: int | None, written: int | None) -> TokenUse:
    read, written = (None if count is None or count > MAX_CALL_TOKENS else count for count in (read, written))
    return TokenUse(bounded(model), 1, read or 0, written or 0, int(read is None or written is None))


def _calls(spans: Iterable[Mapping[str, Any]]) -> Iterator[TokenUse]:
    """One for each call. Of spans of a kind within each other the outermost that was counted tells, or else the innermost."""
    paid = [(span, use) for span in spans if span.get("kind") in PAID_KINDS and (use := _span_use(span)) is not None]
    told = {(span["span_id"], span["kind"]): use for span, use in paid}
    parents = {span["span_id"]: span["parent_id"] for span in spans}
    covered: set[str] = set()
    for span, use in paid:
        for above in _above(span["span_id"], parents):
            outer = told.get((above, span["kind"]))
            if outer is not None:
                covered.add(above if outer.uncounted and not use.uncounted else span["span_id"])
                break
    yield from (use for span, use in paid if span["span_id"] not in covered)


def _above(span_id: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """The spans around one, the nearest first; a circle ends where it began."""
    seen, above = {span_id}, parents.get(span_id)
    while above is not None and above not in seen:
        yield above
        seen.add(above)
        above = parents.get(above)


def _span_use(data: Mapping[str, Any]) -> TokenUse | None:
    span = span_from_dict(data)
    model, read, written = read_use(span.attributes, span.events)
    return _use(model, read, 0 if span.kind == "embedding" else written) if model else None

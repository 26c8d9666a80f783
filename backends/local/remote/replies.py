"""Pieces of a streamed answer, from what servers send: text, probabilities, why it ended, and tokens counted.

Servers agree on the texts. On probabilities they do not: chat completions list them by token (`content`), completions in columns (`tokens`,
`token_logprobs`, `top_logprobs`), and llama.cpp sends the former for both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.types import Token


@dataclass(frozen=True, slots=True)
class Scored:
    """A token as a server scored it."""

    text: str
    """Its characters; a server's own notation where it is only part of one."""
    logprob_nats: float
    """Its log-probability."""
    likeliest_nats: Mapping[str, float] = field(default_factory=dict)
    """Log-probabilities of the likeliest tokens in its place, by their texts; empty where the server names none."""

    @property
    def entropy_nats(self) -> float | None:
        """The entropy over the likeliest tokens, this one and all others as one, which bounds the true one from below."""
        if not self.likeliest_nats:
            return None
        shares = [math.exp(min(nats, 0.0)) for nats in {self.text: self.logprob_nats, **self.likeliest_nats}.values()]
        shares.append(max(0.0, 1.0 - sum(shares)))
        return sum(-share * math.log(share) for share in shares if share > 0.0)


@dataclass(slots=True)
class Reading:
    """A streamed answer, as far as it has been read."""

    tokens: list[Token] = field(default_factory=list)
    """Its pieces so far."""
    finish_reason: str = ""
    """The server's word for why it ended; empty until it says."""
    prompt_tokens: int | None = None
    """Tokens of the prompt; None where the server does not count."""
    completion_tokens: int | None = None
    """Tokens of the answer; None where the server does not count."""
    events: int = 0
    """Events read."""
    held: list[Scored] = field(default_factory=list)
    """Tokens whose characters are still to come: of a character in several tokens only the last brings text."""

    def take(self, event: Mapping[str, Any]) -> list[Token]:
        """Read one event; the pieces that it brought. Raises KeyError, TypeError, ValueError or AttributeError for another shape."""
        self.events += 1
        usage = event.get("usage")
        if usage:
            self.prompt_tokens = _count(usage.get("prompt_tokens"))
            self.completion_tokens = _count(usage.get("completion_tokens"))
        choices = event.get("choices") or ()
        if not choices:
            return []
        choice = choices[0]
        self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)
        text = str((choice["delta"].get("content") if "delta" in choice else choice.get("text")) or "")
        made = self._pieces(text, read_scores(choice.get("logprobs")))
        self.tokens += made
        return made

    @property
    def known_tokens(self) -> tuple[Token, ...]:
        """The pieces, where every one is a token with its probability; else none."""
        return () if any(token.logprob_nats is None for token in self.tokens) else tuple(self.tokens)

    def _pieces(self, text: str, scored: Sequence[Scored]) -> list[Token]:
        if not text:
            self.held += scored
            return []
        scored, self.held = [*self.held, *scored], []
        if not scored:
            return [Token(text, None)]
        if "".join(each.text for each in scored) == text:
            return [Token(each.text, each.logprob_nats, each.entropy_nats) for each in scored]
        undecided = [each.entropy_nats for each in scored]
        entropy = None if None in undecided else max(each or 0.0 for each in undecided)
        return [Token(text, sum(each.logprob_nats for each in scored), entropy)]


def read_scores(logprobs: Mapping[str, Any] | None) -> list[Scored]:
    """The tokens of a reply's `logprobs`, of either shape; none where there are none."""
    if not logprobs:
        return []
    if logprobs.get("content") is not None:
        return [
            Scored(
                str(each["token"]),
                _nats(each["logprob"]),
                {str(other["token"]): _nats(other["logprob"]) for other in each.get("top_logprobs") or ()},
            )
            for each in logprobs["content"]
        ]
    texts, nats = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
    likeliest = logprobs.get("top_logprobs") or [None] * len(texts)
    return [
        Scored(str(text), _nats(own), {str(word): _nats(each) for word, each in (others or {}).items()})
        for text, own, others in zip(texts, nats, likeliest, strict=True)
    ]


def _nats(value: Any) -> float:
    """A log-probability. Servers write one of nothing at all as null or as -9999."""
    nats = float(value)
    if not math.isfinite(nats):
        raise ValueError("a log-probability is not finite")
    return nats


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None

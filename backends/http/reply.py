"""What a reply says, by the expressions of its endpoint: answer, chunks, stage times, tokens. Owns what a value must be to count.

A value of another shape than expected counts as missing, but for the answer, without which there is nothing to show.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backends.http.expressions import Expression
from pipeline.checks import MAX_TOP_K
from pipeline.errors import BadResponse
from pipeline.types import Chunk, Generation

MAX_ERROR_CHARS = 500
"""Characters kept of what an application says of its own error."""

Clean = Callable[[str], str]
"""Makes a text from outside fit for the store, and secrets in it unreadable."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Where in a reply things are. None for what the reply does not have."""

    answer: Expression | None = None
    """The answer: a text, a number, or a list of texts."""
    chunks: Expression | None = None
    """The list of chunks, best first."""
    text: Expression | None = None
    """Within a chunk its text. A chunk that is a text itself needs none."""
    id: Expression | None = None
    """Within a chunk its id."""
    document: Expression | None = None
    """Within a chunk the id of its document."""
    title: Expression | None = None
    """Within a chunk its title."""
    score: Expression | None = None
    """Within a chunk its score."""
    source: Expression | None = None
    """Within a chunk the file or address it is from."""
    stages_ms: Mapping[str, Expression] = field(default_factory=dict)
    """How long stages took, in milliseconds, by stage and in their order."""
    stages_s: Mapping[str, Expression] = field(default_factory=dict)
    """The same in seconds."""
    prompt_tokens: Expression | None = None
    """Tokens that the model read."""
    completion_tokens: Expression | None = None
    """Tokens that it wrote."""
    model: Expression | None = None
    """The model's name."""
    abstained: Expression | None = None
    """Whether the application held that it cannot answer."""
    error: Expression | None = None
    """What went wrong; anything but null, false and what is empty is an error."""
    token: Expression | None = None
    """Streaming: in an event, the next piece of the answer."""


@dataclass(slots=True)
class Facts:
    """What a reply has told so far; a stream's events tell it bit by bit."""

    answer: str | None = None
    """The answer; None where there was none."""
    chunks: tuple[Chunk, ...] = ()
    """Best first, each id once."""
    left_out: int = 0
    """Chunks beyond those that a trace keeps."""
    stages_ms: dict[str, float] = field(default_factory=dict)
    """Milliseconds by stage, in their order."""
    prompt_tokens: int | None = None
    """Tokens that the model read, if told."""
    completion_tokens: int | None = None
    """Tokens that it wrote, if told."""
    model: str = ""
    """The model's name, if told."""
    abstained: bool = False
    """Whether the application said that it cannot answer."""
    error: str | None = None
    """What the application says went wrong, cleaned; data, not to be shown as ours."""
    pieces: list[str] = field(default_factory=list)
    """Pieces of a streamed answer."""

    def generation(self, finish_reason: str = "stop") -> Generation:
        """The answer as a generation. A blank one is an abstention. Raises BadResponse where there is none."""
        answer = self.answer if self.answer is not None else "".join(self.pieces) if self.pieces else None
        if answer is None:
            raise BadResponse(
                "The reply has no answer where the expression `answer` looks. `raglass backend try` shows what it has instead."
            )
        abstained = self.abstained or not answer.strip()
        return Generation(
            answer=answer.strip() or "The application answered nothing.",
            tokens=(),
            prompt_tokens=self.prompt_tokens or 0,
            finish_reason="abstained" if abstained and finish_reason == "stop" else finish_reason,
            abstained=abstained,
            completion_tokens=self.completion_tokens,
        )

    def partial(self, failure_kind: str) -> Generation | None:
        """What can be kept of a streamed answer that was cut short; None if it never began."""
        if self.answer is None and not self.pieces:
            return None
        return self.generation("deadline" if failure_kind == "Timeout" else "failed")


def read_reply(data: Any, reading: Reading, clean: Clean, facts: Facts | None = None) -> Facts:
    """What JSON-ready data says. facts: what earlier events of a stream said, to which this is added; the last word counts."""
    facts = facts or Facts()
    answer = _answer(_find(reading.answer, data))
    if answer is not None:
        facts.answer = clean(answer)
    items = _find(reading.chunks, data)
    if isinstance(items, list | tuple):
        facts.chunks = make_chunks(items, reading, clean)
        facts.left_out = max(0, len(items) - MAX_TOP_K)
    for stages, factor in ((reading.stages_ms, 1.0), (reading.stages_s, 1000.0)):
        for stage, expression in stages.items():
            took = _number(expression.find(data))
            if took is not None and took >= 0:
                facts.stages_ms[stage] = took * factor
    facts.prompt_tokens = _count(_find(reading.prompt_tokens, data), facts.prompt_tokens)
    facts.completion_tokens = _count(_find(reading.completion_tokens, data), facts.completion_tokens)
    model = _find(reading.model, data)
    facts.model = clean(model) if isinstance(model, str) and model else facts.model
    facts.abstained = facts.abstained or _find(reading.abstained, data) is True
    error = _find(reading.error, data)
    if error:
        facts.error = clean(error if isinstance(error, str) else repr(error))[:MAX_ERROR_CHARS]
    token = _find(reading.token, data)
    if isinstance(token, str) and token:
        facts.pieces.append(clean(token))
    return facts


def make_chunks(items: Sequence[Any], reading: Reading, clean: Clean) -> tuple[Chunk, ...]:
    """Chunks in the reply's order, MAX_TOP_K at most.

    One without an id is named by a hash of its text, without a text by its place; two of one id get a number after it.
    """
    chunks: list[Chunk] = []
    taken: dict[str, int] = {}
    for rank, item in enumerate(items[:MAX_TOP_K], start=1):

        def said(expression: Expression | None, of: Any = item) -> str:
            return clean(_text(_find(expression, of)))

        text = clean(item) if isinstance(item, str) else said(reading.text)
        named_by_text = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] if text else ""
        name = said(reading.id) or named_by_text or f"chunk-{rank}"
        source = said(reading.source)
        count = taken[name] = taken.get(name, 0) + 1
        unique = name if count == 1 else f"{name}#{count}"
        title, score = said(reading.title), _number(_find(reading.score, item))
        chunks.append(Chunk(unique, said(reading.document) or source or name, title, text, score, rank, source=source))
    return tuple(chunks)


def _find(expression: Expression | None, data: Any) -> Any:
    return None if expression is None else expression.find(data)


def _answer(found: Any) -> str | None:
    if isinstance(found, list) and found and all(isinstance(each, str) for each in found):
        return "".join(found)
    return found if isinstance(found, str) else _text(found) or None


def _text(found: Any) -> str:
    """A text, or a number as one; else empty."""
    if isinstance(found, str):
        return found
    return "" if _number(found) is None else str(found)


def _number(found: Any) -> float | None:
    """A finite number, of whatever type, also one that came as a text."""
    try:
        number = math.nan if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _count(found: Any, known: int | None) -> int | None:
    number = _number(found)
    return known if number is None or number < 0 else int(number)

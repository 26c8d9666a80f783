"""`Masker`: what must not be kept is replaced before a trace, spans, a note or a run's answer is stored, and counted.

A text is never kept in clear because something went wrong: what cannot be looked through is withheld. Refuses to know patterns
(`metrics.sensitive`).
"""

import importlib
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from metrics.otlp.records import SpanRecord
from metrics.sensitive import Pattern, TooSlow, built_in, read_patterns
from pipeline.errors import ConfigError
from pipeline.spans import Attribute, Span
from pipeline.types import Chunk, Evidence, Generation, Token, Trace

log = logging.getLogger(__name__)

HOOK_FAILED = "[withheld: the masking hook failed]"
"""In place of a text on which the hook raised, or of which it made no text."""

PATTERN_SLOW = "[withheld: a pattern took too long]"
"""In place of a text in which a pattern could not be looked for in time."""

BUDGET_S = 2.0
"""Seconds that the patterns of a file may take too long in one trace, or one batch of spans; from then on texts are withheld unseen."""

MASKED = "masked"
"""In a trace's metadata: how much was masked in it, by pattern."""

MASKED_SPAN = "raglass.masked."
"""Begins the attributes that say so of a span."""

MAX_JSON_CHARS = 2_000_000
"""Longer texts are not read as JSON, but masked as they are."""

Result = TypeVar("Result")

Edit = tuple[int, int, str]
"""A part of a text, from its first character to one past its last, and what stands in its place."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text as it is kept."""

    text: str
    """The text."""
    edits: tuple[Edit, ...] | None
    """What was replaced in it, from left to right; None where only its maker knows."""


class Masker:
    """Masks for one process. Threads may share it; it never raises."""

    def __init__(self, patterns: Sequence[Pattern] = (), hook: Callable[[str], str] | None = None) -> None:
        """hook: given every text after the patterns; it returns what is to be kept, the text itself if nothing is to be masked."""
        self._patterns, self._hook = tuple(patterns), hook
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    @property
    def names(self) -> tuple[str, ...]:
        """What is looked for."""
        return (*(pattern.name for pattern in self._patterns), *(["a hook"] if self._hook else []))

    @property
    def counts(self) -> Mapping[str, int]:
        """What was masked since this process began, by pattern; `hook` for texts that the hook changed, `withheld` for those withheld."""
        with self._lock:
            return dict(self._counts)

    def mask_text(self, text: str) -> str:
        """A text as it may be kept."""
        return self._run(lambda look: look.text(text))[0]

    def mask_trace(self, trace: Trace) -> Trace:
        """A trace as it may be kept; its metadata say what was masked."""
        masked, found = self._run(lambda look: _mask_trace(trace, look))
        if not found:
            return masked
        told = Counter(masked.metadata.get(MASKED) or {}) + found
        return replace(masked, metadata={**masked.metadata, MASKED: dict(told)})

    def mask_records(self, records: Sequence[SpanRecord]) -> list[SpanRecord]:
        """Spans of other applications as they may be kept; attributes that begin with MASKED_SPAN say what was masked."""

        def mask(look: "_Look") -> list[SpanRecord]:
            return [_mask_record(record, look) for record in records]

        return self._run(mask)[0]

    def _run(self, work: "Callable[[_Look], Result]") -> tuple[Result, Counter[str]]:
        look = _Look(self._patterns, self._hook)
        result = work(look)
        if look.counts:
            with self._lock:
                self._counts += look.counts
        return result, look.counts


class _Look:
    """Looks through the texts of one trace, or of one batch of spans."""

    def __init__(self, patterns: Sequence[Pattern], hook: Callable[[str], str] | None) -> None:
        self._patterns, self._hook = patterns, hook
        self._known: dict[str, tuple[Masked, Counter[str]]] = {}
        self._late_s = 0.0
        self.counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """A text as it may be kept."""
        return self.masked(text).text

    def masked(self, text: str, *, counted: bool = True) -> Masked:
        """A text with what was replaced in it. counted: whether that counts, or is told again of what was counted."""
        if text not in self._known:
            found: Counter[str] = Counter()
            self._known[text] = (self._mask(text, found), found)
        masked, found = self._known[text]
        if counted:
            self.counts += found
        return masked

    def data(self, value: Any) -> Any:
        """JSON-ready data with every text in it, names included, as it may be kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.data(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(part) for part in value]
        return value

    def attributes(self, given: Mapping[str, Attribute]) -> dict[str, Attribute]:
        """Attributes with every text, but not their names, as it may be kept."""
        return {name: self._attribute(value) for name, value in given.items()}

    def _attribute(self, value: Attribute) -> Attribute:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self.text(part) if isinstance(part, str) else part for part in value)
        return value

    def _mask(self, text: str, found: Counter[str]) -> Masked:
        if text[:1] in ("{", "[") and len(text) <= MAX_JSON_CHARS:
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                return self._mask_plain(text, found)
            return self._mask_json(text, data, found)
        return self._mask_plain(text, found)

    def _mask_json(self, text: str, data: Any, found: Counter[str]) -> Masked:
        """JSON stays JSON: its texts are masked one by one, so that nothing is cut within an escape, and numbers stay."""
        before = self.counts
        self.counts = found
        try:
            masked = self.data(data)
        finally:
            self.counts = before
        return Masked(text, ()) if masked == data else Masked(json.dumps(masked, ensure_ascii=False), None)

    def _mask_plain(self, text: str, found: Counter[str]) -> Masked:
        try:
            edits = self._find(text)
        except TooSlow:
            found["withheld"] += 1
            return Masked(PATTERN_SLOW, None)
        found.update(name for _, _, name in edits)
        named = tuple((start, end, f"[{name}]") for start, end, name in edits)
        masked = _apply(text, named)
        return Masked(masked, named) if self._hook is None else self._ask_hook(masked, named, found)

    def _find(self, text: str) -> list[Edit]:
        """What the patterns find: where two overlap, the whole goes under the name of the first."""
        if self._late_s >= BUDGET_S:
            raise TooSlow
        found: list[tuple[int, int, int]] = []
        for number, pattern in enumerate(self._patterns):
            started = time.perf_counter()
            try:
                found += [(start, end, number) for start, end in pattern.find(text)]
            except TooSlow:
                self._late_s += time.perf_counter() - started
                log.warning(
                    "the pattern %s took too long in a text of %d characters; the text is withheld",
                    pattern.name,
                    len(text),
                )
                raise
        joined: list[tuple[int, int, int]] = []
        for start, end, number in sorted(found):
            if joined and start < joined[-1][1]:
                first, last, other = joined[-1]
                joined[-1] = (first, max(last, end), min(other, number))
            else:
                joined.append((start, end, number))
        return [(start, end, self._patterns[number].name) for start, end, number in joined]

    def _ask_hook(self, text: str, edits: tuple[Edit, ...], found: Counter[str]) -> Masked:
        assert self._hook is not None
        kind = "no text"
        try:
            kept: object = self._hook(text)
        except Exception as error:  # noqa: BLE001  # not log.exception: what the hook raises may quote the text
            kept, kind = None, type(error).__name__
        if not isinstance(kept, str):
            log.error("the masking hook gave %s for a text of %d characters; the text is withheld", kind, len(text))
            found["withheld"] += 1
            return Masked(HOOK_FAILED, None)
        if kept == text:
            return Masked(text, edits)
        found["hook"] += 1
        return Masked(kept, None)


def _apply(text: str, edits: Sequence[Edit]) -> str:
    parts, place = [], 0
    for start, end, instead in edits:
        parts += [text[place:start], instead]
        place = end
    return "".join((*parts, text[place:]))


def _moved(place: int, edits: Sequence[Edit]) -> int:
    """Where a place of a text is once it is edited: what was within an edit is at its end."""
    shift = 0
    for start, end, instead in edits:
        if place <= start:
            break
        if place < end:
            return start + shift + len(instead)
        shift += len(instead) - (end - start)
    return place + shift


def _mask_trace(trace: Trace, look: _Look) -> Trace:
    error = trace.error and replace(trace.error, message=look.text(trace.error.message))
    return replace(
        trace,
        question=look.text(trace.question),
        chunks=tuple(_mask_chunk(chunk, look) for chunk in trace.chunks),
        retrieved=tuple(_mask_chunk(chunk, look) for chunk in trace.retrieved),
        generation=trace.generation and _mask_generation(trace.generation, trace.chunks, look),
        spans=tuple(_mask_span(span, look) for span in trace.spans),
        error=error,
        session=look.text(trace.session),
        user=look.text(trace.user),
        tags=tuple(map(look.text, trace.tags)),
        metadata={**look.data({name: value for name, value in trace.metadata.items() if name != MASKED})}
        | {name: value for name, value in trace.metadata.items() if name == MASKED},
    )


def _mask_chunk(chunk: Chunk, look: _Look) -> Chunk:
    section = tuple(map(look.text, chunk.section))
    return replace(chunk, title=look.text(chunk.title), text=look.text(chunk.text), section=section)


def _mask_generation(generation: Generation, chunks: Sequence[Chunk], look: _Look) -> Generation:
    texts = {chunk.chunk_id: look.masked(chunk.text, counted=False).edits for chunk in chunks}
    return replace(
        generation,
        answer=look.text(generation.answer),
        tokens=_mask_tokens(generation.tokens, look),
        prompt=None if generation.prompt is None else look.text(generation.prompt),
        evidence=tuple(
            _move_evidence(each, edits)
            for each in generation.evidence
            if (edits := texts.get(each.chunk_id, ())) is not None
        ),
    )


def _mask_tokens(tokens: tuple[Token, ...], look: _Look) -> tuple[Token, ...]:
    """As many tokens with the same probabilities: of those that were masked the first says so, the others are empty."""
    whole = "".join(token.text for token in tokens)
    masked = look.masked(whole, counted=False)  # the answer, once more
    if masked.text == whole:
        return tokens
    edits = ((0, len(whole), masked.text),) if masked.edits is None else masked.edits
    kept, place = [], 0
    for token in tokens:
        end = place + len(token.text)
        # An edit is told by the token that it begins in.
        said = _moved(place, edits), _moved(end, edits)
        kept.append(replace(token, text=masked.text[said[0] : said[1]]))
        place = end
    return tuple(kept)


def _move_evidence(evidence: Evidence, edits: Sequence[Edit]) -> Evidence:
    answer = evidence.answer and (_moved(evidence.answer[0], edits), _moved(evidence.answer[1], edits))
    return replace(evidence, start=_moved(evidence.start, edits), end=_moved(evidence.end, edits), answer=answer)


def _mask_span(span: Span, look: _Look) -> Span:
    return replace(
        span,
        name=look.text(span.name),
        attributes=look.attributes(span.attributes),
        error=span.error and replace(span.error, message=look.text(span.error.message)),
        events=tuple(replace(event, attributes=look.attributes(event.attributes)) for event in span.events),
    )


def _mask_record(record: SpanRecord, look: _Look) -> SpanRecord:
    before = Counter(look.counts)
    attributes = look.attributes(record.attributes)
    masked = replace(
        record,
        name=look.text(record.name),
        resource=look.attributes(record.resource),
        status_message=look.text(record.status_message),
        events=tuple(replace(event, attributes=look.attributes(event.attributes)) for event in record.events),
    )
    found = look.counts - before
    told: dict[str, Attribute] = {MASKED_SPAN + name: count for name, count in found.items()}
    return replace(masked, attributes={**attributes, **told})


def count_masked(trace: Trace) -> Trace:
    """Another application's trace with what was masked in its spans told in its metadata."""
    found: Counter[str] = Counter()
    for span in trace.spans:
        for name, value in span.attributes.items():
            if name.startswith(MASKED_SPAN) and isinstance(value, int):
                found[name.removeprefix(MASKED_SPAN)] += value
    return replace(trace, metadata={**trace.metadata, MASKED: dict(found)}) if found else trace


def open_masker(names: str, patterns: str, hook: str) -> Masker | None:
    """A masker as the settings have it; None where nothing is to be masked. Raises ConfigError.

    names: of built-in patterns, with commas between. patterns: the path of a file of further ones. hook: `module:function`.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    found = [*built_in(wanted), *(read_patterns(Path(patterns).expanduser()) if patterns else [])]
    asked = _import_hook(hook) if hook else None
    return Masker(found, asked) if found or asked else None


def _import_hook(name: str) -> Callable[[str], str]:
    module, _, function = name.partition(":")
    try:
        hook: Callable[[str], str] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"RAGLASS_MASK_HOOK is {name[:100]!r}, which is not there ({type(error).__name__}). Write module:function of a module that "
            "Python finds (PYTHONPATH)."
        ) from error
    if not callable(hook):
        raise ConfigError(f"RAGLASS_MASK_HOOK is {name[:100]!r}, which is no function. Write module:function.")
    return hook


def mask_or_withhold(trace: Trace, masker: Callable[[], Masker | None]) -> Trace:
    """A trace as it may be kept; with every text withheld where masking is wanted and set up wrongly."""
    try:
        found = masker()
    except ConfigError:
        found = Masker(hook=_withhold)
    return trace if found is None else found.mask_trace(trace)


def _withhold(text: str) -> str:
    raise ConfigError("Masking is set up wrongly.")

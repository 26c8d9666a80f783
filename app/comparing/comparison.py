"""Two traces against each other: which chunks they share, how they were asked, and where their times differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.kit.numbers import milliseconds_change, three_figures
from explain.answers import normalise
from pipeline.prompts import PROMPT_TEXT
from pipeline.span_tree import SpanTree, covered_ms
from pipeline.types import Chunk, Setting, Trace

NAMES = {"top_k": "chunks"}
"""What a setting is called where people read it."""

STAGES = ("network", "gateway", "embed", "retrieve", "rerank", "generate")
"""The order in which a question passes through them; stages of other backends come after."""


@dataclass(frozen=True, slots=True)
class StageDifference:
    """One stage in both traces. Stages that run inside it are not counted in, so that the rows add up to the total."""

    stage: str
    """The stage, or `unaccounted`, or `total`."""
    first_ms: float | None
    """Its own time in the first trace; None if it did not run."""
    second_ms: float | None
    """Its own time in the second."""
    encloses: bool = False
    """Whether other stages ran inside it, so that this is what it added to them."""
    cached: str = ""
    """The one trace (`first` or `second`) in which its result was known from an earlier question, if only one."""

    @property
    def difference(self) -> str:
        """The second against the first, in words."""
        if self.first_ms is None or self.second_ms is None:
            return f"only in the {'second' if self.first_ms is None else 'first'}"
        if self.cached:
            return f"cached in the {self.cached}"
        change = self.second_ms - self.first_ms
        ratio = f" ({three_figures(self.second_ms / self.first_ms)}×)" if self.first_ms > 0 else ""
        return f"{milliseconds_change(change)}{ratio}"


@dataclass(frozen=True, slots=True)
class ChunkMatch:
    """One chunk that either trace retrieved."""

    chunk: Chunk
    """As the first retrieved it, or else the second."""
    first_rank: int | None
    """Its rank in the first trace; None if that did not retrieve it."""
    second_rank: int | None
    """Its rank in the second."""

    @property
    def shared(self) -> bool:
        """Whether both retrieved it."""
        return self.first_rank is not None and self.second_rank is not None

    @property
    def moved(self) -> int:
        """By how many places it stands higher in the second; below 0 for lower, 0 also where one did not retrieve it."""
        return 0 if self.first_rank is None or self.second_rank is None else self.first_rank - self.second_rank

    @property
    def move(self) -> str:
        """The same in words."""
        if not self.shared:
            return f"only {'first' if self.second_rank is None else 'second'}"
        return f"{'▲' if self.moved > 0 else '▼'} {abs(self.moved)}" if self.moved else "same"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two traces have in common."""

    matches: tuple[ChunkMatch, ...]
    """Every chunk that either retrieved, those ranked best by either first."""
    answers: tuple[str | None, str | None]
    """Both answers; None where a trace has none."""
    stages: tuple[StageDifference, ...]
    """Every stage that either ran, then unaccounted and total."""
    settings: tuple[tuple[str, str, str], ...]
    """Name and both values of what they were asked with, where it differs; "—" for a value that one does not have."""

    @property
    def shared(self) -> tuple[str, ...]:
        """Ids of chunks that both retrieved."""
        return tuple(match.chunk.chunk_id for match in self.matches if match.shared)

    @property
    def time_note(self) -> str:
        """What one must know to read the times; empty if nothing."""
        notes = []
        if any(row.encloses for row in self.stages):
            notes.append("Own time is what a stage took beside the stages that ran inside it.")
        if any(row.cached for row in self.stages):
            notes.append(
                "A cached stage had its result from an earlier question and took no time: set it aside when you compare the totals."
            )
        return " ".join(notes)

    @property
    def outcome(self) -> str:
        """What became of the answers."""
        first, second = self.answers
        if first is None and second is None:
            return "Neither has an answer"
        if first is None or second is None:
            return f"Only the {'second' if first is None else 'first'} has an answer"
        return "The answers are the same" if first == second else "The answers differ"


def compare(first: Trace, second: Trace) -> Comparison:
    """Compare two traces."""
    one, other = stage_tree(first), stage_tree(second)
    return Comparison(
        matches=match_chunks(first.chunks, second.chunks, by_text="application" in (first.origin, second.origin)),
        answers=(_answer(first), _answer(second)),
        stages=(
            *(_stage(stage, one, other) for stage in stages_of(first, second)),
            StageDifference("unaccounted", _unaccounted_ms(first, one), _unaccounted_ms(second, other)),
            StageDifference("total", first.duration_ms, second.duration_ms),
        ),
        settings=_settings(first, second),
    )


def _answer(trace: Trace) -> str | None:
    return None if trace.generation is None else trace.generation.answer or None


def match_chunks(first: Sequence[Chunk], second: Sequence[Chunk], *, by_text: bool = False) -> tuple[ChunkMatch, ...]:
    """Chunks of either list with their rank in both, those ranked best by either first.

    by_text: whether two are the same by their text too, as chunks of different applications have ids of their own.
    """
    of_text = {text: chunk.chunk_id for chunk in reversed(first) if by_text and (text := normalise(chunk.text))}
    known = {chunk.chunk_id for chunk in first}
    named = {
        chunk.chunk_id: chunk.chunk_id
        if chunk.chunk_id in known
        else of_text.get(normalise(chunk.text), chunk.chunk_id)
        for chunk in second
    }
    ranks = [{chunk.chunk_id: chunk.rank for chunk in first}, {named[chunk.chunk_id]: chunk.rank for chunk in second}]
    chunks = {chunk.chunk_id: chunk for chunk in first}
    for chunk in second:
        chunks.setdefault(named[chunk.chunk_id], chunk)
    matches = [ChunkMatch(chunk, ranks[0].get(name), ranks[1].get(name)) for name, chunk in chunks.items()]
    return tuple(sorted(matches, key=lambda match: sorted(_ranks(match))))


def _ranks(match: ChunkMatch) -> Iterable[float]:
    return (float("inf") if rank is None else rank for rank in (match.first_rank, match.second_rank))


def stages_of(*traces: Trace) -> list[str]:
    """Every stage that ran in any trace, in the order in which a question passes through them."""
    ran = dict.fromkeys(span.stage for trace in traces for span in trace.spans if span.stage)
    return [*(stage for stage in STAGES if stage in ran), *(stage for stage in ran if stage not in STAGES)]


def stage_tree(trace: Trace) -> SpanTree:
    """The spans of a trace that are stages, each just inside the stage that encloses it, whatever else lies between them."""
    tree = trace.tree
    inside: dict[str, str | None] = {}
    for span in tree:
        above = tree.parent(span)
        inside[span.span_id] = None if above is None else above.span_id if above.stage else inside[above.span_id]
    return SpanTree([replace(span, parent_id=inside[span.span_id]) for span in tree if span.stage])


def own_ms(tree: SpanTree, stage: str) -> float | None:
    """Time that a stage took, less that of the stages inside it; None if it did not run. tree: of stages."""
    times = [tree.own_ms(span) for span in tree if span.stage == stage]
    return sum(times) if times else None


def _unaccounted_ms(trace: Trace, tree: SpanTree) -> float:
    """Time in which no stage ran; another application's clocks may tell more than there is, which is none."""
    return max(trace.duration_ms - covered_ms(tree.roots), 0.0)


def _stage(stage: str, first: SpanTree, second: SpanTree) -> StageDifference:
    spans = [[span for span in tree if span.stage == stage] for tree in (first, second)]
    known = [any(span.attributes.get("cached") for span in ran) for ran in spans]
    return StageDifference(
        stage,
        own_ms(first, stage),
        own_ms(second, stage),
        encloses=any(tree.children(span) for tree, ran in zip((first, second), spans, strict=True) for span in ran),
        cached="" if known[0] == known[1] else "first" if known[0] else "second",
    )


def _settings(first: Trace, second: Trace) -> tuple[tuple[str, str, str], ...]:
    one, other = ({"backend": trace.backend, **trace.settings} for trace in (first, second))
    rows = [
        (NAMES.get(name, name), _told(one, name), _told(other, name))
        for name in {**one, **other}
        if name != PROMPT_TEXT
    ]
    return tuple(row for row in rows if row[1] != row[2])


def _told(way: Mapping[str, Setting], name: str) -> str:
    value = way.get(name)
    return "—" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

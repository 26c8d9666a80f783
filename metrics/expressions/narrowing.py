"""Which index names few traces to look at: without it, a question that is seldom answered yes would be put to every trace."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import CompoundSelect, Connection, Select, select, union

from metrics import search
from metrics.expressions.compiling import COMPARISONS, compile_node, plain, select_labels, words
from metrics.expressions.syntax import Claim, Either, Every, Negated, Node
from metrics.labels import bounded
from metrics.tables import quality, search_texts, stage_times, trace_labels, traces

INDEXED = frozenset(
    {
        "duration_ms",
        "asked_at",
        "confidence",
        "top_score",
        "backend",
        "origin",
        "session",
        "asked_by",
        "error_kind",
        "error_stage",
        "rating",
    }
)
"""Columns that an index leads to, or where a value is rare a partial one."""

Seqs = Select[tuple[int]] | CompoundSelect[tuple[int]]
"""A select of the `seq` of traces."""

Few = Callable[[Seqs], bool]
"""Whether a select has few rows."""


def find_few(connection: Connection, node: Node, now_s: float, few: Few) -> Seqs | None:
    """A select of the `seq` of few traces, found by an index, among which is every one that the expression holds for.

    None if there is none: each index names too many, or the expression asks for what is in no index.
    """
    found = _find_parts(connection, node, now_s, few)
    return None if found is None else _together(found)


def _find_parts(connection: Connection, node: Node, now_s: float, few: Few) -> list[Select[tuple[int]]] | None:
    """The same as selects side by side: SQLite takes no union within a union."""
    match node:
        case Every(parts):
            found = (_find_parts(connection, part, now_s, few) for part in parts)
            return next((selects for selects in found if selects is not None), None)
        case Either(parts):
            alternatives: list[Select[tuple[int]]] = []
            for part in parts:
                selects = _find_parts(connection, part, now_s, few)
                if selects is None:
                    return None
                alternatives += selects
            return alternatives if few(_together(alternatives)) else None
        case _:
            seqs = next(filter(few, _by_index(connection, node, now_s)), None)
            return None if seqs is None else [seqs]


def _together(selects: Sequence[Select[tuple[int]]]) -> Seqs:
    return selects[0] if len(selects) == 1 else union(*selects)


def _by_index(connection: Connection, node: Claim | Negated, now_s: float) -> Iterator[Select[tuple[int]]]:
    """The traces that an index names for one claim, or that are found in one narrow table: the quickest way first, if there is any."""
    if isinstance(node, Negated):
        part = node.part
        if isinstance(part, Claim) and part.verb == "none" and part.field.column in INDEXED:
            yield select(traces.c.seq).where(compile_node(node, now_s))
    elif node.field.kind == "text":
        yield from _by_text(connection, node, now_s)
    elif node.verb == "none" or "none" in node.values:
        return
    elif node.field.kind == "label":
        yield select(trace_labels.c.seq).where(trace_labels.c.label_id.in_(select_labels(node)))
    elif node.stage:
        took = COMPARISONS[node.verb](stage_times.c.duration_ms, plain(node.values[0], now_s))
        yield select(stage_times.c.seq).where(stage_times.c.stage == bounded(node.stage), took)
    elif node.rule:
        said = COMPARISONS[node.verb](quality.c.value, plain(node.values[0], now_s))
        yield select(quality.c.seq).where(quality.c.rule == node.rule, said)
    elif node.field.kind == "flag" or node.field.column in INDEXED:
        yield select(traces.c.seq).where(compile_node(node, now_s))


def _by_text(connection: Connection, claim: Claim, now_s: float) -> Iterator[Select[tuple[int]]]:
    """The traces that hold a text at all, for the index does not know in which part; then those that hold it in that part."""
    if len(claim.values) != 1:
        return
    needle = search.fold_needle(words(claim)[0])
    candidates = search.find_candidates(connection, needle) if len(needle) >= search.TRIGRAM else None
    if candidates is not None:
        yield candidates
    if claim.field.name == "note":  # which few traces have, so that their own column tells soonest
        yield select(traces.c.seq).where(compile_node(claim, now_s))
    elif claim.verb == "contains" and claim.field.name in search.PARTS:
        yield select(search_texts.c.seq).where(search.contains(needle, search.PARTS[claim.field.name]))

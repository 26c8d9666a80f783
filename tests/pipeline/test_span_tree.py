"""Spans as a tree, whatever their parents are said to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Timeout
from pipeline.span_tree import SpanTree
from pipeline.spans import Span


def span(span_id: str, parent_id: str | None = None, start_ms: float = 0.0, duration_ms: float = 1.0, **more) -> Span:
    return Span("", start_ms, duration_ms, parent_id=parent_id, span_id=span_id, **more)


CHAIN = span("chain", None, 0, 100)
TREE = [
    span("generate", "chain", 40, 50),
    span("retrieve", "chain", 5, 30),
    CHAIN,
    span("search", "retrieve", 10, 20),
]


def ids(spans) -> list[str]:
    return [each.span_id for each in spans]


def test_spans_come_each_before_those_inside_it_neighbours_by_their_start() -> None:
    tree = SpanTree(TREE)
    assert ids(tree) == ["chain", "retrieve", "search", "generate"]
    assert [tree.depth(each) for each in tree] == [0, 1, 2, 1]
    assert ids(tree.children(CHAIN)) == ["retrieve", "generate"]


def test_own_time_is_what_no_span_inside_runs_in() -> None:
    tree = SpanTree([*TREE, span("log", "chain", 45, 10)])  # runs beside generate
    assert tree.own_ms(CHAIN) == 20  # 100 − 30 − 50
    assert tree.own_ms(TREE[1]) == 10


def test_a_child_that_outlasts_its_parent_takes_no_more_than_all_of_it() -> None:
    assert SpanTree([span("a", None, 0, 10), span("b", "a", 5, 50)]).own_ms(span("a", None, 0, 10)) == 0


def test_the_critical_path_is_what_was_waited_for_one_after_another() -> None:
    assert ids(SpanTree(TREE).critical_path) == ["chain", "retrieve", "search", "generate"]
    assert SpanTree([]).critical_path == ()


def test_what_ran_beside_something_longer_is_not_on_the_critical_path() -> None:
    beside = [span("log", "chain", 45, 10), span("cache", "chain", 6, 20)]  # within generate and within retrieve
    assert ids(SpanTree([*TREE, *beside]).critical_path) == ["chain", "retrieve", "search", "generate"]
    late = span("save", "chain", 60, 38)  # ends last, and began while generate ran
    assert ids(SpanTree([*TREE, late]).critical_path) == ["chain", "retrieve", "search", "save"]


def test_a_span_whose_parent_never_came_stands_at_the_top() -> None:
    tree = SpanTree([span("late", "lost", 3), span("early", None, 1)])
    assert ids(tree.roots) == ["early", "late"]
    assert tree.parent(span("late", "lost", 3)) is None


def test_a_circle_is_cut_above_the_span_that_starts_first() -> None:
    tree = SpanTree([span("b", "a", 2), span("a", "c", 1), span("c", "b", 3), span("self", "self", 0)])
    assert ids(tree) == ["self", "a", "b", "c"]
    assert [tree.depth(each) for each in tree] == [0, 0, 1, 2]


def test_errors_are_found_with_what_encloses_them() -> None:
    failure = Timeout("too late", stage="retrieve").to_failure()
    tree = SpanTree([CHAIN, span("retrieve", "chain"), span("search", "retrieve", error=failure), span("b", "chain")])
    assert tree.failing == {"search": True, "retrieve": False, "chain": False}


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9), st.floats(0, 9)), max_size=15))
@pytest.mark.slow
def test_every_span_is_in_the_tree_once_whatever_its_parent(found: list[tuple[int, int | None, float]]) -> None:
    spans = [span(str(n), None if parent is None else str(parent), start) for n, parent, start in found]
    tree = SpanTree(spans)
    assert sorted(ids(tree)) == sorted({each.span_id for each in spans})
    for each in tree:
        above = tree.parent(each)
        assert tree.depth(each) == (0 if above is None else tree.depth(above) + 1)
    assert len(tree.failing) == 0

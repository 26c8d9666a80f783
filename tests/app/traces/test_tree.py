"""Which rows of a tree are seen, and that they stay few."""

import pytest

from app.traces.tree import (
    BATCH,
    FIRST_ROWS,
    MAX_FOUND,
    MAX_ROWS,
    SMALL,
    View,
    find_spans,
    path_to,
    row_of,
    visible_rows,
)
from pipeline.span_tree import SpanTree
from pipeline.types import Failure, Span
from tests.trees import make_large_tree, make_tree


def span(span_id, parent=None, start_ms=0.0, duration_ms=1.0, **more):
    return Span("", start_ms, duration_ms, parent_id=parent, span_id=span_id, name=more.pop("name", span_id), **more)


def labels(rows):
    return ["  " * row.depth + row.label for row in rows]


def deep(levels):
    return [span(f"s{n}", f"s{n - 1}" if n else None) for n in range(levels)]


def test_a_small_tree_is_shown_whole_with_times_that_are_its_own():
    rows = visible_rows(SpanTree(make_tree()), View({}), 1000.0)
    assert labels(rows) == [
        "RetrievalQA",
        "  gather",
        "    retrieve",
        "    retrieve",
        "    retrieve",
        "    rerank",
        "  ChatOpenAI",
        "  ChatOpenAI",
    ]
    own = {row.label: row.own_ms for row in rows}
    assert own["RetrievalQA"] == pytest.approx(1000 - 330 - 60 - 580)
    assert rows[-1].share == pytest.approx(0.58)
    assert [row.folded for row in rows] == [False, False, *[None] * 6]


def test_errors_are_told_up_the_path_and_the_path_that_the_end_waited_for_is_marked():
    beside = Span("", 410.0, 20.0, name="log", span_id="log", parent_id="root")  # while the model answers
    rows = visible_rows(SpanTree([*make_tree(), beside]), View({}), 1000.0)
    assert [row.failing for row in rows] == ["inside", "", "", "", "", "", "itself", "", ""]
    assert [row.label.strip() for row in rows if not row.critical] == ["log"]


def test_stages_one_after_the_other_have_no_critical_path():
    tree = SpanTree([Span("embed", 0, 5), Span("generate", 5, 50)])
    assert not any(row.critical for row in visible_rows(tree, View({}), 55.0))


def test_a_row_that_a_person_folded_hides_what_is_inside():
    tree = SpanTree(make_tree())
    gather = tree.children(tree.roots[0])[0]
    rows = visible_rows(tree, View({gather.span_id: False}), 1000.0)
    assert labels(rows) == ["RetrievalQA", "  gather", "  ChatOpenAI", "  ChatOpenAI"]
    assert rows[1].folded is True


def test_many_spans_of_one_name_are_one_row_that_opens():
    tree = SpanTree(make_tree(retrievals=312))
    [group] = [row for row in visible_rows(tree, View({}), 1000.0) if "×" in row.label]
    assert group.label == "retrieve ×312"
    assert group.folded is True
    # 312 spans of 180/312 · 0.9 ms each, none beside another.
    assert group.duration_ms == pytest.approx(162)
    opened = visible_rows(tree, View({group.row_id: True}), 1000.0)
    assert sum(row.label == "retrieve" for row in opened) == BATCH
    [rest] = [row for row in opened if row.label == "212 more"]
    again = visible_rows(tree, View({group.row_id: True, rest.row_id: True}), 1000.0)
    assert sum(row.label == "retrieve" for row in again) == 2 * BATCH
    assert "112 more" in [row.label for row in again]


@pytest.mark.parametrize("names", [0, 2000])
def test_ten_thousand_spans_make_few_rows_at_first(names):
    tree = SpanTree(make_large_tree(10_000, names=names))
    rows = visible_rows(tree, View({}), 10_000.0)
    assert 3 < len(rows) <= FIRST_ROWS
    assert rows[0].label == "agent"
    assert max(row.depth for row in rows) <= 2


def test_rows_stay_bounded_whatever_is_opened():
    tree = SpanTree(make_large_tree(10_000, names=2000))
    everything = {each.span_id: True for each in tree}
    rows = visible_rows(tree, View(everything), 10_000.0)
    assert len(rows) == MAX_ROWS + 1
    assert "fold some" in rows[-1].label


def test_a_large_tree_begins_folded_below_its_second_level():
    tree = SpanTree([*deep(5), *(span(f"x{n}", "s0", name=f"x{n}") for n in range(SMALL))])
    rows = visible_rows(tree, View({}), 1.0)
    assert [row.label for row in rows if row.label.startswith("s")] == ["s0", "s1", "s2"]


def test_the_way_to_the_first_failure_and_to_the_selected_span_is_open():
    spans = [*deep(9), *(span(f"x{n}", "s0", name=f"x{n}") for n in range(SMALL))]
    failing = [*spans, span("bad", "s6", error=Failure("Timeout", "late"))]
    assert "bad" in [row.label for row in visible_rows(SpanTree(failing), View({}), 1.0)]
    rows = visible_rows(SpanTree(spans), View({}, selected="s7"), 1.0)
    assert [row.label for row in rows if row.label.startswith("s")] == [f"s{n}" for n in range(8)]


def test_a_search_finds_names_and_values_in_any_case_and_opens_the_way():
    spans = [*deep(9), *(span(f"x{n}", "s0", name=f"x{n}") for n in range(SMALL))]
    spans.append(span("hit", "s8", attributes={"llm.model_name": "GPT-oss 20b", "n": (1, 2)}))
    tree = SpanTree(spans)
    for text in ("gpt-OSS", "model_name", " hit ", "(1, 2)"):
        assert find_spans(tree, text) == ["hit"]
    assert find_spans(tree, "  ") == []
    assert find_spans(tree, "100%_") == []
    rows = visible_rows(tree, View({}, found=["hit"]), 1.0)
    assert [row.label for row in rows if row.found] == ["hit"]
    folded = visible_rows(tree, View({"s4": False}, found=["hit"]), 1.0)
    assert not any(row.found for row in folded)


def test_a_found_member_of_a_group_is_shown_with_a_few_of_its_kind():
    tree = SpanTree(make_tree(retrievals=312))
    last = [each.span_id for each in tree if each.name == "retrieve"][-1]
    rows = visible_rows(tree, View({}, found=[last]), 1000.0)
    assert [row.span_id for row in rows if row.found and row.span_id] == [last]
    assert "301 more" in [row.label for row in rows]  # 312 less the first ten and the one that was found


def test_a_long_way_down_is_cut_in_its_middle_and_can_be_opened():
    tree = SpanTree(deep(5_000))
    rows = visible_rows(tree, View({}, selected="s4000"), 1.0)
    assert len(rows) < 100
    assert "s4000" in [row.label for row in rows]
    [gap] = [row for row in rows if "between" in row.label]
    # Of 4,001 spans on the way three stand at its top and twenty at its end.
    assert gap.label == "3,978 spans between"
    opened = visible_rows(tree, View({gap.row_id: True}, selected="s4000"), 1.0)
    assert "s3" in [row.label for row in opened]


@pytest.mark.slow
def test_more_hits_than_can_be_shown_open_the_way_to_the_first():
    tree = SpanTree(make_large_tree(10_000))
    found = find_spans(tree, "retrieve")
    assert len(found) == 4_999  # every other one of 9,999
    assert len(visible_rows(tree, View({}, found=found), 10_000.0)) < MAX_FOUND + 100


def test_circles_and_missing_parents_are_shown():
    tree = SpanTree([span("a", "b"), span("b", "a", start_ms=1.0), span("c", "gone", start_ms=2.0)])
    assert sorted(row.label for row in visible_rows(tree, View({}), 0.0)) == ["a", "b", "c"]
    assert all(row.share == 0 for row in visible_rows(tree, View({}), 0.0))


def test_path_and_row_of_a_span():
    tree = SpanTree(deep(4))
    last = tree.get("s3")
    assert [each.span_id for each in path_to(tree, last)] == ["s0", "s1", "s2", "s3"]
    assert row_of(tree, last, 1.0).depth == 3
    assert row_of(tree, tree.get("s1"), 1.0).folded is True

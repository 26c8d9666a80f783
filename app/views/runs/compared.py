"""Run against run: the verdict, every measure with its interval, the types, and the questions that changed sides."""

import json
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app.runs.compared import ComparedRuns
from app.runs.compared_words import (
    FOOTNOTE,
    answer_words,
    comparison_to_dict,
    difference_words,
    flips_headline,
    gate_markdown,
    p_words,
    regression_words,
    setting_words,
)
from app.runs.rows import NAMES
from app.runs.words import about_words
from app.views.kit.charts import chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.interval_plot import Row, interval_plot
from app.views.kit.markdown import literal
from app.views.runs.kept import compared
from evaluation.verdict import MAX_DROP, Difference

BETTER, WORSE, LEVEL = "#0072b2", "#d55e00", "#8c96a0"

ICONS = {"safe": ":material/check_circle:", "not safe": ":material/block:", "unknown": ":material/help:"}


def show_compared(first: str, second: str) -> None:
    """The whole page of two runs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        max_drop = st.number_input(
            "Points that may be lost",
            0.0,
            50.0,
            MAX_DROP * 100,
            step=0.5,
            width=220,
            help="Of the share of right answers.",
        )
        st.button("Swap the two", icon=":material/swap_horiz:", on_click=_swap, args=(first, second))
    found = compared(first, second, max_drop / 100)
    comparison = found.comparison
    say = {"safe": st.success, "not safe": st.error, "unknown": st.warning}[comparison.verdict.outcome]
    say(literal(comparison.verdict.sentence), icon=ICONS[comparison.verdict.outcome])
    for name, run in (("First, the baseline", found.first), ("Second", found.second)):
        show(note_html(f"{name}: {'; '.join(about_words(run)[:2])}"))
    for sentence in (regression_words(comparison), *setting_words(found), *found.notes):
        if sentence:
            st.write(literal(sentence))
    left, right = st.columns(2, gap="large")
    with left:
        _draw(differences_plot("Second less first, points", _shares(comparison.differences)), "measures")
    with right:
        if comparison.types:
            _draw(differences_plot("Right, by question type, points", comparison.types), "types")
    show(note_html("A line that crosses 0 may be chance. Grey: no significant difference, by the adjusted p value."))
    with st.expander("Every figure"):
        heads = ("Measure", "Questions", "First", "Second", "Difference, 95 % interval", "p", "p, Holm")
        show(table_html(heads, [_row(each) for each in comparison.differences], "compared"))
        if comparison.types:
            heads = ("Right, by type", *heads[1:])
            show(table_html(heads, [_row(each) for each in comparison.types], "compared-types"))
        show(note_html(FOOTNOTE))
    _show_flips(found)
    _show_downloads(found)


def _swap(first: str, second: str) -> None:
    st.query_params.from_dict({"run": second, "with": first})


def _shares(differences: Sequence[Difference]) -> list[Difference]:
    """The measures that are shares, which one axis can hold."""
    return [each for each in differences if each.name not in ("answer words", "duration, ms")]


def differences_plot(title: str, differences: Sequence[Difference]) -> go.Figure:
    """Differences with their intervals, in points."""
    rows = [
        Row(
            chart_text(NAMES.get(each.name, f"{each.name} ({each.questions})")),
            _points(each.difference),
            _points(each.low),
            _points(each.high),
            _colour(each),
            f"{chart_text(NAMES.get(each.name, each.name))}: {difference_words(each)}",
        )
        for each in differences
        if each.difference is not None
    ]
    return interval_plot(title, rows, row_height=34, at_zero=True)


def _points(share: float | None) -> float | None:
    return None if share is None else share * 100


def _colour(each: Difference) -> str:
    if not each.significant or not each.difference:
        return LEVEL
    return BETTER if (each.difference > 0) == (each.name != "abstained") else WORSE


def _row(each: Difference) -> list[str]:
    values = ("–" if value is None else f"{value:,.3f}" for value in (each.first, each.second))
    tested = (each.why_no_test, "") if each.why_no_test else (p_words(each.p), p_words(each.p_adjusted))
    return [NAMES.get(each.name, each.name), f"{each.questions:,}", *values, difference_words(each), *tested]


def _show_flips(found: ComparedRuns) -> None:
    flips = found.comparison.flips
    st.subheader("Questions that changed sides", anchor=False)
    show(
        note_html(
            f"{flips_headline(found.comparison)}. Pick one to open its two traces side by side, or explain the second."
        )
    )
    if not flips:
        return
    actions = st.container(horizontal=True)
    picked = st.dataframe(
        [
            {
                "question": flip.question,
                "type": flip.type,
                "now": "right" if flip.now_right else "wrong",
                "why": flip.why,
                "first": answer_words(flip.first.answer, flip.first.abstained),
                "second": answer_words(flip.second.answer, flip.second.abstained),
            }
            for flip in flips
        ],
        key="run-flips",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        alt="Questions that changed sides",
    )
    chosen = [flips[number] for number in picked.selection.rows if number < len(flips)]
    first = chosen[0].first.trace_id if chosen else ""
    second = chosen[0].second.trace_id if chosen else ""
    with actions:
        for label, page, icon, address in (
            ("Both traces", "../pages/traces.py", ":material/compare_arrows:", {"trace": first, "with": second}),
            ("Explain the second", "../pages/explain.py", ":material/account_tree:", {"trace": second}),
        ):
            st.page_link(page, label=label, icon=icon, disabled=not chosen, query_params=address)


def _show_downloads(found: ComparedRuns) -> None:
    name = f"runs-{found.first.run_id}-{found.second.run_id}"
    with st.container(horizontal=True):
        show_download("Download JSON", json.dumps(comparison_to_dict(found), indent=1), f"{name}.json")
        show_download("Download Markdown", gate_markdown(found), f"{name}.md")


def _draw(figure: go.Figure, key: str) -> None:
    show_chart(figure, key=f"compared-{key}", alt="Differences with intervals", behind=False)

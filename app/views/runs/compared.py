"""Run against run: the verdict, every measure with its interval, the types, and the questions that changed sides."""

import json
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import fixed
from app.runs.compared import ComparedRuns
from app.runs.compared_words import (
    FOOTNOTE,
    comparison_to_dict,
    difference_words,
    flips_headline,
    gate_markdown,
    p_words,
    regression_words,
    setting_words,
    ship_words,
)
from app.runs.measure_names import NAMES
from app.runs.naming import run_name
from app.runs.rows import NO_INTERVAL
from app.runs.words import about_words
from app.views.kit.charts import chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.interval_plot import Row, interval_plot
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.kit.table import marked_note, show_table
from app.views.runs.kept import compared
from app.views.runs.tables import flip_columns, flip_row
from evaluation.verdict import MAX_DROP, Difference

BETTER, WORSE, LEVEL = "#0072b2", "#d55e00", "#8c96a0"

ICONS = {"safe": ":material/check_circle:", "not safe": ":material/block:", "unknown": ":material/help:"}


def show_compared(first: str, second: str) -> None:
    """The whole page of two runs."""
    st.title("May it ship?", anchor=False)
    verdict = st.container()
    with backstage("drop"), st.container(horizontal=True, vertical_alignment="bottom"):
        max_drop = ask_drop()
        st.button("Swap the two", icon=":material/swap_horiz:", on_click=_swap, args=(first, second))
    found = compared(first, second, max_drop)
    comparison = found.comparison
    with verdict:
        _show_verdict(found)
    older, newer = found.called
    for called, run in zip(found.called, (found.first, found.second), strict=True):
        baseline = ", the baseline" if run is found.first else ""
        show(note_html(f"{called.capitalize()}{baseline}: {run_name(run)}.", more="; ".join(about_words(run)[:2])))
    for sentence in (regression_words(comparison), *setting_words(found), *found.notes):
        if sentence:
            st.write(literal(sentence))
    left, right = st.columns(2, gap="large")
    with left:
        _draw(
            differences_plot(f"{newer.capitalize()} minus {older}, points", _shares(comparison.differences)), "measures"
        )
    with right:
        if comparison.types:
            _draw(differences_plot("Right, by question type, points", comparison.types), "types")
    show(
        note_html(
            "A line that crosses 0 may be chance. Grey: not significant, by the p value that is corrected for all rows."
        )
    )
    if any(each.difference is not None and each.low is None for each in comparison.types):
        show(note_html(NO_INTERVAL))
    _show_figures(found)
    _show_flips(found)
    _show_downloads(found)


def ask_drop() -> float:
    """The drop of the share of right answers that is put up with, as a share."""
    points = st.number_input(
        "Points that may be lost",
        0.0,
        50.0,
        MAX_DROP * 100,
        step=0.5,
        width=220,
        help="Of the share of right answers.",
    )
    return float(points) / 100


def _show_verdict(found: ComparedRuns) -> None:
    """The answer in a word, and why."""
    verdict = found.comparison.verdict
    outcome = "unknown" if verdict.outcome == "safe" and found.comparison.regressions else verdict.outcome
    say = {"safe": st.success, "not safe": st.error, "unknown": st.warning}[outcome]
    say(f"**{literal(ship_words(found))}** {literal(verdict.sentence)}", icon=ICONS[outcome])


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
    values = (fixed(value, 3) for value in (each.first, each.second))
    tested = (each.why_no_test, "") if each.why_no_test else (p_words(each.p), p_words(each.p_adjusted))
    return [NAMES.get(each.name, each.name), f"{each.questions:,}", *values, difference_words(each), *tested]


def _show_figures(found: ComparedRuns) -> None:
    """Every measure of both runs, folded."""
    comparison, (older, newer) = found.comparison, (each.capitalize() for each in found.called)
    heads = ("Questions", older, newer, "Difference, 95 % interval", "p", "p, Holm")
    with st.expander("Every figure"):
        show(table_html(("Measure", *heads), [_row(each) for each in comparison.differences], "compared"))
        if comparison.types:
            rows = [_row(each) for each in comparison.types]
            show(table_html(("Right, by type", *heads), rows, "compared-types"))
        show(note_html(FOOTNOTE))


def _show_flips(found: ComparedRuns) -> None:
    flips, (_, newer) = {flip.question_id: flip for flip in found.comparison.flips}, found.called
    rows = [flip_row(flip) for flip in flips.values()]
    st.header("Questions that changed sides", anchor=False)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        told = flips_headline(found.comparison)
        if flips:
            told += f".{marked_note(rows)} A click on one opens its two traces side by side; tick one to explain the {newer} run's answer."
        show(note_html(told))
        action = st.container(width="content")
    if not flips:
        return
    done = show_table(
        flip_columns(found.called),
        rows,
        key="run-flips",
        label="Questions that changed sides",
        picks=1,
    )
    if done.opened is not None:
        both = flips[done.opened]
        query = {"trace": both.first.trace_id, "with": both.second.trace_id}
        st.switch_page("../pages/traces.py", query_params=query)
    action.page_link(
        "../pages/explain.py",
        label=f"Explain the {newer} run's answer",
        icon=":material/account_tree:",
        disabled=not done.picked,
        query_params={"trace": flips[done.picked[0]].second.trace_id if done.picked else ""},
    )


def _show_downloads(found: ComparedRuns) -> None:
    name = f"runs-{found.first.run_id}-{found.second.run_id}"
    with st.container(horizontal=True):
        show_download("Download JSON", json.dumps(comparison_to_dict(found), indent=1), f"{name}.json")
        show_download("Download Markdown", gate_markdown(found), f"{name}.md")


def _draw(figure: go.Figure, key: str) -> None:
    show_chart(figure, key=f"compared-{key}", alt="Differences with intervals", behind=False)

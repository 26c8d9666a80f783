"""A result of stability: how many answers stayed the same, where they changed, and each variant with both answers."""

import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import MISSING, count, fixed, percent
from app.runs.words import expected_words
from app.stability.perturbed import StabilityPlan, StabilityStep
from app.stability.perturbed_words import (
    Change,
    chosen_variants,
    counted_types,
    headline,
    heat_rows,
    notes,
    sides_words,
    stability_to_dict,
)
from app.views.kit.charts import Behind, chart_layout, chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.style import ink
from app.views.kit.table import Cell, Column, Row, answer_cells, marked_note, show_table, status_cell
from evaluation.stability import QuestionStability, summarise_stability
from evaluation.summary import ALL

HEATS = {
    "answer changed": ("Answers changed", "the share of answers that say something else. Amber: many", True),
    "overlap": ("Chunks found again (overlap)", "the share of the same chunks. Amber: few", False),
    "rbo": ("The same order (RBO)", "rank-biased overlap, in which the first ranks count most. Amber: little", False),
    "overlap beyond chance": ("Beyond chance", "chunks found again; 1: the same, 0: as at random. Amber: few", False),
}
"""Measures that are drawn: title, what a figure is, and whether high is bad."""

MOST_VARIANTS = 200
"""Variants that are listed; how many more there are is said."""

VARIANTS = (
    Column("question", "Question", "question", local=True, width_rem=12),
    Column("expected", "Expected", "question", width_rem=9),
    Column("before", "Answer before", "answer"),
    Column("after", "Answer now", "answer"),
    Column("right", "Right", local=True),
    Column("answer", "Answer", "status", local=True),
    Column("kind", "Changed", local=True),
    Column("asked", "Asked as", "answer"),
)
"""Both answers stand beside each other; what there is no room for at their right stands below the question."""

RIGHT = {True: "right", False: "not right"}

FAINT, BAD = "rgba(128,128,128,.10)", "rgba(230,159,0,.75)"


def show_result(plan: StabilityPlan, step: StabilityStep) -> None:
    """The headline, the heat map, the variants behind its cells."""
    cells = summarise_stability(step.results, seed=plan.seed)
    st.header(literal(headline(step.results, cells)), anchor=False)
    sides = sides_words(step.results)
    asked = f"{count(len(step.results), 'question')} of {step.name}, asked of {plan.backend} with {count(plan.top_k, 'chunk')}."
    show(note_html(f"{sides} {asked}".strip()))
    name = st.segmented_control(
        "Measured",
        list(HEATS),
        default="answer changed",
        format_func=lambda each: HEATS[each][0],
        key="stability-measure",
    )
    name = name or "answer changed"
    show(
        note_html(f"Each figure: {HEATS[name][1]}. In brackets: questions. A click on a cell lists its variants below.")
    )
    kinds, types, values = heat_rows(cells, name)
    figure = heat((kinds, counted_types(cells, types), values), name)
    _make_cells_open(figure, kinds, types)
    show_chart(
        figure,
        key="heat",
        alt=HEATS[name][0],
        behind=_figures(figure, name),
        on_select=lambda: _choose(kinds, types),
        selection_mode="points",
    )
    _show_variants(step.results, kinds, types)
    for line in notes(step.results, cells):
        show(note_html(line))
    show_download("Download JSON", lambda: json.dumps(stability_to_dict(plan, step), indent=1), "stability.json")


def _figures(figure: go.Figure, name: str) -> Behind:
    """The cells as a table."""
    cells = figure.data[0]
    rows = [
        (kind, type_, said or MISSING)
        for kind, row in zip(cells.y, cells.text, strict=True)
        for type_, said in zip(cells.x, row, strict=True)
    ]
    return Behind(("Changed", "Type (questions)", HEATS[name][0]), rows)


def _said(value: float, name: str) -> str:
    return percent(value) if name == "answer changed" else fixed(value)


def _make_cells_open(figure: go.Figure, kinds: Sequence[str], types: Sequence[str]) -> None:
    """Marks that nobody sees on the cells: a heat map's own cells cannot be clicked (Plotly)."""
    across = list(figure.data[0].x)
    figure.add_trace(
        go.Scatter(
            x=[place for _ in kinds for place in across],
            y=[kind for kind in kinds for _ in types],
            mode="markers",
            marker={"symbol": "square", "size": 30, "opacity": 0},
            selected={"marker": {"opacity": 0}},
            unselected={"marker": {"opacity": 0}},
            showlegend=False,
            hoverinfo="none",
        )
    )


def _choose(kinds: Sequence[str], types: Sequence[str]) -> None:
    """A click on a cell chooses its kind and type."""
    points: list[dict[str, Any]] = st.session_state["heat"]["selection"]["points"]
    place = points[0].get("point_index") if points else None
    if isinstance(place, int) and 0 <= place < len(kinds) * len(types):
        kind, type_ = divmod(place, len(types))
        st.session_state["stability-kind"], st.session_state["stability-type"] = kinds[kind], types[type_]


def _show_variants(results: Sequence[QuestionStability], kinds: Sequence[str], types: Sequence[str]) -> None:
    st.header("Variants, with both answers", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        every = list(dict.fromkeys(variant.kind for each in results for variant in each.variants))
        kind = st.selectbox("Changed", every, index=None, placeholder="anything", key="stability-kind", width=220)
        type_ = st.selectbox("Type", types, key="stability-type", width=200) or ALL
        changed = st.toggle("Only those with another answer", True, key="stability-changed")
    found = chosen_variants(results, kind, type_, changed=changed)
    rows = [_row(place, each) for place, each in enumerate(found[:MOST_VARIANTS])]
    part = f", the first {len(rows):,} of them" if len(found) > len(rows) else ""
    show(note_html(f"{count(len(found), 'variant')}{part}.{marked_note(rows)}"))
    if rows:
        show_table(
            VARIANTS, rows, key="stability-variants", label="Variants", opens=False, file_name="stability-variants.csv"
        )


def _row(place: int, each: Change) -> Row:
    question, variant = each.question, each.variant
    same = status_cell("the same", "quiet")
    before, after = answer_cells(question.answer, "" if variant.abstained else variant.answer)
    return Row(
        str(place),
        {
            "question": question.question.text,
            "kind": variant.kind,
            "asked": "the same words, other chunks" if variant.text == question.question.text else variant.text,
            "expected": expected_words(question.question.answers, answerable=bool(question.question.answers)),
            "before": before,
            "after": after,
            "answer": status_cell("another", "warn") if variant.changed else same,
            "right": Cell(f"{RIGHT[question.correct]} → {RIGHT[variant.correct]}"),
        },
    )


def heat(rows: tuple[list[str], list[str], list[list[float | None]]], name: str) -> go.Figure:
    """Kinds × types, the figure in each cell."""
    kinds, types, values = rows
    title, _, high_is_bad = HEATS[name]
    low, high = (FAINT, BAD) if high_is_bad else (BAD, FAINT)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(map(chart_text, types)),
            y=kinds,
            zmin=0,
            zmax=1,
            colorscale=[[0, low], [1, high]],
            text=[["" if value is None else _said(value, name) for value in row] for row in values],
            texttemplate="%{text}",
            textfont={"color": ink()},
            showscale=False,
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_layout(**chart_layout(title, height=150 + 34 * len(kinds)))
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(fixedrange=True, showgrid=False)
    return figure

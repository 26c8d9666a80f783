"""The profile of a dataset as bars and tables, and a first look at one before it is asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.lab.profile import profile_now
from app.lab.tables import Table
from app.runs.question_types import FILE as TYPES_FILE
from app.views.kit import state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
from app.views.kit.studied import show_studied
from app.views.kit.style import ink
from app.views.kit.table import Column, Row, show_table
from app.views.runs.source import Source
from backends.local.protocols import HoldsCorpus
from evaluation.datasets import BUILTIN, Dataset, load_dataset, problem_lines
from evaluation.hub import PREFIX
from pipeline.errors import RaglassError

FIRST = (
    Column("question", "Question", "question", width_rem=16),
    Column("type", "Type"),
    Column("answers", "Answers", "question", width_rem=14),
    Column("article", "Article"),
)

FIRST_ROWS = 20

ANSWERED, UNANSWERED, BAR = "#0072b2", "#e69f00", "#56b4e9"

LOOKED_AT = ("lengths", "windows", "repeats", "overlap")
"""Tables of a profile that a first look shows; the Lab shows all."""


def show_preview(source: Source, backend: str | None, top_k: int) -> None:
    """An expander with the first rows of the chosen dataset and its profile, which is looked at once it is opened."""
    look = st.expander("Look at the questions first", on_change="rerun", key="run-look")
    if not look.open or backend is None:
        return
    with look:
        try:
            spec = _settled(source)
            changed = _changed(spec)
            dataset = _dataset(spec, changed)
            _show_rows(dataset)
            with st.spinner("Looking at them …"):
                found, tables = _profile(spec, changed, backend, top_k, _around(backend, dataset))
        except RaglassError as error:
            st.info(message(str(error)))
            return
        show_bars(found, {table.name: table for table in tables}, key="look")
        for table in tables:
            if table.name in LOOKED_AT:
                st.markdown(f"**{literal(table.title)}**")
                show_studied(table, f"look-table-{table.name}")
                show(note_html(table.note))


def _settled(source: Source) -> str:
    """The dataset's name; what was uploaded is kept once, not each time that the page runs."""
    kept: tuple[str, str] | None = st.session_state.get("run-looked-at")
    if kept is None or kept[0] != source.key:
        kept = (source.key, source.settle())
        st.session_state["run-looked-at"] = kept
    return kept[1]


def _changed(spec: str) -> int:
    """When a file was last written, in nanoseconds; 0 of what is none."""
    if spec == BUILTIN or spec.startswith(PREFIX):
        return 0
    path = Path(spec)
    return path.stat().st_mtime_ns if path.is_file() else 0


def _around(backend: str, dataset: Dataset) -> str:
    """What else a profile depends on: the corpus, how it is cut, and types that people chose."""
    services = state.services()
    held = services.backends.open(backend)
    corpus = held.corpus.fingerprint() if isinstance(held, HoldsCorpus) and not dataset.documents else ""
    return f"{corpus} {services.settings.backend_config().chunking} {_changed(str(services.settings.data_dir / TYPES_FILE))}"


@st.cache_resource(max_entries=3, show_spinner=False)
def _dataset(spec: str, changed: int) -> Dataset:
    return load_dataset(spec)


@st.cache_resource(max_entries=10, show_spinner=False)
def _profile(
    spec: str, changed: int, backend: str, top_k: int, around: str
) -> tuple[Mapping[str, Any], Sequence[Table]]:
    lab = state.services().lab
    found = profile_now(lab.parts, {"dataset": spec, "backend": backend, "top_k": top_k})
    return found, lab.study("profile").tables(found)


def _show_rows(dataset: Dataset) -> None:
    first = dataset.questions[:FIRST_ROWS]
    show(note_html(f"The first {len(first)} of {len(dataset.questions):,} questions."))
    rows = [
        Row(
            each.question_id,
            {
                "question": each.text,
                "type": each.type,
                "answers": " | ".join(each.answers) or "none in the documents",
                "article": each.article,
            },
        )
        for each in first
    ]
    show_table(FIRST, rows, key="dataset-rows", label="The first questions of the dataset", opens=False)
    for problem in problem_lines(dataset)[:5]:
        show(note_html(problem))


def show_bars(found: Mapping[str, Any], tables: Mapping[str, Table], *, key: str) -> None:
    """Types or groups, and how long the texts of a kind are, as bars. tables: of the profile, by name."""
    if "questions" not in found:
        return
    groups = found["questions"]["groups"]
    grouped = st.toggle("In three groups", disabled="groups" not in tables, key=f"{key}-grouped") and bool(groups)
    title = tables["groups" if grouped else "types"].title
    bars = type_bars(groups if grouped else found["questions"]["types"])
    show_chart(bars, title=title, key=f"{key}-types", alt="Questions of each type")
    lengths = [*found["questions"]["lengths"], *found.get("corpus", {}).get("lengths", [])]
    names = [each["name"] for each in lengths]
    name = st.segmented_control("Lengths of", names, default=names[0], format_func=_plural, key=f"{key}-lengths")
    chosen = next((each for each in lengths if each["name"] == name), lengths[0])
    show_chart(
        length_bars(chosen), title=lengths_title(chosen), key=f"{key}-words", alt=f"Words of {_plural(chosen['name'])}"
    )


def lengths_title(lengths: Mapping[str, Any]) -> str:
    """How long texts of a kind are, as a chart's title."""
    name = _plural(lengths["name"])
    return f"Half of the {name} have {lengths['median']:g} words or fewer, 95 % {lengths['p95']:.0f} or fewer"


def _plural(name: str) -> str:
    return f"{name}s"


def type_bars(shares: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Questions of each type or group, by whether the documents answer them."""
    names = [chart_text(str(each["name"])) for each in shares]
    figure = go.Figure()
    for label, values, colour in (
        ("answerable", [each["answerable"] for each in shares], ANSWERED),
        ("without an answer", [each["questions"] - each["answerable"] for each in shares], UNANSWERED),
    ):
        figure.add_bar(
            y=names,
            x=values,
            name=label,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:,} " + label + "<extra></extra>",
        )
    figure.update_layout(**chart_layout("", height=110 + 30 * len(names), legend=True), barmode="stack")
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    figure.update_xaxes(fixedrange=True, title_text="questions")
    return figure


def length_bars(lengths: Mapping[str, Any]) -> go.Figure:
    """How many texts of a kind are how long; the last bar holds what is longer still."""
    width, counts = lengths["width"], lengths["counts"]
    ends = [(width * place, width * (place + 1) - 1) for place in range(len(counts))]
    words = [f"{low}" if low == high else f"{low} to {high}" for low, high in ends]
    words[-1] = f"{ends[-1][0]} or more"
    figure = go.Figure(
        go.Bar(
            x=[low + (width - 1) / 2 for low, _ in ends],
            y=counts,
            width=width * 0.95,
            marker={"color": BAR},
            customdata=words,
            hovertemplate="%{customdata} words: %{y:,}<extra></extra>",
        )
    )
    figure.add_vline(x=lengths["median"], line={"color": ink(), "width": 1, "dash": "dot"})
    figure.update_layout(**chart_layout("", height=220))
    figure.update_xaxes(fixedrange=True, title_text="words")
    figure.update_yaxes(fixedrange=True, title_text=_plural(str(lengths["name"])))
    return figure

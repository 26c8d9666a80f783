"""The index study on the page: its form, recall against time, and the setting that is put in use."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import streamlit as st

from app.documents.choosing import choose_automatically
from app.kit.numbers import milliseconds
from app.lab.catalogue import Lab
from app.lab.index_choosing import choose, corpus_of
from app.lab.index_study import KS
from app.lab.index_tables import headline, points, recommended, top_k, used
from app.permitting.roles import Role
from app.views.kit import address, state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import message
from app.views.kit.style import ink
from app.views.kit.visitor import only
from app.views.lab.asked import MOST_QUESTIONS
from app.views.lab.frame import choose_record, offer_start, show_none, show_record, show_table
from app.views.runs.source import Source
from backends.local.fusion import CANDIDATES
from evaluation.lab.index_fronts import find_front
from pipeline.errors import RaglassError

if TYPE_CHECKING:
    from app.lab.records import LabRecord
    from backends.local.corpus import LocalCorpus

LOOKS: Mapping[str, tuple[str, str]] = {
    "exact": ("#8c96a0", "square"),
    "ivf": ("#56b4e9", "triangle-up"),
    "hnsw": ("#009e73", "circle"),
    "sq8": ("#cc79a7", "diamond"),
    "pq": ("#e69f00", "cross"),
    "rabitq": ("#0072b2", "pentagon"),
    "ivf-rabitq": ("#d55e00", "triangle-down"),
}
"""Colour and shape of each kind, so that colour is not all that tells them apart; Okabe and Ito's set (2008)."""

MOST_DEPTH = 1_000

PICKED = "lab-index-picked"


def show_study(lab: Lab) -> None:
    """The form, and a result with its chart, its tables and the choice."""
    _show_form(lab)
    record = choose_record(lab, "index")
    if record is None:
        show_none("index", "No index was studied yet.", "Press Plan: on the built-in corpus it takes a minute or less.")
        return
    tables = show_record(lab, record, charts)
    if not tables or record.result is None or not record.result["rows"]:
        return
    picked = _show_chart(record.result, record.record_id)
    _show_choice(record, picked)
    for table in tables[:1] + tables[2:]:
        show_table(table)
    with st.expander("All settings"):
        show_table(tables[1])


def charts(record: "LabRecord") -> list[go.Figure]:
    """Recall against time."""
    return [recall_chart(record.result)] if record.result is not None and record.result["rows"] else []


def _show_form(lab: Lab) -> None:
    services = state.services()
    names = [
        name
        for name in services.backends.usable()
        if name.startswith("local/") or name == services.settings.backend_name
    ]
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest("index")),
    ):
        source = Source()
        usual = services.settings.backend_name
        write = address.follow(
            "lab-index",
            {
                "index_backend": address.choice(names, usual if usual in names else next(iter(names), None)),
                "index_k": address.words(",".join(map(str, KS))),
                "index_depth": address.number(CANDIDATES, 1, MOST_DEPTH),
                "index_limit": address.number(300, 1, MOST_QUESTIONS),
            },
        )
        with st.container(horizontal=True):
            backend = st.selectbox("Backend", names, key="index_backend", on_change=write, width=240)
            ks = st.text_input(
                "k", key="index_k", on_change=write, help="At how many chunks recall is measured.", width=120
            )
            depth = st.number_input(
                "Depth",
                1,
                MOST_DEPTH,
                key="index_depth",
                on_change=write,
                help=f"Chunks that are asked for at once. Answers ask for {CANDIDATES} here; the literature for as many as k.",
                width=140,
            )
            limit = st.number_input(
                "Questions, at most",
                1,
                MOST_QUESTIONS,
                key="index_limit",
                on_change=write,
                help="Drawn at random.",
                width=180,
            )
        plan = {"backend": backend, "ks": ks.split(","), "depth": depth, "limit": int(limit)}
        offer_start(lab, "index", plan, source)


def _show_chart(result: Mapping[str, Any], record_id: str) -> int | None:
    """Recall against time; the place of the setting that was clicked."""
    event: Any = show_chart(
        recall_chart(result),
        key=f"lab-index-chart-{record_id}",
        on_select="rerun",
        selection_mode="points",
        alt=headline(result),
    )
    show(
        note_html(
            "Each point is a setting: how long a question takes (the scale is logarithmic) and which share of an exact search's first "
            f"{top_k(result)} chunks it finds, with its 95 % interval. The line joins the front: nothing is both quicker and finds more. "
            "The star is recommended, the ring is in use, hollow points keep no vectors and are measured only. Click one to choose it."
        )
    )
    for point in event.selection.points:
        place = point.get("customdata")
        place = place[0] if isinstance(place, list) else place
        if place is not None:
            return int(place)
    return None


def recall_chart(result: Mapping[str, Any]) -> go.Figure:
    """A point a setting, by kind; the front, what is recommended and what is in use."""
    weighed = points(result)
    figure = go.Figure()
    front = find_front(weighed)
    figure.add_scatter(
        x=[weighed[place].ms for place in front],
        y=[weighed[place].recall for place in front],
        mode="lines",
        line={"color": ink(), "width": 1, "dash": "dot"},
        name="front",
        hoverinfo="skip",
    )
    for kind in LOOKS:
        _add_settings(figure, result, kind)
    for row, name, size, symbol in (
        (used(result), "in use", 18, "circle-open"),
        (recommended(result), "recommended", 16, "star-open"),
    ):
        if row is not None:
            figure.add_scatter(
                x=[row["p50_ms"]],
                y=[row["recall"][top_k(result)]["value"]],
                mode="markers",
                name=name,
                marker={"size": size, "symbol": symbol, "color": ink(), "line": {"width": 2}},
                hoverinfo="skip",
            )
    figure.update_layout(**chart_layout(chart_text(headline(result)), height=460, legend=True))
    ticks = time_ticks([point.ms for point in weighed])
    words = list(map(milliseconds, ticks))
    title = "time a question, p50"
    figure.update_xaxes(type="log", title_text=title, tickvals=ticks, ticktext=words, fixedrange=True)
    figure.update_yaxes(tickformat=".0%", title_text=f"found of the exact {top_k(result)}", fixedrange=True)
    return figure


def _add_settings(figure: go.Figure, result: Mapping[str, Any], kind: str) -> None:
    """The settings of one kind of index, each with its interval."""
    rows, weighed = result["rows"], points(result)
    of = [place for place, row in enumerate(rows) if row["kind"] == kind]
    if not of:
        return
    colour, symbol = LOOKS[kind]
    figures = [rows[place]["recall"][top_k(result)] for place in of]
    values = [each["value"] for each in figures]
    above = [(each["value"] if each["high"] is None else each["high"]) - each["value"] for each in figures]
    below = [each["value"] - (each["value"] if each["low"] is None else each["low"]) for each in figures]
    figure.add_scatter(
        x=[weighed[place].ms for place in of],
        y=values,
        error_y={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1, "width": 0},
        mode="markers",
        name=kind,
        marker={
            "color": colour,
            "size": 9,
            "symbol": [symbol if rows[place]["usable"] else f"{symbol}-open" for place in of],
        },
        customdata=[[place, chart_text(rows[place]["name"]), milliseconds(weighed[place].ms)] for place in of],
        hovertemplate="%{customdata[1]}<br>%{y:.1%} in %{customdata[2]}<extra></extra>",
    )


def time_ticks(ms: Sequence[float]) -> list[float]:
    """Round times, 1, 2 and 5 of each power of ten, that reach over all of `ms`; the powers alone where it spans more than three."""
    low, high = math.floor(math.log10(min(ms))), math.ceil(math.log10(max(ms)))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    return [step * 10.0**power for power in range(low, high + 1) for step in steps]


def _show_choice(record: "LabRecord", picked: int | None) -> None:
    """The setting to put in use, the one that was clicked or the recommended, and what was chosen before."""
    result: Mapping[str, Any] = record.result or {}
    services = state.services()
    try:
        backend = services.backends.open(str(record.plan["backend"]), build=False)
        corpus = corpus_of(backend, record)
    except RaglassError as error:
        show(note_html(str(error)))
        return
    rows = [row for row in result["rows"] if row["usable"]]
    best = recommended(result)
    clicked = None if picked is None or picked >= len(result["rows"]) else result["rows"][picked]
    wanted = clicked if clicked in rows else best
    if clicked is not None and clicked not in rows:
        st.info(message(f"{clicked['name']} keeps no vectors: it is measured only. Choose one with refinement."))
    if clicked is not None and clicked in rows and st.session_state.get(f"{PICKED}-seen") != picked:
        st.session_state[f"{PICKED}-seen"] = picked
        st.session_state[PICKED] = clicked["name"]
    names = [row["name"] for row in rows]
    if st.session_state.get(PICKED) not in names:
        st.session_state[PICKED] = wanted["name"] if wanted is not None else names[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Setting", names, key=PICKED, width=340)
        if st.button("Use this", type="primary", icon=":material/check:", **only(Role.ADMIN)):
            row = rows[names.index(name)]
            try:
                choose(backend, record, row["factory"], row["effort"])
            except RaglassError as error:
                st.error(message(str(error)), icon=":material/error:")
        if corpus.index_choice is not None and st.button(
            "Choose automatically", icon=":material/undo:", **only(Role.ADMIN)
        ):
            choose_automatically(corpus)
    _show_pending(corpus)


def _show_pending(corpus: "LocalCorpus") -> None:
    """What the next build makes, and a button that has it made."""
    choice, manifest = corpus.index_choice, corpus.index.manifest
    words = manifest.pending(choice)
    if not words:
        if choice is not None:
            show(note_html(f"{choice.name} is chosen, and in use."))
        return
    st.info(message(f"{words}."), icon=":material/tune:")
    if not manifest.refuses(choice) and st.button("Rebuild now", icon=":material/refresh:", **only(Role.ADMIN)):
        try:
            state.services().indexing.start(corpus, rebuild=True)
        except RaglassError as error:
            st.warning(message(str(error)))
        else:
            st.success("The index is being built; the Corpus page follows it.", icon=":material/refresh:")

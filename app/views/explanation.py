"""One answer, explained: its tokens by what the chunks did for them, the chunks by what each did, and how far to believe that."""

import json

import plotly.graph_objects as go
import streamlit as st

from app import state
from app.explaining import (
    attributed_chunks,
    belief,
    colour_limit_nats,
    level_text,
    nats,
    pairs_title,
    probable,
    spoken_tokens,
    token_levels,
)
from app.views import text
from app.views.style import CHART_CONFIG, chart_layout, ink
from app.wording import asked_how
from explain.explanation import Explanation
from pipeline.types import Trace

FOR, AGAINST = "#e69f00", "#0072b2"
"""What makes the answer more probable, and less."""

SHORT = 28
"""Characters of a chunk's title, or a token, beside a chart."""


def ask_for_a_trace() -> None:
    """What to do where no trace was given."""
    st.info("Open a trace and choose Explain: this page shows which chunks its answer stands on.")
    st.page_link("../pages/traces.py", label="All traces", icon=":material/list:")


def score_and_show(trace: Trace) -> None:
    """Score what is not known yet, with a bar that can be stopped, and show what is."""
    text.show(text.question_html(trace.question))
    found = state.known_explanation(trace.trace_id)
    if found is None or not (found.complete or st.session_state.get("stopped") == trace.trace_id):
        found = _score(trace, found)
    if found is None:
        return
    show_explanation(found)
    if not found.complete:
        st.button("Score the rest", on_click=st.session_state.pop, args=("stopped", None), icon=":material/play_arrow:")


def _score(trace: Trace, found: Explanation | None) -> Explanation | None:
    def stop() -> None:
        st.session_state["stopped"] = trace.trace_id

    holder = st.empty()
    with holder.container():
        bar = st.progress(0.0, "Scoring the answer over subsets of its chunks …")
        st.button("Stop", on_click=stop, icon=":material/stop:", help="What was scored is kept and shown.")
    for step in state.services().explain(trace, None if found is None else found.lattice):
        found = step
        state.remember_explanation(step)
        scored, whole = int(step.lattice.scored.sum()), len(step.lattice.scored)
        bar.progress(scored / whole, f"Scored the answer over {scored} of {whole} subsets of its chunks")
    holder.empty()
    return found


def show_explanation(found: Explanation) -> None:
    """The sentence, the answer, the charts, and the small print."""
    st.subheader(text.literal(found.sentence), anchor=False)
    if found.problem:
        st.error(text.literal(found.problem), icon=":material/error:")
    text.show(text.tokens_html(token_levels(found)))
    _note(
        f"With all chunks the answer is {probable(found.reliance_nats)} as without any: its reliance on them is "
        f"{nats(found.reliance_nats)} nats (natural logarithms). Amber: a token that they made more probable; blue: less; the "
        "deeper, the more. A quoting reader's token is a sentence."
    )
    if found.complete:
        left, right = st.columns(2, gap="large")
        with left:
            _draw(waterfall(found), "steps", "From no chunk to all")
            _note(
                "Each step is a chunk's Shapley value: its mean effect over all orders in which the chunks could be added."
            )
        with right:
            if len(found.chunks) > 1:
                _draw(pairs(found), "pairs", "Interaction of each pair of chunks")
                _note("Below 0 the two do the same work, so that either would do; above 0 they work only together.")
            if len(found.lattice.tokens) > 1:
                _draw(by_token(found), "by-token", "Each chunk's part in each token")
                _note("Shapley values of each token; a column adds up to the token's reliance.")
        st.subheader("Chunks", anchor=False)
        _note(
            "By Shapley value, those first that moved the answer most to where all together moved it. Left out: what the "
            "answer loses without this chunk alone; near 0 where another chunk says the same."
        )
        evidence = () if found.trace.generation is None else found.trace.generation.evidence
        text.show(text.attributed_html(attributed_chunks(found), evidence))
        st.subheader("Can this be believed?", anchor=False)
        for line in belief(found):
            st.write(text.literal(line))
        _note("Where the order is right, taking its first chunks away changes the answer more than taking away any.")
    _note(asked_how(found.trace))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "../pages/traces.py",
            label="The trace",
            icon=":material/link:",
            query_params={"trace": found.trace.trace_id},
        )
        st.download_button(
            "Download JSON",
            json.dumps(found.to_dict(), indent=1),
            file_name=f"explanation-{found.trace.trace_id}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def waterfall(found: Explanation) -> go.Figure:
    """From the log-probability without any chunk to that with all; figures stand beside the names, where none is cut off."""
    (_, none), *steps, (_, everything) = found.waterfall_nats
    names = ["no chunk", *(_name(found, i) for i in found.order), "all chunks"]
    figures = [level_text(none), *(nats(value) for _, value in steps), level_text(everything)]
    labels = [f"{name}<br>{figure}" for name, figure in zip(names, figures, strict=True)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=list(range(len(labels))),
            x=[none, *(value for _, value in steps), everything],
            measure=["absolute", *["relative"] * len(steps), "total"],
            textposition="none",
            customdata=labels,
            increasing={"marker": {"color": FOR}},
            decreasing={"marker": {"color": AGAINST}},
            totals={"marker": {"color": "#8c96a0"}},
            hovertemplate="%{customdata} nats<extra></extra>",
        )
    )
    figure.update_layout(
        **chart_layout(f"All chunks together: {nats(found.reliance_nats)} nats", height=110 + 40 * len(labels))
    )
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, tickmode="array", tickvals=list(range(len(labels))), ticktext=labels
    )
    figure.update_xaxes(title="log-probability of the answer, nats", fixedrange=True)
    return figure


def pairs(found: Explanation) -> go.Figure:
    """The interaction matrix."""
    names = [f"chunk {chunk.rank}" for chunk in found.chunks]
    return _heat(found.interactions_nats, names, names, pairs_title(found), colour_limit_nats(found))


def by_token(found: Explanation) -> go.Figure:
    """Chunks × tokens."""
    tokens = [
        f"{place + 1}. {_short(token.strip())}"
        for place, token in enumerate(spoken_tokens(found.answer, found.lattice.tokens))
    ]
    rows = [f"chunk {found.chunks[i].rank}" for i in found.order]
    return _heat(found.token_shapley_nats[list(found.order)], tokens, rows, "Which chunk each token came from")


def _heat(
    values: object, columns: list[str], rows: list[str], title: str, limit_nats: float | None = None
) -> go.Figure:
    """limit_nats: what gets the deepest colour, either way; None for the largest value."""
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            zmid=0 if limit_nats is None else None,
            zmin=None if limit_nats is None else -limit_nats,
            zmax=limit_nats,
            colorscale=[[0, AGAINST], [0.5, "rgba(128,128,128,.12)"], [1, FOR]],
            colorbar={"title": "nats", "tickfont": {"color": ink()}},
            hovertemplate="%{y}, %{x}: %{z:.3g} nats<extra></extra>",
        )
    )
    figure.update_layout(**chart_layout(title, height=150 + 34 * len(rows)))
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    return figure


def _name(found: Explanation, place: int) -> str:
    return f"{found.chunks[place].rank}. {_short(found.chunks[place].title)}"


def _short(words: str) -> str:
    """Words for a label; Plotly would read markup in them."""
    cut = words if len(words) <= SHORT else f"{words[: SHORT - 1]}…"
    return cut.replace("<", "‹").replace(">", "›").replace("&", "＆")


def _draw(figure: go.Figure, key: str, alt: str) -> None:
    st.plotly_chart(figure, config=CHART_CONFIG, key=f"explain-{key}", alt=alt)


def _note(words: str) -> None:
    text.show(text.note_html(words))

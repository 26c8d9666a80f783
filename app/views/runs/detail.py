"""One run: its measures, results by question type, its questions, and what can be taken away."""

import plotly.graph_objects as go
import streamlit as st

from app.kit.costs import spent_words
from app.permitting.roles import Role
from app.runs.labels import MEANING, RIGHT, flows, label_rows, losses_words
from app.runs.leaderboard import run_before
from app.runs.naming import run_name
from app.runs.outcomes import OUTCOMES
from app.runs.record import is_put_together
from app.runs.rows import (
    MEANINGS,
    abstained_words,
    chosen,
    headline,
    measure_rows,
    time_words,
)
from app.runs.words import about_words
from app.views.kit import state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.style import ink
from app.views.kit.table import choose_columns, show_table
from app.views.kit.visitor import only
from app.views.kit.work import work_through
from app.views.runs.by_type import show_types
from app.views.runs.judged import show_judge
from app.views.runs.kept import run_files, run_scores, run_spent, run_summary
from app.views.runs.listed import open_runs
from app.views.runs.naming import PROBLEM, show_naming
from app.views.runs.page import begin, follow_run
from app.views.runs.question_types import show_question_types
from app.views.runs.tables import QUESTIONS, question_row
from evaluation.scoring import Scored
from evaluation.summary import Summary
from explain.diagnosis import label_name
from metrics.runs import StoredRun
from pipeline.errors import RaglassError

DOT, WHOLE = "#0072b2", "#e69f00"


def show_run(run_id: str) -> None:
    """The whole page of a run."""
    evaluations = state.services().evaluations
    run = evaluations.find(run_id)
    problem = st.session_state.pop(PROBLEM, None)
    if problem:
        st.error(message(problem), icon=":material/error:")
    show_naming(run)
    show(note_html(". ".join(_about(run)[:2]) + "."))
    for line in _about(run)[2:]:
        st.write(literal(line))
    _show_way_to_verdict(run)
    if state.services().run_jobs.is_at(run.run_id):
        follow_run()
    elif run.status != "finished":
        st.button(
            "Go on with it", icon=":material/play_arrow:", on_click=_resume, args=(run.run_id,), **only(Role.EDITOR)
        )
    if run.answers == 0:
        st.info("Nothing is answered yet.")
        return
    scores, summaries = run_scores(run), run_summary(run)
    _show_headline(
        summaries[0], " ".join(filter(None, (abstained_words(scores), time_words(scores), spent_words(run_spent(run)))))
    )
    if len(summaries) > 1:
        show_types(run, summaries, scores)
    with st.expander("Every measure"):
        show(table_html(("Measure", "Value", "95 % interval", "Questions"), measure_rows(summaries), "measures"))
        show(
            note_html(
                "Intervals come from drawing whole articles again, since questions about one article tend to fail together. Exact "
                "match and F1 want the words of the expected answer and no others: an answer that quotes a whole sentence scores low. "
                "Right and Expected in answer allow it."
            )
        )
    show_question_types(run)
    _show_labels(run, scores)
    show_judge(run, scores)
    _show_questions(scores)
    _show_downloads(run)


def _resume(run_id: str) -> None:
    services = state.services()
    try:
        begin(lambda stop: services.evaluations.resume(run_id, stop))
        st.query_params.clear()
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _about(run: StoredRun) -> list[str]:
    """What there is to say of a run besides its name, note and tags."""
    return [line for line in about_words(run) if not line.startswith(("Tags: ", "Note: "))]


def _show_way_to_verdict(run: StoredRun) -> None:
    """Whether it may take the place of the run before it."""
    before = run_before(run, state.services().evaluations.newest()) if run.answers else None
    if before is None:
        return
    st.button(
        "May it ship?",
        icon=":material/verified:",
        help=literal(f"Against the run before it over the same questions: {run_name(before)}"),
        on_click=open_runs,
        args=(before.run_id, run.run_id),
    )


def _show_headline(whole: Summary, timed: str) -> None:
    for column, (name, value, interval) in zip(st.columns(5), headline(whole), strict=True):
        with column:
            st.metric(name, value, help=MEANINGS[name])
            show(note_html(f"95 %: {interval}"))
    if timed:
        show(note_html(timed))
    if whole.failed:
        st.warning(
            f"{whole.failed:,} questions failed; they count as not right. Going on with the run asks them again."
        )


def _show_labels(run: StoredRun, scores: list[Scored]) -> None:
    st.header("Why", anchor=False)
    labelled = sum(bool(each.label) for each in scores)
    if is_put_together(run.about):
        show(
            note_html(
                "A cell of a study is not explained: the study put its backend together, and the one that is set is another."
            )
        )
        return
    with backstage("why"), st.container(horizontal=True, vertical_alignment="bottom"):
        sample = st.number_input("Answers to explain, at most", 1, len(scores), min(100, len(scores)), width=220)
        pressed = st.button(
            "Explain them", icon=":material/account_tree:", **only(Role.EDITOR, help="What was explained is kept.")
        )
    if pressed:
        steps = state.services().evaluations.label(run.run_id, sample=int(sample))
        if work_through(steps, "Explaining answers …", "Explained {:,} of {:,} answers", "labels"):
            st.rerun()
    if not labelled:
        show(note_html("Explains answers one by one, and says of each that is not right which stage is to blame."))
        return
    show_chart(sankey(scores), key="run-why", alt="From question type to failure label", behind=False)
    st.write(literal(losses_words(scores)))
    show(note_html("What the labels say.", more=MEANING))
    show(table_html(("Label", "Answers", "Stage", "What it means"), label_rows(scores), "labels"))


def sankey(scores: list[Scored]) -> go.Figure:
    """From question type to failure label."""
    found = flows(scores)
    types, labels = sorted({flow.type for flow in found}), list(dict.fromkeys(flow.label for flow in found))
    right = {failure.value for failure in RIGHT}
    figure = go.Figure(
        go.Sankey(
            node={
                "label": list(map(chart_text, (*types, *map(label_name, labels)))),
                "color": [*["#8c96a0"] * len(types), *(DOT if label in right else WHOLE for label in labels)],
                "pad": 12,
            },
            link={
                "source": [types.index(flow.type) for flow in found],
                "target": [len(types) + labels.index(flow.label) for flow in found],
                "value": [flow.questions for flow in found],
                "color": [
                    "rgba(0, 114, 178, .25)" if flow.label in right else "rgba(230, 159, 0, .45)" for flow in found
                ],
            },
            textfont={"color": ink()},
        )
    )
    figure.update_layout(**chart_layout("From question type to what became of it", height=420))
    return figure


def _show_questions(scores: list[Scored]) -> None:
    st.header("Questions", anchor=False)
    kinds = sorted({each.type for each in scores if each.type})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        outcome = st.selectbox("Show", list(OUTCOMES), index=1, key="run-outcome", width=230)
        kind = st.selectbox("Type", kinds, index=None, placeholder="any", key="run-kind", width=180, disabled=not kinds)
        columns = choose_columns(QUESTIONS, "questions")
    rows = chosen(scores, outcome, kind)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        told = f"{len(rows):,} of {len(scores):,} questions. A click on one opens its trace; tick one to explain its answer."
        show(note_html(told))
        action = st.container(width="content")
    done = show_table(
        columns, [question_row(each) for each in rows], key="run-questions", label="Questions of the run", picks=1
    )
    traces = {each.question_id: each.trace_id for each in rows}
    if done.opened is not None:
        st.switch_page("../pages/traces.py", query_params={"trace": traces[done.opened]})
    ticked = [traces[key] for key in done.picked]
    action.page_link(
        "../pages/explain.py",
        label="Explain",
        icon=":material/account_tree:",
        disabled=not ticked,
        query_params={"trace": ticked[0] if ticked else ""},
    )


def _show_downloads(run: StoredRun) -> None:
    files = run_files(run)
    with st.container(horizontal=True):
        for label, content, suffix in (
            ("CSV", files.csv, "csv"),
            ("JSON", files.json, "json"),
            ("Markdown", files.markdown, "md"),
            ("report", files.html, "html"),
        ):
            show_download(f"Download {label}", content, f"run-{run.run_id}.{suffix}")

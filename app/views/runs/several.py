"""Two to five runs at once: which may take the baseline's place, every pair's verdict, and the questions that they part on."""

import json
from collections.abc import Sequence

import streamlit as st

from app.kit.numbers import percent
from app.runs.compared_words import TONES, ship_answer
from app.runs.naming import run_name
from app.runs.several import LETTERS, ComparedSeveral
from app.runs.several_words import FOOTNOTE, headline, pair_words, parted_words, several_to_dict
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.markdown import literal
from app.views.kit.table import Cell, Column, Row, number_cell, show_table, status_cell, way
from app.views.runs.compared import ask_drop
from app.views.runs.kept import several
from app.views.runs.tables import parted_columns, parted_row
from evaluation.several import PairOfRuns


def show_several(ids: Sequence[str]) -> None:
    """The whole page of several runs."""
    st.title("Runs against each other", anchor=False)
    verdict = st.container()
    found = several(ids, ask_drop())
    verdict.info(literal(headline(found)), icon=":material/verified:")
    for note in found.notes:
        show(note_html(note))
    show(note_html("May the row’s run take the place of the column’s? A click on a row opens that run.", more=FOOTNOTE))
    done = show_table(_columns(found), _rows(found), key="several-runs", label="Runs, each against each")
    if done.opened is not None:
        st.switch_page("../pages/runs.py", query_params={"run": done.opened})
    with st.expander("Every pair"):
        rows = [
            (f"{LETTERS[pair.after]} in the place of {LETTERS[pair.before]}", pair_words(pair), pair.verdict.sentence)
            for pair in found.found.pairs
        ]
        show(table_html(("Pair", "Points and interval", "Verdict"), rows, "several-pairs"))
    _show_parted(found)
    show_download("Download JSON", lambda: json.dumps(several_to_dict(found), indent=1), f"runs-{'-'.join(ids)}.json")


def _columns(found: ComparedSeveral) -> list[Column]:
    return [
        Column("run", "Run", width_rem=14),
        Column("right", "Right", "number"),
        *(
            Column(letter, f"Instead of {letter}", "status", help=run_name(run))
            for letter, run in zip(LETTERS, found.runs, strict=False)
        ),
    ]


def _rows(found: ComparedSeveral) -> list[Row]:
    rows = []
    for place, (run, right) in enumerate(zip(found.runs, found.found.rights, strict=True)):
        cells: dict[str, Cell | str] = {
            "run": f"{LETTERS[place]}: {run_name(run)}",
            "right": number_cell(right, percent(right, 1)),
        }
        for before in range(len(found.runs)):
            cells[LETTERS[before]] = _verdict_cell(found.found.pair(before, place)) if before != place else Cell("·")
        rows.append(Row(run.run_id, cells, way("runs", run=run.run_id)))
    return rows


def _verdict_cell(pair: PairOfRuns) -> Cell:
    return status_cell(ship_answer(pair.verdict), TONES[pair.verdict.outcome], pair.verdict.sentence)


def _show_parted(found: ComparedSeveral) -> None:
    st.header("Questions that they part on", anchor=False)
    show(note_html(f"{parted_words(found)}. A click on one opens one that is not right beside a right one."))
    if not found.found.parted:
        return
    done = show_table(
        parted_columns(found.runs),
        [parted_row(each) for each in found.found.parted],
        key="several-parted",
        label="Questions that the runs part on",
        file_name="parted.csv",
    )
    answers = {each[0].question_id: each for each in found.found.parted}
    if done.opened is not None:
        wrong, right = (
            next(each.trace_id for each in answers[done.opened] if each.correct is so) for so in (False, True)
        )
        st.switch_page("../pages/traces.py", query_params={"trace": wrong, "with": right})

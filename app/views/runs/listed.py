"""The list of runs: all of them, or a leaderboard of those over the same questions; two to five that are ticked are compared."""

from collections.abc import Sequence

import streamlit as st

from app.kit.costs import spent_usd
from app.runs.leaderboard import Board, before_words, boards, newest_pair
from app.runs.naming import all_tags, run_name, tagged
from app.views.kit import address
from app.views.kit.html import note_html, show
from app.views.kit.table import Column, Row, choose_columns, show_table
from app.views.runs.kept import runs_spent
from app.views.runs.tables import BOARD, RUNS, board_row, run_row
from evaluation.several import FEWEST, MOST
from metrics.runs import StoredRun

ALL_RUNS, LEADERBOARD = "All runs", "Leaderboard"
VIEWS = {"all": ALL_RUNS, "board": LEADERBOARD}


def show_runs(runs: list[StoredRun]) -> None:
    """A row for each, which opens it; two to five that are ticked are compared."""
    if not runs:
        st.info("No run yet. Start one: the built-in questions need no file.")
        return
    _show_newest_pair(runs)
    found, tags = {board.key: board for board in boards(runs)}, all_tags(runs)
    fields = {
        "view": address.choice(list(VIEWS), "all"),
        "board": address.choice(list(found), next(iter(found), None)),
        "tag": address.several(tags),
    }
    write = address.follow("runs", fields)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Show", list(VIEWS), format_func=VIEWS.__getitem__, key="view", on_change=write, disabled=not found
        )
        board = None
        if st.session_state["view"] == "board" and found:
            names = {key: each.name for key, each in found.items()}
            st.selectbox(
                "Questions", list(found), format_func=names.__getitem__, key="board", on_change=write, width=420
            )
            board = found.get(st.session_state["board"] or "")
        if tags:
            st.multiselect("Tags", tags, key="tag", on_change=write, placeholder="any", width=260)
    _show_table(tagged(runs, st.session_state["tag"] if tags else []), board)


def _show_newest_pair(runs: Sequence[StoredRun]) -> None:
    """The way to what one wants to know most often: whether the newest run's system may take the place of the one before."""
    pair = newest_pair(runs)
    if pair is None:
        return
    before, after = pair
    changed = before_words(after, before)
    with st.container(horizontal=True, vertical_alignment="center"):
        told = f"Newest pair over the same questions: {run_name(after)}, against {run_name(before)}."
        show(note_html(f"{told} Changed: {changed}." if changed else told))
        st.button(
            "May it ship?",
            icon=":material/verified:",
            key="newest-pair",
            on_click=open_runs,
            args=(before.run_id, after.run_id),
        )


def _show_table(runs: Sequence[StoredRun], board: Board | None) -> None:
    """Runs as rows. board: those over the same questions, best first; None for all."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        show(
            note_html(
                f"A click opens a run; tick {FEWEST} to {MOST} to compare them.",
                more=(
                    "The oldest run that is ticked is the baseline. A leaderboard holds runs over the same questions. Where two "
                    "intervals overlap, the difference may be chance: compare the two to know."
                ),
            )
        )
        actions = st.container(horizontal=True, width="content")
    with actions:
        columns, rows = _rows(runs, board)
    done = show_table(columns, rows, key="runs-table", label="Runs, a row each", on_open=open_runs, picks=MOST)
    ids = [run.run_id for run in sorted(runs, key=lambda run: run.started_at) if run.run_id in done.picked]
    with actions:
        st.button(
            f"Compare the {len(ids)} runs" if len(ids) > FEWEST else "Compare the two runs",
            icon=":material/compare_arrows:",
            key="compare-runs",
            type="tertiary",
            disabled=len(ids) < FEWEST,
            on_click=open_runs,
            args=tuple(ids),
        )


def _rows(runs: Sequence[StoredRun], board: Board | None) -> tuple[list[Column], list[Row]]:
    if board is None:
        return choose_columns(RUNS, "runs"), [run_row(run) for run in runs]
    shown, best = {run.run_id for run in runs}, board.best
    listed = [run for run in board.runs if run.run_id in shown]
    spent = runs_spent(listed)
    return choose_columns(BOARD, "board"), [board_row(run, best, spent_usd(spent[run.run_id])) for run in listed]


def open_runs(*ids: str) -> None:
    """Open a run, or several against each other: the first is the baseline."""
    first, *others = ids
    st.query_params.from_dict({"run": first, **({"with": others} if others else {})})

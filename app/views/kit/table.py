"""The table of everything that is listed: a row opens by a click, Enter or Space; columns can be sorted, chosen and taken away as CSV.

Its browser side is `app/assets/table.js`, which sets every text as text. A page says what its columns are and makes a `Row` of each
thing; of what was done it hears what was opened and what is ticked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import urlencode

import streamlit as st

from app.kit.difference import MARKED, telling
from app.kit.numbers import MISSING, milliseconds, percent
from app.kit.wording import NO_ANSWER, SURE_THAT_NONE
from app.views.kit import address
from app.views.kit.components import component
from app.views.kit.downloads import show_download
from app.views.kit.style import STAGE_COLOURS
from metrics.spreadsheet import csv_text

TALL = 15
"""More rows than these scroll in a frame of their own, under heads that stay."""

Kind = Literal["words", "question", "answer", "number", "time", "status", "bars"]
"""How a column is set: plain words; a long text in two lines, whole in its pop-up; one to be read, in up to eight lines; figures at the
right; a moment, never broken; an icon with its word; small bars of stages."""

Tone = Literal["good", "warn", "bad", "quiet"]

ICONS: Mapping[Tone, str] = {"good": "✓", "warn": "!", "bad": "✕", "quiet": "○"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """Its name in rows, and in the address."""
    head: str
    """What stands above it, with the unit where cells have none."""
    kind: Kind = "words"
    """How it is set."""
    help: str = ""
    """What it means, shown when pointed at."""
    up: str = ""
    """The page's word for the order by this column, smallest first; empty where the page has none."""
    down: str = ""
    """The same, largest first."""
    local: bool = False
    """Whether the browser itself sorts by it: only for a list that is shown whole."""
    shown: bool = True
    """Whether it is shown where nobody has chosen columns."""
    width_rem: float | None = None
    """Its least width, in rem."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a cell of bars."""

    colour: str
    """A CSS colour, of a constant."""
    share: float
    """Part of the lane that it fills, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a row under one column."""

    text: str
    """As it is read; for bars, their text alternative."""
    value: float | str | None = None
    """What it is sorted by and exported as; None for what is missing. Of a plain text, the text itself."""
    title: str = ""
    """What pointing at it says; of a question, the whole text anyway."""
    icon: str = ""
    """Stands before the text, for eyes only."""
    tone: str = ""
    """The icon's colour: one of `Tone`."""
    bars: tuple[Bar, ...] = ()
    """Of a cell of bars."""
    marks: tuple[tuple[int, int], ...] = ()
    """Character ranges of the text that are marked, in order."""
    later: bool = False
    """Whether it is sorted behind those that are not, in either direction: its value means something else."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is listed."""

    key: str
    """What opening it returns; no two rows have the same."""
    cells: Mapping[str, Cell | str]
    """By the column's name; a plain text is a cell of it. What is left out is missing, "—"."""
    href: str = ""
    """Where it is opened in a tab of its own: a way within this dashboard, as `way` makes it."""
    tone: str = ""
    """`marked` for a row that stands out; else empty."""
    opens: bool = True
    """Whether there is something to open, in a table whose rows open."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What was done with a table."""

    opened: str | None = None
    """The key of the row that was opened just now."""
    picked: tuple[str, ...] = field(default=())
    """Keys of the rows that are ticked, in the order in which they were."""


def number_cell(value: float | None, text: str, title: str = "") -> Cell:
    """A figure; "—" where there is none."""
    return Cell(MISSING if value is None else text, value, title)


def time_cell(value_ms: float | None) -> Cell:
    """A duration with its unit."""
    return number_cell(value_ms, "" if value_ms is None else milliseconds(value_ms))


def confidence_cell(value: float | None, *, abstained: bool) -> Cell:
    """How sure an answer is, in [0, 1]; an abstention, which is as sure that there is none, has a look of its own."""
    certain = None if value is None else round(value, 2)  # sorted and called as it is read
    cell = number_cell(certain, percent(certain))
    if certain is None or not abstained:
        return cell
    return replace(cell, title=SURE_THAT_NONE, icon=ICONS["quiet"], tone="quiet", later=True)


def status_cell(word: str, tone: Tone, title: str = "") -> Cell:
    """An icon and its word."""
    return Cell(word, word, title, ICONS[tone], tone)


def answer_cells(before: str, after: str) -> tuple[Cell, Cell]:
    """Two answers to one question, empty for none; the words are marked that the other does not have, unless that is nearly all of them."""
    found = telling(before, after) if before and after else None
    marks = ((), ()) if found is None else (found.first, found.second)
    told = [each or NO_ANSWER for each in (before, after)]
    return Cell(told[0], told[0], marks=marks[0]), Cell(told[1], told[1], marks=marks[1])


def marked_note(rows: Sequence[Row]) -> str:
    """What the marks of a list's answers mean, after a blank; empty where none has any."""
    cells = (cell for row in rows for cell in row.cells.values())
    return f" {MARKED}" if any(isinstance(cell, Cell) and cell.marks for cell in cells) else ""


def stage_cell(stage_ms: Mapping[str, float], longest_ms: float) -> Cell:
    """Times of stages as bars in their colours. longest_ms: what fills the lane, the same for every row."""
    if not stage_ms:
        return Cell(MISSING)
    told = ", ".join(f"{stage} {milliseconds(spent)}" for stage, spent in stage_ms.items())
    grey = STAGE_COLOURS["unaccounted"]
    bars = [
        Bar(STAGE_COLOURS.get(stage, grey), spent / longest_ms if longest_ms > 0 else 0.0)
        for stage, spent in stage_ms.items()
    ]
    return Cell(told, sum(stage_ms.values()), told, bars=tuple(bars))


def way(page: str, **query: str) -> str:
    """The address of one of this dashboard's pages, for a row's `href`. page: as `traces`."""
    return f"{page}?{urlencode(query)}" if query else page


def choose_columns(columns: Sequence[Column], key: str) -> list[Column]:
    """A button that unfolds a choice of columns, kept in the address as `<key>_columns`; the first one stays. Gives the chosen."""
    first, *others = columns
    names = [column.name for column in others]
    usual = [column.name for column in others if column.shown]

    def read(texts: Sequence[str]) -> list[str]:
        return [name for name in names if name in texts]

    name = f"{key}_columns"
    write = address.follow(name, {name: address.Field(usual, read)})
    heads = {column.name: column.head for column in others}
    # Drawn only while it is open: what is drawn unseen forgets its value (Streamlit 1.67).
    unfolded = st.popover(
        "Columns", icon=":material/view_column:", type="tertiary", key=f"{key}-choice", on_change="rerun"
    )
    if unfolded.open:
        unfolded.pills(
            "Columns", names, selection_mode="multi", format_func=heads.__getitem__, key=name, on_change=write
        )
    chosen = st.session_state[name]
    return [first, *(column for column in others if column.name in chosen)]


def show_table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    key: str,
    label: str,
    opens: bool = True,
    on_open: Callable[[str], None] | None = None,
    order: str = "",
    on_order: Callable[[str], None] | None = None,
    picks: int = 0,
    current: str | None = None,
    file_name: str = "",
) -> Shown:
    """Draw a table; gives what was done with it.

    key: its own on the page. label: what it lists, for those who do not see it. opens: whether rows do; the first column's text is
    then the row's link or button. on_open: called with the row's key before the page runs, for a page that changes its address.
    order: the page's present order, one of its columns' words; on_order: called with the wanted one. picks: how many rows can be
    ticked at once. current: the row whose contents stand beside the table. file_name: of a CSV of these rows to take away, if any.
    """
    opening = {row.key for row in rows if row.opens}
    offered = {word for column in columns for word in (column.up, column.down)} - {""}
    heard = {"open": (on_open, opening), "order": (on_order, offered)}
    picked = _ticked(st.session_state.get(key), rows)
    asked = {"label": label, "opens": opens, "order": order, "picks": picks, "picked": picked, "current": current}
    result = component("table")(
        key=key,
        data={**_drawn(columns, rows), **asked},
        default={"picked": []},
        on_act_change=lambda: _tell_page(st.session_state.get(key), heard),
        on_picked_change=lambda: None,
    )
    if file_name:
        _show_csv(columns, rows, file_name, key)
    return Shown(_done(result, "open", opening), tuple(_ticked(result, rows)[:picks]))


def _tell_page(
    kept: Mapping[str, Any] | None, heard: Mapping[str, tuple[Callable[[str], None] | None, Collection[str]]]
) -> None:
    """Call what the page gave for what a person did. heard: by what was done, whom to call and what was offered."""
    for what, (call, offered) in heard.items():
        if call is not None and (done := _done(kept, what, offered)) is not None:
            call(done)


def _ticked(kept: Mapping[str, Any] | None, rows: Sequence[Row]) -> list[str]:
    """Keys of the rows that are ticked, as the browser says."""
    keys = {row.key for row in rows}
    return [each for each in (kept or {}).get("picked") or () if each in keys]


def _done(kept: Mapping[str, Any] | None, what: str, offered: Collection[str]) -> str | None:
    """What a person opened or ordered by, as the browser says; None for nothing, and for what was not offered."""
    done = (kept or {}).get("act") or {}
    named = done.get("key" if what == "open" else what)
    return named if done.get("what") == what and named in offered else None


def _show_csv(columns: Sequence[Column], rows: Sequence[Row], file_name: str, key: str) -> None:
    """The rows, to take away."""
    heads = [column.head for column in columns]
    show_download(
        "Download CSV", lambda: csv_text(heads, [_values(row, columns) for row in rows]), file_name, key=f"{key}-csv"
    )


def _drawn(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, Any]:
    """Heads and rows as the browser draws them."""
    return {
        "columns": [_column(column) for column in columns],
        "rows": [_row(row, columns) for row in rows],
        "tall": len(rows) > TALL,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "head": column.head,
        "kind": column.kind,
        "help": column.help,
        "up": column.up,
        "down": column.down,
        "local": column.local,
        "width": column.width_rem,
    }


def _row(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    """A row as the browser draws it: only what is said of each cell."""
    held = {column.name: row.cells[column.name] for column in columns if column.name in row.cells}
    sorts = {column.name for column in columns if column.local}
    return {
        "key": row.key,
        "href": row.href,
        "tone": row.tone,
        "opens": row.opens,
        "cells": {name: _cell(cell, name in sorts) for name, cell in held.items()},
    }


def _cell(cell: Cell | str, sorts: bool) -> dict[str, Any]:
    if isinstance(cell, str):
        return {"text": cell} | ({"value": cell} if sorts else {})
    told: dict[str, Any] = {"text": cell.text, "title": cell.title, "icon": cell.icon, "tone": cell.tone}
    told = {name: value for name, value in told.items() if value}
    if sorts and cell.value is not None:
        told["value"] = cell.value
    if cell.marks:
        told["parts"] = _parts(cell.text, cell.marks)
    if sorts and cell.later:
        told["later"] = True
    if cell.bars:
        told["bars"] = [{"colour": bar.colour, "share": round(bar.share, 4)} for bar in cell.bars]
    return told


def _parts(text: str, marks: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is marked: a browser counts characters otherwise."""
    edges = [0, *(edge for mark in marks for edge in mark), len(text)]
    pieces = [(text[start:end], bool(place % 2)) for place, (start, end) in enumerate(pairwise(edges))]
    return [piece for piece in pieces if piece[0]]


def _values(row: Row, columns: Sequence[Column]) -> list[float | str | None]:
    """A row as it is exported."""
    cells = [row.cells.get(column.name) for column in columns]
    return [cell.value if isinstance(cell, Cell) else cell for cell in cells]

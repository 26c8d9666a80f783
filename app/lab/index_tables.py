"""The index study in tables and words."""

from collections.abc import Sequence
from typing import Any

from app.kit.numbers import count, milliseconds, percent, three_figures
from app.lab.study import Data
from app.lab.tables import Cell, Column, Table
from evaluation.lab.index_fronts import ENOUGH, Point, find_front, recommend

TARGET = f"{percent(ENOUGH)}"

QUICK_MS = 1.0
"""Below this a question's search is lost in the time of everything else."""

Row = Any
"""A setting, as `index_measuring.measure_variant` gives it."""


def top_k(result: Data) -> str:
    """The largest k, at which settings are weighed."""
    return str(max(result["about"]["ks"]))


def points(result: Data) -> list[Point]:
    """The settings as they are weighed: by recall at the largest k against the median time."""
    k = top_k(result)
    return [
        Point(row["p50_ms"], row["recall"][k]["value"], row["recall"][k]["low"], row["usable"])
        for row in result["rows"]
    ]


def recommended(result: Data) -> Row | None:
    """The setting that is recommended; None where there is none yet."""
    place = recommend(points(result))
    return None if place is None else result["rows"][place]


def used(result: Data) -> Row | None:
    """The setting in use; None where it is not measured yet."""
    factory, effort = result["about"]["in_use"]
    return next((row for row in result["rows"] if (row["factory"], row["effort"]) == (factory, effort)), None)


def standing(result: Data, row: Row) -> str:
    """What a setting is: in use, recommended, not to be used."""
    told = [
        "recommended" if row is recommended(result) else "",
        "in use" if row is used(result) else "",
        "" if row["usable"] else "measured only",
    ]
    return ", ".join(filter(None, told))


def index_tables(result: Data) -> Sequence[Table]:
    """The front with the settings in use and recommended, all settings, and what was left out."""
    rows = result["rows"]
    front = [rows[place] for place in find_front(points(result))]
    shown = [*front, *(row for row in (used(result), recommended(result)) if row is not None and row not in front)]
    shown.sort(key=lambda row: row["p50_ms"])
    found = []
    if rows:
        found.append(_table(result, "indexes", headline(result), shown, _front_note(result)))
        found.append(_table(result, "settings", _all_title(result), rows, _all_note(result)))
    if result["left_out"]:
        left = tuple((each["name"], each["reason"]) for each in result["left_out"])
        title = f"{count(len(left), 'index', 'indexes')} cannot be had over these vectors"
        found.append(Table("left-out", title, (Column("index"), Column("why")), left))
    return found


def headline(result: Data) -> str:
    """What came out, in a sentence."""
    exact, best = next((row for row in result["rows"] if row["kind"] == "exact"), None), recommended(result)
    if exact is None or best is None:
        return "Not enough is measured yet to recommend an index"
    if best is exact:
        if not any(row["recall"][top_k(result)]["low"] is not None for row in result["rows"] if row is not exact):
            return "An exact search is recommended: the questions are about too few documents to tell what others miss"
        return f"An exact search is the quickest that surely finds {TARGET}: {milliseconds(exact['p50_ms'])} a question"
    found = best["recall"][top_k(result)]["value"]
    times = exact["p50_ms"] / best["p50_ms"]
    small = f"; but an exact one takes {milliseconds(exact['p50_ms'])} only" if exact["p50_ms"] < QUICK_MS else ""
    return f"{best['name']} finds {percent(found, 1)} of what an exact search finds, {three_figures(times)} times as fast{small}"


def _table(result: Data, name: str, title: str, rows: Sequence[Row], note: str) -> Table:
    ks = [str(k) for k in result["about"]["ks"]]
    heads = [("recall", f"found@{k}") for k in ks] + [("gold", f"right chunk@{k}") for k in ks]
    width = 8 + len(heads)
    columns = [Column("index"), Column("")]
    for place, (_, head) in enumerate(heads):
        columns.append(Column(head, "share", (width + 2 * place, width + 2 * place + 1)))
    columns += [Column("MRR", "number"), Column("p50", "ms"), Column("p95", "ms"), Column("build, s", "number")]
    columns += [Column("memory", "bytes"), Column("times as fast as exact", "number")]
    exact = next((row["p50_ms"] for row in result["rows"] if row["kind"] == "exact"), None)
    best, cells = recommended(result), []
    for row in rows:
        figures = [row[kind][head.rsplit("@", 1)[1]] or {} for kind, head in heads]
        values: list[Cell] = [figure.get("value") for figure in figures]
        limits: list[Cell] = [figure.get(side) for figure in figures for side in ("low", "high")]
        times = None if exact is None else exact / row["p50_ms"]
        rest: list[Cell] = [(row["mrr"] or {}).get("value"), row["p50_ms"], row["p95_ms"], row["build_s"], row["bytes"]]
        cells.append((row["name"], standing(result, row), *values, *rest, times, *limits))
    marked = frozenset(place for place, row in enumerate(rows) if row is best)
    return Table(name, title, tuple(columns), tuple(cells), note, marked)


def _front_note(result: Data) -> str:
    about = result["about"]
    return (
        f"{about['vectors']:,} vectors of {about['dimension']:,} numbers ({about['duplicates']:,} doubles left out) and "
        f"{count(about['questions'], 'question')}, each asked for {about['depth']} chunks. On the front: no other setting is "
        f"both quicker and finds more at {top_k(result)}. Recommended: the quickest whose interval begins at {TARGET} or above. "
        "found@k: the share of an exact search’s first k chunks that it finds. right chunk@k: the share of questions with a "
        f"chunk that holds the answer among the first k ({about['gold_questions']:,} questions have one). MRR: the mean of 1 "
        "over that chunk’s place. 95 % intervals over resampled documents. p50, p95: one question at a time on one thread, the "
        "median of a few passes. Close neighbours change places with how busy the machine is, and other questions than these "
        "may fare worse."
    )


def _all_title(result: Data) -> str:
    rows, k = result["rows"], top_k(result)
    enough = sum((row["recall"][k]["low"] or 0) >= ENOUGH for row in rows)
    return f"{enough} of {len(rows)} settings surely find {TARGET} of what an exact search finds"


def _all_note(result: Data) -> str:
    return (
        f"Built with {count(result['about']['threads'], 'thread')}. Memory: the index as it is written to a file. Settings "
        "without refinement keep no vectors: they are small, but measured only, since exact search, the embedding map and "
        "explanations need the vectors. The build time is of the index, and stands beside each of its settings."
    )

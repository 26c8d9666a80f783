"""What ways that were measured on the same questions come to: figures with intervals, by question type, and tests of pairs; as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.lab.one_by_one import Row
from app.lab.study import Data
from app.lab.tables import Cell, Column, Kind, Table
from evaluation.lab.pairs import compare_pairs
from evaluation.summary import UNTYPED, Measure, measure

PAIRS_NOTE = (
    "Second less first, with 95 % intervals over resampled articles; p by sign flips over pairs, corrected for all rows of "
    "this table (Holm). Where a difference is not significant there may still be one: look at how wide its interval is."
)

FEWEST_OF_TYPE = 10
"""Questions of a type below which its figures are not shown."""


def sum_up(
    rows: Sequence[Row],
    about: Mapping[str, Any],
    tested: Sequence[str],
    *,
    by_type: Sequence[str] = (),
    against: str | None = None,
) -> Data:
    """A study's result of its rows: each with the `figures` of its `values`, pairs tested.

    about: what else the result holds, `clusters` and `types` among it. tested: the values whose pairs are tested.
    by_type: the values that are told by question type as well.
    """
    clusters, types = about["clusters"], about["types"]
    good = [row for row in rows if not row.get("problem")]
    pairs = compare_pairs(
        {name: {row["name"]: row["values"][name] for row in good if name in row["values"]} for name in tested},
        clusters,
        against=against,
    )
    return {
        **about,
        "rows": [row if row.get("problem") else _with_figures(row, clusters, types, by_type) for row in rows],
        "pairs": [{**asdict(each), "significant": each.significant} for each in pairs],
    }


def _with_figures(row: Row, clusters: Sequence[str], types: Sequence[str], by_type: Sequence[str]) -> Row:
    values: Mapping[str, Sequence[float | None]] = row["values"]
    kinds = sorted({kind or UNTYPED for kind in types})
    told: dict[str, dict[str, Any]] = {}
    if len(kinds) > 1:
        for name in by_type:
            if name in values:
                told[name] = {
                    kind: asdict(
                        measure(
                            [
                                (cluster, value)
                                for cluster, value, given in zip(clusters, values[name], types, strict=True)
                                if (given or UNTYPED) == kind
                            ]
                        )
                    )
                    for kind in kinds
                }
    figures = {name: asdict(measure(list(zip(clusters, each, strict=True)))) for name, each in values.items()}
    return {**row, "figures": figures, "by_type": told}


def good_rows(result: Data) -> list[Row]:
    """What could be measured."""
    return [row for row in result["rows"] if not row.get("problem")]


def figure(row: Row, name: str) -> Measure:
    """A figure of a row; an empty one where it was not measured."""
    found = row["figures"].get(name)
    return Measure(None, None, None, 0) if found is None else Measure(**found)


Shown = tuple[str, str, Kind]
"""A value's name, its column's head, and how it is written."""


def figures_table(
    name: str,
    title: str,
    rows: Sequence[Row],
    shown: Sequence[Shown],
    *,
    head: str,
    note: str,
    extra: Sequence[tuple[str, Kind, Sequence[Cell]]] = (),
    marked: frozenset[int] = frozenset(),
) -> Table:
    """A row for each way: figures with their intervals, then what is known of the way as a whole.

    extra: columns without intervals: head, kind, and a cell for each row.
    """
    columns: list[Column] = [Column(head)]
    width = 1 + len(shown) + len(extra)
    limits = width
    for each, label, kind in shown:
        has_limits = any(figure(row, each).low is not None for row in rows)
        columns.append(Column(label, kind, (limits, limits + 1) if has_limits else None))
        limits += 2
    columns += [Column(label, kind) for label, kind, _ in extra]
    cells = []
    for place, row in enumerate(rows):
        found = [figure(row, each) for each, _, _ in shown]
        line: list[Cell] = [row["name"], *(each.value for each in found), *(column[place] for _, _, column in extra)]
        cells.append((*line, *(limit for each in found for limit in (each.low, each.high))))
    return Table(name, title, tuple(columns), tuple(cells), note, marked)


def types_table(
    name: str, title: str, rows: Sequence[Row], measured: str, *, head: str, note: str, written: Kind = "share"
) -> Table | None:
    """A measure of each way, a column for each question type; None where the questions are of one type."""
    kinds = list(dict.fromkeys(kind for row in rows for kind in row["by_type"].get(measured, {})))
    enough = [
        kind for kind in kinds if any(row["by_type"][measured][kind]["questions"] >= FEWEST_OF_TYPE for row in rows)
    ]
    if len(enough) < 2:
        return None
    counted = {kind: max(row["by_type"][measured][kind]["questions"] for row in rows) for kind in enough}
    columns = (Column(head), *(Column(f"{kind} ({counted[kind]:,})", written) for kind in enough))
    cells = tuple((row["name"], *(row["by_type"][measured][kind]["value"] for kind in enough)) for row in rows)
    return Table(name, title, columns, cells, note)


def pairs_table(result: Data, labels: Mapping[str, str], kinds: Mapping[str, Kind]) -> Table | None:
    """The tests of pairs; None where there is no pair. labels, kinds: of each measure."""
    pairs = result["pairs"]
    if not pairs:
        return None
    sure = [each for each in pairs if each["significant"]]
    title = (
        f"{len(sure)} of {len(pairs)} differences are more than chance"
        if sure
        else f"None of {len(pairs)} differences is shown to be more than chance"
    )
    columns = (
        Column("measure"),
        Column("first"),
        Column("second"),
        Column("difference", "number", (6, 7)),
        Column("p, corrected", "number"),
        Column("verdict"),
    )
    rows = []
    for each in pairs:
        points = kinds.get(each["measure"], "share") == "share"
        verdict = each["why_no_test"] or ("differs" if each["significant"] else "not shown to differ")
        label = labels.get(each["measure"], each["measure"]) + (", points" if points else "")
        found, low, high = (_scaled(each[part], points) for part in ("difference", "low", "high"))
        rows.append((label, each["first"], each["second"], found, each["p_adjusted"], verdict, low, high))
    marked = frozenset(place for place, each in enumerate(pairs) if each["significant"])
    return Table("pairs", title, columns, tuple(rows), PAIRS_NOTE, marked)


def _scaled(value: float | None, points: bool) -> float | None:
    return value * 100 if points and value is not None else value


def problems_table(result: Data, head: str) -> Table | None:
    """What could not be measured, and why; None where all was."""
    rows = tuple((row["name"], row["problem"]) for row in result["rows"] if row.get("problem"))
    if not rows:
        return None
    title = f"{len(rows)} of {len(result['rows'])} could not be measured; the figures are of the others"
    return Table("problems", title, (Column(head), Column("why")), rows, "Going on with the study tries them again.")

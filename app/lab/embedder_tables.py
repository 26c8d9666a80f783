"""What came out of embedders side by side, as tables."""

from collections.abc import Mapping, Sequence

from app.kit.numbers import count, percent
from app.lab.one_by_one import Row
from app.lab.side_by_side import (
    Shown,
    figure,
    figures_table,
    good_rows,
    pairs_table,
    problems_table,
    types_table,
)
from app.lab.study import Data
from app.lab.tables import Cell, Column, Kind, Table, value_words

KINDS: Mapping[str, Kind] = {
    "alone recall": "share",
    "recall": "share",
    "alone mrr": "number",
    "mrr": "number",
}


def embedder_tables(result: Data) -> Sequence[Table]:
    """The most important first."""
    rows = good_rows(result)
    problems = problems_table(result, "model")
    if not rows:
        return [] if problems is None else [problems]
    k = result["top_k"]
    embedders = [row for row in rows if "dimension" in row]
    labels = {
        "alone recall": f"recall@{k}, meaning alone",
        "alone mrr": "MRR, meaning alone",
        "recall": f"recall@{k}, as retrieved",
        "mrr": "MRR, as retrieved",
    }
    kinds = [
        _types("types", f"Recall@{k} by meaning alone, by question type", embedders, "alone recall"),
        _types("similarity-types", "Cosine of question and right chunk, by question type", embedders, "right"),
    ]
    found = [
        _found_table(result, embedders, "alone ", "meaning", "by meaning alone") if embedders else None,
        _found_table(result, rows, "", "retrieved", "by meaning and words, as Raglass retrieves"),
        _layout_table(embedders),
        _cost_table(rows),
        pairs_table(result, labels, KINDS),
        *kinds,
        problems,
    ]
    return [table for table in found if table is not None]


def _found_table(result: Data, rows: Sequence[Row], prefix: str, name: str, how: str) -> Table:
    k = result["top_k"]
    best = max(
        rows, key=lambda row: (figure(row, f"{prefix}recall").value or 0.0, figure(row, f"{prefix}mrr").value or 0)
    )
    held = value_words("share", figure(best, f"{prefix}recall").value or 0.0)
    title = (
        f"{best['name']} finds a right chunk among {count(k, 'chunk')} for {held} of the questions that have one, {how}"
    )
    others = [row for row in rows if row is not best]
    tied = [row for row in others if _tied(result, best, row, f"{prefix}recall")]
    if len(others) == 1:
        title += "; the other one is not shown to find fewer" if tied else "; the other one finds fewer"
    elif others:
        title += f"; {len(tied)} of the {len(others)} others are not shown to find fewer"
    shown: list[Shown] = [
        (f"{prefix}recall", f"recall@{k}", "share"),
        (f"{prefix}precision", f"precision@{k}", "share"),
        (f"{prefix}mrr", "MRR", "number"),
        (f"{prefix}ndcg", "nDCG", "number"),
    ]
    note = (
        "Over questions that have an answer. Right: a chunk of the named document that holds an expected answer, each counted "
        "once. nDCG looks at the order of the right chunks that were retrieved. Intervals are 95 %, over "
        f"{count(len(set(result['clusters'])), 'article')}; two that overlap may still differ, as the table of pairs tells."
    )
    if not prefix:
        note += " After > stands the reranker of what the first embedder found."
    marked = frozenset(place for place, row in enumerate(rows) if row is best)
    return figures_table(name, title, rows, shown, head="model", note=note, marked=marked)


def _tied(result: Data, best: Row, row: Row, measure: str) -> bool:
    names = {best["name"], row["name"]}
    tests = [
        each for each in result["pairs"] if each["measure"] == measure and {each["first"], each["second"]} == names
    ]
    return not any(each["significant"] for each in tests)


def _layout_table(rows: Sequence[Row]) -> Table | None:
    laid = [row for row in rows if row["layout"] is not None and row["layout"]["told_apart"] is not None]
    if not laid:
        return None
    best = max(laid, key=lambda row: row["layout"]["told_apart"])
    title = (
        f"{best['name']} tells right from wrong pairs best: a right one is more alike in "
        f"{percent(best['layout']['told_apart'], 1)} of draws"
    )
    columns: list[tuple[str, Kind, Sequence[Cell]]] = [
        ("wrong pair", "number", [_mean(row["layout"]["wrong"]) for row in laid]),
        ("told apart", "share", [row["layout"]["told_apart"] for row in laid]),
        ("anisotropy", "number", [row["layout"]["anisotropy"] for row in laid]),
        ("hubness", "number", [row["layout"]["hubness"] for row in laid]),
        ("never near", "share", [row["layout"]["never"] for row in laid]),
    ]
    note = (
        "Right pair: cosine of a question and its nearest right chunk. Wrong pair: of a question and a random chunk. Margin: "
        "how much nearer the right chunk is than the nearest other one; below 0 the other one is nearer. Anisotropy: mean "
        "cosine of two random chunks; near 0 where vectors point everywhere evenly, high where the model gives everything a "
        "high cosine. Hubness: above 1, a few chunks come up for many questions (skewness of how often a chunk is among the 10 "
        "nearest). Do not compare cosines of two models: their scales differ."
    )
    shown: list[Shown] = [("right", "right pair", "number"), ("margin", "margin", "number")]
    return figures_table("similarity", title, laid, shown, head="model", note=note, extra=columns)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _cost_table(rows: Sequence[Row]) -> Table:
    embedders = [row for row in rows if "dimension" in row]
    title = "What the models take"
    if len(embedders) > 1:
        fast, slow = (pick(embedders, key=lambda row: row["passages_s"]) for pick in (max, min))
        ratio = fast["passages_s"] / max(slow["passages_s"], 1e-9)
        title = f"{fast['name']} embeds {ratio:.3g} times as many chunks a second as {slow['name']}"
    names = ("dimension", "passages_s", "question_ms", "rerank_ms", "resident", "bytes")
    columns = (
        Column("model"),
        Column("runs as"),
        Column("dimension", "count"),
        Column("chunks a second", "number"),
        Column("a question", "ms"),
        Column("reranking", "ms"),
        Column("memory taken up", "bytes"),
        Column("vectors", "bytes"),
    )
    cells = tuple((row["name"], row["model"], *(row.get(name) for name in names)) for row in rows)
    note = (
        "Chunks a second: from 32 embedded together. A question: the median of 20, one by one (reranking: of all). Measured "
        "once, on a machine that may have been busy, with no vector known before. Memory: how much the process grew when the "
        "model was loaded and first used. What was loaded before is not counted: take it as a hint. Vectors: 4 bytes a number."
    )
    return Table("cost", title, columns, cells, note)


def _types(name: str, title: str, rows: Sequence[Row], measured: str) -> Table | None:
    told = [row for row in rows if measured in row["by_type"]]
    note = "Types with fewer than 10 questions that count are left out. With few questions, differences of a few points are chance."
    kind: Kind = "share" if measured != "right" else "number"
    return types_table(name, title, told, measured, head="model", note=note, written=kind)

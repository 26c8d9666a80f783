"""What came out of generators side by side, as tables."""

from collections.abc import Mapping, Sequence

from app.kit.numbers import count
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

KINDS: Mapping[str, Kind] = dict.fromkeys(("correct", "f1", "gold correct", "gold f1"), "share")

LABELS: Mapping[str, str] = {
    "correct": "right, retrieved",
    "f1": "F1, retrieved",
    "gold correct": "right, right chunk alone",
    "gold f1": "F1, right chunk alone",
}


def generator_tables(result: Data) -> Sequence[Table]:
    """The most important first."""
    rows = good_rows(result)
    problems = problems_table(result, "generator")
    if not rows:
        return [] if problems is None else [problems]
    kinds = types_table(
        "types",
        "Right answers from what was retrieved, by question type",
        rows,
        "correct",
        head="generator",
        note="Types with fewer than 10 questions are left out. With few questions, differences of a few points are chance.",
    )
    found = [
        _retrieved_table(result, rows),
        _gold_table(result, rows) if result["with_gold"] else None,
        _cost_table(rows),
        _confidence_table(rows),
        pairs_table(result, LABELS, KINDS),
        kinds,
        problems,
    ]
    return [table for table in found if table is not None]


def _best(rows: Sequence[Row], measure: str) -> Row:
    return max(
        rows,
        key=lambda row: (figure(row, measure).value or 0.0, figure(row, measure.replace("correct", "f1")).value or 0.0),
    )


def _told(result: Data, best: Row, rows: Sequence[Row], measure: str) -> str:
    """Whether the others are behind, in words for the end of a title."""
    if len(rows) < 2:
        return ""
    behind = sum(
        each["significant"] and each["measure"] == measure and best["name"] in (each["first"], each["second"])
        for each in result["pairs"]
    )
    if len(rows) == 2:
        return ", more than the other one" if behind else "; the other one is not shown to have fewer"
    return f", more than {behind} of the {len(rows) - 1} others by more than chance"


def _retrieved_table(result: Data, rows: Sequence[Row]) -> Table:
    best = _best(rows, "correct")
    held = value_words("share", figure(best, "correct").value or 0.0)
    title = (
        f"{best['name']} has {held} right from {count(result['top_k'], 'retrieved chunk')}"
        f"{_told(result, best, rows, 'correct')}"
    )
    shown: list[Shown] = [
        ("correct", "right", "share"),
        ("exact", "exact", "share"),
        ("f1", "F1", "share"),
        ("abstained", "abstained", "share"),
        ("no answer: correct", "no answer: abstained", "share"),
    ]
    note = (
        "Right: an expected answer stands in the answer, or they share most words; for a question without an answer: "
        "abstaining. Exact and F1 are SQuAD v2’s: a whole sentence around the answer scores low, so they suit models that "
        f"answer in few words. {sum(result['retrieved_gold']):,} questions had a right chunk among what was retrieved, the same "
        f"for all models. Intervals are 95 %, over {count(len(set(result['clusters'])), 'article')}."
    )
    marked = frozenset(place for place, row in enumerate(rows) if row is best)
    return figures_table("retrieved", title, rows, shown, head="generator", note=note, marked=marked)


def _gold_table(result: Data, rows: Sequence[Row]) -> Table:
    best = _best(rows, "gold correct")
    held = value_words("share", figure(best, "gold correct").value or 0.0)
    title = f"Given the chunk that holds the answer, {best['name']} has {held} right{_told(result, best, rows, 'gold correct')}"
    shown: list[Shown] = [
        ("gold correct", "right", "share"),
        ("gold exact", "exact", "share"),
        ("gold f1", "F1", "share"),
        ("gold abstained", "abstained", "share"),
    ]
    note = (
        f"Over the {count(result['with_gold'], 'question')} with a right chunk, with that chunk alone to read: what is wrong "
        "here is the reading, not retrieval. It is no upper bound: other chunks can help as well as mislead."
    )
    marked = frozenset(place for place, row in enumerate(rows) if row is best)
    return figures_table("gold", title, rows, shown, head="generator", note=note, marked=marked)


def _cost_table(rows: Sequence[Row]) -> Table:
    fast, slow = (pick(rows, key=lambda row: figure(row, "ms").value or 0.0) for pick in (min, max))
    title = "What an answer takes"
    if fast is not slow:
        ratio = (figure(slow, "ms").value or 0.0) / max(figure(fast, "ms").value or 0.0, 1e-9)
        title = f"{slow['name']} takes {ratio:.3g} times as long for an answer as {fast['name']}"
    extra: list[tuple[str, Kind, Sequence[Cell]]] = [
        ("ms a token", "number", [_per_token(row) for row in rows]),
        ("memory taken up", "bytes", [row["resident"] for row in rows]),
        ("failed", "count", [row["failed"] for row in rows]),
    ]
    note = (
        "Of generating alone, one question at a time from what was retrieved, on a machine that may have been busy. Tokens: "
        "the model’s own; a reader that quotes counts sentences. Cut short: the answer reached the longest length that the "
        "settings allow. Late: it took longer than the settings’ deadline, where a question would have failed; here it may "
        "take longer. Memory: how much the process grew when the model was loaded and first used; what was loaded before is "
        "not counted."
    )
    note += "".join(f" {row['name']} runs as {row['model']}." for row in rows if row["model"] not in ("", row["name"]))
    shown: list[Shown] = [
        ("ms", "an answer", "ms"),
        ("words", "words", "number"),
        ("tokens", "tokens", "number"),
        ("cut short", "cut short", "share"),
        ("late", "late", "share"),
    ]
    return figures_table("cost", title, rows, shown, head="generator", note=note, extra=extra)


def _per_token(row: Row) -> float | None:
    spent, tokens = figure(row, "ms").value, figure(row, "tokens").value
    return spent / tokens if spent is not None and tokens else None


def _confidence_table(rows: Sequence[Row]) -> Table:
    told = [row for row in rows if "why_not" not in row["calibration"]]
    title = "How sure the models are, and how far they rely on the chunks"
    if told:
        best = max(told, key=lambda row: row["calibration"]["raw_auroc"])
        title = f"{best['name']} knows best when it is right: AUROC {best['calibration']['raw_auroc']:.2f}"
    columns = (
        Column("generator"),
        Column("confidence", "number", (9, 10)),
        Column("what it is"),
        Column("right", "share"),
        Column("ECE", "number"),
        Column("ECE, calibrated", "number"),
        Column("AUROC", "number"),
        Column("reliance, nats", "number", (11, 12)),
        Column("answers scored", "count"),
    )
    cells = []
    for row in rows:
        sure, relies = figure(row, "confidence"), figure(row, "reliance")
        found = row["calibration"]
        line = (
            row["name"],
            sure.value,
            row["kind"].replace("_", " "),
            figure(row, "correct").value,
            *(found.get(name) for name in ("raw_ece", "fitted_ece", "raw_auroc")),
            relies.value,
            relies.questions,
        )
        cells.append((*line, sure.low, sure.high, relies.low, relies.high))
    note = (
        "Calibrated: fitted again on half of the articles, and measured on the other half. ECE: mean distance of confidence "
        "from the share of right answers, 0 is best. AUROC: how often a right answer is surer than a wrong one. A token "
        "probability is not a probability of being right. Reliance: how much more probable the chunks make the answer (log p "
        "with them less without any); near 0, the model would have said it anyway. Nats grow with an answer’s length, and each "
        "model has its own: compare their sign and size, not models."
    )
    note += "".join(
        f" {row['name']}: {row['calibration']['why_not']}" for row in rows if "why_not" in row["calibration"]
    )
    return Table("confidence", title, columns, tuple(cells), note)

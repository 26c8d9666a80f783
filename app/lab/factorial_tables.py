"""A factorial's result as tables: what each factor accounts for, which cell to take, where errors come in."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.numbers import count, milliseconds, percent
from app.lab.tables import Cell, Column, Table
from evaluation.lab.variance import ALIKE
from evaluation.verdict import MAX_DROP

NAMES = {
    "right": "Right answers",
    "f1": "Token F1",
    "recall": "Right chunk retrieved",
    "similarity": "Best cosine",
    "latency": "Time of a question",
}
"""What outcomes are called."""

LEAST_SHOWN = 0.001
"""Share that two factors together must reach, within its interval, to have a row."""

SHARES_NOTE = (
    "What the variance over questions and cells comes from. On average: what the choice does to the mean. Otherwise: what "
    "it does to some questions and undoes on others, chance included. Of the choices: its part of the differences between "
    "cells’ means (Shapley values of R²), where that is more than chance. 95 % intervals over articles; a share below 0 "
    "means none, and intervals begin at 0. A share has no interval where a few articles make nearly all of the variance. "
    "Two factors that do less than 0.1 % together are left out. Shares hold for the levels and questions that were tried: "
    "a factor whose levels are all alike accounts for nothing, and so does one whose levels are all bad."
)

CELLS_NOTE = (
    "Difference to the best cell over the same questions, with its 95 % interval over articles; p by sign flips, corrected "
    "for the number of cells (Holm). The best of many cells looks better than it is: ask it new questions before you "
    "believe it. “Not shown to be worse” does not mean “as good”: see how far down the interval goes. Time is the median "
    "of a question; a stage that cells share was measured once."
)

NO_ERROR = "There is no error in any cell"

ERRORS_NOTE = (
    "Shares of all questions; with the right answers they add up to 100 %. Not retrieved: no chunk holds an expected "
    "answer. Misread: a chunk does, but the answer is wrong. Abstained: a chunk does, but no answer was given. Made up: "
    "the documents have no answer, but one was given. A chunk that holds an expected answer by chance counts as retrieved."
)

PASSAGES_NOTE = (
    "Percentage points of right answers against all cells (Kitagawa 1955), over questions that have an answer: how many "
    "come from other chunks being found, from other answers over what was found, and from other abstentions. The three add "
    "up. There are no intervals here: see the levels’ own."
)


PASSAGES = ("right", "retrieval", "reading", "abstention")


def result_tables(result: Mapping[str, Any]) -> list[Table]:
    """All tables, the most important first."""
    tables = [_missing(result)] if any(cell["status"] != "finished" for cell in result["cells"]) else []
    if result.get("why_not"):
        return tables or [Table("cells", result["why_not"], (Column("cell"),), ())]
    outcomes: Mapping[str, Any] = result["outcomes"]
    told = {name: each for name, each in outcomes.items() if not each.get("why_not")}
    notes = [_shares_note(result), *["As above."] * len(told)]
    made = [_shares(name, each, result, note) for (name, each), note in zip(told.items(), notes, strict=False)]
    first, others = made[:1] if "right" in told else [], made[1:] if "right" in told else made
    return [
        *first,
        _cells(result),
        *tables,
        *_pairs(told, result),
        *_levels(told),
        *others,
        _errors(result),
        *_passages(result),
        *_untold(outcomes),
    ]


def _missing(result: Mapping[str, Any]) -> Table:
    missing = [cell for cell in result["cells"] if cell["status"] != "finished"]
    rows = tuple((cell["name"], cell["status"], cell["answers"], cell["problem"]) for cell in missing)
    title = f"{count(len(missing), 'cell')} of {len(result['cells'])} {'is' if len(missing) == 1 else 'are'} missing from what follows"
    note = "Effects are told by least squares over the cells that are finished. Go on with the study to ask the others again."
    return Table(
        "missing", title, (Column("cell"), Column("status"), Column("answers", "count"), Column("why")), rows, note
    )


def _shares(name: str, found: Mapping[str, Any], result: Mapping[str, Any], note: str) -> Table:
    columns = (
        Column("source"),
        Column("on average", "share", (4, 5)),
        Column("otherwise for each question", "share", (6, 7)),
        Column("of the choices", "share", (8, 9)),
    )
    ordered = sorted(found["factors"], key=lambda factor: -found["factors"][factor]["value"])
    rows = [
        _share_row(factor, found["factors"][factor], found["varying"][factor], found["shapley"].get(factor))
        for factor in ordered
    ]
    pairs = sorted(found["pairs"], key=lambda pair: -pair["value"])
    rows += [
        _share_row(f"{pair['first']} × {pair['second']}", pair)
        for pair in pairs
        if max(pair["value"], pair["high"] or 0.0) >= LEAST_SHOWN
    ]
    rest = "three and more together" if found["pairs"] else "together, in ways these cells cannot tell"
    rows += [_share_row(rest, found["higher"]), _share_row("the question", found["question"])]
    if not found["orthogonal"]:
        note += (
            " Not all effects can be told apart by these cells: shares need not add up, and what two factors do together may be "
            "counted as one’s."
        )
    return Table(f"shares-{name}", shares_title(name, found), columns, tuple(rows), note)


def _shares_note(result: Mapping[str, Any]) -> str:
    told = SHARES_NOTE if result["told"] else f"{SHARES_NOTE} Too few articles for intervals."
    if result["questions"] < len(result["cells"]):
        return f"{told} There are fewer questions than cells: take more questions."
    return told


Shown = Mapping[str, Any]
"""A share with its limits, as a result holds it."""


def _share_row(
    source: str, part: Shown, varying: Shown | None = None, shapley: Shown | None = None
) -> tuple[Cell, ...]:
    parts = (part, varying or {}, shapley or {})
    limits = [_rounded(each.get(side)) for each in parts for side in ("low", "high")]
    return (source, *(_rounded(each.get("value")) for each in parts), *limits)


def _rounded(value: float | None) -> float | None:
    """To what is shown, so that nothing is shown as less than nothing."""
    return None if value is None else round(value, 3) + 0.0


def shares_title(name: str, found: Mapping[str, Any]) -> str:
    """What an outcome's shares say: the factors that are shown to account for most of the variance."""
    what = NAMES[name]
    question = f"the question itself for {_percent(found['question']['value'])}"
    parts = found["factors"]
    ordered = sorted(parts, key=lambda factor: -parts[factor]["value"])
    sure = [factor for factor in ordered if (parts[factor]["low"] or 0.0) > 0 and parts[factor]["value"] >= LEAST_SHOWN]
    if not sure:
        return f"{what}: no choice by itself is shown to account for any of the variance on average, {question}"
    told = [f"{factor} for {_percent(parts[factor]['value'])}" for factor in sure[:2]]
    return f"{what}: {told[0].replace(' for ', ' accounts for ')}{''.join(f', {each}' for each in told[1:])} of the variance, {question}"


def levels_title(name: str, found: Mapping[str, Any]) -> str:
    """Which level of an outcome's factors differs most from the others."""
    if _are_alike(found):
        return f"{NAMES[name]}: all levels are alike"
    best = max(found["levels"], key=lambda each: abs(each["difference"]))
    return f"{NAMES[name]}: {best['factor']} {best['level']} lies farthest from the mean of its factor"


def _are_alike(found: Mapping[str, Any]) -> bool:
    return all(abs(each["difference"]) < ALIKE for each in found["levels"])


def errors_title(errors: Sequence[Mapping[str, Any]]) -> str:
    """With which cell most errors are made."""
    wrong = {each["cell"]: 1 - each["right"] for each in errors}
    worst = max(wrong, key=lambda cell: wrong[cell])
    if len(wrong) > 1 and wrong[worst] - min(wrong.values()) < ALIKE:
        return NO_ERROR if wrong[worst] < ALIKE else f"All cells have as many errors: {percent(wrong[worst], 1)}"
    return f"Most errors are made with {worst}: {percent(wrong[worst], 1)} of questions"


def _percent(share: float) -> str:
    return percent(max(0.0, share), 1)


def _cells(result: Mapping[str, Any]) -> Table:
    choice = result["choice"]
    runs = {cell["name"]: cell["run"] for cell in result["cells"]}
    ordered = sorted(choice["rivals"], key=lambda rival: (-rival["mean"], rival["cost"]))
    rows = tuple(
        (
            rival["cell"],
            rival["mean"],
            None if rival["cell"] == choice["best"] else rival["difference"],
            None if rival["cell"] == choice["best"] else rival["p"],
            rival["cost"],
            runs[rival["cell"]],
            rival["low"] if rival["low"] is not None else rival["difference"],
            rival["high"] if rival["high"] is not None else rival["difference"],
        )
        for rival in ordered
    )
    marked = frozenset(
        place for place, row in enumerate(rows) if row[0] in (choice["best"], choice["cheapest"], choice["safe"])
    )
    columns = (
        Column("cell"),
        Column("right", "share"),
        Column("difference", "share", (6, 7)),
        Column("p", "number"),
        Column("median", "ms"),
        Column("run"),
    )
    return Table("cells", _choice_words(choice), columns, rows, CELLS_NOTE, marked)


def _choice_words(choice: Mapping[str, Any]) -> str:
    by_name = {rival["cell"]: rival for rival in choice["rivals"]}
    best = by_name[choice["best"]]
    told = [f"Best is {_cell_words(best)}", _other("cheapest not shown to be worse", by_name[choice["cheapest"]], best)]
    if choice["safe"] is not None:
        told.append(
            _other(f"cheapest shown to be at most {MAX_DROP * 100:g} points worse", by_name[choice["safe"]], best)
        )
    return "; ".join(told)


def _other(words: str, rival: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    return f"{words}: the same" if rival is best else f"{words}: {_cell_words(rival)}"


def _cell_words(rival: Mapping[str, Any]) -> str:
    return f"{rival['cell']} ({_percent(rival['mean'])} right, {milliseconds(rival['cost'])})"


def _pairs(told: Mapping[str, Any], result: Mapping[str, Any]) -> list[Table]:
    """How factors work together on right answers: means of their levels, the pair that does most together first."""
    found = told.get("right")
    if found is None or not found["pair_means"]:
        return []
    strength = {(pair["first"], pair["second"]): pair for pair in found["pairs"]}
    ordered = sorted(
        found["pair_means"], key=lambda each: -strength.get((each["first"], each["second"]), {}).get("value", 0.0)
    )
    top = ordered[0]
    part = strength.get((top["first"], top["second"]))
    sure = part is not None and part["value"] >= LEAST_SHOWN and (part["low"] or 0.0) > 0
    both = f"{top['first'].capitalize()} and {top['second']}"
    title = f"{both} do {'something' if sure else 'nothing that is shown'} together beyond what each does"
    columns = (Column(top["first"]), *(Column(f"{top['second']} {level}", "share") for level in top["second_levels"]))
    rows = tuple((level, *row) for level, row in zip(top["first_levels"], top["means"], strict=True))
    note = (
        "Share of right answers over the cells with both levels, for the two factors whose levels depend on each other most. "
        "Where rows rise alike, they do not."
    )
    return [Table("together", title, columns, rows, note)]


def _levels(told: Mapping[str, Any]) -> list[Table]:
    found = told.get("right")
    if found is None:
        return []
    rows = tuple(
        (
            each["factor"],
            each["level"],
            each["mean"],
            *(
                _rounded(each["difference"] if each[name] is None else each[name])
                for name in ("difference", "low", "high")
            ),
        )
        for each in found["levels"]
    )
    best = max(found["levels"], key=lambda each: each["difference"])
    title = f"On average over the rest, {best['factor']} {best['level']} does most for right answers"
    if _are_alike(found):
        title = levels_title("right", found)
    columns = (
        Column("factor"),
        Column("level"),
        Column("right", "share"),
        Column("from the factor's mean", "share", (4, 5)),
    )
    note = (
        "By least squares over the cells. The difference is over the same questions, its 95 % interval over articles; it is "
        "not corrected for looking at several levels. Where two factors work together, an average is true of no cell."
    )
    return [Table("levels", title, columns, rows, note)]


def _errors(result: Mapping[str, Any]) -> Table:
    kinds = ("not_retrieved", "misread", "abstained", "made_up", "failed")
    rows = tuple((each["cell"], each["right"], *(each[kind] for kind in kinds)) for each in result["errors"])
    means = {kind: sum(each[kind] for each in result["errors"]) / len(result["errors"]) for kind in kinds}
    most = max(means, key=lambda kind: means[kind])
    words = {
        "not_retrieved": "retrieval: the chunk is not found",
        "misread": "reading: the chunk is found, the answer is wrong",
        "abstained": "abstention: the chunk is found, and no answer given",
        "made_up": "answers to what has none",
        "failed": "stages that fail",
    }
    title = f"Most errors come in by {words[most]} ({_percent(means[most])} of questions)" if means[most] else NO_ERROR
    names = ("not retrieved", "misread", "abstained", "made up", "failed")
    columns = (Column("cell"), Column("right", "share"), *(Column(name, "share") for name in names))
    return Table("errors", title, columns, rows, ERRORS_NOTE)


def _passages(result: Mapping[str, Any]) -> list[Table]:
    found = result["passages"]
    if not found:
        return []
    rows = tuple(
        (each["factor"], each["level"], *(round(each[name] * 100, 6) + 0.0 for name in PASSAGES)) for each in found
    )
    names = ("retrieval", "reading", "abstention")
    sizes = {name: sum(abs(each[name]) for each in found) for name in names}
    title = f"What the choices change reaches the answers mostly through {max(sizes, key=lambda name: sizes[name])}"
    if all(size < ALIKE for size in sizes.values()):
        title = "The choices change no share of right answers"
    columns = (
        Column("factor"),
        Column("level"),
        Column("right, points", "number"),
        *(Column(f"through {name}", "number") for name in names),
    )
    return [Table("passages", title, columns, rows, PASSAGES_NOTE)]


def _untold(outcomes: Mapping[str, Any]) -> list[Table]:
    rows = tuple((NAMES[name], each["why_not"]) for name, each in outcomes.items() if each.get("why_not"))
    title = f"{count(len(rows), 'outcome')} could not be taken apart"
    return [Table("untold", title, (Column("outcome"), Column("why")), rows)] if rows else []

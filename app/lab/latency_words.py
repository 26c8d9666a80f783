"""What a latency study shows: times of one target, or of two with their ratio; what was cold; what the stack says of itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.numbers import count, milliseconds, three_figures
from app.kit.wording import listed
from app.lab.tables import Cell, Column, Table
from evaluation.lab.latency import FEWEST_SETTLED, Ratio, Spread, adjust, pair, spread
from metrics.catalogue import STAGES

END_TO_END, MODELS = "end to end", "models"

ALPHA = 0.05

ORDER = (END_TO_END, MODELS, *reversed(STAGES))
"""Rows of the table, from the outside in."""

Data = Mapping[str, Any]


def labels(result: Data) -> list[str]:
    """What each target is called: two that are the same are told apart by time."""
    before = any(target["record"] for target in result["targets"])
    return [
        f"{target['name']} before ({target['record']})"
        if target["record"]
        else f"{target['name']} now"
        if before
        else target["name"]
        for target in result["targets"]
    ]


def heads(result: Data) -> list[str]:
    """What each target is called where there is little room."""
    before = any(target["record"] for target in result["targets"])
    return ["before" if target["record"] else "now" if before else target["name"] for target in result["targets"]]


def warm_calls(target: Data) -> list[Data]:
    """The answered calls that were neither warm-up nor cold."""
    return [each for each in target["asked"] if not (each["cold"] or each["error"])]


def times(target: Data, part: str) -> dict[str, list[float]]:
    """Times of a part of a question on the warm path, in ms, by question."""
    found: dict[str, list[float]] = {}
    for each in warm_calls(target):
        if part in each["ms"]:
            found.setdefault(each["question"], []).append(each["ms"][part])
    return found


def ratios(result: Data) -> dict[str, Ratio | None]:
    """How many times as long each part takes on the second target; empty for one target.

    End to end is what the study is about; the p of the other rows are adjusted for there being several.
    """
    if len(result["targets"]) < 2:
        return {}
    first, second = result["targets"]
    shared = [part for part in ORDER if times(first, part) and times(second, part)]
    found = {part: pair(times(first, part), times(second, part)) for part in shared}
    return found | adjust({part: ratio for part, ratio in found.items() if part != END_TO_END})


def latency_tables(result: Data) -> Sequence[Table]:
    """All tables, the most important first; none before a first answer."""
    if not all(warm_calls(target) for target in result["targets"]):
        return ()
    stacks = _stack_table(result)
    return (_times_table(result), _cold_table(result), *([] if stacks is None else [stacks]))


def _times_table(result: Data) -> Table:
    named, compared = labels(result), ratios(result)
    two = len(named) == 2
    columns = [Column("")]
    for head in heads(result):
        columns += [Column(f"{head}, p50", "ms"), Column(f"{head}, p95", "ms")]
    if two:
        columns += [Column("ratio", "number", (len(columns) + 2, len(columns) + 3)), Column("p", "number")]
    rows = []
    for part in ORDER:
        spreads = [_spread(target, part) for target in result["targets"]]
        if not any(spreads):
            continue
        row: list[Cell] = [part]
        for found in spreads:
            row += [None, None] if found is None else [found.p50_ms, found.p95_ms]
        if two:
            row += _ratio_cells(compared.get(part))
        rows.append(tuple(row))
    return Table(
        "latency", _title(result, compared), tuple(columns), tuple(rows), _note(result, compared), frozenset({0})
    )


def _ratio_cells(ratio: Ratio | None) -> list[Cell]:
    if ratio is None:
        return [None, None, None, None]
    low, high = (ratio.value, ratio.value) if ratio.low is None else (ratio.low, ratio.high)
    return [ratio.value, ratio.p, low, high]


def _spread(target: Data, part: str) -> Spread | None:
    return spread([value for values in times(target, part).values() for value in values])


def _title(result: Data, compared: Mapping[str, Ratio | None]) -> str:
    named = labels(result)
    ratio = compared.get(END_TO_END)
    if ratio is not None:
        held = any(target["record"] for target in result["targets"])
        return sentence(named[0], named[1], ratio) + (", in these two sittings" if held else "")
    found = _spread(result["targets"][-1], END_TO_END)
    if len(named) == 2 or found is None:
        return f"{listed(named)} have answered no question in common"
    return f"{named[0]} answers half of the questions within {milliseconds(found.p50_ms)}, 95 % within {milliseconds(found.p95_ms)}"


def sentence(first: str, second: str, ratio: Ratio) -> str:
    """The difference of two targets, end to end, or that it could be chance."""
    if ratio.p >= ALPHA:
        return f"Between {first} and {second} there is no difference end to end that could not be chance"
    if ratio.value >= 2:
        return f"{second} takes {three_figures(ratio.value)} times as long as {first}, end to end"
    much = f"{three_figures(abs(ratio.change) * 100)} %"
    return f"{second} takes {much} {'more' if ratio.change > 0 else 'less'} time than {first}, end to end"


def _note(result: Data, compared: Mapping[str, Ratio | None]) -> str:
    questions = min(len(warm_calls(target)) for target in result["targets"])
    said = [f"{count(questions, 'question')} on the warm path, one at a time"]
    if compared:
        held = any(target["record"] for target in result["targets"])
        said += [
            (
                "ratio: how many times as long the second takes for the same question (geometric mean), with its 95 % interval over "
                "questions; p: sign flips over pairs, corrected in the rows below the first (Holm)"
            ),
            (
                "the two were measured at different times: a machine or network that was busier at one of them shows as a difference "
                "too. Measure both again to see whether it stays"
            )
            if held
            else "the targets were asked in turn, so that what changed meanwhile changed for both",
        ]
    if questions < FEWEST_SETTLED:
        said.append(
            f"with fewer than {FEWEST_SETTLED} questions, p95 is hardly more than the slowest one, and intervals are too narrow"
        )
    said.append(
        "models: embed, rerank and generate, as the pipeline waits for them; network and gateway: without the stages inside "
        "them"
    )
    plain = list(dict.fromkeys(target["name"] for target in result["targets"] if not target["cloud"]))
    if plain:
        said.append(f"no figure of CloudWatch for {listed(plain)}{_why_no_cloud(result)}")
    return ". ".join(f"{each[:1].upper()}{each[1:]}" for each in said) + "."


def _why_no_cloud(result: Data) -> str:
    said = [target["said"] for target in result["targets"] if target["said"]]
    return (
        f": {' '.join(said).rstrip('.')}"
        if said
        else ", which is no stack"
        if not any(t["stack"] for t in result["targets"])
        else ""
    )


def _cold_table(result: Data) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for label, target in zip(labels(result), result["targets"], strict=True):
        cold = [each for each in target["asked"] if each["cold"] and not each["error"]]
        starts = [each["cold"] for each in cold if each["cold"] != "warm-up"]
        warm = _spread(target, END_TO_END)
        rows.append(
            (
                label,
                len(cold),
                cold[0]["ms"][END_TO_END] if cold else None,
                max((each["ms"][END_TO_END] for each in cold), default=None),
                None if warm is None else warm.p50_ms,
                sum(bool(each["error"]) for each in target["asked"]),
                listed([f"{starts.count(kind)} by {kind}" for kind in sorted(set(starts))])
                or (
                    "neither Lambda nor SageMaker tells of one"
                    if target.get("cold_known")
                    else "not known: warm-up calls alone are told apart"
                ),
            )
        )
    columns = (
        Column("target"),
        Column("told apart", "count"),
        Column("the first", "ms"),
        Column("the slowest", "ms"),
        Column("warm p50", "ms"),
        Column("failed", "count"),
        Column("cold starts"),
    )
    most = max(
        (row[3] / row[4] for row in rows if isinstance(row[3], float) and isinstance(row[4], float)), default=None
    )
    title = (
        "Nothing was told apart"
        if most is None
        else f"The slowest call that is told apart took {three_figures(most)} times the warm median"
    )
    note = (
        "Calls that are in no figure above: the warm-up, and those that met a cold start. Of a stack, Lambda’s log (Init "
        "Duration) and SageMaker (ModelSetupTime, by the minute: as many of its slowest calls) tell of cold starts. Elsewhere "
        "nothing does, and they fall into the warm-up."
    )
    return Table("cold", title, columns, tuple(rows), note)


def _stack_table(result: Data) -> Table | None:
    """Each endpoint as CloudWatch has it; None where there is no such figure."""
    rows: list[tuple[Cell, ...]] = []
    totals = []
    for label, target in zip(labels(result), result["targets"], strict=True):
        measured = sum(not each["warm_up"] for each in target["asked"])
        for each in target["cloud"] or ():
            figures = [each[f"{name}_ms"] for name in ("mean", "p50", "p95", "overhead", "overhead_max")]
            rows.append((label, each["endpoint"], *figures, each["invocations"], measured))
        if target["cloud"]:
            totals.append((label, sum(each["mean_ms"] for each in target["cloud"])))
    if not rows:
        return None
    title = f"The models of {totals[-1][0]} take {milliseconds(totals[-1][1])} a question by CloudWatch"
    if len(totals) == 2 and totals[0][1] > 0:
        title += f", {three_figures(totals[1][1] / totals[0][1])} times what they took on {totals[0][0]}"
    columns = (
        Column("target"),
        Column("endpoint"),
        *(Column(f"ModelLatency, {name}", "ms") for name in ("mean", "p50", "p95")),
        Column("OverheadLatency, mean", "ms"),
        Column("OverheadLatency, highest", "ms"),
        Column("calls counted", "count"),
        Column("of the study", "count"),
    )
    note = (
        "ModelLatency is the time in the model's container, OverheadLatency what SageMaker adds. CloudWatch keeps minutes, not calls, so "
        "that there is no interval: where more calls are counted than the study made, others called too; over several minutes p50 is "
        "their mean by calls, and p95 the highest of them."
    )
    return Table("stack", title, columns, tuple(rows), note)

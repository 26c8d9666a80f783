"""What a load study shows: the whole of it, window by window, and what failed."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.numbers import count, milliseconds, three_figures
from app.lab.tables import Column, Table
from evaluation.lab.latency import FEWEST_SETTLED, Spread, spread
from evaluation.lab.load import WINDOW_S, Call, Window, schedule, windows

KEPT_UP = 0.95
"""A target that has answered this share of what was due by its end, and leaves nothing waiting, keeps up."""

Data = Mapping[str, Any]


def due_times(plan: Data) -> list[float]:
    """When each question of a plan is due, in seconds from the beginning."""
    return schedule(plan["rate"], plan["minutes"] * 60, plan["arrivals"], seed=plan["seed"])


def calls_of(result: Data) -> list[Call]:
    """The calls of a result, in the order in which they ended."""
    return [Call(*each) for each in result["calls"]]


def windows_of(result: Data) -> list[Window]:
    """What happened in each ten seconds so far."""
    return windows(due_times(result["plan"]), calls_of(result), result["until_s"])


def load_tables(result: Data) -> Sequence[Table]:
    """All tables, the most important first; none before a first answer."""
    calls = calls_of(result)
    if not calls:
        return ()
    failed = [call for call in calls if call.error]
    return (_whole_table(result, calls), _windows_table(result), *([_errors_table(calls, failed)] if failed else []))


def _whole_table(result: Data, calls: Sequence[Call]) -> Table:
    good = [call for call in calls if not call.error]
    due, begun = sum(each <= result["until_s"] for each in due_times(result["plan"])), len(calls)
    latency, service = spread([call.latency_ms for call in good]), spread([call.service_ms for call in good])
    throughput = len(good) / result["until_s"]
    row = (
        result["plan"]["target"],
        result["plan"]["rate"],
        throughput,
        due,
        len(good),
        len(calls) - len(good),
        max(due - begun, 0),
        *_percentiles(latency),
        *_percentiles(service),
    )
    columns = (
        Column("target"),
        Column("asked a second", "number"),
        Column("answered a second", "number"),
        Column("due", "count"),
        Column("answered", "count"),
        Column("failed", "count"),
        Column("never begun", "count"),
        Column("latency, p50", "ms"),
        Column("latency, p95", "ms"),
        Column("answering alone, p50", "ms"),
        Column("answering alone, p95", "ms"),
    )
    note = (
        "Latency counts from when a question was due: waiting for a free worker is in it. Answering alone counts from when it "
        "was begun: that is what a test reports that waits for each answer before it asks the next. Failed questions, and "
        f"those that never began, are in neither: look at their numbers too. {result['plan']['arrivals'].capitalize()} "
        f"arrivals, {result['plan']['workers']} at once at most."
    )
    return Table("load", _title(result, throughput, due, len(good), latency), columns, (row,), note)


def _percentiles(found: Spread | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.p50_ms, found.p95_ms)


def _title(result: Data, throughput: float, due: int, answered: int, latency: Spread | None) -> str:
    target, rate = result["plan"]["target"], f"{three_figures(result['plan']['rate'])} questions a second"
    if result["ended"]:
        return f"{target} was given up at {rate} after {milliseconds(result['until_s'] * 1000)}: {result['ended']}"
    if latency is None or answered < KEPT_UP * due:
        return f"{target} answers {three_figures(throughput)} a second of {rate}"
    p50, p95 = milliseconds(latency.p50_ms), milliseconds(latency.p95_ms)
    if answered < FEWEST_SETTLED:
        return (
            f"{target} kept up with {rate} for {count(answered, 'question')}, too few to say more: half were answered within {p50} "
            "of when they were due"
        )
    return f"{target} keeps up with {rate}: half are answered within {p50} of when they were due, 95 % within {p95}"


def _windows_table(result: Data) -> Table:
    found = windows_of(result)
    rows = tuple(
        (
            f"{each.start_s:.0f}–{each.start_s + each.length_s:.0f} s",
            each.due,
            each.answered,
            each.throughput,
            each.failed,
            max(each.waiting, 0),
            *_percentiles(each.latency),
        )
        for each in found
    )
    columns = (
        Column("time"),
        Column("due", "count"),
        Column("answered", "count"),
        Column("answered a second", "number"),
        Column("failed", "count"),
        Column("waiting at the end", "count"),
        Column("latency, p50", "ms"),
        Column("latency, p95", "ms"),
    )
    most = max(found, key=lambda each: each.waiting)
    title = (
        "No question waited for a worker at the end of any window"
        if most.waiting <= 0
        else f"At most {most.waiting:,} questions waited, at {most.start_s + most.length_s:.0f} s"
    )
    note = (
        f"Windows of {WINDOW_S:.0f} s. Latency is of the questions that were due in the window; answers and failures are those "
        "that came in it. Latency that rises from window to window means that questions come faster than the target answers."
    )
    return Table("windows", title, columns, rows, note)


def _errors_table(calls: Sequence[Call], failed: Sequence[Call]) -> Table:
    kinds = [call.error for call in failed]
    rows = tuple(
        (kind, kinds.count(kind), kinds.count(kind) / len(calls))
        for kind in sorted(set(kinds), key=lambda each: -kinds.count(each))
    )
    title = f"{len(failed):,} of {len(calls):,} questions failed, most with {rows[0][0]}"
    note = (
        "Throttled: the target, or what stands before it, refused because too much was asked. Timeout: a question’s deadline "
        "passed. The traces say more."
    )
    return Table("errors", title, (Column("kind"), Column("questions", "count"), Column("of all", "share")), rows, note)

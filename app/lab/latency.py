"""The latency study: some questions on the warm path of one or two targets, or of one before and after it was changed."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.kit.numbers import count, rough_time
from app.lab.latency_words import latency_tables
from app.lab.parts import Parts
from app.lab.records import LabRecords
from app.lab.stack_times import STACK, STAGE_OF, StackReader, wait
from app.lab.study import Data, Step
from app.lab.tables import Table
from app.runs.estimate import estimate_words
from evaluation.datasets import BUILTIN, LabelledQuestion, load_dataset, settle
from pipeline.errors import InputError, Unavailable
from pipeline.protocols import Backend
from pipeline.types import Trace

QUESTIONS, WARM_UP = 10, 2
"""Questions that are measured, and calls before them that are not, where nothing else is said."""

MOST_QUESTIONS = 2_000

MODEL_STAGES = ("embed", "rerank", "generate")
"""Stages in which a model runs."""

TRIES = 3
"""Questions that may fail before a target counts as down, where there is no warm-up."""

Entry = dict[str, Any]
"""One call: question, times in milliseconds by stage, and what became of it."""


class LatencyStudy:
    """See `app.lab.study.Study`."""

    name = "latency"
    title = "How fast"
    about = (
        "How long the same questions take on one target or two, end to end and stage by stage, and whether the difference "
        "could be chance. It asks one question at a time after a warm-up: at another hour, over another network or under load "
        "it will be different."
    )

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        reader: Callable[[Parts], StackReader] | None = None,
    ) -> None:
        """clock: seconds since the epoch. reader: what reads a stack's own measures."""
        self._clock, self._sleep = clock, sleep
        self._reader = reader or (lambda parts: StackReader.of(parts.settings))

    def check(self, parts: Parts, plan: Data) -> Data:
        """Targets that there are, and questions enough; with a record to hold against, its questions unless others are named."""
        targets = list(dict.fromkeys(plan.get("targets") or [parts.settings.backend_name]))
        earlier = _earlier(parts, plan.get("before") or "")
        if len(targets) + (earlier is not None) > 2:
            raise InputError(
                f"{len(targets)} targets cannot be compared{' with a record' if earlier else ''}. Give two in all."
            )
        given = {} if earlier is None else earlier[0]
        filled: dict[str, Any] = {
            "targets": targets,
            "before": "" if earlier is None else earlier[1],
            "dataset": settle(str(plan.get("dataset") or given.get("dataset") or BUILTIN)),
            "top_k": int(plan.get("top_k") or given.get("top_k") or parts.settings.top_k),
            "deadline_s": parts.settings.deadline_s,
        }
        for name, usual, low, high in (
            ("questions", QUESTIONS, 1, MOST_QUESTIONS),
            ("warm_up", WARM_UP, 0, 100),
            ("seed", 0, 0, 2**31),
        ):
            value = plan.get(name)
            filled[name] = chosen = int(given.get(name, usual) if value is None else value)
            if not low <= chosen <= high:
                raise InputError(f"{name} is {chosen}; give {low} to {high:,}.")
        questions, _ = _drawn(filled)
        if earlier is not None and not {each.question_id for each in questions} & _answered(earlier[2]):
            raise InputError(
                f"The study {earlier[1]} has answered none of these questions. Leave the dataset and seed as they were there."
            )
        for target in targets:
            parts.backend(target)
        return filled

    def estimate(self, parts: Parts, plan: Data) -> str:
        """From what each target took so far, and the wait for CloudWatch."""
        calls = plan["questions"] + plan["warm_up"]
        words = [f"{target}: {estimate_words(parts.store(), target, calls, 1)}" for target in plan["targets"]]
        late = " CloudWatch is waited for: up to a minute before, some three after." if STACK in plan["targets"] else ""
        return " ".join(words) + late

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """Warm up, then ask every target each question in turn, so that what changes with time changes for both."""
        result = _begun(parts, plan) if before is None else {"targets": [dict(each) for each in before["targets"]]}
        questions, warm_ups = _drawn(plan)
        live = [target for target in result["targets"] if not target["record"]]
        asking = _Asking(parts, plan, self._clock)
        todo = [
            (place, each) for place, each in enumerate(questions) if any(each.question_id not in _done(t) for t in live)
        ]
        total = len(live) * (len(warm_ups) + len(todo))
        done = 0
        for question in warm_ups if todo else ():
            for target in live:
                yield Step(done, total, f"Warming up {target['name']}", result=result)
                if stop.is_set():
                    return
                asking.ask(target, question, warm_up=True)
                done += 1
        if todo and any(target["stack"] for target in live):
            yield from self._next_minute(stop, done, total)
        began_s = time.monotonic()
        for number, (place, question) in enumerate(todo):
            for target in live if place % 2 == 0 else live[::-1]:
                left_s = (time.monotonic() - began_s) / number * (len(todo) - number) if number else None
                yield Step(done, total, f"Asking {target['name']}", left_s, result)
                if stop.is_set():
                    return
                if question.question_id not in _done(target):
                    asking.ask(target, question, warm_up=False)
                done += 1
        for target in live:
            if target["stack"]:
                yield from self._reader(parts).read(
                    target, stop, self._clock, self._sleep, lambda words: Step(total, total, words)
                )
        yield Step(total, total, "Measured", result=result)

    def tables(self, result: Data) -> Sequence[Table]:
        """Before and after, what was cold, and what the stack itself says."""
        return latency_tables(result)

    def _next_minute(self, stop: threading.Event, done: int, total: int) -> Generator[Step, None, None]:
        """CloudWatch counts by the minute: what is measured must not share one with the warm-up."""
        until_s = self._clock() // 60 * 60 + 60
        while self._clock() < until_s and not stop.is_set():
            left_s = until_s - self._clock()
            yield Step(
                done, total, f"Waiting {rough_time(left_s)} for a new minute, since CloudWatch counts by the minute"
            )
            wait(min(left_s, 5.0), stop, self._sleep)


class _Asking:
    """Asks targets and keeps what comes of it."""

    def __init__(self, parts: Parts, plan: Data, clock: Callable[[], float]) -> None:
        self._parts, self._plan, self._clock = parts, plan, clock

    def ask(self, target: Entry, question: LabelledQuestion, *, warm_up: bool) -> None:
        """Ask one target, keep its trace, and note its times. Raises Unavailable where the target does not answer at all."""
        at_s = self._clock()
        backend: Backend = self._parts.backend(target["name"])
        trace = backend.answer(question.text, top_k=self._plan["top_k"], deadline_s=self._plan["deadline_s"])
        trace = replace(trace, origin="run", settings={**trace.settings, "study": "latency"})
        self._parts.store().put_all([trace])
        target["asked"].append(_entry(question.question_id, trace, at_s, warm_up=warm_up))
        asked = target["asked"]
        if len(asked) >= (self._plan["warm_up"] or TRIES) and all(each["error"] for each in asked):
            raise Unavailable(
                f"{target['name']} answered none of {count(len(asked), 'question')}: {asked[-1]['error']}"
            )


def _entry(question_id: str, trace: Trace, at_s: float, *, warm_up: bool) -> Entry:
    tree = trace.tree
    stages = {
        span.stage: tree.own_ms(span) if span.stage in ("network", "gateway") else span.duration_ms
        for span in trace.spans
    }
    models_ms = sum(stages.get(stage, 0.0) for stage in MODEL_STAGES)
    request_ids = [span.attributes["request_id"] for span in trace.spans if "request_id" in span.attributes]
    return {
        "question": question_id,
        "warm_up": warm_up,
        "at_s": at_s,
        "ms": {"end to end": trace.duration_ms, "models": models_ms, **stages},
        "trace": trace.trace_id,
        "request": str(request_ids[0]) if request_ids else "",
        "models": {role: str(trace.settings.get(role, "")) for role in STAGE_OF},
        "cold": "warm-up" if warm_up else "",
        "error": "" if trace.error is None else f"{trace.error.kind}: {trace.error.message}",
    }


def _begun(parts: Parts, plan: Data) -> dict[str, Any]:
    """A result of nothing yet but what it is held against."""
    earlier = _earlier(parts, plan["before"])
    before = [] if earlier is None else [{**earlier[2], "record": earlier[1]}]
    return {
        "targets": [
            *before,
            *(
                {
                    "name": name,
                    "record": "",
                    "stack": parts.settings.stack if name == STACK else "",
                    "asked": [],
                    "cloud": None,
                    "said": "",
                }
                for name in plan["targets"]
            ),
        ]
    }


def _earlier(parts: Parts, record_id: str) -> tuple[Mapping[str, Any], str, Entry] | None:
    """A kept study's plan, its id, and the last of its targets. Raises InputError where it has measured nothing."""
    if not record_id:
        return None
    record = LabRecords(parts.settings.data_dir / "lab").find(record_id, LatencyStudy.name)
    targets = [] if record.result is None else [each for each in record.result["targets"] if not each["record"]]
    if not targets or not _answered(targets[-1]):
        raise InputError(
            f"The study {record.record_id} has measured nothing yet. Name another, or go on with it first."
        )
    return record.plan, record.record_id, targets[-1]


def _answered(target: Mapping[str, Any]) -> set[str]:
    return {each["question"] for each in target["asked"] if not (each["warm_up"] or each["error"])}


def _done(target: Mapping[str, Any]) -> set[str]:
    return {each["question"] for each in target["asked"] if not each["warm_up"]}


def _drawn(plan: Data) -> tuple[list[LabelledQuestion], list[LabelledQuestion]]:
    """The questions that are measured, and those of the warm-up: others, where the dataset has enough."""
    dataset = load_dataset(plan["dataset"])
    questions = list(dataset.draw(plan["questions"], plan["seed"]).questions)
    chosen = {each.question_id for each in questions}
    others = [each for each in dataset.questions if each.question_id not in chosen] or questions
    if len(questions) < plan["questions"]:
        raise InputError(
            f"{dataset.name} has {count(len(questions), 'question')}, not {plan['questions']:,}. Ask for fewer."
        )
    return questions, [others[place % len(others)] for place in range(plan["warm_up"])]

"""A data folder in which every page has something to show, made by the use cases in a few seconds."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from app.asking.questions import Question
from app.config import Settings
from app.demonstration.preparing import FIRST_QUESTION, LOCAL
from app.runs.record import RunPlan
from app.services import Services
from app.stability.kept import KeptStability
from app.stability.measuring import measure
from app.stability.perturbed import StabilityPlan
from evaluation.curated import DatasetRow
from evaluation.datasets import BUILTIN, load_dataset
from metrics.store import TraceStore
from tests.factories import make_failed_trace
from tests.served_dashboard import Dashboard
from tests.trees import make_foreign_trace

ASKED, TELLING = 10, ("body-008", "visitors-195")
"""Of the built-in questions: how many of the first, and two that are answered rightly or wrongly as one chunk is read or five."""

VARIED = 2
"""Questions that are asked in other words as well."""

DATASET = "life"


@dataclass(frozen=True, slots=True)
class Filled:
    """A dashboard over such a folder, and what to open there."""

    dashboard: Dashboard
    addresses: dict[str, str]
    """Of pages that hold something, by what that is."""

    def url(self, what: str) -> str:
        """The whole address of what one of them shows."""
        return f"{self.dashboard.url}/{self.addresses[what]}"


def fill(folder: Path) -> dict[str, str]:
    """Ask, run, measure and keep what the pages show; addresses by what they hold."""
    services = Services(replace(Settings(), data_dir=folder))
    try:
        asked = services.asking.ask(Question(FIRST_QUESTION, LOCAL, 5, 30.0)).trace
        put_traces(services.store)
        older, newer = run_twice(services)
        plan = StabilityPlan(BUILTIN, LOCAL, 5, 30.0, limit=VARIED, variants=1)
        *_, measured = measure(services.evaluations, KeptStability(folder), plan, Event())
        services.lab.begin("profile", {"dataset": BUILTIN, "backend": LOCAL}).work()
    finally:
        services.close()
    span = next(span for span in make_foreign_trace().spans if span.stage == "rerank")
    return {
        "an open run": f"runs?run={newer}",
        "two runs compared": f"runs?run={older}&with={newer}",
        "an explanation": f"explain?trace={asked.trace_id}",
        "the datasets": "runs?list=datasets",
        "a dataset": f"runs?dataset={DATASET}",
        "a stability result": f"stability?result={measured.run_id}",
        "a study of the lab": "lab?study=profile",
        "a span of another application's trace": f"traces?trace={make_foreign_trace().trace_id}&span={span.span_id}",
        "the sessions": "traces?list=sessions",
        "a session": f"traces?session={make_foreign_trace().session}",
        "live charts": "live?refresh=pause&asked_by=everyone",
    }


def run_twice(services: Services) -> list[str]:
    """A dataset, and two runs over it that differ: from five chunks and from one; their ids."""
    questions = load_dataset(BUILTIN).questions
    chosen = [*questions[:ASKED], *(each for each in questions if each.question_id in TELLING)]
    rows = [
        DatasetRow(each.question_id, each.text, each.answers, bool(each.answers), each.type, each.article)
        for each in chosen
    ]
    kept = services.evaluations.datasets.save(DATASET, rows, "Picked.")
    plans = (RunPlan(kept.spec, LOCAL, top_k, 30.0) for top_k in (5, 1))
    return [[*services.evaluations.run(plan)][-1].run_id for plan in plans]


def put_traces(store: TraceStore) -> None:
    """A question that failed a moment ago, and a session of another application."""
    store.put(make_failed_trace(asked_at=time.time()))
    store.put(make_foreign_trace(asked_at=time.time() - 120))
    store.put(make_foreign_trace("b" * 32, question="And when is the refund paid?", asked_at=time.time() - 60))

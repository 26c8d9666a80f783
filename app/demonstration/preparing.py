"""What a demonstration makes before its questions begin: rules that raise alerts, two runs, one question answered by both backends."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.alerting.rules import Rule
from app.asking.questions import Question
from app.demonstration.stream import TAG
from app.runs.record import RunPlan
from metrics.runs import StoredRun

if TYPE_CHECKING:
    from app.services import Services

Tell = Callable[[str], None]

LOCAL, STACK = "local/embedded", "aws"
"""The two backends that stand side by side."""

FIRST_QUESTION = "Who proposed that continents drift?"
"""Asked beforehand, and in the script of docs/demo.md."""

RUN_QUESTIONS = 80
"""Drawn from the built-in set for each of the two runs."""

TELL_EVERY = 20
"""Questions of a run between two lines about it."""

CHUNKS = {"five chunks": 5, "one chunk": 1}
"""What tells the two runs apart, by the words for it: how many chunks an answer may stand on."""

RULES = (
    Rule("stack is slow", "latency_p95", 2000, "above", STACK, window_s=60, for_s=0, minimum=3),
    Rule("stack fails", "errors", 0.1, "above", STACK, window_s=60, for_s=0, minimum=3),
)
"""With a stack. Windows are short, so that an alert comes while one still speaks of it; p95 in milliseconds, errors as a share."""


def prepare(services: "Services", *, stack: bool, tell: Tell) -> dict[str, str]:
    """Make what is missing of it; addresses of pages, by their words. tell: gets a line for each part. Raises RaglassError."""
    services.backends.open(LOCAL)
    tell("The local backend and its index are open")
    if stack:
        known = {rule.name for rule in services.alarms.rules()}
        for rule in RULES:
            if rule.name not in known:
                services.alarms.save(rule)
        tell("Alerts: when the stack is slow, and when it fails")
    first, second = _runs(services, tell)
    links = {
        "Two runs compared": f"runs?run={first.run_id}&with={second.run_id}",
        "A wrong answer explained": f"explain?trace={_wrong(services, second)}",
    }
    traces = [_asked(services, backend) for backend in (LOCAL, *([STACK] if stack else []))]
    if stack:
        links["One question, laptop and stack"] = f"compare?first={traces[0]}&second={traces[1]}"
    links["An answer explained"] = f"explain?trace={traces[0]}"
    return links


def _runs(services: "Services", tell: Tell) -> Sequence[StoredRun]:
    """The two runs, made where they are missing."""
    return [_run(services, top_k, words, tell) for words, top_k in CHUNKS.items()]


def _run(services: "Services", top_k: int, words: str, tell: Tell) -> StoredRun:
    plan = RunPlan("builtin", LOCAL, top_k, services.settings.deadline_s, limit=RUN_QUESTIONS)
    for run in services.evaluations.newest():
        if run.status == "finished" and run.about.get(TAG) == words:
            tell(f"The run with {words} is there from before")
            return run
    run_id = ""
    for step in services.evaluations.run(plan, about={TAG: words}):
        run_id = step.run_id
        if step.progress and step.progress.done % TELL_EVERY == 0 < step.progress.done < RUN_QUESTIONS:
            tell(f"A run with {words}: {step.progress.done} of {RUN_QUESTIONS} questions")
    tell(f"A run of {RUN_QUESTIONS} questions with {words} is done")
    return services.evaluations.find(run_id)


def _wrong(services: "Services", run: StoredRun) -> str:
    """The trace of an answer that was wrong; of any, should all be right."""
    scores = services.evaluations.scores(run.run_id)
    wrong = [each for each in scores if not each.correct and not each.abstained and each.answerable]
    return (wrong or scores)[0].trace_id


def _asked(services: "Services", backend: str) -> str:
    settings = services.settings
    question = Question(FIRST_QUESTION, backend, settings.top_k, settings.deadline_s)
    return services.asking.ask(question).trace.trace_id

"""What a run will take: time by what the backend's newest traces took, and on AWS what its questions cost. Before it starts."""

from collections.abc import Sequence

from app.kit.costs import price_words
from app.kit.numbers import count, rough_time, three_figures, usd
from backends.registry import AWS
from metrics.prices import estimate_questions, serverless_lines
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.token_costs import TokenCost, cost_of
from pipeline.types import Trace

RECENT = 50
"""Traces from which the time of a question is estimated."""

SERVERLESS = "-serverless"
"""How the name of a stack's serverless endpoint ends; the settings of a trace name the endpoints that answered."""

MEMORY_GB = 6.0
"""Of a serverless endpoint, at most: what `raglass deploy` gives it unless told otherwise."""

STAGES = {"embedder": "embed", "generator": "generate"}
"""The stage in which each endpoint works."""

TIMED = 10
"""Newest traces from which a serverless endpoint's seconds, and a question's tokens, are taken."""


def estimate_words(store: TraceStore, backend: str, questions: int, workers: int, *, noun: str = "question") -> str:
    """Time and cost of a run, in a sentence or two. noun: what is counted."""
    took = recent_seconds(store, backend)
    if took:
        spent = rough_time(sum(took) / len(took) * questions / workers)
        words = f"About {spent} for {count(questions, noun)}, by the newest {count(len(took), 'trace')} of {backend}."
    else:
        words = f"How long {count(questions, noun)} will take is not known: {backend} has answered nothing yet."
    return f"{words} {cost_words(store, backend, questions)}".strip()


def recent_seconds(store: TraceStore, backend: str) -> list[float]:
    """What the newest questions that a backend answered took, in seconds; none where it has answered none."""
    page = store.page(TraceQuery(backends=frozenset((backend,)), error="none"), limit=RECENT)
    return [row.duration_ms / 1000 for row in page.rows]


def cost_words(store: TraceStore, backend: str, questions: int) -> str:
    """What the questions cost beside what is paid anyway. Of which kind a stack's endpoints are is told by its newest trace."""
    newest = _newest(store, backend)
    tokens = _token_words(newest, questions)
    if backend != AWS:
        return tokens or ("They cost nothing but this machine’s time." if backend.startswith("local/") else "")
    return f"{_stack_words(newest, questions)} {tokens}".strip()


def _token_words(newest: Sequence[Trace], questions: int) -> str:
    """What models paid by the token will cost, by what they took for the newest questions; empty where there is none."""
    costs = [cost for trace in newest if (cost := cost_of(trace)) is not None]
    if not costs:
        return ""
    unknown = list(dict.fromkeys(model for cost in costs for model in cost.unknown))
    usd = sum(cost.usd for cost in costs) / len(costs) * questions
    words = price_words(TokenCost(usd, tuple(unknown), costs[0].as_of))
    return f"The tokens of {count(questions, 'question')}, by the newest {count(len(costs), 'trace')}: {words}."


def _stack_words(newest: Sequence[Trace], questions: int) -> str:
    """What a stack's questions cost besides tokens."""
    found = estimate_questions(questions)
    of = f"list prices of {found.region}, {found.as_of}"
    if not newest:
        return (
            f"They cost about {usd(found.total_usd)} ({of}) beside the endpoints: those on instances are paid by the hour, asked or not, "
            "serverless ones by the second that they work. Which these are shows once one question is answered."
        )
    if not is_serverless(newest[0]):
        return (
            f"They cost about {usd(found.total_usd)} ({of}); endpoints are paid by the hour, asked or not, and more of them where they "
            "scale."
        )
    seconds = _seconds([trace for trace in newest if is_serverless(trace)])
    lines = serverless_lines(questions, MEMORY_GB, seconds)
    most_usd = found.total_usd + sum(line.usd or 0.0 for line in lines)
    told = ", ".join(f"{role} {three_figures(each_s)} s" for role, each_s in seconds.items())
    return (
        f"They cost at most {usd(most_usd)} ({of}); the endpoints are serverless and are paid by the second that they work: a question "
        f"takes the {told}, at {MEMORY_GB:g} GB of memory each. Nothing is paid while none is asked."
    )


def is_serverless(trace: Trace) -> bool:
    """Whether serverless endpoints answered."""
    return all(str(trace.settings.get(role, "")).endswith(SERVERLESS) for role in _roles(trace))


def _roles(trace: Trace) -> list[str]:
    """The roles that an endpoint has in a stack: where a model on Bedrock answers, the generator has none."""
    return [role for role in STAGES if not str(trace.settings.get(role, "")).startswith("bedrock:")]


def _newest(store: TraceStore, backend: str) -> list[Trace]:
    """The newest traces that a backend answered, the newest first."""
    page = store.page(TraceQuery(backends=frozenset((backend,)), error="none"), limit=TIMED)
    found = (store.get(row.trace_id) for row in page.rows)
    return [each.trace for each in found if each is not None]


def _seconds(traces: Sequence[Trace]) -> dict[str, float]:
    """Mean seconds a question of each endpoint's stage: more than the model's own, by the way there."""
    spent = {
        role: sum(span.duration_ms for trace in traces for span in trace.spans if span.stage == STAGES[role])
        for role in _roles(traces[0])
    }
    return {role: ms / len(traces) / 1000 for role, ms in spent.items()}

"""What a run will take: time by what the backend's newest traces took, and on AWS what its questions cost. Before it starts."""

from app.kit.wording import count, rough_time
from metrics.prices import estimate_questions
from metrics.queries import TraceQuery
from metrics.store import TraceStore

RECENT = 50
"""Traces from which the time of a question is estimated."""

AWS = "aws"


def estimate_words(store: TraceStore, backend: str, questions: int, workers: int) -> str:
    """Time and cost of a run, in a sentence or two."""
    page = store.page(TraceQuery(backends=frozenset((backend,)), error="none"), limit=RECENT)
    if page.rows:
        mean_s = sum(row.duration_ms for row in page.rows) / len(page.rows) / 1000
        spent = rough_time(mean_s * questions / workers)
        words = f"About {spent} for {count(questions, 'question')}, by the newest {count(len(page.rows), 'trace')} of {backend}."
    else:
        words = f"How long {count(questions, 'question')} will take is not known: {backend} has answered nothing yet."
    return f"{words} {cost_words(backend, questions)}".strip()


def cost_words(backend: str, questions: int) -> str:
    """What the questions cost beside what is paid anyway."""
    if backend != AWS:
        return "They cost nothing but this machine’s time." if backend.startswith("local/") else ""
    found = estimate_questions(questions)
    return (
        f"They cost about ${found.total_usd:,.2f} (list prices of {found.region}, {found.as_of}); endpoints are paid by the hour, asked or "
        "not, and more of them where they scale."
    )

"""Tables of runs: the runs, the questions of one, and those that changed sides between two."""

from collections.abc import Mapping

from app.kit.numbers import change_of, count, fixed, percent
from app.kit.plain import one_line
from app.kit.wording import when
from app.runs.compared_words import answer_words
from app.runs.record import CELL
from app.runs.rows import JUDGED
from app.views.kit.table import Cell, Column, Row, Tone, number_cell, status_cell, time_cell, way
from evaluation.comparison import Flip
from evaluation.scoring import Scored
from metrics.runs import StoredRun

STATUS_TONES: Mapping[str, Tone] = {"finished": "good", "running": "quiet"}

RUNS = (
    Column("run", "Run", local=True, width_rem=11),
    Column("right", "Right", "number", local=True, help="Share of the questions that were answered rightly."),
    Column("interval", "95 % interval", "number"),
    Column("recall", "Recall", "number", local=True),
    Column("time", "Mean time", "number", local=True),
    Column("backend", "Backend", local=True),
    Column("top_k", "Chunks", "number", local=True),
    Column("reranked", "Reranked"),
    Column("answered", "Answered", "number", local=True),
    Column("status", "Status", "status", local=True),
    Column("started", "Started", "time", local=True),
)

QUESTIONS = (
    Column("question", "Question", "question", local=True, width_rem=16),
    Column("right", "Outcome", "status", local=True),
    Column("answer", "Answer", "question", width_rem=14),
    Column("expected", "Expected", "question"),
    Column("type", "Type", local=True),
    Column("why", "Why", local=True),
    Column("f1", "F1", "number", local=True),
    Column("gold", "Gold rank", "number", local=True, help="Where the chunk that answers it stood."),
    Column("confidence", "Confidence", "number", local=True),
    Column("reliance", "Reliance, nats", "number", local=True, shown=False),
    Column("judge", "Judge", shown=False),
    Column("time", "Time", "number", local=True),
)

FLIPS = (
    Column("question", "Question", "question", local=True, width_rem=16),
    Column("now", "Now", "status", local=True),
    Column("why", "Why", "question"),
    Column("first", "First", "question"),
    Column("second", "Second", "question"),
    Column("type", "Type", local=True),
)


def run_row(run: StoredRun) -> Row:
    """A run with what it came to."""
    about, figures = run.about, run.about.get("figures") or {}
    name = one_line(f"{about['name']} ({about[CELL]})" if CELL in about else str(about["name"]))
    right, recall, low, high = (figures.get(each) for each in ("correct", "recall", "low", "high"))
    answered = run.answers / max(about["questions"], 1)
    return Row(
        run.run_id,
        {
            "run": Cell(f"{name} · {run.run_id}", name),
            "right": number_cell(right, percent(right, 1)),
            "interval": "" if low is None or high is None else f"{fixed(100 * low, 1)} to {percent(high, 1)}",
            "recall": number_cell(recall, percent(recall, 1)),
            "time": time_cell(figures.get("duration_ms")),
            "backend": str(about["backend"]),
            "top_k": number_cell(about["top_k"], f"{about['top_k']:,}"),
            "reranked": "yes" if about.get("rerank") else "no",
            "answered": number_cell(answered, percent(answered), f"of {count(about['questions'], 'question')}"),
            "status": status_cell(run.status, STATUS_TONES.get(run.status, "warn")),
            "started": Cell(when(run.started_at), run.started_at),
        },
        way("runs", run=run.run_id),
    )


def question_row(scored: Scored) -> Row:
    """A question with its answer, the expected one, and how it fared."""
    said = scored.problem if scored.failed else "no answer" if scored.abstained else scored.answer
    nats = scored.reliance_nats
    return Row(
        scored.question_id,
        {
            "question": scored.question,
            "right": _outcome(scored),
            "answer": said,
            "expected": " | ".join(scored.golds) if scored.answerable else "none in the documents",
            "type": scored.type,
            "why": scored.label,
            "f1": number_cell(scored.f1, fixed(scored.f1)),
            "gold": number_cell(scored.gold_rank, f"{scored.gold_rank}"),
            "confidence": number_cell(scored.confidence, percent(scored.confidence)),
            "reliance": number_cell(nats, change_of(nats, 1)),
            "judge": JUDGED[scored.judged_right],
            "time": time_cell(scored.duration_ms),
        },
        way("traces", trace=scored.trace_id),
    )


def _outcome(scored: Scored) -> Cell:
    if scored.failed:
        return status_cell("failed", "bad", scored.problem)
    return status_cell("right", "good") if scored.correct else status_cell("wrong", "bad")


def flip_row(flip: Flip) -> Row:
    """A question that changed sides, with both answers."""
    return Row(
        flip.question_id,
        {
            "question": flip.question,
            "now": status_cell("right", "good") if flip.now_right else status_cell("wrong", "bad"),
            "why": flip.why,
            "first": answer_words(flip.first.answer, flip.first.abstained),
            "second": answer_words(flip.second.answer, flip.second.abstained),
            "type": flip.type,
        },
        way("traces", **{"trace": flip.first.trace_id, "with": flip.second.trace_id}),
    )

"""Tables of runs: the runs, the questions of one, and those that changed sides between two."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.kit.numbers import change_of, count, fixed, percent
from app.kit.wording import CONFIDENCE, NO_ANSWER, when
from app.runs.leaderboard import differs_words
from app.runs.naming import run_name, run_note, run_tags
from app.runs.outcomes import Outcome, outcome
from app.runs.rows import JUDGED, MEANINGS
from app.runs.several import LETTERS
from app.runs.words import expected_words
from app.views.kit.table import (
    Cell,
    Column,
    Row,
    Tone,
    answer_cells,
    confidence_cell,
    number_cell,
    status_cell,
    time_cell,
    way,
)
from evaluation.comparison import Flip
from evaluation.kept import KeptVersion
from evaluation.scoring import Scored
from explain.diagnosis import label_name
from metrics.runs import StoredRun

SHARES = ("recall", "wrong", "abstained_wrongly")
"""Figures of a run that are shares, each a column of its name."""

TONES: Mapping[Outcome, Tone] = {"right": "good", "wrong": "bad", "failed": "bad", "abstained wrongly": "warn"}

STATUS_TONES: Mapping[str, Tone] = {"finished": "good", "running": "quiet"}

RUNS = (
    Column("run", "Run", local=True, width_rem=11),
    Column("right", "Right", "number", local=True, help="Share of the questions that were answered rightly."),
    Column("interval", "95 % interval", "number"),
    Column("recall", "Found", "number", local=True, help=MEANINGS["Found"]),
    Column("wrong", "Wrong", "number", local=True, help=MEANINGS["Wrong"]),
    Column("abstained_wrongly", "Abstained wrongly", "number", local=True, help=MEANINGS["Abstained wrongly"]),
    Column("time", "Mean time", "number", local=True),
    Column("tags", "Tags", local=True),
    Column("answered", "Answered", "number", local=True),
    Column("status", "Status", "status", local=True),
    Column("started", "Started", "time", local=True),
    Column("backend", "Backend", local=True, shown=False),
    Column("top_k", "Chunks", "number", local=True, shown=False),
    Column("reranked", "Reranked", shown=False),
    Column("id", "Id", shown=False),
)

BOARD = (
    Column("run", "Run", local=True, width_rem=11),
    Column("place", "", "status"),
    Column("right", "Right", "number", local=True, help="Share of the questions that were answered rightly."),
    Column("interval", "95 % interval", "number"),
    Column("differs", "Differs from the best in", "question", width_rem=9),
    Column("recall", "Found", "number", local=True, help=MEANINGS["Found"]),
    Column("wrong", "Wrong", "number", local=True, help=MEANINGS["Wrong"]),
    Column("abstained_wrongly", "Abstained wrongly", "number", local=True, help=MEANINGS["Abstained wrongly"]),
    Column("time", "Mean time", "number", local=True),
    Column("cost", "Cost", "number", local=True, help="What its models cost by the token, by list prices."),
    Column("answered", "Answered", "number", local=True, shown=False),
    Column("started", "Started", "time", local=True, shown=False),
    Column("tags", "Tags", local=True, shown=False),
)

QUESTIONS = (
    Column("question", "Question", "question", local=True, width_rem=16),
    Column("right", "Outcome", "status", local=True),
    Column("expected", "Expected", "question", width_rem=12),
    Column("answer", "Answer", "question", width_rem=14),
    Column("type", "Type", local=True),
    Column("why", "Why", local=True),
    Column("f1", "F1", "number", local=True, shown=False),
    Column("gold", "Right chunk’s rank", "number", local=True, help="Where the chunk that answers it stood."),
    Column("confidence", "Confidence", "number", local=True, help=CONFIDENCE),
    Column("reliance", "Reliance, nats", "number", local=True, shown=False),
    Column("judge", "Judge", shown=False),
    Column("time", "Time", "number", local=True),
)

VERSIONS = (
    Column("version", "Version", local=True, width_rem=12),
    Column("questions", "Questions", "number", local=True),
    Column("labelled", "With an expected answer", "number", local=True),
    Column("synthetic", "Synthetic", "number", local=True),
    Column("saved", "Saved", "time", local=True),
    Column("about", "What it is", "question"),
    Column("hash", "Hash", shown=False),
)

PARTED = (
    Column("question", "Question", "question", local=True, width_rem=14),
    Column("expected", "Expected", "question", width_rem=10),
    Column("type", "Type", local=True),
)


def flip_columns(called: tuple[str, str]) -> tuple[Column, ...]:
    """Of the questions that changed sides. called: what the two runs are called."""
    first, second = called
    return (
        Column("question", "Question", "question", local=True, width_rem=12),
        Column("expected", "Expected", "question", width_rem=8),
        Column("first", f"{first.capitalize()} answer", "answer"),
        Column("second", f"{second.capitalize()} answer", "answer"),
        Column("now", "Now", "status", local=True),
        Column("why", "Why", "question", width_rem=10),
        Column("type", "Type", local=True),
    )


def run_row(run: StoredRun) -> Row:
    """A run with what it came to."""
    about, figures = run.about, run.about.get("figures") or {}
    right, low, high = (figures.get(each) for each in ("correct", "low", "high"))
    answered = run.answers / max(about["questions"], 1)
    return Row(
        run.run_id,
        {
            "run": Cell(run_name(run), title=run_note(run) or run.run_id),
            "right": number_cell(right, percent(right, 1)),
            "interval": "" if low is None or high is None else f"{fixed(100 * low, 1)} to {percent(high, 1)}",
            **{name: number_cell(figures.get(name), percent(figures.get(name), 1)) for name in SHARES},
            "time": time_cell(figures.get("duration_ms")),
            "backend": str(about["backend"]),
            "top_k": number_cell(about["top_k"], f"{about['top_k']:,}"),
            "reranked": "yes" if about.get("rerank") else "no",
            "answered": number_cell(answered, percent(answered), f"of {count(about['questions'], 'question')}"),
            "status": status_cell(run.status, STATUS_TONES.get(run.status, "warn")),
            "started": Cell(when(run.started_at), run.started_at),
            "tags": ", ".join(run_tags(run)),
            "id": run.run_id,
        },
        way("runs", run=run.run_id),
    )


def board_row(run: StoredRun, best: StoredRun | None, cost: tuple[float | None, str]) -> Row:
    """A run among those over the same questions. cost: in dollars, and as it is read."""
    row, is_best = run_row(run), best is not None and best.run_id == run.run_id
    told = {
        "place": Cell("best", "best", icon="★", tone="good") if is_best else "",
        "differs": "" if best is None or is_best else differs_words(best, run),
        "cost": Cell(cost[1], cost[0]),
    }
    return replace(row, cells={**row.cells, **told}, tone="marked" if is_best else "")


def question_row(scored: Scored) -> Row:
    """A question with its answer, the expected one, and how it fared."""
    said = scored.problem if scored.failed else NO_ANSWER if scored.abstained else scored.answer
    nats = scored.reliance_nats
    return Row(
        scored.question_id,
        {
            "question": scored.question,
            "right": _outcome(scored),
            "answer": said,
            "expected": expected_words(scored.golds, answerable=scored.answerable),
            "type": scored.type,
            "why": label_name(scored.label),
            "f1": number_cell(scored.f1, fixed(scored.f1)),
            "gold": number_cell(scored.gold_rank, f"{scored.gold_rank}"),
            "confidence": confidence_cell(scored.confidence, abstained=scored.abstained),
            "reliance": number_cell(nats, change_of(nats, 1)),
            "judge": JUDGED[scored.judged_right],
            "time": time_cell(scored.duration_ms),
        },
        way("traces", trace=scored.trace_id),
    )


def _outcome(scored: Scored) -> Cell:
    word = outcome(scored)
    return status_cell(word, TONES[word], scored.problem)


def flip_row(flip: Flip) -> Row:
    """A question that changed sides, with the expected answer and those of both runs."""
    first, second = answer_cells(*("" if each.abstained else each.answer for each in (flip.first, flip.second)))
    return Row(
        flip.question_id,
        {
            "question": flip.question,
            "expected": expected_words(flip.second.golds, answerable=flip.second.answerable),
            "first": first,
            "second": second,
            "now": _outcome(flip.second),
            "why": flip.why,
            "type": flip.type,
        },
        way("traces", **{"trace": flip.first.trace_id, "with": flip.second.trace_id}),
    )


def version_row(version: KeptVersion, key: str) -> Row:
    """A version of a kept dataset. key: what opens it, its name or the version itself."""
    numbers = {
        "questions": version.questions,
        "labelled": version.labelled,
        "synthetic": version.synthetic,
    }
    return Row(
        key,
        {
            "version": version.spec,
            **{name: number_cell(value, f"{value:,}") for name, value in numbers.items()},
            "saved": Cell(when(version.saved_at), version.saved_at),
            "about": version.about,
            "hash": version.fingerprint,
        },
        way("runs", dataset=key),
    )


def parted_columns(runs: Sequence[StoredRun]) -> tuple[Column, ...]:
    """Of the questions that several runs part on: an answer a run."""
    answers = [
        Column(letter, letter, "question", help=run_name(run), width_rem=10)
        for letter, run in zip(LETTERS, runs, strict=False)
    ]
    return (PARTED[0], PARTED[1], *answers, PARTED[2])


def parted_row(answers: Sequence[Scored]) -> Row:
    """A question that several runs part on; it opens the first that is not right and the first right answer beside each other."""
    first = answers[0]
    wrong, right = (next(each for each in answers if each.correct is so) for so in (False, True))
    return Row(
        first.question_id,
        {
            "question": first.question,
            "expected": expected_words(first.golds, answerable=first.answerable),
            "type": first.type,
            **{letter: _answer_cell(each) for letter, each in zip(LETTERS, answers, strict=False)},
        },
        way("traces", **{"trace": wrong.trace_id, "with": right.trace_id}),
    )


def _answer_cell(scored: Scored) -> Cell:
    word = outcome(scored)
    mark = status_cell(word, TONES[word])
    return replace(
        mark, text=f"{word}: {scored.answer}" if scored.answer and not scored.abstained else word, value=word
    )

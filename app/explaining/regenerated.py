"""What each chunk did to an answer that nobody can score, seen by asking again without it.

Owns which questions are asked and when a chunk's absence counts. Coarse on purpose: one answer each, held against the given one by its
words. Keeps no trace, and refuses to format anything.
"""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from evaluation.runner import MOST_FAILURES
from evaluation.stability import is_other_answer
from explain.answers import exact_match, token_f1
from explain.explained import read_chunks, scored_answer
from metrics.token_costs import TokenUse, add_up, list_uses
from pipeline.errors import InputError, Throttled
from pipeline.schema import trace_to_dict
from pipeline.types import Chunk, Trace

MOST_CHUNKS = 20
"""Chunks that are left out one by one; each is a question more."""

LIMIT_S = 600.0
"""Seconds after which no further question is asked."""

PAUSE_S = 5.0
"""Seconds until a question that the backend was too busy for is asked once more."""

Ask = Callable[[Trace, Sequence[Chunk]], Trace]
"""Asks a trace's question again over chunks, and keeps nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that was asked for again, held against the given one."""

    left_out: tuple[int, ...]
    """Places, from 0, of the chunks that it was asked without; none where nothing was left out."""
    answer: str = ""
    """What was said; empty for an abstention, and where asking failed."""
    abstained: bool = False
    """Whether no answer was given."""
    same_words: bool = False
    """Whether it is the given answer, once both are normalised."""
    f1: float = 0.0
    """Token F1 with the given answer, in [0, 1]; an abstention counts as the empty answer."""
    changed: bool = False
    """Whether it says something else than the given one."""
    problem: str = ""
    """Why asking failed; empty if it did not."""
    by_rule: bool = False
    """Whether the backend gave no answer without asking its model, since there was no chunk: nothing is known of the model then."""


@dataclass(frozen=True, slots=True)
class Regenerated:
    """What is known so far of a question that is asked again without each chunk."""

    trace: Trace
    """Whose answer is explained."""
    chunks: tuple[Chunk, ...]
    """Those that were read, in order."""
    plan: tuple[tuple[int, ...], ...]
    """What is left out, question by question; of what `Reply.left_out` holds."""
    replies: tuple[Reply, ...] = ()
    """What came of the plan, in its order."""
    calls: int = 0
    """Questions that the model was asked, those that failed included."""
    uses: tuple[TokenUse, ...] = ()
    """What they took, by model; empty where nothing is paid by the token."""
    generator: str = ""
    """The generator that answered now."""
    problem: str = ""
    """Why it ended before the plan did; empty if it did not."""

    @property
    def complete(self) -> bool:
        """Whether every question was asked, whatever came of it."""
        return len(self.replies) == len(self.plan)

    @property
    def unchanged(self) -> Reply | None:
        """What was said with nothing left out, against which all others are held; None where it is not known."""
        return self._known(())

    @property
    def without_any(self) -> Reply | None:
        """What was said without any chunk; None where it is not known."""
        return self._known(tuple(range(len(self.chunks))))

    @property
    def is_steady(self) -> bool:
        """Whether the model says the same when asked again with nothing left out; without that no chunk can be told from chance."""
        return self.unchanged is not None and not self.unchanged.changed

    @property
    def deciding(self) -> tuple[int, ...]:
        """Places of the chunks without which the model answers otherwise, though it does not where nothing is left out."""
        return tuple(place for place in range(len(self.chunks)) if self._moves(self.without(place)))

    @property
    def unknown(self) -> tuple[int, ...]:
        """Places of the chunks of which it is not known: the model was not asked without them, or asking failed."""
        return tuple(place for place in range(len(self.chunks)) if self.without(place) is None)

    @property
    def model_then(self) -> str:
        """The generator that gave the answer, where it is another one than answers now; empty else."""
        then = str(self.trace.settings.get("generator") or "")
        return then if then and self.generator and then != self.generator else ""

    def without(self, place: int) -> Reply | None:
        """What was said without one chunk; None where it is not known."""
        return self._known((place,))

    def _moves(self, reply: Reply | None) -> bool:
        return self.is_steady and reply is not None and reply.changed

    def _known(self, left_out: tuple[int, ...]) -> Reply | None:
        replies = (each for each in self.replies if not each.problem and not each.by_rule)
        return next((each for each in replies if each.left_out == left_out), None)


def plan_again(trace: Trace) -> Regenerated:
    """What would be asked; costs nothing: once with nothing left out, once without each chunk, once without any.

    Raises InputError for a trace without answer, question or chunks, or with more than MOST_CHUNKS.
    """
    scored_answer(trace)
    chunks = read_chunks(trace)
    if len(chunks) > MOST_CHUNKS:
        raise InputError(
            f"The answer was given over {len(chunks)} chunks; at most {MOST_CHUNKS} are left out one by one. Ask with fewer chunks, and "
            "explain the new trace."
        )
    places = range(len(chunks))
    return Regenerated(trace, chunks, tuple(dict.fromkeys([(), *((place,) for place in places), tuple(places)])))


def expected_use(planned: Regenerated) -> tuple[float, tuple[TokenUse, ...]]:
    """Seconds and tokens that the plan would take, if each question took what the given answer did: with chunks left out rather less."""
    trace, calls = planned.trace, len(planned.plan)
    generate_ms = sum(span.duration_ms for span in trace.spans if span.stage == "generate") or trace.duration_ms
    uses = add_up(use for use in list_uses(trace_to_dict(trace)) for _ in range(calls))
    return generate_ms / 1000 * calls, tuple(uses)


def regenerate(
    trace: Trace,
    ask: Ask,
    *,
    limit_s: float = LIMIT_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Regenerated, None, None]:
    """Ask again, one question after the other, and yield what is known after each; closing the generator stops.

    A question that fails is told of and the next one asked; one that the backend was too busy for is asked once more after PAUSE_S.
    It ends early after limit_s seconds, and after MOST_FAILURES failures in a row. Raises InputError as `plan_again` does, at once.
    """
    return _regenerate(plan_again(trace), ask, clock() + limit_s, sleep, clock)


def _regenerate(
    found: Regenerated, ask: Ask, until_s: float, sleep: Callable[[float], None], clock: Callable[[], float]
) -> Generator[Regenerated, None, None]:
    failed_in_a_row = 0
    for left_out in found.plan:
        if clock() >= until_s:
            yield replace(
                found, problem="The time was up before every question was asked. Ask again when the model is less busy."
            )
            return
        kept = [chunk for place, chunk in enumerate(found.chunks) if place not in left_out]
        made = ask(found.trace, kept)
        found = _count(found, made)
        if _is_throttled(made) and clock() + PAUSE_S < until_s:
            sleep(PAUSE_S)
            made = ask(found.trace, kept)
            found = _count(found, made)
        found = replace(found, replies=(*found.replies, _compare(found.trace, made, left_out)))
        failed_in_a_row = failed_in_a_row + 1 if found.replies[-1].problem else 0
        if failed_in_a_row == MOST_FAILURES and not found.complete:
            yield replace(found, problem=f"{MOST_FAILURES} questions in a row failed. {found.replies[-1].problem}")
            return
        yield found


def _is_throttled(made: Trace) -> bool:
    return made.error is not None and made.error.kind == Throttled.__name__


def _is_by_rule(made: Trace) -> bool:
    """Whether no model was asked: generators abstain by themselves where there is no chunk, and then there is no prompt."""
    said = made.generation
    return not made.chunks and said is not None and said.abstained and said.prompt is None


def _count(found: Regenerated, made: Trace) -> Regenerated:
    if _is_by_rule(made):
        return found
    uses = add_up([*found.uses, *list_uses(trace_to_dict(made))])
    generator = str(made.settings.get("generator") or "")
    return replace(found, calls=found.calls + 1, uses=tuple(uses), generator=generator)


def _compare(trace: Trace, made: Trace, left_out: tuple[int, ...]) -> Reply:
    if made.error is not None or made.generation is None:
        return Reply(left_out, problem="The backend gave no answer." if made.error is None else made.error.message)
    if _is_by_rule(made):
        return Reply(left_out, abstained=True, by_rule=True)
    assert trace.generation is not None  # or there was nothing to plan
    given = "" if trace.generation.abstained else trace.generation.answer
    answer = "" if made.generation.abstained else made.generation.answer
    f1, abstention_changed = token_f1(given, answer), trace.generation.abstained != made.generation.abstained
    return Reply(
        left_out,
        answer,
        made.generation.abstained,
        not abstention_changed and exact_match(given, answer),
        f1,
        is_other_answer(f1, abstention_changed=abstention_changed),
    )

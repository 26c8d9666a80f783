"""Whether an explanation can be believed: yes, partly or no, why, and the figures that this was judged by."""

from dataclasses import dataclass
from typing import Literal

from app.explaining.words import NEVER_NATS, how_explained, nats
from app.kit.numbers import count, fixed
from app.kit.wording import listed
from explain.explained import NOT_ATTRIBUTABLE_NATS, Explained
from explain.sampled import RANDOM_DROPS, SampledExplanation

Level = Literal["yes", "partly", "no"]

BELIEVED, DOUBTED = 0.8, 0.4
"""Datamodeling scores from which on an order is believed, and below which it is not; between them it is believed partly.

A rule of this product, not of the paper: with four or five chunks, 0.8 leaves few pairs of subsets in the wrong order.
"""

QUESTION = "Can this be believed?"
"""What is asked."""

NEVER = "The stand-in would never say this answer, so its figures say nothing. A reader that quotes knows only the sentences of its chunks."


@dataclass(frozen=True, slots=True)
class Belief:
    """How far to believe an explanation."""

    level: Level
    """The answer in a word."""
    why: str
    """The reason, in a sentence or two without figures."""
    details: tuple[str, ...]
    """The figures behind it, a sentence each."""

    @property
    def headline(self) -> str:
        """Question and answer: "Can this be believed? Partly."."""
        return f"{QUESTION} {self.level.capitalize()}."


def belief(found: Explained) -> Belief | None:
    """How far to believe it; None until everything is scored."""
    if not found.complete:
        return None
    level, why = _judge(found)
    if found.stand_in and level == "yes":
        level, why = "partly", f"{why} But {found.stand_in} scored this, not the model that answered."
    return Belief(level, why, (*_figures(found), how_explained(found)))


def _judge(found: Explained) -> tuple[Level, str]:
    if found.stand_in and all(float(level.max(initial=NEVER_NATS)) <= NEVER_NATS for level in found.extremes_nats):
        return "no", NEVER
    if not found.attributable:
        return (
            "yes",
            "The answer is as probable with all chunks as with none. No chunk is credited, so no order can be wrong.",
        )
    noun = noun_of(found)
    if len(found.sources) == 1:
        return (
            "yes",
            f"Only one {noun} was read, so no order can be wrong: the answer was scored with it and without it.",
        )
    return _judge_order(found, noun)


def _judge_order(found: Explained, noun: str) -> tuple[Level, str]:
    score, first, ahead = found.datamodeling_score, _first_name(found), _ahead_nats(found)
    if ahead <= -NOT_ATTRIBUTABLE_NATS:
        return (
            "no",
            f"Taking away {first}, said to count most, changes the answer less than taking away another {noun} does.",
        )
    if score is None or score < DOUBTED:
        return "no", f"What each {noun} is said to do does not predict what happens when some are taken away."
    needed = (
        f"Taking away {first} changes the answer more than taking away another {noun} does"
        if ahead >= NOT_ATTRIBUTABLE_NATS
        else f"No single {noun} makes much of a difference when it is taken away"
    )
    if score < BELIEVED:
        return (
            "partly",
            f"{needed}. When several are taken away, what happens is predicted only roughly: do not rely on the order.",
        )
    return "yes", f"{needed}, and when several are taken away, what happens is as predicted."


def _ahead_nats(found: Explained) -> float:
    """By how much more the first source is missed than one at random."""
    _, drop, chance = found.drops_nats[0]
    return chance - drop if found.reliance_nats < 0 else drop - chance


def noun_of(found: Explained) -> str:
    """What is told apart: "chunk" or "sentence"."""
    return found.unit.removesuffix("s") if isinstance(found, SampledExplanation) else "chunk"


def _first_name(found: Explained) -> str:
    rank = found.chunks[found.sources[found.order[0]].chunk].rank
    return f"chunk {rank}" if noun_of(found) == "chunk" else f"the first sentence (of chunk {rank})"


def _figures(found: Explained) -> list[str]:
    if len(found.sources) == 1:
        return []
    sampled, noun = isinstance(found, SampledExplanation), noun_of(found)
    weights, tried = (
        ("weights", "subsets that they were not fitted on") if sampled else ("Shapley values", "all subsets")
    )
    score = found.datamodeling_score
    lines = [
        "Linear datamodeling score: not defined, since no subset changes the answer."
        if score is None
        else f"Linear datamodeling score {fixed(score)}: how well the {weights} predict the order of {tried}; 1 is exactly, 0 not at all."
    ]
    by_chance = f" over {RANDOM_DROPS} draws" if sampled else ""
    for top, drop, chance in found.drops_nats:
        any_of_them = f"{count(top, noun)} at random"
        lines.append(
            f"Without {_names(found, top)} the answer changes by {nats(-drop)} nats; without {any_of_them}, on average{by_chance}, by "
            f"{nats(-chance)}."
        )
    return lines


def _names(found: Explained, top: int) -> str:
    """The sources that did most, by their chunks' ranks."""
    ranks = [str(found.chunks[found.sources[i].chunk].rank) for i in found.order[:top]]
    if noun_of(found) == "chunk":
        return f"chunk{'' if top == 1 else 's'} {listed(ranks)}, which did most,"
    return (
        f"the sentence that did most (of chunk {ranks[0]})"
        if top == 1
        else f"the {top} sentences that did most (of chunk {listed(list(dict.fromkeys(ranks)))})"
    )

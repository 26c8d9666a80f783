"""Planted worlds: a question, five chunks, the answer, and which chunks the answer stands on.

A world is a handful of facts about people, where they are and whom they follow, and of countries and their capitals. `solve` is
the truth: what a perfect model says to a question over any subset of the facts. Models are trained on it and explainers are held
against it. A quarter of all worlds, by a checksum over their facts, is held out of training, and planted worlds are of that
quarter. Single pairs are not held out: whoever never saw Ada in Rome would learn that she is never there. Every pair is shown
equally often instead, so that a name by itself says nothing about a place, and only copying from the chunks answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from pipeline.types import Chunk

CHUNKS = 5
"""Facts in a world."""

UNANSWERABLE = "unanswerable"
"""The answer where no chunk holds it: the word that the generator's prompt teaches."""

TITLE = "Register"
"""Every chunk's title: it tells nothing."""

PEOPLE = (
    "Ada",
    "Bob",
    "Cyd",
    "Dan",
    "Eve",
    "Fay",
    "Gus",
    "Hal",
    "Ida",
    "Jon",
    "Kit",
    "Lea",
    "Max",
    "Ned",
    "Oda",
    "Pam",
)

CAPITALS = {
    "Austria": "Vienna",
    "Chile": "Santiago",
    "Cuba": "Havana",
    "Egypt": "Cairo",
    "France": "Paris",
    "Ghana": "Accra",
    "Greece": "Athens",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Latvia": "Riga",
    "Norway": "Oslo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Qatar": "Doha",
    "Spain": "Madrid",
}
"""What every model knows by heart, whatever a chunk says."""

COUNTRIES = tuple(CAPITALS)
CITIES = tuple(CAPITALS.values())


class Mechanism(StrEnum):
    """How an answer comes about, and so what an explainer should find."""

    SINGLE = "single"
    """One chunk says it."""
    REDUNDANT = "redundant"
    """Two chunks say it, in other words; either suffices (OR)."""
    SYNERGY = "synergy"
    """Two chunks say it together; neither suffices (AND)."""
    MEMORY = "memory"
    """The weights know it; no chunk is about it."""
    OVERRIDE = "override"
    """The weights know it, a chunk contradicts them, and the weights win."""
    ABSTAIN = "abstain"
    """Neither knows it."""


FROM_CHUNKS = (Mechanism.SINGLE, Mechanism.REDUNDANT, Mechanism.SYNERGY)
"""Where the answer stands on chunks."""

BY_ITSELF = (Mechanism.MEMORY, Mechanism.OVERRIDE, Mechanism.ABSTAIN)
"""Where the model gives the same answer, as surely, without any."""


class Relation(StrEnum):
    """What a fact is about."""

    PLACE = "place"
    LEADER = "leader"
    CAPITAL = "capital"


WORDINGS = {
    Relation.PLACE: ("{0} is in {1}", "{0} lives in {1}"),
    Relation.LEADER: ("{0} follows {1}",),
    Relation.CAPITAL: ("the capital of {0} is {1}",),
}

SUBJECTS = {Relation.PLACE: PEOPLE, Relation.LEADER: PEOPLE, Relation.CAPITAL: COUNTRIES}
OBJECTS = {Relation.PLACE: CITIES, Relation.LEADER: PEOPLE, Relation.CAPITAL: CITIES}


class Ask(StrEnum):
    """What a question asks about its subject."""

    PLACE = "Where is {0}?"
    LEADERS_PLACE = "Where is the one {0} follows?"
    CAPITAL = "What is the capital of {0}?"


@dataclass(frozen=True, slots=True)
class Fact:
    """What one chunk says."""

    relation: Relation
    subject: str
    object: str
    wording: int = 0
    """Which of the relation's WORDINGS."""

    @property
    def text(self) -> str:
        """The fact in words."""
        return WORDINGS[self.relation][self.wording].format(self.subject, self.object)


@dataclass(frozen=True, slots=True)
class World:
    """A question and the facts around it."""

    ask: Ask
    subject: str
    """Whom or what the question is about."""
    facts: tuple[Fact, ...]
    """CHUNKS of them, in random order, no two of which contradict each other."""
    sources: frozenset[int]
    """Which facts the answer stands on."""

    @property
    def question(self) -> str:
        """The question in words."""
        return self.ask.format(self.subject)


@dataclass(frozen=True, slots=True)
class Planted:
    """A world as a pipeline sees it, with its truth."""

    question: str
    """As asked."""
    chunks: tuple[Chunk, ...]
    """CHUNKS of them, best first; the rank tells nothing."""
    answer: str
    """What a model should say with all chunks; UNANSWERABLE for an abstention."""
    sources: frozenset[int]
    """Indices into `chunks` of those that the answer stands on; empty for memory, override and abstain."""
    mechanism: Mechanism
    """How the answer comes about."""


def plant(mechanism: Mechanism, seed: int) -> Planted:
    """A held-out world; the same seed gives the same world on any machine."""
    world = grow(mechanism, Random(f"{mechanism}-{seed}"), held_out=True)
    return Planted(
        world.question, as_chunks(world.facts), solve(world.ask, world.subject, world.facts), world.sources, mechanism
    )


def as_chunks(facts: Sequence[Fact]) -> tuple[Chunk, ...]:
    """Facts as retrieved chunks, in the order given."""
    return tuple(
        Chunk(f"chunk-{rank}", f"document-{rank}", TITLE, fact.text, score=1 - rank / 100, rank=rank)
        for rank, fact in enumerate(facts, start=1)
    )


def solve(ask: Ask, subject: str, facts: Sequence[Fact]) -> str:
    """What a perfect model answers over these facts: capitals by heart, all else from the facts, and UNANSWERABLE."""
    if ask is Ask.CAPITAL:
        return CAPITALS[subject]
    known = {(fact.relation, fact.subject): fact.object for fact in facts}
    whose = subject if ask is Ask.PLACE else known.get((Relation.LEADER, subject))
    return UNANSWERABLE if whose is None else known.get((Relation.PLACE, whose), UNANSWERABLE)


def is_held_out(facts: Sequence[Fact]) -> bool:
    """Whether training never shows these facts together as one whole world: so it is with a quarter of all worlds."""
    return (
        sum(SUBJECTS[fact.relation].index(fact.subject) + OBJECTS[fact.relation].index(fact.object) for fact in facts)
        % 4
        == 0
    )


def grow(mechanism: Mechanism, rng: Random, *, held_out: bool) -> World:
    """A random world that answers by `mechanism`. held_out: whether it is one of those held out of training."""
    while True:
        ask, subject, planted, taken = _PLANTS[mechanism](rng)
        facts = [*planted, *_grow_others(rng, subject, planted, taken)]
        if is_held_out(facts) is held_out:
            break
    rng.shuffle(facts)
    stands_on = () if mechanism is Mechanism.OVERRIDE else planted
    return World(ask, subject, tuple(facts), frozenset(facts.index(fact) for fact in stands_on))


Slot = tuple[Relation, str]
"""What a world says at most once: a relation of a subject."""

Plant = tuple[Ask, str, list[Fact], set[Slot]]
"""The question, its subject, the facts planted for it, and the slots that no other fact may fill."""


def _plant_single(rng: Random) -> Plant:
    subject = rng.choice(PEOPLE)
    fact = _draw(rng, Relation.PLACE, subject)
    return Ask.PLACE, subject, [fact], {(Relation.PLACE, subject)}


def _plant_redundant(rng: Random) -> Plant:
    ask, subject, [fact], taken = _plant_single(rng)
    again = Fact(fact.relation, subject, fact.object, wording=1 - fact.wording)
    return ask, subject, [fact, again], taken


def _plant_synergy(rng: Random) -> Plant:
    subject = rng.choice(PEOPLE)
    leads = _draw(rng, Relation.LEADER, subject)
    lives = _draw(rng, Relation.PLACE, leads.object)
    return Ask.LEADERS_PLACE, subject, [leads, lives], {(Relation.LEADER, subject), (Relation.PLACE, leads.object)}


def _plant_memory(rng: Random) -> Plant:
    subject = rng.choice(COUNTRIES)
    return Ask.CAPITAL, subject, [], {(Relation.CAPITAL, subject)}


def _plant_override(rng: Random) -> Plant:
    subject = rng.choice(COUNTRIES)
    return Ask.CAPITAL, subject, [_draw(rng, Relation.CAPITAL, subject)], {(Relation.CAPITAL, subject)}


def _plant_abstain(rng: Random) -> Plant:
    subject = rng.choice(PEOPLE)
    return Ask.PLACE, subject, [], {(Relation.PLACE, subject)}


_PLANTS = {
    Mechanism.SINGLE: _plant_single,
    Mechanism.REDUNDANT: _plant_redundant,
    Mechanism.SYNERGY: _plant_synergy,
    Mechanism.MEMORY: _plant_memory,
    Mechanism.OVERRIDE: _plant_override,
    Mechanism.ABSTAIN: _plant_abstain,
}


def _grow_others(rng: Random, subject: str, planted: Sequence[Fact], taken: set[Slot]) -> list[Fact]:
    """Facts that fill the world up; one in four is about someone in play, so that a name alone gives nothing away."""
    in_play = sorted({name for fact in planted for name in (fact.subject, fact.object)} | {subject})
    taken = set(taken)
    others: list[Fact] = []
    while len(planted) + len(others) < CHUNKS:
        relation = rng.choices(list(Relation), weights=[5, 3, 2])[0]
        names = [name for name in in_play if name in SUBJECTS[relation]] if rng.random() < 0.25 else []
        about = rng.choice(names or SUBJECTS[relation])
        if (relation, about) in taken:
            continue
        taken.add((relation, about))
        others.append(_draw(rng, relation, about))
    return others


def _draw(rng: Random, relation: Relation, subject: str) -> Fact:
    """A random fact. Nobody follows himself, and no fact tells a true capital: it would make memory redundant."""
    things = [thing for thing in OBJECTS[relation] if thing not in (subject, CAPITALS.get(subject))]
    return Fact(relation, subject, rng.choice(things), rng.randrange(len(WORDINGS[relation])))

"""The script of a demonstration: which scene follows which, how long each lasts, and what is so in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Fault = Literal["slow generator", "throttled index"]
"""What is wrong with the stack in a scene."""

QuestionSet = Literal["usual", "drifting"]
"""Which questions visitors ask: about everything, or about what they never asked before and what no document answers."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the demonstration."""

    name: str
    """In a word or two; a tag of the traces that are asked in it."""
    now: str
    """What is so, without a full stop."""
    page: str
    """The page on which it is seen."""
    share: float
    """Its part of the whole time."""
    fault: Fault | None = None
    """What is wrong with the stack meanwhile."""
    questions: QuestionSet = "usual"
    """What is asked."""


SCENES = (
    Scene("calm", "questions about everything, and all is well", "Overview", 0.24),
    Scene("slow generator", "the stack's generator answers 2.5 s late", "Live", 0.16, fault="slow generator"),
    Scene("healed", "the generator is quick again", "Live", 0.10),
    Scene("throttled index", "the stack's index turns questions away", "Traces", 0.14, fault="throttled index"),
    Scene("healed again", "the index takes questions again", "Live", 0.10),
    Scene("drifting questions", "visitors ask about other things", "Stability", 0.18, questions="drifting"),
    Scene("calm again", "questions about everything again", "Overview", 0.08),
)
"""With a stack. Shares add up to 1."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A scene with its time."""

    scene: Scene
    """What is so."""
    start_s: float
    """Since the demonstration's start."""
    end_s: float
    """Likewise; the next scene's start."""


def make_script(minutes: float, *, stack: bool) -> list[Cue]:
    """The scenes with their times. Without a stack those with a fault, and what heals it, are left out; the others last as much longer."""
    scenes = [each for each in SCENES if stack or not (each.fault or each.name.startswith("healed"))]
    whole = sum(each.share for each in scenes)
    cues, start_s = [], 0.0
    for scene in scenes:
        end_s = start_s + minutes * 60 * scene.share / whole
        cues.append(Cue(scene, start_s, end_s))
        start_s = end_s
    return cues


def find_cue(script: Sequence[Cue], at_s: float) -> int | None:
    """The place in the script of a time since the start; None once it is over."""
    return next((place for place, cue in enumerate(script) if at_s < cue.end_s), None)

"""A scripted backend whose generator scores no given answers, and says something else where it lacks the best chunk."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backends.fake import Script, ScriptedBackend
from pipeline.types import Chunk, Generation

OTHERWISE = "Nothing of that kind was ever written."


class Unscored(ScriptedBackend):
    """Answers from a script over its best chunk alone."""

    score_answer: Any = None
    """Absent, as `isinstance` sees it."""

    def __init__(self, script: Script | None = None, *, name: str = "fake") -> None:
        super().__init__(script, name=name)
        self.asked: list[list[str]] = []
        """The chunks of each question over given ones, by id."""

    def answer_from(self, question: str, chunks: Sequence[Chunk], *, deadline_s: float) -> Generation:
        """The script's answer, or OTHERWISE."""
        self.asked.append([chunk.chunk_id for chunk in chunks])
        said = super().answer_from(question, chunks, deadline_s=deadline_s)
        best = self.script.chunks[0].chunk_id
        return said if best in self.asked[-1] else replace(said, answer=OTHERWISE, tokens=())

"""Questions that a model writes: what it is told, and what its reply must be. What it writes is checked as a template's is."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from corpus import QuestionType
from evaluation.synthesis.drafts import Draft, problem_with
from explain.answers import normalise
from pipeline.prompts import PromptTemplate
from pipeline.types import Chunk

PROMPT = PromptTemplate(
    "synthesis",
    "Read this text.\n\n{context}\n\n{question}\n\nThe question must make sense to somebody who does not see the text: name what it is "
    "about, and use no word such as it, this or the text. The answer is copied from the text word for word and is as short as it can be. "
    "Reply in two lines and nothing else:\nQuestion: ...\nAnswer: ...",
)
"""What a model is told. The request for one type stands where a question would."""

ASKS_FOR: dict[QuestionType, str] = {
    "DATE": "a date, a year or a period",
    "LOCATION": "a place",
    "PERSON": "a person",
    "FACT": "a definition or description",
    "REASON": "a cause or motive",
    "STATISTICS": "a number, a size, a duration or a price",
    "ENTITY": "a named thing that is neither a person nor a place",
    "PROCESS": "how something happens or is done",
}
"""What each type's answer is, in the request."""

_REPLY = re.compile(r"Question:\s*(?P<question>[^\n]+?)\s*\n+\s*Answer:\s*(?P<answer>[^\n]+)", re.IGNORECASE)

Say = Callable[[str, Chunk], str]
"""A request and the chunk to a model's reply. Raises a BackendError as a stage does."""


def request_for(kind: QuestionType) -> str:
    """The request for a question of a type."""
    return f"Write one question that this text answers, and whose answer is {ASKS_FOR[kind]}."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that a model is to write."""

    chunk: Chunk
    """What it is to be written from."""
    type: QuestionType
    """What kind of answer it is to ask for."""
    say: Say
    """The model."""
    name: str
    """What the model is called."""

    @property
    def key(self) -> str:
        """Chunk, type and model."""
        return hashlib.sha256(f"{self.chunk.chunk_id}\0{self.type}\0{self.name}".encode()).hexdigest()[:16]

    def write(self) -> Draft | str:
        """What the model writes; in words, why its reply is no question."""
        found = read_reply(self.say(request_for(self.type), self.chunk))
        if found is None:
            return "the model's reply is no question with an answer"
        question, answer = found
        if f" {normalise(answer)} " not in f" {normalise(self.chunk.text)} ":
            return "the model's answer does not stand in the chunk"
        draft = Draft(question, (answer,), self.type, f"the model {self.name}")
        return problem_with(draft, self.chunk.title) or draft


def read_reply(reply: str) -> tuple[str, str] | None:
    """Question and answer of a reply; None where it has another form."""
    found = _REPLY.search(reply)
    if found is None:
        return None
    question, answer = (found[name].strip().strip('"“”*') for name in ("question", "answer"))
    answer = answer.rstrip(".").strip()
    return (question, answer) if question.endswith("?") and normalise(answer) else None

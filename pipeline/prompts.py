"""What a generator is told: templates with a name and a version, what one makes of a question and its chunks, and who takes one.

Owns the words of the usual prompt. Question and chunks are data: what they hold is never read as a place to fill.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from pipeline.errors import InputError
from pipeline.protocols import Backend
from pipeline.types import Chunk, Setting

QUESTION, CONTEXT = "{question}", "{context}"
"""The places of a template."""

BLANK_LINE = "\n\n"

MAX_CHARS = 20_000
"""Of a template's text; more than any generator here reads at once."""

NAME = re.compile(r"\w[\w.-]{0,59}")
"""What a template may be called."""

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL cannot hold, and lone surrogates, which UTF-8 cannot."""

HASH_CHARS = 8
"""Hexadecimal digits of a version's hash: two of 10,000 templates have the same in 1 of 86 stores."""

INSTRUCTION = 'Read this and answer the question. If the question is unanswerable, say "unanswerable".'
"""Word for word one of the prompts that FLAN-T5 was tuned with on SQuAD 2 (Longpre et al. 2023, "The Flan Collection")."""

ABSTENTION = "The retrieved chunks do not answer this question."
"""What stands for the answer of a generator that was told so and abstained."""

ABSTAINS = re.compile(
    r"\W*((the|this) )?((question|answer) )?((it )?is )?(unanswerable\b.*)?\W*", re.IGNORECASE | re.DOTALL
)
"""The word that the prompt teaches, in the shapes in which models say it, or nothing at all."""

PROMPT, PROMPT_TEXT = "prompt", "prompt_text"
"""In a trace's settings: the version of the template, and its text where that is not DEFAULT's."""


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """The words that a generator reads, before any chat template."""

    text: str
    """The words."""
    spans: tuple[tuple[int, int], ...]
    """Where each chunk's heading and text stand in them: (first character, one past the last); (0, 0) where the template leaves them out.
    The heading is the chunk's, as it goes when the chunk is left out; the number before it is the prompt's."""


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt with a place for the question and one for the chunks. Raises InputError for a text or a name that cannot be one."""

    name: str
    """What it is called: see NAME."""
    text: str
    """Its words; `{question}` stands in them once, `{context}` once or not at all, other braces are what they are."""

    def __post_init__(self) -> None:
        """Check both."""
        if NAME.fullmatch(self.name) is None:
            raise InputError(
                f"A prompt cannot be called {self.name[:80]!r}. Give it a name of 1 to 60 letters, digits, dots, hyphens and underscores."
            )
        if len(self.text) > MAX_CHARS:
            raise InputError(
                f"The prompt {self.name} has {len(self.text):,} characters; at most {MAX_CHARS:,} are allowed. Shorten it."
            )
        if UNSTORABLE.search(self.text):
            raise InputError(
                f"The prompt {self.name} holds NUL or half a character, which no store can keep. Take it out."
            )
        for place, least in ((QUESTION, 1), (CONTEXT, 0)):
            found = self.text.count(place)
            if found < least:
                raise InputError(f"The prompt {self.name} lacks {place}. Write it where it belongs.")
            if found > 1:
                raise InputError(f"The prompt {self.name} holds {place} {found} times. Write it once.")

    @property
    def version(self) -> str:
        """Name and hash of the text, as traces and runs record it: `name@1a2b3c4d`."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:HASH_CHARS]}"

    @property
    def shows_chunks(self) -> bool:
        """Whether there is a place for the chunks."""
        return CONTEXT in self.text

    def write(self, question: str, chunks: Sequence[Chunk]) -> WrittenPrompt:
        """The words for a question over numbered chunks, in the order given.

        Without chunks their place goes, and the blank line before it with it.
        """
        pieces = {QUESTION: question, CONTEXT: write_context(chunks)}
        text = self.text if chunks else without_context(self.text)
        written, start = "", 0
        for part in re.split(f"({re.escape(QUESTION)}|{re.escape(CONTEXT)})", text):
            if part == CONTEXT:
                start = len(written)
            written += pieces.get(part, part)
        spans = _spans(chunks, start) if self.shows_chunks else ((0, 0),) * len(chunks)
        return WrittenPrompt(written, spans)


def write_context(chunks: Sequence[Chunk]) -> str:
    """Numbered chunks with their headings, in the order given."""
    return BLANK_LINE.join(f"[{number}] {chunk.heading}\n{chunk.text}" for number, chunk in enumerate(chunks, start=1))


def without_context(text: str) -> str:
    """A template's text without the place for chunks, and without the blank line before it; the one after it where it comes first."""
    for gone in (BLANK_LINE + CONTEXT, CONTEXT + BLANK_LINE):
        if gone in text:
            return text.replace(gone, "")
    return text.replace(CONTEXT, "")


def _spans(chunks: Sequence[Chunk], start: int) -> tuple[tuple[int, int], ...]:
    """start: where the context begins."""
    spans, place = [], start
    for number, chunk in enumerate(chunks, start=1):
        first = place + len(f"[{number}] ")
        end = first + len(f"{chunk.heading}\n{chunk.text}")
        spans.append((first, end))
        place = end + len(BLANK_LINE)
    return tuple(spans)


DEFAULT = PromptTemplate("default", BLANK_LINE.join((INSTRUCTION, CONTEXT, QUESTION)))
"""What generators are asked with if nothing is said."""


def read_prompt(path: Path) -> PromptTemplate:
    """A template from a file, called as the file is; line breaks at its end are the editor's. Raises InputError, naming the file."""
    try:
        text = path.read_text("utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise InputError(f"The prompt {path} is no text in UTF-8. Save it as that.") from None
    except OSError as error:
        raise InputError(f"The prompt {path} cannot be read ({error.strerror}). Name a file with its text.") from error
    return PromptTemplate(re.sub(r"[^\w.-]+|^[.-]+", "-", path.stem).strip("-.")[:60] or "prompt", text)


@runtime_checkable
class PromptedGenerator(Protocol):
    """Optional, of a generator: it is asked with a template."""

    prompt: PromptTemplate
    """The template."""

    def with_prompt(self, prompt: PromptTemplate) -> Self:
        """The same generator, asked with another template; whatever is loaded is shared."""


class KeepsPrompt:
    """A `PromptedGenerator` that keeps its template in `prompt` and nowhere else: a base for such ones."""

    prompt: PromptTemplate
    """What the model is told."""

    def with_prompt(self, prompt: PromptTemplate) -> Self:
        """The same model, told otherwise; see `PromptedGenerator`."""
        other = copy(self)
        other.prompt = prompt
        return other


@runtime_checkable
class PromptedBackend(Protocol):
    """Optional, of a backend: its generator may be one that is asked with a template."""

    @property
    def prompt(self) -> PromptTemplate | None:
        """The template; None where the generator reads no prompt."""

    def with_prompt(self, prompt: PromptTemplate) -> Backend:
        """The same backend, asking with another template, for everything that it offers. What is open is shared: it is not to be closed.

        Raises InputError where the generator reads no prompt.
        """


def prompt_of(backend: Backend) -> PromptTemplate | None:
    """What a backend asks its generator with; None where it takes no template from here."""
    return backend.prompt if isinstance(backend, PromptedBackend) else None


def asking_with(backend: Backend, prompt: PromptTemplate | None) -> Backend:
    """A backend that asks with a template, or as it is for None. Raises InputError for one that takes none from here."""
    if prompt is None or prompt_of(backend) == prompt:
        return backend
    if not isinstance(backend, PromptedBackend):
        raise InputError(
            f"The backend {backend.name} takes no prompt from here: what it tells its generator is settled where that runs. Ask with a "
            "prompt on local/research."
        )
    return backend.with_prompt(prompt)


def describe_prompt(prompt: PromptTemplate | None) -> dict[str, Setting]:
    """What a trace's settings record of a template, so that it can be asked with again wherever the trace is read; nothing of None."""
    if prompt is None:
        return {}
    return {PROMPT: prompt.version, **({} if prompt == DEFAULT else {PROMPT_TEXT: prompt.text})}


def recorded_prompt(settings: Mapping[str, Setting]) -> PromptTemplate | None:
    """The template that a trace was asked with; None where its settings name none. Raises InputError where its text is not known."""
    version = settings.get(PROMPT)
    if version is None or version == DEFAULT.version:
        return None if version is None else DEFAULT
    found = PromptTemplate(str(version).rpartition("@")[0], str(settings.get(PROMPT_TEXT) or ""))
    if found.version != version:
        raise InputError(f"The text that is recorded with the prompt {str(version)[:80]} is another one. Ask anew.")
    return found


def asking_as_recorded(backend: Backend, settings: Mapping[str, Setting]) -> Backend:
    """A backend that asks with the template that a trace's settings record: a trace that names none was asked with DEFAULT.

    Raises InputError where the trace names one and the backend takes none, or its text is not known.
    """
    prompt = recorded_prompt(settings)
    if prompt is None and prompt_of(backend) is not None:
        prompt = DEFAULT
    return asking_with(backend, prompt)

"""Models that cost nothing and count what they do, and a dataset with documents of its own."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.registry import BackendConfig
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate
from pipeline.types import Chunk, Confidence, GenerateOptions, Generation, Token
from tests.local.fake_embedder import FakeEmbedder

ARTICLES = ("Oslo", "Lima", "Cairo", "Quito", "Delhi", "Accra")


class FirstSentence:
    """Says the best chunk's first sentence; abstains from questions about rivers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        self.asked.append((question, tuple(chunk.chunk_id for chunk in chunks)))
        text = chunks[0].text.split(".")[0]
        yield Token(text, -0.1)
        yield Generation(text, (Token(text, -0.1),), 0, "stop", Confidence(0.5, "calibrated"), "river" in question)


class Together(FirstSentence):
    """The same, several at once."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.batches: list[int] = []

    def generate_batch(
        self,
        requests: Sequence[tuple[str, Sequence[Chunk]]],
        options: GenerateOptions,
        *,
        deadline: Deadline | None = None,
    ) -> list[Generation]:
        self.batches.append(len(requests))
        return [list(self.generate(question, chunks, options))[-1] for question, chunks in requests]  # type: ignore[misc]


class Told(FirstSentence):
    """Says the last sentence where its prompt asks for that, else the first. prompt: what it is told."""

    def __init__(self, name: str, prompt: PromptTemplate = DEFAULT, asked: list[Any] | None = None) -> None:
        super().__init__(name)
        self.prompt = prompt
        self.asked = [] if asked is None else asked

    def with_prompt(self, prompt: PromptTemplate) -> "Told":
        return Told(self.name, prompt, self.asked)

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        text = self.prompt.write(question, chunks).text
        self.asked.append((self.prompt.name, question, tuple(chunk.chunk_id for chunk in chunks)))
        said = chunks[0].text.split(".")[-2 if "last" in text else 0]
        yield Token(said, -0.1)
        yield Generation(said, (Token(said, -0.1),), 0, "stop", Confidence(0.5, "calibrated"), prompt=text)


class Backwards:
    """Puts the last first."""

    name = "backwards"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        self.asked.append(question)
        return [replace(chunk, rank=rank) for rank, chunk in enumerate(reversed(chunks), start=1)]


class FakeModels:
    """Where a study's models come from: any word but `broken`; `together` answers several at once, `told` reads a prompt."""

    def __init__(self, config: BackendConfig | None = None) -> None:
        self.embedders: dict[str, FakeEmbedder] = {}
        self.generators: list[FirstSentence] = []
        self.rerankers: list[Backwards] = []

    def embedder(self, word: str) -> FakeEmbedder:
        if word == "broken":
            raise Unavailable("The model broken cannot be found. Name another.")
        self.embedders[word] = FakeEmbedder(word)
        return self.embedders[word]

    def spans(self) -> None:
        return None

    def generator(self, word: str, embedder: object, sentences: object, spans: object) -> FirstSentence:
        self.generators.append({"together": Together, "told": Told}.get(word, FirstSentence)(word))
        return self.generators[-1]

    def reranker(self, word: str, embedder: object, sentences: object) -> Backwards:
        self.rerankers.append(Backwards())
        return self.rerankers[-1]


def write_cities(path: Path) -> Path:
    """Six articles of three paragraphs, two questions about each; the second has no answer."""
    data = []
    for number, city in enumerate(ARTICLES):
        context = "\n\n".join(
            f"{city} {subject} since {1000 + number}. " + f"People of {city} like the {subject} very much. " * 6
            for subject in ("trades fish", "builds ships", "mines copper")
        )
        asked = [
            {
                "id": f"{city}-1",
                "question": f"Since when has {city} built ships?",
                "answers": [{"text": str(1000 + number), "answer_start": context.index(str(1000 + number))}],
            },
            {"id": f"{city}-2", "question": f"Which river crosses {city}?", "answers": [], "is_impossible": True},
        ]
        data.append({"title": city, "paragraphs": [{"context": context, "qas": asked}]})
    path.write_text(json.dumps({"version": "v2.0", "data": data}))
    return path

"""A backend over a real corpus whose models cost nothing: vectors of words, and a reader that says the first chunk."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.backend import ScoringBackend
from backends.local.profiles import open_corpus, open_questions
from backends.registry import BackendConfig
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError, Unavailable
from pipeline.types import Chunk, Confidence, GenerateOptions, Generation, Kind, Token
from tests.local.fake_embedder import FakeEmbedder

TOPICS = (
    "volcano",
    "glacier",
    "river",
    "desert",
    "forest",
    "island",
    "canyon",
    "lagoon",
    "meadow",
    "geyser",
    "reef",
    "tundra",
)


class WordEmbedder(FakeEmbedder):
    """Texts that share words are near each other; nothing is remembered."""

    def knows(self, question: str) -> bool:
        return False

    def remember(self, vectors: Mapping[str, Any]) -> None:
        pass


class Deaf(WordEmbedder):
    """An embedder to which every text is its length: it finds nothing."""

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Any:
        rows = np.array([[1.0, len(text) / 1000, *[0.0] * (self.dimension - 2)] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class FirstChunk:
    """Says all of the first chunk, or a word of its own."""

    def __init__(self, name: str, says: str = "") -> None:
        self.name, self.says = name, says

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        if not chunks:
            yield Generation("Nothing.", (), 0, "abstained", abstained=True)
            return
        answer = self.says or chunks[0].text
        tokens = tuple(Token(f" {word}", -0.1) for word in answer.split())
        sure = Confidence(0.9 if chunks[0].text.startswith("The") else 0.4, "token_probability")
        yield Generation(answer, tokens, 10, "stop", sure, used_chunk_ids=(chunks[0].chunk_id,))

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> Any:
        said = [
            -1.0 if any(answer in " ".join(chunk.text.split()) for chunk in chunks) else -3.0 for chunks in chunk_sets
        ]
        return np.array([[each] * len(answer.split()) for each in said], np.float32)

    def split_answer(self, answer: str) -> list[str]:
        return answer.split()


class KeepsOrder:
    name = "keeps order"

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        return list(chunks)


GENERATORS = {"first": FirstChunk("first"), "mute": FirstChunk("mute", "Unrelated words.")}


def open_fake(name: str, config: BackendConfig) -> ScoringBackend:
    """`fake` reads the first chunk; `local/research` reads with the generator that its configuration names."""
    if name not in ("fake", "local/research"):
        raise ConfigError(f"There is no backend {name!r}.")
    named = "first" if name == "fake" else config.generator
    if named not in GENERATORS:
        raise Unavailable(f"The model {named} cannot be found. Name another.")
    embedder = WordEmbedder()
    corpus = open_corpus(config, embedder, with_sentences=False)
    options = GenerateOptions(config.max_new_tokens)
    questions = open_questions(config, embedder)
    return ScoringBackend(name, corpus, embedder, GENERATORS[named], KeepsOrder(), options, questions=questions)


def write_questions(path: Path) -> Path:
    """A dataset of 24 questions about 12 articles, each of a paragraph with the answers and one without."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "type", "article", "context"])
        for number, topic in enumerate(TOPICS):
            context = (
                f"The {topic} keeper is called Person{number}. The {topic} was found in year {1900 + number}.\n\n"
                + f"Visitors of the {topic} bring water and bread and a map along. " * 6
            )
            writer.writerow(
                [
                    f"a{number}",
                    f"Who is the {topic} keeper called?",
                    f"Person{number}",
                    "PERSON",
                    f"On {topic}",
                    context,
                ]
            )
            writer.writerow(
                [
                    f"b{number}",
                    f"When was the {topic} found in year?",
                    str(1900 + number),
                    "DATE",
                    f"On {topic}",
                    context,
                ]
            )
    return path

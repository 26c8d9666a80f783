"""The research profile's fast engines against the plain loop, on models of the production models' exact shape with random weights.

    python -m benchmarks.bench_engines [--rounds N] [--threads N] [--tokens N]

The plain loop is `SentenceTransformer.encode`, `model.generate` and one forward pass a forced answer, in float32. Both sides take turns
within one run, so that ratios hold on a busy machine; CPU seconds are this process's. Also how far 8 bits are from float32, for what that
says of random weights. Takes about 4 GB of memory and 5 GB of disk.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.documents import builtin_documents
from backends.local.research import ResearchEmbedder, ResearchGenerator
from benchmarks.bench_research import make_embedder, make_generator
from pipeline.types import Chunk, GenerateOptions, Generation

ROUNDS, TOKENS, THREADS = 5, 32, 1
CHUNKS = 5
CHUNK_CHARACTERS = 235
"""Five of them make a prompt of about 400 tokens."""
PASSAGE_CHARACTERS = 740
"""A chunk of the product's own."""
ANSWER_WORDS = 6

Work = Callable[[int], Any]
"""Something to be timed, given the round's number, so that nothing is remembered from the last one."""


def take_turns(plain: Work, fast: Work, rounds: int) -> list[tuple[float, float]]:
    """Median (wall, CPU) seconds of each, after one round that does not count."""
    taken: list[list[tuple[float, float]]] = [[], []]
    for number in range(rounds + 1):
        for place, work in enumerate((plain, fast)):
            wall, cpu = time.perf_counter(), time.process_time()
            work(number)
            taken[place].append((time.perf_counter() - wall, time.process_time() - cpu))
    return [(statistics.median(w for w, _ in each[1:]), statistics.median(c for _, c in each[1:])) for each in taken]


class Contest:
    """Both sides of one run."""

    def __init__(self, folder: Path, threads: int, tokens: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.tokens = torch, tokens
        texts = [each.text for each in builtin_documents()]
        self.texts = texts
        fast = {"threads": threads, "engine": "ctranslate2", "cache_dir": folder / "models"}
        generator, embedder = folder / "flan-t5-base-shape", folder / "e5-large-shape"
        make_generator(generator, texts)
        make_embedder(embedder, texts)
        began = time.perf_counter()
        self.embedder = ResearchEmbedder(str(embedder), **fast)
        self.generator = ResearchGenerator(str(generator), **fast)
        print(f"converted in {time.perf_counter() - began:.0f} s: {self.embedder.name}, {self.generator.name}")
        self.slow_embedder = ResearchEmbedder(str(embedder), threads=threads)
        self.slow_generator = ResearchGenerator(str(generator), threads=threads)
        self.chunks = [
            Chunk(f"c{n}", f"d{n}", "Title", text[:CHUNK_CHARACTERS], score=1.0, rank=n + 1)
            for n, text in enumerate(texts[:CHUNKS])
        ]

    def question(self, number: int) -> str:
        """Another one each round."""
        return f"Who was the first to say number {number} of this?"

    def ask_plainly(self, number: int) -> Any:
        """Embed a question and generate, as one would with the two libraries."""
        question, model = self.question(number), self.slow_generator._model
        self.slow_embedder._model.encode([f"query: {question}"], normalize_embeddings=True, show_progress_bar=False)
        ids = self.torch.tensor([self.generator._prompts.encode(question, self.chunks)])
        with self.torch.inference_mode():
            return model.generate(
                input_ids=ids,
                attention_mask=self.torch.ones_like(ids),
                max_new_tokens=self.tokens,
                do_sample=False,
                output_scores=True,
                return_dict_in_generate=True,
            )

    def ask(self, number: int) -> Generation:
        """The same through the product, token by token with their log-probabilities."""
        question = self.question(number)
        self.embedder.embed([question], "query")
        *_, made = self.generator.generate(question, self.chunks, GenerateOptions(self.tokens))
        assert isinstance(made, Generation)
        assert len(made.tokens) == self.tokens
        return made

    def sets(self) -> list[list[Chunk]]:
        """All subsets of the chunks: 32."""
        return [list(some) for size in range(CHUNKS + 1) for some in combinations(self.chunks, size)]

    def answer(self) -> str:
        """What is forced."""
        return " ".join(self.texts[0].split()[:ANSWER_WORDS])

    def score_plainly(self, number: int) -> Any:
        """One forward pass a set, one after the other."""
        labels = self.torch.tensor([self.generator._prompts.encode_answer(self.answer())])
        with self.torch.inference_mode():
            for chunks in self.sets():
                ids = self.torch.tensor([self.generator._prompts.encode(self.question(number), chunks)])
                logits = self.slow_generator._model(input_ids=ids, labels=labels).logits
                logits.log_softmax(dim=-1).gather(-1, labels.unsqueeze(-1))

    def score(self, number: int) -> Any:
        """The same through the product."""
        return self.generator.score(self.question(number), self.sets(), self.answer())

    def embed_plainly(self, number: int) -> Any:
        """A passage."""
        return self.slow_embedder._model.encode(
            [f"passage: {self.passage(number)}"], normalize_embeddings=True, show_progress_bar=False
        )

    def embed(self, number: int) -> Any:
        """The same through the product."""
        return self.embedder.embed([self.passage(number)], "passage")

    def passage(self, number: int) -> str:
        """Another one each round."""
        return self.texts[number][:PASSAGE_CHARACTERS]

    def print_agreement(self) -> None:
        """How far 8 bits are from float32."""
        slow, fast = (each.score(self.question(0), self.sets(), self.answer()) for each in self.generators)
        apart = np.abs(slow - fast)
        print(f"log-probabilities, int8 against float32: mean {apart.mean():.2g}, most {apart.max():.2g} nats")
        texts: Sequence[str] = [self.passage(number) for number in range(4)]
        cosines = (self.embedder.embed(texts, "passage") * self.slow_embedder.embed(texts, "passage")).sum(axis=1)
        print(f"vectors, int8 against float32: least cosine {cosines.min():.4g}")

    @property
    def generators(self) -> tuple[ResearchGenerator, ResearchGenerator]:
        """Torch's, and the fast one."""
        return self.slow_generator, self.generator


def measure(folder: Path, rounds: int, threads: int, tokens: int) -> None:
    """Make and convert the models, let both sides take turns, and print."""
    contest = Contest(folder, threads, tokens)
    prompt = len(contest.generator._prompts.encode(contest.question(0), contest.chunks))
    print(f"prompt of {prompt} tokens, answer of {tokens}, {threads} thread(s), median of {rounds} rounds; seconds")
    print(f"{'':<38}{'plain':>9}{'fast':>9}{'times':>8}{'plain, CPU':>12}{'fast, CPU':>11}{'times':>8}")
    for name, plain, fast, some in (
        ("question: embed and generate", contest.ask_plainly, contest.ask, rounds),
        ("32 forced scores", contest.score_plainly, contest.score, max(1, rounds // 2)),
        (f"passage of {PASSAGE_CHARACTERS} characters", contest.embed_plainly, contest.embed, rounds),
    ):
        (wall, cpu), (fast_wall, fast_cpu) = take_turns(plain, fast, some)
        print(
            f"{name:<38}{wall:>9.3g}{fast_wall:>9.3g}{wall / fast_wall:>8.3g}"
            f"{cpu:>12.3g}{fast_cpu:>11.3g}{cpu / fast_cpu:>8.3g}",
            flush=True,
        )
    contest.print_agreement()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.3g} MB")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments.rounds, arguments.threads, arguments.tokens)


if __name__ == "__main__":
    main()

"""An index of any size over made documents: how long it takes to build, open and search, what memory it takes, and its pages.

Vectors are made, as those of `bench_faiss` are, not embedded, and put where the embedded profile looks for its own. A chunk is one
sentence of some hundred characters, so that texts take a fifth of what chunks of usual length do. Each size is measured in a process of
its own. Seconds are the processor's unless said otherwise, of all of its cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.build import build_index
from backends.local.chunking import Chunking
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document, KnownFile, Part
from backends.local.index_choice import IndexChoice, write_choice
from benchmarks.bench_faiss import FloatArray, directions, make_vectors, say
from benchmarks.seeding import make_words

EACH_DOCUMENT = 100
"""Chunks of a document."""

QUERIES, ANSWERS = 50, 5
"""How often is searched, and answered; the median counts."""

ASKED = "What is said of the third part?"

PAGES_OF_CORPUS = ("corpus", "corpus, consulted", "corpus, map", "ask", "overview, a day", "status")
"""Pages that look at the index."""

COMMANDS_OF_CORPUS: Mapping[str, Sequence[str]] = {
    "corpus list": ["corpus", "list"],
    "corpus list --search": ["corpus", "list", "--search", "document 3"],
    "corpus show": ["corpus", "show", "made-0"],
    "corpus show --text": ["corpus", "show", "made-0", "--text"],
    "index, nothing to do": ["index"],
}
"""Commands that read documents or the index."""


class MadeEmbedder:
    """Gives vectors that are made, whatever the text, in the name of another embedder."""

    def __init__(self, like: Any, chunks: int) -> None:
        self.name, self.dimension, self.fingerprint = like.name, like.dimension, like.fingerprint
        self._random = np.random.default_rng(0)
        self._centres = directions(max(10, chunks // 40), self.dimension, self._random)

    def embed(self, texts: Sequence[str], kind: str, *, deadline: Any = None) -> FloatArray:
        """float32 (n, dimension), L2-normalised."""
        return make_vectors(len(texts), self.dimension, self._random, self._centres)


class NoCache:
    """Keeps no vector: what is made is not worth keeping."""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """Nothing."""
        return {}

    def put(self, items: Sequence[Any]) -> None:
        """Nothing."""


def make_documents(chunks: int) -> Iterator[Document]:
    """Documents of EACH_DOCUMENT sections of one sentence."""
    words = make_words()
    random = np.random.default_rng(1)
    for number in range(0, chunks, EACH_DOCUMENT):
        texts, parts, start = [], [], 0
        for place in range(number, min(number + EACH_DOCUMENT, chunks)):
            drawn = " ".join(words[int(len(words) ** each) - 1] for each in random.random(12))
            text = f"Part {place} says of {drawn}."
            texts.append(text)
            parts.append(Part(start, start + len(text), "text", (f"Section {place}",)))
            start += len(text) + 2
        name = f"made-{number // EACH_DOCUMENT}"
        yield Document(
            name, f"Made document {number // EACH_DOCUMENT}", "\n\n".join(texts), f"{name}.txt", tuple(parts)
        )


def _keep(corpus: LocalCorpus, chunks: int) -> None:
    block: list[Document] = []
    for number, document in enumerate(make_documents(chunks)):
        block.append(document)
        if len(block) == 200 or len(block) * EACH_DOCUMENT >= chunks:
            corpus.library.keep(KnownFile(f"made-{number}.zip", read_at=time.time()), block)
            block = []
    if block:
        corpus.library.keep(KnownFile("made-rest.zip", read_at=time.time()), block)


def build(corpus: LocalCorpus, chunks: int, index: str, effort: int) -> dict[str, float]:
    """Keep the documents and build the index; seconds of each."""
    from benchmarks.scaled_pages import peak_mb

    began = time.perf_counter()
    _keep(corpus, chunks)
    kept_s, built = time.perf_counter() - began, time.process_time()
    if index:
        write_choice(corpus.index.root, IndexChoice(index, effort, 10, "", time.time()))
    said = [""]

    def tell(progress: Any) -> None:
        if progress.step != said[0]:
            said[0] = progress.step
            say(f"  {progress.step} after {time.perf_counter() - began:.0f} s")

    made: Any = MadeEmbedder(corpus._embedder, chunks)
    cache: Any = NoCache()
    manifest = build_index(
        corpus.index.root,
        corpus.documents(),
        made,
        cache,
        corpus_hash=corpus.fingerprint(),
        chunking=corpus.chunking or Chunking(),
        with_sentences=corpus.with_sentences,
        on_progress=tell,
        holder=corpus.index.holder,
    )
    say(f"  {manifest.chunks:,} chunks, {manifest.search}, {manifest.tuning and asdict(manifest.tuning)}")
    return {
        "documents kept, s on the clock": kept_s,
        "index built, s on the clock": manifest.build_s,
        "index built, s": time.process_time() - built,
        "building, peak MB": peak_mb(),
    }


def place_of(chunks: int, folder: Path, index: str) -> Path:
    """The data folder of a corpus of so many chunks. index: its kind where one was asked for."""
    return folder.absolute() / f"corpus-{chunks}{f'-{index}'.replace(',', '-') if index else ''}"


def own_data(place: Path) -> dict[str, str]:
    """The settings that make a data folder's documents all that there are."""
    return {"RAGLASS_DATA_DIR": str(place), "RAGLASS_BUILTIN_CORPUS": "0"}


def measure_one(chunks: int, folder: Path, index: str, effort: int) -> dict[str, float]:
    """Build where need be, open, search, ask, and run the pages and the commands."""
    from benchmarks.scaled_pages import PAGES, measure_commands, measure_pages, peak_mb, said_once

    place = place_of(chunks, folder, index)
    os.environ |= {**own_data(place), "RAGLASS_DATABASE_URL": f"sqlite:///{place / 'traces.sqlite'}"}
    built = place / "built.json"
    with _opened() as corpus:
        new = not corpus.state().manifest
        if new:
            built.write_text(json.dumps(build(corpus, chunks, index, effort)))
    if new:  # what building took of memory stays with the process that built
        return _again(chunks, folder, index, effort)
    found: dict[str, float] = json.loads(built.read_text()) | measure_questions()
    found["GB on disk"] = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 1e9
    with said_once():
        for page, taken in measure_pages({name: PAGES[name] for name in PAGES_OF_CORPUS}, ()).items():
            found |= {f"{page}: first, s": taken.cpu_s[0], f"{page}: again, s": taken.cpu_s[1]}
    found |= {"serving, peak MB": peak_mb()}  # commands list more than a page does, and are no part of serving
    for name, taken in measure_commands(COMMANDS_OF_CORPUS, (), place).items():
        found[f"raglass {name}, s"] = taken.cpu_s[0]
    return found


def measure_questions() -> dict[str, float]:
    """Opening the index that there is, searching it, and answering from it."""
    from app import services
    from benchmarks.scaled_pages import peak_mb, timed

    with _opened() as corpus:
        _, _, open_s = timed(corpus.index.opened)
        opened_mb = peak_mb()
        vector = corpus.embed_questions([ASKED])
        searches = [timed(lambda: corpus.index.search(vector, 10, texts=[ASKED]))[2] for _ in range(QUERIES)]
        _, _, state_s = timed(corpus.state)
        asking = services.services().asking
        answers = [timed(lambda: asking.ask(asking.question(ASKED)))[2] for _ in range(ANSWERS + 1)]
    return {
        "index opened, s": open_s,
        "index opened, peak MB": opened_mb,
        "search by meaning and words, ms": statistics.median(searches) * 1e3,
        "whether it is stale, ms": state_s * 1e3,
        "question answered, first, s": answers[0],
        "question answered, again, s": statistics.median(answers[1:]),
    }


@contextmanager
def _opened() -> Iterator[LocalCorpus]:
    """The corpus of new services over the data folder of the environment."""
    from app import services

    services.services.cache_clear()
    corpus = services.services().backends.corpus("local/embedded", build=False)
    assert corpus is not None
    try:
        yield corpus
    finally:
        services.services().close()
        services.services.cache_clear()


def _again(chunks: int, folder: Path, index: str, effort: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scaled_corpus", str(chunks), str(folder), index, str(effort)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_corpus(sizes: Sequence[int], folder: Path, index: str, effort: int) -> Mapping[str, Mapping[str, float]]:
    """Figures by the chunks in the index; one that is in `folder` is used, with what building it took."""
    found = {}
    for chunks in sizes:
        found[f"{chunks:,}"] = _again(chunks, folder.absolute(), index, effort)
        say(f"  {chunks:,} chunks: {json.dumps(found[f'{chunks:,}'])}")
    return found


def main() -> None:
    """Measure one size, and print it as JSON: a process of its own for `measure_corpus`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("chunks", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("index")
    parser.add_argument("effort", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory():
        print(json.dumps(measure_one(given.chunks, given.folder, given.index, given.effort)))


if __name__ == "__main__":
    main()

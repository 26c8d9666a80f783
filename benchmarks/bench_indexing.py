"""Adding documents end to end, as `raglass index FILE …` does: ten PDFs the size of manuals, read, cut, embedded, indexed.

    python -m benchmarks.bench_indexing [--documents N] [--pages N] [--threads N]

The manuals are made of the built-in articles' sentences in an order drawn by a fixed seed, so that no sentence vector is known beforehand:
each sentence bears a number. Processor and wall seconds, and chunks; a process of its own.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import corpus
from backends.local.splitting import split_sentences

SENTENCES_A_PAGE = 18
CHILD = """
import json, resource, sys
from pathlib import Path
from backends.local.documents import read_documents
from backends.registry import BackendConfig, open_backend
folder, threads = Path(sys.argv[1]), int(sys.argv[2])
backend = open_backend("local/embedded", BackendConfig(folder / "data", builtin_corpus=False, threads=threads))
for path in sorted(folder.glob("*.pdf")):
    for document in read_documents(path.name, path.read_bytes(), max_bytes=10**9):
        backend.corpus.library.add(document)
manifest = backend.corpus.build()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([manifest.chunks, manifest.sentences, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def main() -> None:
    """Make, index, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--pages", type=int, default=85, help="of each document; 85 make about 2,400 chunks of ten")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.documents):
            write_manual(folder / f"manual-{number}.pdf", number, options.pages)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(folder), str(options.threads)], check=True, capture_output=True, text=True
        )
        wall_s = time.perf_counter() - began
    chunks, sentences, processor_s, peak_mb = json.loads(done.stdout)
    print(f"{options.documents} PDFs of {options.pages} pages, {options.threads} threads")
    print(f"{chunks:,} chunks, {sentences:,} sentences")
    print(
        f"wall {wall_s:.0f} s, processor {processor_s:.0f} s, {processor_s / chunks:.3f} s a chunk, {peak_mb:.0f} MB at its peak"
    )


def write_manual(path: Path, number: int, pages: int) -> None:
    """A PDF of plain pages."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["BodyText"]
    sentences, story = numbered_sentences(number), []
    for _ in range(pages):
        for _ in range(3):
            story.append(Paragraph(" ".join(next(sentences) for _ in range(SENTENCES_A_PAGE // 3)), style))
        story.append(PageBreak())
    SimpleDocTemplate(str(path), pagesize=A4).build(story)


def numbered_sentences(seed: int) -> Iterator[str]:
    """Sentences of the built-in articles, drawn without end, each with a number of its own."""
    texts = [article.text[a:b] for article in corpus.articles() for a, b in split_sentences(article.text)]
    draw, count = random.Random(seed), 0
    while True:
        count += 1
        yield f"{draw.choice(texts)[:-1]} ({seed}.{count})."


if __name__ == "__main__":
    main()

"""PDFs as Raglass reads them, beside what the libraries that could have been used give by themselves.

    python -m benchmarks.bench_extractors FOLDER [--most 12]

FOLDER: as `python -m benchmarks.manuals FOLDER` leaves it. A library that is not installed is named and left out: pypdfium2 is
there, the others (pypdf, kreuzberg, pdf_oxide) are for comparison alone. Each reads all files in a process of its own. Printed: seconds of
processor time, peak memory, the share of letters in words of 20 letters and more (spaces that were lost), lines with dot leaders, and lines
that stand alike at the head or foot of a third of a file's pages.
"""

import argparse
import importlib.util
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

LONG = re.compile(r"[^\W\d_]{20,}")
LETTER = re.compile(r"[^\W\d_]")
LEADERS = re.compile(r"(?:\. ?){5,}")
SHARE_OF_PAGES = 1 / 3

Pages = list[str]


def by_raglass(path: Path) -> Pages:
    """A text for each document."""
    from backends.local.documents import read_path

    return [document.text for document in read_path(path, max_bytes=10**9)]


def by_pypdfium2(path: Path) -> Pages:
    """A text for each page."""
    from pypdfium2 import PdfDocument

    return [page.get_textpage().get_text_range() for page in PdfDocument(path)]


def by_pypdf(path: Path) -> Pages:
    """A text for each page."""
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(path).pages]


def by_kreuzberg(path: Path) -> Pages:
    """One text."""
    from kreuzberg import extract_file_sync

    return [extract_file_sync(str(path)).content]


def by_pdf_oxide(path: Path) -> Pages:
    """A text for each page."""
    from pdf_oxide import PdfDocument

    document = PdfDocument(str(path))
    return [document.extract_text(number) for number in range(document.page_count())]


READERS: dict[str, Callable[[Path], Pages]] = {
    "raglass": by_raglass,
    "pypdfium2": by_pypdfium2,
    "pypdf": by_pypdf,
    "kreuzberg": by_kreuzberg,
    "pdf_oxide": by_pdf_oxide,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=12, help="files, the smallest first")
    parser.add_argument("--by", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.pdf"), key=lambda path: path.stat().st_size)[: options.most]
    if not paths:
        raise SystemExit(
            f"{options.folder} holds no PDF. `python -m benchmarks.manuals {options.folder}` fetches some."
        )
    if options.by:
        print(json.dumps(measure(READERS[options.by], paths)))
        return
    print(f"{len(paths)} files of {options.folder.name}")
    print(f"{'':12} {'CPU s':>7} {'peak MB':>8} {'long words':>11} {'leaders':>8} {'heads and feet':>15} {'failed':>7}")
    for name in READERS:
        if name != "raglass" and importlib.util.find_spec(name) is None:
            print(f"{name:12} is not installed")
            continue
        command = [
            sys.executable,
            "-m",
            "benchmarks.bench_extractors",
            str(options.folder),
            "--most",
            str(options.most),
        ]
        done = subprocess.run([*command, "--by", name], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name:12} {found['cpu_s']:7.1f} {found['peak_mb']:8.0f} {found['long']:11.2%} {found['leaders']:8,} "
            f"{found['running']:15,} {found['failed']:7}"
        )


def measure(read: Callable[[Path], Pages], paths: list[Path]) -> dict[str, float]:
    """What one reader makes of all files."""
    started = time.process_time()
    texts, failed = [], 0
    for path in paths:
        try:
            texts.append((path, read(path)))
        except Exception as error:  # noqa: BLE001 Each library raises what it likes.
            print(f"{path.name}: {type(error).__name__}", file=sys.stderr)
            failed += 1
    cpu_s = time.process_time() - started
    whole = "\n".join(page for _, pages in texts for page in pages)
    return {
        "cpu_s": cpu_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "long": sum(map(len, LONG.findall(whole))) / max(len(LETTER.findall(whole)), 1),
        "leaders": sum(bool(LEADERS.search(line)) for line in whole.splitlines()),
        "running": sum(sum(_running(path, pages)) for path, pages in texts),
        "failed": failed,
    }


def _running(path: Path, pages: Pages) -> Iterator[int]:
    """How often each line stands in the text that stands alike at the head or foot of many pages, as pdfium gives them."""
    from pypdfium2 import PdfDocument

    printed = [page.get_textpage().get_text_range().strip().splitlines() for page in PdfDocument(path)]
    counts = Counter(_key(lines[at]) for lines in printed if lines for at in {0, len(lines) - 1})
    heads = {key for key, count in counts.items() if key and count >= max(4, SHARE_OF_PAGES * len(printed))}
    lines = Counter(_key(line) for page in pages for line in page.splitlines())
    yield from (lines[head] for head in heads)


def _key(line: str) -> str:
    """A line without its page number; empty for one that is nothing else, since such lines stand in tables too."""
    return " ".join(re.sub(r"\d+", "#", line).split()).strip("# ")


if __name__ == "__main__":
    main()

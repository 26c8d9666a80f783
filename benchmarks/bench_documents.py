"""How well and how fast manuals are read and cut: words, what is left of the pages' frames, files and pages a processor second, memory.

    python -m benchmarks.bench_documents FOLDER [--only NAME …] [--sample N] [--show KIND] [--json FILE]

FOLDER: as `python -m benchmarks.manuals FOLDER` leaves it, a folder for each manual; other folders of documents will do. Each format of
each manual is read in a process of its own. `benchmarks.residue` says what counts as a page's frame. The sample is drawn with a fixed
seed over all chunks, for a person to look at: what no detector knows shows there.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends.local.chunking import split_document
from backends.local.documents import Document, find_files, read_path
from benchmarks.residue import KINDS, frame_of, letters
from pipeline.errors import InputError

MAX_BYTES = 100_000_000
EXAMPLES = 10
"""Chunks shown of a kind of residue."""

Chunk = tuple[Path, str, list[str]]
"""File, text, and those of `residue.KINDS` in it."""

CHILD = """
import json, sys
from pathlib import Path
from benchmarks.bench_documents import read_all
Path(sys.argv[1]).write_text(json.dumps(read_all(sys.stdin.read().splitlines())))
"""


def documents_of(path: Path) -> list[Document]:
    """The documents of a file. Raises InputError if it cannot be read."""
    return read_path(path, max_bytes=MAX_BYTES)


def chunks_of(document: Document) -> list[str]:
    """The texts of the chunks that a document is cut into."""
    return [piece.text for piece in split_document(document)]


@dataclass(slots=True)
class Group:
    """The files of one format of one manual, and what came of them."""

    name: str
    suffix: str
    there: int
    """Files in the folder."""
    read: int = 0
    """Files of which there is text."""
    pages: int = 0
    """Of PDFs and of texts set in pages; any other file counts as one."""
    seconds: float = 0.0
    """Of a processor, for reading and cutting; of the process and its children."""
    peak_mb: float = 0.0
    """Largest resident memory of the process that read, or of a child of it."""
    chunks: int = 0
    letters: int = 0
    long: int = 0
    """Letters in words of 20 letters or more."""
    leaders: int = 0
    """Chunks with such a residue; `residue.KINDS` says what the next four are."""
    running: int = 0
    navigation: int = 0
    marks: int = 0
    any: int = 0
    """Chunks with one of them at least."""


def main() -> None:
    """Read, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these manuals alone")
    parser.add_argument("--sample", type=int, default=0, help="print so many chunks drawn at random")
    parser.add_argument("--show", choices=KINDS, help="print some of the chunks that hold this")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()
    folder: Path = options.folder
    names = options.only or sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    groups: list[Group] = []
    chunks: list[Chunk] = []
    print(f"{'':29} files      pages       s  files/s pages/s  MB peak chunks | long words | share of chunks with")
    print(f"{'':29}  read/there{'':50}| of letters | " + " ".join(f"{kind:>10}" for kind in (*KINDS, "any")))
    for name in names:
        for group, paths in groups_of(folder / name):
            found, complaints = measure(group, paths)
            print(to_row(group), *(f"    {each}" for each in complaints), sep="\n", flush=True)
            groups.append(group)
            chunks += found
    for suffix in sorted({group.suffix for group in groups}):
        print(to_row(total("all", suffix, [group for group in groups if group.suffix == suffix])))
    print(to_row(total("all", "", groups)))
    shown = [chunk for chunk in chunks if options.show in chunk[2]] if options.show else []
    print_chunks(f"that hold {options.show}", shown, EXAMPLES, folder)
    print_chunks("in all", chunks, options.sample, folder)
    if options.json:
        options.json.write_text(json.dumps([asdict(group) for group in groups], indent=1) + "\n")


def groups_of(folder: Path) -> list[tuple[Group, list[Path]]]:
    """The formats of a manual, each with the files that would be read."""
    there, found = defaultdict[str, int](int), defaultdict[str, list[Path]](list)
    for path in folder.rglob("*"):
        there[kind_of(path)] += path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    for path in find_files(folder).files:
        found[kind_of(path)].append(path)
    return [(Group(folder.name, kind, there[kind]), found[kind]) for kind in sorted(there) if there[kind]]


def kind_of(path: Path) -> str:
    """A file's suffix; Sphinx's sources have two."""
    return ".rst.txt" if path.name.endswith(".rst.txt") else path.suffix.lower()


def measure(group: Group, paths: Sequence[Path]) -> tuple[list[Chunk], list[str]]:
    """Fill in a group's figures. Returns its chunks and what was complained of."""
    if not paths:
        return [], []
    report = read_apart(paths)
    group.read, group.seconds, group.peak_mb = len(report["chunks"]), report["seconds"], report["peak_mb"]
    chunks: list[Chunk] = []
    for name, texts in report["chunks"]:
        frame = frame_of(Path(name))
        group.pages += frame.pages
        chunks += [(Path(name), text, frame.kinds_in(text)) for text in texts]
    group.chunks = len(chunks)
    counts = [letters(text) for _, text, _ in chunks]
    group.letters, group.long = sum(every for every, _ in counts), sum(long for _, long in counts)
    for kind in KINDS:
        setattr(group, kind, sum(kind in kinds for _, _, kinds in chunks))
    group.any = sum(bool(kinds) for _, _, kinds in chunks)
    return chunks, report["complaints"]


def read_apart(paths: Sequence[Path]) -> dict[str, Any]:
    """`read_all` in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name, "report.json")
        command = [sys.executable, "-c", CHILD, str(report)]
        subprocess.run(command, input="\n".join(map(str, paths)), text=True, check=True)
        return json.loads(report.read_text())


def read_all(names: Iterable[str]) -> dict[str, Any]:
    """Each file's chunks, complaints, processor seconds, and the peak of memory."""
    chunks, complaints = [], []
    began = processor_s()
    for name in names:
        try:
            chunks.append((name, [text for document in documents_of(Path(name)) for text in chunks_of(document)]))
        except InputError as error:
            complaints.append(str(error))
    seconds = processor_s() - began
    status = (
        Path("/proc/self/status").read_text().splitlines()
    )  # getrusage would give the parent's peak where that is larger.
    own_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    peak_kb = max(own_kb, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return {"chunks": chunks, "complaints": complaints, "seconds": seconds, "peak_mb": peak_kb / 1024}


def processor_s() -> float:
    """Seconds that this process and its children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def total(name: str, suffix: str, groups: Sequence[Group]) -> Group:
    """The sums of groups, and the largest peak."""
    every = Group(name, suffix, 0)
    for field in ("there", "read", "pages", "seconds", "chunks", "letters", "long", *KINDS, "any"):
        setattr(every, field, sum(getattr(group, field) for group in groups))
    every.peak_mb = max((group.peak_mb for group in groups), default=0.0)
    return every


def to_row(group: Group) -> str:
    """A line of the table."""
    name = f"{group.name} {group.suffix}"
    head = f"{name:29} {group.read:4}/{group.there:<4} {group.pages:6}"
    if not group.read:
        return f"{head}   not read"
    speed = f"{group.seconds:7.1f} {group.read / group.seconds:8.1f} {group.pages / group.seconds:7.1f}"
    shares = " ".join(to_share(getattr(group, kind), group.chunks) for kind in (*KINDS, "any"))
    return f"{head} {speed} {group.peak_mb:8.0f} {group.chunks:6} | {to_share(group.long, group.letters)} | {shares}"


def to_share(part: int, whole: int) -> str:
    """A cell of it."""
    return f"{part / max(whole, 1):10.1%}"


def print_chunks(what: str, chunks: Sequence[Chunk], count: int, folder: Path) -> None:
    """Some chunks drawn with seed 0, the whole of each."""
    drawn = random.Random(0).sample(chunks, min(count, len(chunks)))
    for number, (path, text, kinds) in enumerate(drawn, 1):
        print(f"\n== {number}, of {len(chunks)} {what}: {path.relative_to(folder)} {kinds or ''}\n{text}")


if __name__ == "__main__":
    main()

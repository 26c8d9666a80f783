"""Hostile files through the extractor: how long each takes, what it holds of memory, and what is said.

    python -m benchmarks.bench_hostile [--only WORD …] [--time-s N] [--memory-mb N]

Pause is the longest that another thread of the asking process waited for its turn of 5 ms; what a page waits for when a reply comes in.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backends.local.documents import Extractor, ReadLimits
from benchmarks.hostile import HOSTILE
from pipeline.errors import InputError


def main() -> None:
    """Make each, read it, print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="files whose names hold one of these")
    parser.add_argument("--time-s", type=float, default=ReadLimits().time_s)
    parser.add_argument("--memory-mb", type=int, default=ReadLimits().memory_mb)
    options = parser.parse_args()
    chosen = [name for name in HOSTILE if not options.only or any(word in name for word in options.only)]
    print("file                      KB    time s  memory MB  pause s  outcome")
    with Extractor(ReadLimits(time_s=options.time_s, memory_mb=options.memory_mb)) as extractor:
        for name in chosen:
            data = HOSTILE[name]()
            began = time.perf_counter()
            with pauses() as longest:
                outcome = read(extractor, name, data)
            took = time.perf_counter() - began
            print(
                f"{name:20}{len(data) / 1000:9,.1f}{took:9.2f}{extractor.peak_bytes / 1e6:10,.0f}{longest[0]:10.2f}  {outcome}",
                flush=True,
            )


def read(extractor: Extractor, name: str, data: bytes) -> str:
    """What comes of a file, in a line."""
    try:
        documents = extractor.read(name, data)
    except InputError as error:
        return str(error)
    chars, parts = sum(len(each.text) for each in documents), sum(len(each.parts) for each in documents)
    doubts = " ".join(sorted({doubt for each in documents for doubt in each.doubts}))[:200]
    told = "/etc/passwd was read! " * any("root:" in each.text for each in documents)
    return f"{told}{len(documents):,} documents, {chars:,} characters, {parts:,} parts. {doubts}"


@contextmanager
def pauses() -> Iterator[list[float]]:
    """The longest time that a thread which sleeps 5 ms at a time was kept waiting, in a list of one."""
    longest, ended = [0.0], threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not ended.wait(0.005):
            now = time.perf_counter()
            longest[0], last = max(longest[0], now - last), now

    thread = threading.Thread(target=watch)
    thread.start()
    yield longest
    ended.set()
    thread.join()


if __name__ == "__main__":
    main()

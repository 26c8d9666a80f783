"""Commands that read or write all of a store, each in a process of its own, so that its peak of memory is told: exports, backup, restoring,
deleting.

    python -m benchmarks.scaled_wholes traces --export jsonl        # one of them, over the store of the environment

Restoring and deleting are of another store, which is filled by the restoring and gone afterwards.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scaled_pages import find_server, opened, peak_mb, run_command, server_s
from benchmarks.scaled_places import Place

READING: Mapping[str, Sequence[str]] = {
    "traces --export jsonl": ["traces", "--export", "jsonl"],
    "traces --export csv": ["traces", "--export", "csv"],
    "backup": ["backup", "{file}", "--force"],
    "restore --check": ["restore", "{file}", "--check"],
}
"""Of the store itself."""

WRITING: Mapping[str, Sequence[str]] = {
    "restore, into an empty store": ["restore", "{file}"],
    "traces delete, those of 29 days": ["traces", "delete", "--older-than", "29d", "--yes"],
    "traces delete --all": ["traces", "delete", "--all", "--with-runs", "--with-feedback", "--with-kept", "--yes"],
}
"""Of another one, in this order: the first fills it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a command took that goes through a whole store."""

    wall_s: float
    """On the clock."""
    cpu_s: float
    """Of processors: of its process, and of PostgreSQL's."""
    peak_mb: float
    """Most memory of its process at once; not PostgreSQL's."""


def measure_wholes(url: str, place: Place, only: Sequence[str], folder: Path) -> dict[str, Whole]:
    """Each of these commands over a store, and over another one that is made for it in `place`. folder: where the backup is written.

    only: names that hold one of these words; what others need is run all the same, and the store that is written to is filled.
    """
    file = folder / "whole.backup"
    chosen = [name for name in (*READING, *WRITING) if not only or any(word in name for word in only)]
    found: dict[str, Whole] = {}
    try:
        for name, words in READING.items():
            if name in chosen or (name == "backup" and set(chosen) - READING.keys()):
                found[name] = _run(name, words, url, file)
        if set(chosen) & WRITING.keys():
            with place("restored", fresh=True) as other:
                found |= {
                    name: _run(name, words, other, file)
                    for name, words in WRITING.items()
                    if name in chosen or name == next(iter(WRITING))
                }
    finally:
        file.unlink(missing_ok=True)
    return found


def _run(name: str, words: Sequence[str], url: str, file: Path) -> Whole:
    os.environ["RAGLASS_DATABASE_URL"] = url
    with opened():
        server = find_server()
    before_s, began = server_s(server), time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.scaled_wholes", *(word.format(file=file) for word in words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    wall_s = time.perf_counter() - began
    told = json.loads(done.stdout)
    whole = Whole(wall_s, told["cpu_s"] + server_s(server) - before_s, told["peak_mb"])
    print(f"  {name}: {whole.cpu_s:.1f} s ({whole.wall_s:.1f}), {whole.peak_mb:.0f} MB", file=sys.stderr, flush=True)
    return whole


def main() -> None:
    """Run one command, and print what it took as JSON."""
    run_command(sys.argv[1:])
    print(json.dumps({"cpu_s": time.process_time(), "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()

"""Generated inputs to everything that reads what comes from outside: what came of each target, as a table.

Leaves with 1 after a crash, and with 3 where a target's time was up before it had all of its inputs.

    python -m tests.fuzz [--inputs N] [--seconds S] [--seed N] [--only WORD …]

Two targets run side by side, each in a process of its own. The same seed makes the same inputs. Slowest is the longest that one input
took, read the share of inputs that were taken, lines the share of the reading code's lines that were reached.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz.one import ROOT
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import Tried

SIDE_BY_SIDE = 2
SHOWN_INPUTS = 2
"""Inputs shown of one crash."""


def main() -> int:
    """The status to leave with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs to each target")
    parser.add_argument("--seconds", type=float, default=600.0, help="after which a target takes no more of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(TARGETS), choices=TARGETS)
    options = parser.parse_args()
    head = f"{'target':40}{'inputs':>8}{'read':>7}{'slowest ms':>12}{'seconds':>9}{'lines':>8}{'crashes':>9}\n"
    sys.stdout.write(head)
    crashed, cut = 0, []
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for tried in pool.map(lambda name: run(name, options.inputs, options.seconds, options.seed), options.only):
            crashed += len(tried.crashes)
            if tried.inputs < options.inputs:
                cut.append(tried.name)
            sys.stdout.write("".join(f"{line}\n" for line in lines(tried)))
            sys.stdout.flush()
    sys.stdout.write(f"\n{crashed or 'no'} kinds of crash\n")
    if cut:
        sys.stdout.write(
            f"time was up before {options.inputs:,} inputs, so these are not tried enough: {', '.join(cut)}\n"
        )
    return 1 if crashed else 3 if cut else 0


def run(name: str, inputs: int, limit_s: float, seed: int) -> Tried:
    """What comes of a target; a process that dies is a crash itself."""
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(inputs), str(limit_s), str(seed)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        return Tried(TARGETS[name].name, crashes={f"the process ended with {ended.returncode}": [ended.stderr[-600:]]})
    return Tried(**json.loads(ended.stdout))


def lines(tried: Tried) -> Iterator[str]:
    """A target's lines of the table: its own, and those of its crashes."""
    yield row(tried)
    for place, inputs in tried.crashes.items():
        yield f"  {place} ({len(inputs):,} times)"
        yield from (f"    {each}" for each in inputs[:SHOWN_INPUTS])


def row(tried: Tried) -> str:
    """A target's line of the table."""
    read = f"{tried.accepted / tried.inputs:.0%}" if tried.inputs else "–"
    reached = "–" if tried.covered is None else f"{tried.covered:.0f}%"
    return f"{tried.name:40}{tried.inputs:8,}{read:>7}{tried.slowest_ms:12,.0f}{tried.took_s:9.1f}{reached:>8}{len(tried.crashes):9}"


if __name__ == "__main__":
    raise SystemExit(main())

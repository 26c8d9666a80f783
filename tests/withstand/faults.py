"""`python -m tests.withstand.faults`: every part of Raglass goes wrong in every way, on this machine, and what came back.

A cell holds where the error is typed, the question's trace is stored, the question ends within its deadline plus one second, and the next
one is answered. Leaves with 1 if one does not hold.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.metrics.postgres_cluster import PostgresCluster, find_binaries, has_vector
from tests.withstand.asked import open_asked
from tests.withstand.doubles import doubling
from tests.withstand.gate import FAULTS, Fault
from tests.withstand.parts import Outcome, Part, Place
from tests.withstand.stores import PostgresPart, SqlitePart
from tests.withstand.told import open_told
from tests.withstand.vectors import PgvectorPart

DEADLINE_S = 2.0
"""Of each question, unless `--deadline` says otherwise."""

WIDTH = 18
"""Characters of the table's first column; the others take 12."""


@contextmanager
def opened_parts(
    deadline_s: float, cluster: PostgresCluster | None, vectors: PostgresCluster | None
) -> Iterator[list[Part]]:
    """Every part, each behind what lets it go wrong.

    cluster: for the store in PostgreSQL. vectors: for vectors in PostgreSQL, which has pgvector. None leaves them out.
    """
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        place = Place(folder, deadline_s, undo)
        upstream = undo.enter_context(doubling())
        parts: list[Part] = [*open_asked(place, upstream), *open_told(place, upstream), SqlitePart(place)]
        if cluster is not None:
            parts.append(PostgresPart(place, cluster))
        if vectors is not None:
            parts.append(PgvectorPart(place, vectors))
        yield parts


@contextmanager
def _servers() -> Iterator[tuple[PostgresCluster, PostgresCluster]]:
    """A server, and one that has pgvector: the same, where it has."""
    binaries = find_binaries()
    with PostgresCluster(binaries) as cluster:
        if has_vector(binaries):
            yield cluster, cluster
            return
        with PostgresCluster(find_binaries(with_vector=True)) as vectors:
            yield cluster, vectors


def main() -> int:
    """The status to leave with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deadline", type=float, default=DEADLINE_S, help="seconds of each question")
    deadline_s = parser.parse_args().deadline
    logging.disable(logging.CRITICAL)
    notes: list[str] = []
    tried = failed = 0
    with _servers() as servers, opened_parts(deadline_s, *servers) as parts:
        sys.stdout.write(_row("", FAULTS))
        for part in parts:
            cells = []
            for fault in FAULTS:
                if fault in part.cannot:
                    cells.append("–")
                    notes.append(f"– {part.name}, {fault}: {part.cannot[fault]}.")
                    continue
                outcome = tried_once(part, fault)
                tried, failed = tried + 1, failed + (not outcome.held)
                cells.append("held" if outcome.held else "NOT HELD")
                notes.append(f"{'' if outcome.held else 'NOT HELD '}{part.name}, {fault}: {outcome.came_back}.")
            sys.stdout.write(_row(part.name, cells))
            sys.stdout.flush()
    sys.stdout.write("\n" + "\n".join(notes))
    sys.stdout.write(f"\n\n{tried - failed} of {tried} cells held ({100 * (tried - failed) / tried:.0f} %)\n")
    return 1 if failed else 0


def tried_once(part: Part, fault: Fault) -> Outcome:
    """What a cell came to; one that could not be carried out proves nothing, and so counts as not held."""
    try:
        return part.try_fault(fault)
    except Exception as error:  # noqa: BLE001 - whatever went wrong belongs into the table
        return Outcome(False, f"could not be tried: {type(error).__name__}: {error}".replace("\n", " ")[:300])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{WIDTH}}  " + "".join(f"{cell:<12}" for cell in cells).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""`python -m serving.supply bill|licences|audit`, which the Makefile calls.

`audit` leaves with 0 if nothing is known, 1 if something is, 3 if it could not be looked up: silence is never taken for an answer.
"""

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from pipeline.errors import RaglassError
from serving.supply.advisories import search_database, search_osv
from serving.supply.bill import bill_text, licence_lines
from serving.supply.locks import FOLDER, Package, read_locks

ACCEPTED = FOLDER / "accepted.toml"
"""Advisories that are lived with, each with a reason and a last day."""

CLEAN, FOUND, UNKNOWN = 0, 1, 3


def main(arguments: Sequence[str] | None = None, accepted: Path = ACCEPTED) -> int:
    """Run one of them; returns what the process leaves with."""
    parser = argparse.ArgumentParser(prog="python -m serving.supply", description=__doc__)
    parser.add_argument("what", choices=("bill", "licences", "audit"))
    parser.add_argument(
        "--database", type=Path, help="OSV's export of Python packages, a ZIP or a folder; else OSV is asked"
    )
    parser.add_argument("locks", nargs="*", type=Path, help="lock files; all of requirements/ if none is named")
    given = parser.parse_intermixed_args(arguments)
    try:
        packages = read_locks(given.locks)
        match given.what:
            case "bill":
                sys.stdout.write(bill_text(packages))
            case "licences":
                sys.stdout.write("\n".join(licence_lines(packages)) + "\n")
            case _:
                return _audit(packages, given.database, accepted)
    except RaglassError as error:
        unsaid = " Of the packages nothing is known either way: the audit did not run, and has not passed."
        sys.stderr.write(f"Not looked up: {error}{unsaid if given.what == 'audit' else ''}\n")
        return UNKNOWN
    return CLEAN


def _audit(packages: list[Package], database: Path | None, accepted: Path) -> int:
    found = search_osv(packages) if database is None else search_database(packages, database)
    lived_with = _accepted(accepted)
    new = [each for each in found if each.advisory not in lived_with]
    for each in new:
        sys.stdout.write(
            f"{each.package.name} {each.package.version}: {each.advisory} (in {', '.join(each.package.locks)})\n"
        )
    old = len(found) - len(new)
    sys.stdout.write(
        f"{len(packages)} packages looked up, {len(new)} known weaknesses"
        + (f", {old} accepted" if old else "")
        + ".\n"
    )
    return FOUND if new else CLEAN


def _accepted(path: Path) -> Mapping[str, str]:
    """Reasons by advisory, without those whose last day is over."""
    entries = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    return {name: entry["reason"] for name, entry in entries.items() if entry["until"] >= date.today()}


if __name__ == "__main__":
    sys.exit(main())

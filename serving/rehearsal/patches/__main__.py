"""Starts the patched emulator; with `--check` only makes sure that every patch point is there."""

import argparse
import sys

from serving.rehearsal.lifeline import end_with_parent
from serving.rehearsal.patches import (
    addresses,
    alarms,
    authority,
    conditions,
    cors,
    gateway,
    identity,
    metrics,
    policies,
    resources,
    runtime,
)
from serving.rehearsal.patches.points import PatchPointMissing, check

PATCHES = (runtime, metrics, alarms, gateway, resources, addresses, cors, identity, policies, conditions, authority)


def main() -> None:
    """Check, patch, serve. Leaves with 3 and a message if the emulator is not the one that the patches know."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    only_check = parser.parse_args().check
    try:
        check(point for patch in PATCHES for point in patch.POINTS)
    except PatchPointMissing as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)
    if only_check:
        sys.stdout.write(f"{sum(len(patch.POINTS) for patch in PATCHES)} patch points are there\n")
        return
    for patch in PATCHES:
        patch.apply()
    from ministack.app import main as serve

    sys.argv = sys.argv[:1]  # The emulator reads its own arguments.
    end_with_parent()
    serve()


if __name__ == "__main__":
    main()

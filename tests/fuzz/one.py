"""One target in a process of its own, its coverage measured from the first import on; prints what came of it as JSON.

python -m tests.fuzz.one NAME INPUTS SECONDS SEED
"""

import dataclasses
import json
import logging
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app", "backends", "evaluation", "metrics", "pipeline", "serving")


def main(name: str, inputs: int, limit_s: float, start: int) -> None:
    """Try it, and print."""
    coverage = Coverage(data_file=None, config_file=False, include=[f"{ROOT / each}/*" for each in CODE])
    logging.disable()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder, coverage.collect():
        from tests.fuzz.targets import TARGETS
        from tests.fuzz.trying import try_target

        tried = try_target(TARGETS[name], Path(folder), inputs=inputs, limit_s=limit_s, start=start)
    tried.covered = share(coverage, TARGETS[name].measured)
    json.dump(dataclasses.asdict(tried), sys.stdout)


def share(coverage: Coverage, measured: tuple[str, ...]) -> float:
    """Percent of the lines of these files that were reached; a file that was never imported has none."""
    lines = missed = 0
    for path in sorted({path for each in measured for path in ROOT.glob(each)}):
        _, statements, _, missing, _ = coverage.analysis2(str(path))
        lines, missed = lines + len(statements), missed + len(missing)
    return 100 * (lines - missed) / lines


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))

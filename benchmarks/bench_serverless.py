"""Serverless endpoints against endpoints on instances, in rehearsal: deployed, measured, changed, measured, changed back, measured.

    python -m benchmarks.bench_serverless [--questions N] [--out FILE …]

The stack is deployed and changed by `raglass deploy up`, and measured by `raglass lab latency`, the second and third time against the
first, on the stand-ins of `serving/rehearsal`. The first call of the serverless endpoints meets a cold start: their model servers are
really started anew. Times are of this machine, which runs both kinds of endpoint alike: what differs else is how busy it was.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.lab.latency_words import latency_tables
from app.lab.tables import to_plain
from serving.packing import ROOT
from serving.rehearsal.console import interruptible, say
from serving.rehearsal.deploying import SERVERLESS, SMALL, Life, Tell, Wrong
from serving.rehearsal.faults import FaultControls
from serving.rehearsal.processes import clean_environ
from serving.rehearsal.session import StandIns, stand_ins

STUDY_S = 300.0
"""The study waits for a new minute, and for what the stack counts: two minutes as a rule, here."""

Record = dict[str, Any]
"""A study as it is kept."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A stack with endpoints of one kind."""

    endpoints: Mapping[str, Any]
    """The variant that serves, by the endpoint's name."""
    answered_by: str
    """The embedder of the question asked after the change, as its trace names it."""
    usd_per_month: float
    """As the plan has it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What was there and what was measured."""

    kinds: tuple[Kind, Kind, Kind]
    """On instances, serverless, and on instances again."""
    before: Record
    """The study of the first."""
    after: Record
    """That of the second, held against it."""
    back: Record
    """That of the third, held against the first: what lies between two sittings of the same stack."""


def study_latency(environ: Mapping[str, str], folder: Path, *options: str) -> Record:
    """`raglass lab latency` with these options. folder: where studies are kept. Raises Wrong where it does not leave with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "app.shell.main", "lab", "latency", *options, "--json"],
        cwd=ROOT, env=clean_environ(**{**environ, "RAGLASS_DATA_DIR": str(folder)}),
        capture_output=True, text=True, timeout=STUDY_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Wrong(f"`raglass lab latency {' '.join(options)}` left with {done.returncode}:\n{done.stderr[-1500:]}")
    found: Record = json.loads(done.stdout)
    return found


def make_transition(
    there: StandIns, folder: Path, questions: int, tell: Tell, files: tuple[Path, ...] = ()
) -> Transition:
    """Deploy, measure, change to serverless, measure, change back, measure. files: where the second study's tables are written."""
    life = Life(there, tell)

    def study(*options: str) -> Record:
        environ = there.dashboard_environ(life.config.stack, life.outputs("serving"))
        began = time.monotonic()
        record = study_latency(environ, folder, "--target", "aws", *options)
        tell(f"  raglass lab latency --target aws {' '.join(options)}  ({time.monotonic() - began:.1f} s)")
        return record

    on_instances = _change(life, "")
    before = study("--questions", str(questions))
    serverless = _change(life, SERVERLESS)
    for name in serverless.endpoints:
        FaultControls(there.sagemaker_url).inject("cold", where=f"/endpoints/{name}/invocations", times=1)
    written = [word for path in files for word in ("--out", str(path.resolve()))]
    after = study("--before", "LAST", "--warm-up", "0", *written)
    back = _change(life, "")
    return Transition((on_instances, serverless, back), before, after, study("--before", before["record_id"]))


def _change(life: Life, endpoints: str) -> Kind:
    """Deploy with this table of the configuration, and ask."""
    life.configure(SMALL, more=endpoints)
    usd = life.run("plan")[0]["usd_per_month"]
    life.run("up", "--yes")
    return Kind(life.endpoints(), str(life.ask().settings["embedder"]), float(usd))


def main() -> None:
    """Make the transition, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--out", type=Path, action="append", default=[], help="write the second study's tables to it")
    given = parser.parse_args()
    interruptible()
    with tempfile.TemporaryDirectory() as folder, stand_ins(auth=False, tell=say) as there:
        found = make_transition(there, Path(folder), given.questions, say, tuple(given.out))
    for kind in found.kinds:
        print(f"{', '.join(kind.endpoints)}: a month costs {kind.usd_per_month:,.0f} USD by the plan")
    for heading, record in (("Serverless", found.after), ("On instances again", found.back)):
        print(f"\n{heading}, held against the first")
        for table in latency_tables(record["result"]):
            print(f"\n{to_plain(table)}")


if __name__ == "__main__":
    main()

"""A newer Raglass that opens a store while this one has it open: the same code with one more migration, in a process of its own.

python -c "$OPENER" URL SCRIPTS: opens, says so, stores a trace, and prints what it finds: traces in all, and those of the ids on its input.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from metrics.migration import HEAD, SCRIPTS

ROOT = Path(__file__).resolve().parents[2]

NEXT = f"{int(HEAD) + 1:04d}"
"""The revision that the newer version brings a store to."""

MIGRATION = f'''"""What a migration may do: a new column, and what waited is worded anew."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEXT}", "{HEAD}", None, None


def upgrade():
    op.add_column("outbox", sa.Column("mood", sa.Text))
    op.execute("UPDATE outbox SET mood = 'migrated'")
'''

OPENER = """
import sys
from pathlib import Path
import metrics.migration as migration
url, scripts, head = sys.argv[1:]
migration.HEAD, migration.SCRIPTS = head, Path(scripts)
migration.IS_KNOWN = migration.IS_KNOWN.replace(migration.migrate.__kwdefaults__["revision"], head)
migration.migrate.__kwdefaults__["revision"] = head
from metrics.store import TraceStore
from tests.factories import make_trace
with TraceStore.open(url) as store:
    store.put(make_trace())
    print("opened", flush=True)
    asked = sys.stdin.read().split()
    store.fold()
    print(store.count(), len(store.known(asked)))
"""


@contextmanager
def as_if_migrated(url: str) -> Iterator[None]:
    """The store says that it has the next schema while the block runs."""
    engine = create_engine(url)
    try:
        _say_revision(engine, NEXT)
        yield
        _say_revision(engine, HEAD)
    finally:
        engine.dispose()


def _say_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


class NewerVersion:
    """Such a process. Use as a context manager: within it the store is migrated and held open."""

    def __init__(self, url: str, folder: Path) -> None:
        scripts = folder / "migrations"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / f"v{NEXT}_newer.py").write_text(MIGRATION, "utf-8")
        self._command = [sys.executable, "-c", OPENER, url, str(scripts), NEXT]

    def __enter__(self) -> "NewerVersion":
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "opened\n"
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def find(self, trace_ids: Sequence[str]) -> tuple[int, int]:
        """How many traces it has, and how many of these; it ends then."""
        told, _ = self._process.communicate("\n".join(trace_ids))
        count, found = told.split()
        return int(count), int(found)

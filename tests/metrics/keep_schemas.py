"""Keeps a small SQLite store of every schema that has none kept yet, with a trace of the first version that was brought up to it.

    python -m tests.metrics.keep_schemas

A kept file stays as it is: it is what somebody's data folder holds.
"""

import gzip
import json
import sqlite3
import tempfile
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from metrics import payloads
from metrics.migration import SCRIPTS, migrate
from pipeline.schema import trace_to_version_1
from tests.factories import make_trace

KEPT = Path(__file__).parent / "data"
KEPT_TRACE = make_trace(trace_id=f"{1:032x}", question="Was this kept?")
"""What each of them holds."""

OLD_TRACE = (
    "INSERT INTO traces (seq, trace_id, asked_at, backend, question, answer, duration_ms, abstained, note) "
    "VALUES (:seq, :trace_id, 1757000000.0, 'local/embedded', :question, '', 36.0, 0, '')"
)


def revisions() -> list[str]:
    """Every revision, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def kept_file(revision: str) -> Path:
    """Where the store of a schema is kept."""
    return KEPT / f"schema_{revision}.sqlite.gz"


def make_old_store(url: str, revision: str) -> None:
    """A store of the first schema with the trace in it, brought up to a revision."""
    engine = create_engine(url)
    old = payloads.deflate(json.dumps(trace_to_version_1(KEPT_TRACE)).encode())
    with engine.begin() as connection:
        migrate(connection, location="a test", revision=revisions()[0])
        named = {"seq": 1, "trace_id": KEPT_TRACE.trace_id, "question": KEPT_TRACE.question}
        connection.execute(text(OLD_TRACE), named)
        connection.execute(text("INSERT INTO payloads (seq, payload) VALUES (1, :payload)"), {"payload": old})
        connection.execute(text("UPDATE state SET folded = 1"))
        migrate(connection, location="a test", revision=revision)
    engine.dispose()


def main() -> None:
    """Write the files that are missing."""
    KEPT.mkdir(exist_ok=True)
    for revision in revisions():
        if not kept_file(revision).exists():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "traces.sqlite")
                make_old_store(f"sqlite:///{path}", revision)
                sqlite3.connect(path).execute("VACUUM").connection.close()
                kept_file(revision).write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()

"""What commands ask of SQLite: but for those of a whole store, no query reads all of a table that grows with what is stored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from benchmarks.query_plans import Scan, recording
from benchmarks.scaled_commands import COMMANDS
from benchmarks.scaled_store import TREE_SPANS, seed_scaled
from tests.plans import FEW, MANY, connected_to_unknown, limit_to_few, whole_reads

WHOLE = {"traces delete --dry-run, all": [Scan("traces", "scan")]}
"""What each of these is asked for, it looks at."""

UNANSWERED = "stability questions"
"""Of a backend that was asked too little."""


@pytest.mark.slow
@pytest.mark.parametrize("stored", [FEW, MANY])
def test_no_query_of_a_command_reads_all_that_is_stored(
    stored: str,
    run: Callable[..., Result],
    make_services: Callable[..., Services],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if stored == MANY:
        limit_to_few(monkeypatch)
    services = make_services(corpus=True)
    seed_scaled(services.store, 40, TREE_SPANS, 2, 3)
    services.store.annotate(f"{40:032x}", 1, "")
    ids = {"trace": f"{40:032x}", "run": f"{1:08x}", "before": f"{0:08x}", "session": "s1", "folder": tmp_path}
    found: dict[str, list[Scan]] = {}
    with connected_to_unknown(tmp_path) as connection:
        for name, words in COMMANDS.items():
            with recording(services.store._database.engine) as record:
                result = run(*(word.format(**ids) for word in words), services=services)
            assert name == UNANSWERED or result.exit_code == 0, result.output
            found[name] = whole_reads(connection, record)
    assert {name: scans for name, scans in found.items() if scans} == WHOLE

"""What tests of several folders share: one rehearsal of the AWS stack a session, and which tests run beside which."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from serving.rehearsal import running
from tests.migrated_once import migrated_once  # noqa: F401  # a fixture
from tests.worded_once import worded_once  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from serving.rehearsal.session import Rehearsal
    from tests.metrics.postgres_cluster import PostgresCluster

HERE = Path(__file__).parent
DEPTH = len(HERE.parts)

FIRST = ("rehearsal", "browser", "research")
"""Folders whose tests take longest; begun first, so that no worker is left with them at the end."""

SHARED = ("deployed", "postgres", "torch")
"""Fixtures that are dear enough to be opened by one worker alone."""

BY_PARAMETER = {
    ("store_url", "postgres"): "postgres",
    ("database", "postgres"): "postgres",
    ("other", "postgres"): "postgres",
    ("holder", "pgvector"): "postgres",
    ("named", "aws"): "deployed",
    ("named", "local/research"): "torch",
}
"""Fixtures that are asked for where a parameter has a value."""

LONGEST_NAME = 200
"""Characters of a value that names a test; some are files of a million, and what a test is called goes into its environment too."""

MEMORY = Path("/dev/shm")
ROOM_BYTES = 8e9
"""Free memory from which on what tests write stays there: what is only tried need not wait for the disk."""

# Threads of OpenMP (FAISS, torch) that have nothing to do sleep, here and in processes that tests start: one that waits turning takes the
# processor from those that work. Read when FAISS is imported, which the next conftest may do.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# An example that takes long says that the machine is busy, not that the code is wrong.
settings.register_profile("raglass", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raglass")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what a test needs, for `make quick`, and which tests share a worker, for `make test`.

    Tests that need the deployed stack share one worker, and so one stack; likewise those that need PostgreSQL, or torch, which takes
    seconds to import. Of the others those of a file stay together, with what the file has opened. A wrapper, since pytest-xdist
    reads the groups in the same hook.
    """
    for item in items:
        if folder_of(item) == "browser":
            item.add_marker("browser")
            if os.environ.get("BROWSER") == "0":
                item.add_marker(pytest.mark.skip(reason="BROWSER=0 leaves the browser journeys out"))
        if needs(item, "deployed") or folder_of(item) == "rehearsal":
            item.add_marker("rehearsal")
        if needs(item, "postgres"):
            item.add_marker("database")
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=rank)
    yield
    if getattr(items[0].config.option, "loadgroup", False) if items else False:
        assert all("@" in item.nodeid for item in items), "pytest-xdist no longer keeps groups together"


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files go to memory where there is room, unless TMPDIR says where; workers take what their controller chose."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return
    folder = tempfile.mkdtemp(prefix="raglass-tests-", dir=MEMORY)
    Path(folder).chmod(0o755)  # a PostgreSQL server runs as another user
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text names its test by its length."""
    return f"{argname} of {len(val)}" if isinstance(val, str | bytes) and len(val) > LONGEST_NAME else None


def needs(item: pytest.Item, fixture: str) -> bool:
    """Whether a test uses a fixture, by its name or by way of one of BY_PARAMETER."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    asked = {BY_PARAMETER.get((name, value)) for name, value in given.items() if isinstance(value, str)}
    return fixture in getattr(item, "fixturenames", ()) or fixture in asked


def group_of(item: pytest.Item) -> str:
    """Whom a test shares a worker with."""
    if folder_of(item) == "research":
        return "torch"
    return next((name for name in SHARED if needs(item, name)), str(item.path.relative_to(HERE)))


def folder_of(item: pytest.Item) -> str:
    """The folder of `tests` that a test stands in."""
    return item.path.parts[DEPTH]


def rank(item: pytest.Item) -> tuple[bool, int]:
    """What needs the deployed stack, wherever it stands, then the folders in FIRST, then the rest as it was found."""
    folder = folder_of(item)
    return not needs(item, "deployed"), FIRST.index(folder) if folder in FIRST else len(FIRST)


def pytest_collection_finish() -> None:
    """What is imported by now stays: it need not be looked through whenever garbage is collected."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def deployed() -> Iterator["Rehearsal"]:
    """The deployed stack with the built-in corpus in its index."""
    with running() as rehearsal:
        yield rehearsal


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresCluster"]:
    """A PostgreSQL server of our own."""
    from tests.metrics.postgres_cluster import PostgresCluster, find_binaries

    with PostgresCluster(find_binaries()) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def vector_postgres(postgres: "PostgresCluster") -> Iterator["PostgresCluster"]:
    """One that has pgvector: the same, where it has."""
    from tests.metrics.postgres_cluster import PostgresCluster, find_binaries, has_vector

    if has_vector(postgres.binaries):
        yield postgres
        return
    with PostgresCluster(find_binaries(with_vector=True)) as cluster:
        yield cluster


@pytest.fixture
def rehearsal(deployed: "Rehearsal") -> Iterator["Rehearsal"]:
    """The deployed stack, without faults and with counts of calls at 0 before and after the test."""
    for controls in (deployed.sagemaker, deployed.pinecone):
        controls.clear()
    yield deployed
    for controls in (deployed.sagemaker, deployed.pinecone):
        controls.clear()

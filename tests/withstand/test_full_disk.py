"""Every write of the product on a full disk: refused in words, nothing lost, nothing half-written used, and done once there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.withstand.disks import NotMounted, small_disk
from tests.withstand.full_disks import Disk, Limited, Mounted, Write, try_full
from tests.withstand.written_files import FILES
from tests.withstand.written_store import STORE, WHOLE, make_store, url_of

WRITES = (*STORE, *WHOLE, *FILES)
DISK_MB = 16


@pytest.fixture(scope="module", params=["a disk of its own", "no file grows"])
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """A real disk where this process may mount one, and a limit on files, which every process may set."""
    if request.param == "no file grows":
        yield Limited(tmp_path_factory.mktemp("limited"))
        return
    try:
        with small_disk(DISK_MB) as mounted:
            yield Mounted(mounted)
    except NotMounted:
        pytest.skip("this user may mount no disk")


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
def test_a_full_disk_loses_nothing_and_is_said(write: Write, disk: Disk) -> None:
    assert try_full(write, disk) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_onto_a_full_disk_is_said_in_a_line(form: str, tmp_path: Path) -> None:
    make_store(tmp_path)
    environ = os.environ | {"RAGLASS_DATA_DIR": str(tmp_path), "RAGLASS_DATABASE_URL": url_of(tmp_path)}
    command = [sys.executable, "-m", "app.shell", "traces", "--export", form]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environ, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "raglass: What is printed cannot be written: the disk is full. Make room, or write to another disk."
    ]

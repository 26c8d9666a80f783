"""What is left of a rehearsal when it is over, however it ended."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.errors import StageFailed
from serving.deploy.artifacts import Bucket
from serving.rehearsal import running
from serving.rehearsal.environments import ROOT
from serving.rehearsal.processes import clean_environ
from serving.rehearsal.scratch import scratch_folder, sweep

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks processes up in /proc")


def processes_of(folder: Path) -> list[str]:
    """Commands of running processes that know a rehearsal's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in known:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def listens(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname or "", address.port or 0)) == 0


def wait_for(condition: Callable[[], bool], patience_s: float = 60) -> bool:
    until = time.monotonic() + patience_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


@LINUX
def test_no_process_port_or_file_is_left_after_the_block() -> None:
    with running(ingest=False) as rehearsal:
        addresses = (rehearsal.endpoint_url, rehearsal.sagemaker_url, rehearsal.pinecone_url)
        assert all(listens(address) for address in addresses)
        assert len(processes_of(rehearsal.folder)) >= 4
    assert processes_of(rehearsal.folder) == []
    assert not any(listens(address) for address in addresses)
    assert not rehearsal.folder.exists()


@LINUX
def test_a_stack_that_cannot_be_deployed_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Bucket, "upload", lambda bucket, artifact, tell: False)
    with (
        pytest.raises(StageFailed, match=r"raglass-serving is ROLLBACK_COMPLETE.*models/embedder"),
        running(ingest=False),
    ):
        pass
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_driver_is_interrupted_or_killed(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "serving.rehearsal", "--test", "--questions", "100000"]
    environ = clean_environ(TMPDIR=str(tmp_path))
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert any("The index raglass holds" in line for line in driver.stdout)
        assert len(processes_of(tmp_path)) >= 5
        driver.send_signal(number)
        last = list(driver.stdout)[-1:]
        status = driver.wait(60)
    assert wait_for(lambda: processes_of(tmp_path) == [])
    if number == signal.SIGKILL:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        sweep()  # As the next rehearsal does.
    else:
        assert status == 0
        assert "nothing is left" in last[0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as folder:
        sweep()
        assert folder.is_dir()
    assert not folder.exists()

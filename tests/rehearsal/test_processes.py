import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import Unavailable
from serving.rehearsal.environments import ROOT
from serving.rehearsal.processes import Child, clean_environ

SLEEP = "import time; time.sleep(60)"


def python(code: str, folder: Path) -> Child:
    return Child("child", [sys.executable, "-c", code], clean_environ(), folder)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path(f"/proc/{pid}").exists() else True


def wait_for(condition: Callable[[], bool], patience_s: float = 20) -> bool:
    until = time.monotonic() + patience_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_an_address_is_read_from_the_first_line(tmp_path: Path) -> None:
    child = python(f"print('http://127.0.0.1:1', flush=True); {SLEEP}", tmp_path)
    try:
        assert child.wait_for_address() == "http://127.0.0.1:1"
    finally:
        child.stop()


def test_a_child_that_ends_is_explained_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = python("import sys; print('no disk'); sys.exit(7)", tmp_path)
    with pytest.raises(Unavailable, match=r"child ended with status 7.*no disk"):
        child.wait_for_address()
    child.stop()


def test_a_child_that_is_not_ready_in_time_is_explained(tmp_path: Path) -> None:
    child = python(SLEEP, tmp_path)
    try:
        with pytest.raises(Unavailable, match=r"not ready after 0\.2 s"):
            child.wait_until_ok("http://127.0.0.1:9/", 0.2)
    finally:
        child.stop()


def test_stopping_a_child_stops_what_it_started_even_if_it_will_not(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    code = (
        "import subprocess, sys, time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"print(subprocess.Popen([sys.executable, '-c', {stubborn!r}]).pid, flush=True); time.sleep(60)"
    )
    child = python(code, tmp_path)
    assert wait_for(lambda: "up" in child.log.read_text())
    grandchild = int(child.log.read_text().split()[0])
    child.stop(grace_s=0.2)
    assert not child.is_running()
    assert wait_for(lambda: not runs(grandchild))


def test_a_child_with_a_lifeline_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    child = (
        f"from serving.rehearsal.lifeline import end_with_parent; end_with_parent(); print('up', flush=True); {SLEEP}"
    )
    parent = (
        "import sys, time; from pathlib import Path; from serving.rehearsal.processes import Child, clean_environ;"
        f"child = Child('child', [sys.executable, '-c', {child!r}], clean_environ(), Path({str(tmp_path)!r}));"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert wait_for(lambda: "up" in (tmp_path / "child.log").read_text())
        process.kill()
    assert wait_for(lambda: not runs(pid))


def test_real_credentials_and_proxies_do_not_reach_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    environ = clean_environ(MORE="1")
    assert environ["MORE"] == "1"
    assert not {"AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"} & environ.keys()

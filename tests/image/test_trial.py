"""What the trial finds fault with, over an engine that only pretends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Unavailable
from serving.image import __main__ as choosing
from serving.image.engine import Container, Done, Facts, call
from serving.image.trial import LIMIT_BYTES, Trial

GOOD = Facts(
    "10001:10001", ("/opt/raglass/bin/raglass",), ("CMD", "/opt/raglass/bin/python", "-m", "app.probe"), 600_000_000
)
CONFINED = {"uid": 10001, "capabilities": 0, "writable": ["/data"]}


@dataclass
class FakeEngine:
    """Says what it is told to say."""

    told: Facts = GOOD
    inside: Mapping[str, Any] = field(default_factory=lambda: CONFINED)
    name: str = "fake"

    def build(self, target: str) -> str:
        return target

    def facts(self, image: str) -> Facts:
        return self.told

    def volume(self) -> str:
        return "volume"

    def start(self, image: str, volume: str, environ: Mapping[str, str]) -> Container:
        return Ended(0)

    def run(self, image: str, volume: str, environ: Mapping[str, str], command: Sequence[str]) -> Done:
        return Done(0, json.dumps(self.inside))

    def close(self) -> None: ...


@dataclass
class Ended:
    """A container that has ended, or, with None, never does."""

    status: int | None

    def is_running(self) -> bool:
        return False

    def terminate(self) -> None: ...

    def wait(self, timeout_s: float) -> int | None:
        return self.status

    def log(self) -> str:
        return "the end of the log"


def trial(engine: FakeEngine) -> Trial:
    return Trial(engine, "image", "volume", lambda line: None)


def test_image_as_it_should_be_has_no_problem() -> None:
    assert trial(FakeEngine()).confinement(LIMIT_BYTES) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"user": ""}, "The image's user is '', not 10001:10001."),
        ({"size_bytes": LIMIT_BYTES + 1_000_000}, "The image has 701 MB, more than 700."),
        ({"health": ("CMD-SHELL", "curl -f localhost")}, "needs a shell"),
    ],
)
def test_image_that_is_not_as_it_should_be_is_told_of(changes: dict[str, Any], says: str) -> None:
    (problem,) = trial(FakeEngine(replace(GOOD, **changes))).confinement(LIMIT_BYTES)
    assert says in problem


@pytest.mark.parametrize("changes", [{"uid": 0}, {"capabilities": 1}, {"writable": ["/", "/data"]}, {"writable": []}])
def test_process_that_may_do_more_or_less_is_told_of(changes: dict[str, Any]) -> None:
    (problem,) = trial(FakeEngine(inside=CONFINED | changes)).confinement(None)
    assert "more than it should, or less" in problem


@pytest.mark.parametrize(("status", "problems"), [(0, 0), (143, 1), (None, 1)])
def test_container_has_to_leave_with_0(status: int | None, problems: int) -> None:
    assert len(trial(FakeEngine()).end(Ended(status), 0.0)) == problems


def test_container_that_dies_before_it_is_ready_shows_its_log() -> None:
    with pytest.raises(Unavailable, match="the end of the log"), trial(FakeEngine()).serving({}):
        pass


def test_machine_that_cannot_build_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="apt-get install buildah debootstrap"):
        choosing.open_engine("", tmp_path)


def test_client_of_docker_without_its_engine_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert choosing.docker_answers() is False
    client.write_text("#!/bin/sh\nexit 0\n")
    assert choosing.docker_answers() is True


def test_failed_command_shows_its_last_words() -> None:
    with pytest.raises(Unavailable, match=r"left with status 3: no space left"):
        call(["sh", "-c", "echo no space left; exit 3"])

"""The machine in words: what can be found out, and nothing where it cannot."""

import re
from pathlib import Path

import pytest

from app.status import machine
from app.status.machine import machine_part


def test_cores_memory_and_room_are_told(tmp_path: Path) -> None:
    part = machine_part(tmp_path)
    assert (part.name, part.ready) == ("machine", True)
    assert re.match(r"\d+ processor cores?, [\d.,]+ [GM]B of memory", part.detail)
    assert re.search(r", [\d.,]+ [GM]B free for data$", part.detail)


@pytest.mark.parametrize(("said", "told"), [("1000000000\n", True), ("max\n", False), ("9" * 18, False), (None, False)])
def test_a_container_s_limit_is_told_where_it_is_one(
    said: str | None, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.max"
    if said is not None:
        path.write_text(said, encoding="ascii")
    monkeypatch.setattr(machine, "MEMORY_LIMIT", path)
    assert ("of which this container may have 1 GB" in machine_part(tmp_path).detail.replace("1.00", "1")) is told


def test_what_cannot_be_found_out_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> int:
        raise OSError("no such thing")

    monkeypatch.setattr(machine.os, "sysconf", refuse)
    monkeypatch.setattr(machine, "usable_cores", lambda: 1)
    assert machine_part(tmp_path / "missing").detail == "1 processor core"

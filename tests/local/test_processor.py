"""What the processor can do: named as torch names it, told without it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.local import processor
from backends.local.processor import ASKED, READ, capabilities, has_avx2, sums_bytes_whole


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    capabilities.cache_clear()
    yield
    capabilities.cache_clear()


def test_torch_says_the_same() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.cpu.get_capabilities()
    names = ["architecture", *ASKED, *READ]
    assert capabilities() == {name: theirs[name] for name in names}


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx_vnni amx_bf16\n\nflags : other\n", [True, True]),
        ("Features : fp asimd\n", [False, False]),
        (None, [False, False]),
    ],
)
def test_what_numpy_does_not_ask_for_is_read_where_linux_lists_it(
    listed: str | None, found: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    if listed is not None:
        path.write_text(listed, encoding="ascii")
    monkeypatch.setattr(processor, "CPU_INFO", path)
    assert [capabilities()[name] for name in READ] == found


@pytest.mark.parametrize(
    ("can", "runs", "whole"),
    [
        ({"architecture": "x86_64", "avx2": False}, False, False),
        ({"architecture": "x86_64", "avx2": True}, True, False),
        ({"architecture": "x86_64", "avx2": True, "avx512_f": True}, True, False),
        ({"architecture": "x86_64", "avx2": True, "avx_vnni": True}, True, True),
        ({"architecture": "x86_64", "avx2": True, "avx512_vnni": True}, True, True),
        ({"architecture": "arm64"}, True, True),
        ({"architecture": "AArch64"}, True, True),
        ({}, False, False),
    ],
    ids=str,
)
def test_sums_of_bytes_are_whole_with_vnni_and_on_arm(can: dict[str, Any], runs: bool, whole: bool) -> None:
    assert (has_avx2(can), sums_bytes_whole(can)) == (runs, whole)


def test_cores_are_counted_also_where_a_process_cannot_be_kept_to_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert processor.usable_cores() == 2
    monkeypatch.delattr(processor.os, "sched_getaffinity")
    for known, told in ((8, 8), (None, 1)):
        monkeypatch.setattr(processor.os, "cpu_count", lambda known=known: known)
        assert processor.usable_cores() == told

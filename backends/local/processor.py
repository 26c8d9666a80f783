"""What this processor can do, told without torch, for all that computes in 8 bits; what follows from it is decided by who computes."""

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")
ASKED = {"avx2": "AVX2", "avx512_f": "AVX512F", "avx512_vnni": "AVX512VNNI", "avx512_bf16": "AVX512BF16"}
"""Our names, which are torch's, and NumPy's, which asks the processor itself."""
READ = ("avx_vnni", "amx_bf16")
"""What NumPy does not ask for; so spelled in Linux's list."""
ARM = ("aarch64", "arm64")


@cache
def capabilities() -> Mapping[str, Any]:
    """`architecture`, and whether it has each of ASKED and READ. What cannot be found out counts as missing: that costs time alone."""
    asked = getattr(import_module("numpy._core._multiarray_umath"), "__cpu_features__", {})
    listed = _listed()
    return {
        "architecture": platform.machine(),
        **{ours: bool(asked.get(theirs)) for ours, theirs in ASKED.items()},
        **{name: name in listed for name in READ},
    }


def is_arm(processor: Mapping[str, Any]) -> bool:
    """Whether it is a 64-bit ARM."""
    return str(processor.get("architecture", "")).lower() in ARM


def has_avx2(processor: Mapping[str, Any]) -> bool:
    """Whether 8-bit engines run at all: on an x86 processor from 2013 on, on any 64-bit ARM."""
    return bool(processor.get("avx2")) or is_arm(processor)


def sums_bytes_whole(processor: Mapping[str, Any]) -> bool:
    """Whether products of bytes are summed in 32 bits by what is fastest (VNNI, ARM): elsewhere that sums pairs in 16, which overflow."""
    return bool(processor.get("avx512_vnni") or processor.get("avx_vnni")) or is_arm(processor)


def usable_cores() -> int:
    """Processor cores that this process may use; 1 or more."""
    # Only Linux lets a process be kept to some of them.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listed() -> set[str]:
    """The first processor's flags as Linux lists them; none elsewhere."""
    try:
        lines = CPU_INFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())

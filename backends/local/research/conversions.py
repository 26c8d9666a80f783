"""Models converted for a fast engine: made once, kept beside the data, and used only whole.

A conversion lies in a folder that is named after the model's fingerprint, the engine, its version and what is computed with, so that
another model or another engine never meets it. It is made in a hidden folder and renamed when whole; its manifest, written last, holds
the SHA-256 of every file, checked at every load. A model folder may bring its own conversion along (`PACKED`), as an endpoint's does.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.local.research.loading import PACKED, ModelFolder, sha256
from pipeline.errors import BackendError, Unavailable
from pipeline.locks import held_alone

log = logging.getLogger(__name__)

MANIFEST = "raglass-conversion.json"
UNFINISHED = ".converting-"
ABANDONED_S = 3_600
"""An unfinished conversion this old was left by a process that was killed."""

About = Mapping[str, Any]
"""What a conversion says of the model beside its files, as JSON."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a conversion is made; with anything in it another, it is another conversion."""

    engine: str
    """The package that runs it."""
    version: str
    """Of that package."""
    numbers: str
    """What is computed with: `int8`, or `float32`."""
    edition: int
    """Counted up where Raglass makes it otherwise."""

    def name(self, fingerprint: str) -> str:
        """The folder's."""
        return f"{fingerprint}-{self.engine}-{self.version}-{self.numbers}-{self.edition}"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A whole one."""

    path: Path
    about: About


def packed(model: ModelFolder, engine: str) -> Conversion | None:
    """The conversion that a model's folder brings along; None if it brings none for this engine.

    Raises Unavailable if there is one and it is damaged: the folder need not hold anything else.
    """
    folder = model.path / PACKED
    if not folder.is_dir():
        return None
    found = read(folder)
    if found is None:
        raise Unavailable(
            f"The converted model that {model.name} brings along is cut short or damaged. Pack the model again and deploy it."
        )
    return found if found.about.get("engine") == engine else None


def find(model: ModelFolder, fingerprint: str, recipe: Recipe, cache_dir: Path) -> Conversion | None:
    """The conversion that was made here before; None if there is none that is whole."""
    return read(cache_dir / recipe.name(fingerprint))


def convert(
    model: ModelFolder, fingerprint: str, recipe: Recipe, cache_dir: Path, make: Callable[[Path], About]
) -> Conversion:
    """The conversion made before, or made now by `make`, which fills a folder and says what there is to say of it.

    Raises Unavailable while another process makes it, and where it cannot be made or kept: nothing of it is left then.
    """
    target = cache_dir / recipe.name(fingerprint)
    busy = Unavailable(
        f"The model {model.name} is being converted for {recipe.engine} by another process. Try again in a minute or two, "
        "or set RAGLASS_ENGINE=torch."
    )
    with held_alone(cache_dir / f".{target.name}.lock", busy):
        found = read(target)
        if found is not None:
            return found
        log.info("converting %s for %s; this happens once", model.name, recipe.engine)
        _remove_abandoned(cache_dir)
        with _explained(model, cache_dir):
            unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache_dir))
            try:
                about = make(unfinished)
                write_manifest(unfinished, {**about, "engine": recipe.engine})
                shutil.rmtree(target, ignore_errors=True)  # what is there is damaged
                os.replace(unfinished, target)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    found = read(target)
    if found is None:
        raise Unavailable(f"The converted model {target} could not be read back. Check the disk, and try again.")
    return found


@contextmanager
def _explained(model: ModelFolder, cache_dir: Path) -> Iterator[None]:
    """Turn whatever stops a conversion into Unavailable; the library's own text goes to the log."""
    try:
        yield
    except BackendError:
        raise
    except OSError as error:
        raise Unavailable(
            f"The converted model of {model.name} cannot be kept in {cache_dir} ({error.strerror}). Make room there, or let it be "
            "written to, or set RAGLASS_ENGINE=torch."
        ) from error
    except Exception as error:
        log.warning("could not convert %s", model.name, exc_info=True)
        raise Unavailable(
            f"The model {model.name} could not be converted ({type(error).__name__}; details in the log). Set RAGLASS_ENGINE=torch."
        ) from error


def write_manifest(folder: Path, about: About) -> None:
    """Say that a folder is whole: what it is, and the SHA-256 of each of its files. Synced, so that it is not there before they are."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    manifest = {"about": dict(about), "files": {path.relative_to(folder).as_posix(): sha256(path) for path in paths}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), "utf-8")


def read(folder: Path) -> Conversion | None:
    """The conversion in a folder; None if it is missing, cut short, damaged or holds a file that was not made with it."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        about, files = dict(manifest["about"]), dict(manifest["files"])
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if found != set(files) or any(sha256(folder / name) != digest for name, digest in files.items()):
        log.warning("the converted model %s is damaged and is not used", folder)
        return None
    return Conversion(folder, about)


def _remove_abandoned(cache_dir: Path) -> None:
    for left in cache_dir.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)

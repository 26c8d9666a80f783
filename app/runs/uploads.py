"""Datasets that were uploaded: kept in the data folder, so that a run over one can be gone on with."""

import hashlib
from contextlib import suppress
from pathlib import Path, PurePath

from app.kit.premises import UPLOADS
from evaluation.datasets import load_dataset
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole


def keep_dataset(data_dir: Path, name: str, content: bytes) -> Path:
    """Keep a file and read it once. Raises InputError for one that is no dataset, which is not kept, and StoreError."""
    folder = data_dir / UPLOADS / hashlib.sha256(content).hexdigest()[:12]
    path = folder / PurePath(name.replace("\\", "/")).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StoreError(f"The dataset could not be kept ({error.strerror}). Make room in the data folder.") from error
    try:
        load_dataset(str(path))
    except InputError:
        with suppress(OSError):
            path.unlink()
            folder.rmdir()  # The same content under another name may be a good one.
        raise
    return path

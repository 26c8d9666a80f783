"""Models with 8-bit weights for the endpoints, converted here, where the packages are; see `backends.local.research.conversions`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs

from pipeline.errors import ConfigError, Unavailable

FOLDER = "models"
"""In the data folder: where the research profile keeps its own."""


def converted_folder(
    role: Literal["embedder", "generator"], folder: Path, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of a converted model; None for a folder without a model, and for a generator that no engine but torch runs.

    Raises ConfigError, saying what to do, if the packages are not here or the model cannot be converted.
    """
    if not (folder / "config.json").is_file():
        return None
    data = environ.get("RAGLASS_DATA_DIR") or platformdirs.user_data_dir("raglass", appauthor=False)
    cache_dir = Path(data).expanduser() / FOLDER
    try:
        return _embedder(folder, cache_dir) if role == "embedder" else _generator(folder, cache_dir)
    except Unavailable as error:
        raise ConfigError(f'{error} Or write numbers = "float32" under [{role}].') from error


def _embedder(folder: Path, cache_dir: Path) -> Path:
    from backends.local.research.encoders import find_conversion
    from backends.local.research.loading import find_model

    return find_conversion(find_model(str(folder), "model"), cache_dir).path


def _generator(folder: Path, cache_dir: Path) -> Path | None:
    from backends.local.research.decoders import TorchModel, find_conversion
    from backends.local.research.engines import GENERATING, why_slow
    from backends.local.research.loading import find_model, opening, read_config, require
    from backends.local.research.t5_graph import FAMILY

    if read_config(folder).get("model_type") not in FAMILY:
        return None
    reason = why_slow(GENERATING)
    if reason is not None:
        raise Unavailable(f"The generator cannot be converted: {reason}")
    transformers: Any = require("transformers")
    found = find_model(str(folder), "model")
    here = {"trust_remote_code": False, "local_files_only": True}
    with opening(found):
        config = transformers.AutoConfig.from_pretrained(found.path, **here)
        tokenizer = transformers.AutoTokenizer.from_pretrained(found.path, **here)
    model = TorchModel(found, config, threads=None, device="cpu")
    return find_conversion(found, model, tokenizer, cache_dir).path

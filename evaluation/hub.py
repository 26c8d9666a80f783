"""Rows of a dataset on the Hugging Face hub, through the `datasets` library, which is optional.

A spec is `hf:NAME`, `hf:NAME:CONFIG`, `hf:NAME@SPLIT` or `hf:NAME:CONFIG@SPLIT`; NAME is an id or a local folder. No code of a dataset
is run.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pipeline.errors import InputError

PREFIX = "hf:"

LIBRARY = "datasets"
"""The package that reads them."""

SPLITS = ("validation", "test", "train")
"""Which split is read where none is named: the first of these that there is, else the dataset's first."""

_SPEC = re.compile(r"hf:(?P<name>[^:@]+)(?::(?P<config>[^:@]+))?(?:@(?P<split>[^:@]+))?")


@dataclass(frozen=True, slots=True)
class HubSpec:
    """What a spec names."""

    name: str
    """Id on the hub, or a local folder."""
    config: str | None
    """One of the dataset's configurations; None for the only one."""
    split: str | None
    """None for the first of SPLITS that there is."""

    @classmethod
    def parse(cls, spec: str) -> "HubSpec":
        """Raises InputError for what is no such spec."""
        found = _SPEC.fullmatch(spec.strip())
        if found is None:
            raise InputError(f"{spec[:80]!r} names no dataset of the hub. Write hf:NAME, or hf:NAME:CONFIG@SPLIT.")
        return cls(**found.groupdict())


def is_readable() -> bool:
    """Whether the library is installed; it is not imported."""
    return find_spec(LIBRARY) is not None


def read_hub(spec: str) -> tuple[str, Iterator[Mapping[str, Any]]]:
    """The name with its split, and its rows. The first call for a dataset fetches it; later ones find it in the library's cache.

    Raises InputError, saying what to do, where the library is missing, the hub cannot be reached, or has nothing by that name.
    """
    wanted = HubSpec.parse(spec)
    library = _library()
    try:
        library.disable_progress_bars()
        splits = list(library.get_dataset_split_names(wanted.name, wanted.config))
        split = wanted.split or next((each for each in SPLITS if each in splits), splits[0])
        rows = library.load_dataset(wanted.name, wanted.config, split=split)
    except ConnectionError as error:
        raise InputError(
            f"The dataset {wanted.name} could not be fetched: the hub cannot be reached. Fetch it once with a connection, or give a file."
        ) from error
    except FileNotFoundError as error:
        raise InputError(
            f"There is no dataset {wanted.name[:80]!r} on the hub, or it is private. Check its id; log in with `hf auth login` if it is "
            "yours."
        ) from error
    except Exception as error:
        raise InputError(
            f"The dataset {wanted.name} cannot be read as {spec} ({type(error).__name__}). {_choices(library, wanted)}"
        ) from error
    return f"{wanted.name}@{split}", iter(rows)


def _library() -> Any:
    try:
        return importlib.import_module(LIBRARY)
    except ImportError as error:
        raise InputError(
            "Datasets of the hub are read by the package `datasets`, which is not installed. Install it: pip install datasets."
        ) from error


def _choices(library: Any, wanted: HubSpec) -> str:
    """What the dataset offers, as far as it can be found out."""
    try:
        configs = list(library.get_dataset_config_names(wanted.name))
        if wanted.config not in (None, *configs) or (wanted.config is None and len(configs) > 1):
            return f"Name one of its configurations: {', '.join(configs[:20])}."
        splits = library.get_dataset_split_names(wanted.name, wanted.config)
        return f"Its splits are {', '.join(splits)}."
    except (OSError, ValueError, RuntimeError):
        return "Its questions have to be in plain data files: Raglass runs no code of a dataset."

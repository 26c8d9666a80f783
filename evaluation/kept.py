"""Datasets that people make and keep: each a folder of numbered versions, a JSONL file each, and an index of what they are.

A version never changes once it is in the index, but for rows whose trace must be forgotten. Refuses to ask anything.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.curated import DatasetRow, check_rows, read_rows, to_jsonl
from evaluation.datasets import BUILTIN, VERSION, load_dataset
from evaluation.hub import PREFIX
from pipeline.errors import InputError, StoreError
from pipeline.locks import held_in_turn
from pipeline.whole_files import write_whole

NAME = re.compile(r"\w[\w-]{0,59}")
"""What a dataset may be called: no dot, which is what a file's name has."""

INDEX, LOCK = "index.json", ".lock"

MOST_VERSIONS = 1_000
"""Of a dataset."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """What is known of a version without reading it."""

    name: str
    """The dataset."""
    number: int
    """From 1."""
    saved_at: float
    """Seconds since the epoch."""
    about: str
    """How it came to be, in a sentence."""
    questions: int
    """Rows in it."""
    labelled: int
    """Of them that can be asked."""
    synthetic: int
    """Of them that a program wrote."""
    fingerprint: str
    """16 hexadecimal digits of the questions that can be asked and their labels; empty where there are none. A run records the same."""

    @property
    def spec(self) -> str:
        """How it is named where a dataset is asked for."""
        return f"{self.name}@{self.number}"


class KeptDatasets:
    """The datasets of a data folder. Raises StoreError where a file cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """One folder a dataset."""

    def names(self) -> list[str]:
        """The datasets that have a version."""
        found = sorted(self.folder.glob(f"*/{INDEX}")) if self.folder.is_dir() else []
        return [path.parent.name for path in found]

    def newest(self) -> list[KeptVersion]:
        """The newest version of each, by name."""
        return [versions[0] for name in self.names() if (versions := self.versions(name))]

    def versions(self, name: str) -> list[KeptVersion]:
        """The versions of a dataset, the newest first; none where there is no such dataset. Raises InputError for what is no name."""
        path = self._home(name) / INDEX
        try:
            rows = json.loads(path.read_text("utf-8"))
            return [KeptVersion(**row) for row in reversed(rows)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(
                f"The index {path} of the dataset {name} cannot be read ({type(error).__name__}). The versions beside it are whole: import "
                "the one that you need under another name."
            ) from error

    def find(self, spec: str) -> KeptVersion:
        """A version (`NAME@3`), or the newest of a name. Raises InputError where there is none, naming those that there are."""
        name, _, number = spec.partition("@")
        found = self.versions(name)
        for each in found:
            if not number or each.spec == spec:
                return each
        if found:
            raise InputError(f"{name} has no version {number!r}; it has {found[-1].number} to {found[0].number}.")
        known = ", ".join(self.names())
        raise InputError(f"There is no dataset {name!r}. {f'There are: {known}.' if known else 'None is kept yet.'}")

    def rows(self, spec: str) -> tuple[DatasetRow, ...]:
        """The rows of a version. Raises InputError for none."""
        found, problems = read_rows(self.path(spec))
        if problems:
            raise StoreError(f"The dataset {spec} is damaged: {problems[0]}. Go on from another version of it.")
        return tuple(found)

    def path(self, spec: str) -> Path:
        """The file of a version, which `load_dataset` reads. Raises InputError for none."""
        found = self.find(spec)
        return self._home(found.name) / f"{found.spec}.jsonl"

    def resolve(self, spec: str) -> str:
        """What `load_dataset` takes for a dataset as it is named: a kept one's newest or numbered version becomes its file's path.

        Raises InputError for a name that is none.
        """
        is_kept = NAME.fullmatch(spec) or VERSION.fullmatch(spec)
        if spec == BUILTIN or spec.startswith(PREFIX) or not is_kept:  # A file that can be read has a suffix.
            return spec
        return str(self.path(spec).resolve())

    def save(self, name: str, rows: Sequence[DatasetRow], about: str, *, after: int | None = None) -> KeptVersion:
        """Keep rows as the newest version; what is that already stays as it is.

        after: the version that they were edited from. Raises InputError for rows that cannot be kept, and where somebody has saved another
        version since, so that nobody's work is lost.
        """
        checked = check_rows(rows)
        if not checked:
            raise InputError("A dataset has at least one question. Add one, or delete the dataset.")
        home = self._home(name)
        with self._alone(home):
            known = self.versions(name)
            last = known[0].number if known else 0
            if after is not None and after != last:
                raise InputError(
                    f"Version {last} of {name} was saved since you began with version {after}. Look at what changed, then edit that one; "
                    "or save yours under another name."
                )
            if known and self.rows(known[0].spec) == checked:
                return known[0]
            if len(known) >= MOST_VERSIONS:
                raise InputError(f"{name} has {MOST_VERSIONS:,} versions. Go on under another name.")
            return self._write(home, KeptVersion(name, last + 1, time.time(), about, 0, 0, 0, ""), checked, known)

    def add(self, name: str, rows: Iterable[DatasetRow], about: str) -> KeptVersion:
        """Keep rows beside those of the newest version, in a new one; a question that is there, by its id or text, stays as it is."""
        known = self.versions(name)
        kept = self.rows(known[0].spec) if known else ()
        ids, texts = {row.row_id for row in kept}, {row.question for row in kept}
        fresh = [row for row in rows if row.row_id not in ids and row.question not in texts]
        return self.save(name, (*kept, *fresh), about, after=known[0].number if known else None)

    def delete(self, name: str) -> int:
        """Forget a dataset with all its versions; how many. Runs over it keep their answers, and cannot be gone on with."""
        versions = len(self.versions(self.find(name).name))
        home = self._home(name)
        with self._alone(home):
            (home / INDEX).unlink(missing_ok=True)
            shutil.rmtree(home, ignore_errors=True)
        return versions

    def forget(self, gone: Callable[[set[str]], set[str]]) -> int:
        """Take rows out of every version whose trace is gone; how many rows. gone: which of these traces are no longer there."""
        taken = 0
        for name in self.names():
            home = self._home(name)
            with self._alone(home):
                for version in self.versions(name):
                    rows = self.rows(version.spec)
                    missing = gone({row.trace for row in rows if row.trace})
                    left = [row for row in rows if row.trace not in missing]
                    if len(left) < len(rows):
                        taken += len(rows) - len(left)
                        others = [each for each in self.versions(name) if each.number != version.number]
                        self._write(home, version, left, others)
        return taken

    def _write(
        self, home: Path, version: KeptVersion, rows: Sequence[DatasetRow], others: Sequence[KeptVersion]
    ) -> KeptVersion:
        """Write the version, then the index that makes it one: a process that is killed between leaves a file that nobody looks at."""
        labelled = [row for row in rows if row.is_labelled]
        path = home / f"{version.spec}.jsonl"
        _keep(path, to_jsonl(rows))
        whole = replace(
            version,
            questions=len(rows),
            labelled=len(labelled),
            synthetic=sum(row.synthetic for row in rows),
            fingerprint=load_dataset(str(path)).fingerprint if labelled else "",
        )
        every = sorted((*others, whole), key=lambda each: each.number)
        _keep(home / INDEX, json.dumps([asdict(each) for each in every], indent=1))
        return whole

    def _home(self, name: str) -> Path:
        if NAME.fullmatch(name) is None or name == BUILTIN:
            raise InputError(
                f"A dataset cannot be called {name[:80]!r}. Give it a name of 1 to 60 letters, digits, hyphens and underscores, other than "
                f"{BUILTIN}."
            )
        return self.folder / name

    def _alone(self, home: Path) -> Any:
        """While a version is written: by one process at a time."""
        return held_in_turn(home.parent / f".{home.name}{LOCK}", lambda: None)


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise StoreError(f"{path.name} could not be kept ({error.strerror}). Make room in the data folder.") from error

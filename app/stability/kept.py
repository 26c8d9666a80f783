"""Results of stability, kept in the data folder: a file each, with a line that lists it and a line for each question.

Owns the files' form. A file that cannot be read is left out of the list, and said to be damaged where it is asked for.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from app.permitting.acting import record, require
from app.permitting.roles import Role
from app.stability.perturbed import StabilityPlan, StabilityStep
from evaluation.agreement import Agreement
from evaluation.datasets import LabelledQuestion
from evaluation.stability import QuestionStability, Variant
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole

FOLDER = "stability"
"""Of the data folder."""

ID = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result in a list."""

    kept_id: str
    """Eight hexadecimal digits."""
    kept_at: float
    """Seconds since the epoch, UTC."""
    name: str
    """The dataset."""
    backend: str
    """Full name of the backend that was asked."""
    top_k: int
    """Chunks that were found."""
    total: int
    """Questions that were to be asked."""
    asked: int
    """Questions that were."""
    variants: int
    """Their variants that were answered."""
    same: int
    """Variants with the same answer."""


class KeptStability:
    """The results of a data folder. Raises StoreError where a file cannot be read or written."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def keep(self, plan: StabilityPlan, step: StabilityStep, kept_id: str = "") -> KeptResult:
        """Keep a result, also of a part of the questions. kept_id: what it is kept as, in place of what was; empty for a new one.

        Takes an editor. Raises NotPermitted.
        """
        require(Role.EDITOR)
        variants = [variant for each in step.results for variant in each.variants]
        result = KeptResult(
            kept_id or new_id(),
            time.time(),
            step.name,
            plan.backend,
            plan.top_k,
            step.total,
            len(step.results),
            len(variants),
            sum(not variant.changed for variant in variants),
        )
        head = {**asdict(result), "plan": asdict(plan), "available": step.available, "asks": step.asks}
        lines = [json.dumps(head), *(json.dumps(asdict(each)) for each in step.results)]
        path = self._path(result.kept_id)
        first = not path.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, "\n".join(lines) + "\n")
        except OSError as error:
            raise StoreError(
                f"The result cannot be kept as {path} ({error.strerror}). Free some space, and measure again."
            ) from error
        if first:
            record("measured stability", result.kept_id)
        return result

    def listed(self) -> list[KeptResult]:
        """What is kept, the newest first. Reads one line of each file."""
        found = [self._head(path) for path in self._folder.glob("*.jsonl")] if self._folder.is_dir() else []
        return sorted(filter(None, found), key=lambda each: each.kept_at, reverse=True)

    def find(self, kept_id: str) -> tuple[StabilityPlan, StabilityStep]:
        """A result. Raises InputError where there is none."""
        path = self._path(kept_id)
        try:
            head, *lines = path.read_text("utf-8").splitlines()
            about = json.loads(head)
            results = [_question(json.loads(line)) for line in lines]
            plan = StabilityPlan(**{**about["plan"], "kinds": tuple(about["plan"]["kinds"])})
            return plan, StabilityStep(about["name"], about["available"], about["total"], about["asks"], 0.0, results)
        except FileNotFoundError as error:
            raise InputError(f"There is no result {kept_id!r}. `raglass stability list` lists them.") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(f"The result {path} cannot be read ({type(error).__name__}). Measure again.") from error

    def version(self, kept_id: str) -> int:
        """What changes whenever more of a result is kept; 0 where there is none."""
        try:
            return self._path(kept_id).stat().st_mtime_ns
        except OSError:
            return 0

    def remove(self, kept_id: str) -> None:
        """Remove a result. Takes an editor. Raises InputError where there is none, NotPermitted."""
        require(Role.EDITOR)
        try:
            self._path(kept_id).unlink()
        except FileNotFoundError as error:
            raise InputError(f"There is no result {kept_id!r}. `raglass stability list` lists them.") from error
        except OSError as error:
            raise StoreError(f"The result {kept_id} cannot be removed ({error.strerror}).") from error
        record("removed a stability result", kept_id)

    def _path(self, kept_id: str) -> Path:
        if not ID.fullmatch(kept_id):
            raise InputError(
                f"{kept_id[:64]!r} is no result: an id has eight digits. `raglass stability list` lists them."
            )
        return self._folder / f"{kept_id}.jsonl"

    def _head(self, path: Path) -> KeptResult | None:
        try:
            with path.open(encoding="utf-8") as file:
                told = json.loads(file.readline())
            return KeptResult(**{each.name: told[each.name] for each in fields(KeptResult)})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def new_id() -> str:
    """An id for a result."""
    return secrets.token_hex(4)


def _question(data: Mapping[str, Any]) -> QuestionStability:
    asked = {**data["question"], "answers": tuple(data["question"]["answers"])}
    return QuestionStability(**{**data, "question": LabelledQuestion(**asked), "variants": _variants(data["variants"])})


def _variants(data: Sequence[Mapping[str, Any]]) -> tuple[Variant, ...]:
    return tuple(
        Variant(**{**each, "agreement": None if each["agreement"] is None else Agreement(**each["agreement"])})
        for each in data
    )

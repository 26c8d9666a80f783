"""What is kept of studies: a file each, in the data folder, whole at every moment."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import InputError, StoreError
from pipeline.locks import is_held
from pipeline.whole_files import write_whole

Status = Literal["running", "finished", "stopped", "failed"]

LAST = "LAST"


@dataclass(frozen=True, slots=True)
class LabRecord:
    """A study, going on or ended."""

    record_id: str
    """Eight hexadecimal digits."""
    study: str
    """Which kind: `Study.name`."""
    plan: Mapping[str, Any]
    """What was asked for."""
    started_at: float
    """Seconds since the Unix epoch, UTC."""
    status: Status = "running"
    """`running` of one that no process is at: it was killed, and can be gone on with."""
    result: Mapping[str, Any] | None = None
    """What is known so far."""
    problem: str = ""
    """Why it failed."""
    spent_s: float = 0.0
    """Seconds that it took, pauses between sittings not counted."""

    def went_on(self, **fields: Any) -> "LabRecord":
        """The record with some fields anew."""
        return replace(self, **fields)


class LabRecords:
    """The studies of a data folder. Raises StoreError where a file cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, study: str, plan: Mapping[str, Any]) -> LabRecord:
        """A new record, kept."""
        record = LabRecord(secrets.token_hex(4), study, plan, time.time())
        self.keep(record)
        return record

    def keep(self, record: LabRecord) -> None:
        """Write a record; what was there of it stays until the new one is whole."""
        path = self._path(record.record_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(record), allow_nan=False))
        except OSError as error:
            raise StoreError(
                f"The study could not be kept in {self.folder} ({error.strerror}). Free some space, and go on with it."
            ) from error

    def find(self, record_id: str, study: str | None = None) -> LabRecord:
        """A record by its id, how that begins, or LAST. Raises InputError."""
        found = self.newest(study)
        if record_id == LAST:
            if not found:
                raise InputError("There is no such study yet. Start one.")
            return found[0]
        fitting = [record for record in found if record.record_id.startswith(record_id)]
        if not re.fullmatch(r"[0-9a-f]{1,8}", record_id) or len(fitting) != 1:
            raise InputError(
                f"{record_id!r} is the id of {'several studies' if len(fitting) > 1 else 'no study'}. `raglass lab list` shows all."
            )
        return fitting[0]

    def newest(self, study: str | None = None) -> list[LabRecord]:
        """All that can be read, or those of a kind, the newest first."""
        records = []
        for path in self.folder.glob("*.json"):
            try:
                records.append(LabRecord(**json.loads(path.read_text("utf-8"))))
            except (OSError, ValueError, TypeError):
                continue
        kept = [record for record in records if study is None or record.study == study]
        return sorted(kept, key=lambda record: record.started_at, reverse=True)

    def lock_path(self, record_id: str) -> Path:
        """The file whose lock a process holds while it is at a study."""
        return self.folder / f"{record_id}.lock"

    def is_attended(self, record_id: str) -> bool:
        """Whether a process is at a study now, this one or another."""
        return is_held(self.lock_path(record_id))

    def standing(self, record: LabRecord) -> Status:
        """How a study stands: what its record says, but `stopped` of one that says `running` and that no process is at."""
        if self.is_attended(record.record_id):
            return "running"
        return "stopped" if record.status == "running" else record.status

    def remove(self, record_id: str) -> None:
        """Forget a record; one that is not there is no error."""
        self._path(record_id).unlink(missing_ok=True)

    def _path(self, record_id: str) -> Path:
        return self.folder / f"{record_id}.json"

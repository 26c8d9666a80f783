"""`Datasets`: datasets that people keep, changed by editors alone."""

from collections.abc import Iterable, Sequence

from app.permitting.acting import record, require
from app.permitting.roles import Role
from evaluation.curated import DatasetRow
from evaluation.kept import KeptDatasets, KeptVersion


class Datasets(KeptDatasets):
    """Kept datasets. What changes one takes an editor, and raises NotPermitted."""

    def save(self, name: str, rows: Sequence[DatasetRow], about: str, *, after: int | None = None) -> KeptVersion:
        """As `KeptDatasets.save`."""
        require(Role.EDITOR)
        version = super().save(name, rows, about, after=after)
        record("saved a dataset", version.spec)
        return version

    def add(self, name: str, rows: Iterable[DatasetRow], about: str) -> KeptVersion:
        """As `KeptDatasets.add`."""
        require(Role.EDITOR)
        return super().add(name, rows, about)

    def delete(self, name: str) -> int:
        """As `KeptDatasets.delete`."""
        require(Role.EDITOR)
        gone = super().delete(name)
        record("deleted a dataset", name)
        return gone

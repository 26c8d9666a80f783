"""`PgvectorHolder`: PostgreSQL as what holds the vectors of an index."""

from collections.abc import Sequence
from pathlib import Path

from backends.local.disk import checksum
from backends.local.holding import OnHeld, VectorIndex, Vectors
from backends.local.index_choice import IndexChoice
from backends.local.kept_vectors import VECTORS, KeptVectors
from backends.local.manifest import Manifest, read_manifest
from backends.local.ownership import owner_of
from backends.local.pgvector.building import build_table
from backends.local.pgvector.connecting import VectorDatabase
from backends.local.pgvector.index import PgvectorIndex
from backends.local.pgvector.tables import Note, drop_table, tables_of


class PgvectorHolder:
    """A `Holder`. A build makes a table of its own; the manifest of a published folder is what names it."""

    name = "pgvector"
    follows_choices = False

    def __init__(self, url: str) -> None:
        """url: as RAGLASS_INDEX_URL. Raises ConfigError for a URL that is no PostgreSQL's."""
        self.database = VectorDatabase(url)

    def build(
        self, folder: Path, vectors: Vectors, keys: Sequence[str], *, choice: IndexChoice | None, on_held: OnHeld
    ) -> VectorIndex:
        """See `Holder.build`."""
        kept = KeptVectors.keep(folder, vectors)
        root = folder.parent
        note = Note(owner_of(root), checksum(folder / VECTORS), "building", str(root.absolute()))
        return build_table(self.database, kept, note, on_held)

    def open(self, folder: Path, manifest: Manifest) -> VectorIndex:
        """See `Holder.open`."""
        digest = manifest.checksums[VECTORS]
        return PgvectorIndex(self.database, manifest.place, digest, KeptVectors(folder), manifest.tuning)

    def sweep(self, root: Path, current: Path) -> None:
        """See `Holder.sweep`: tables are dropped."""
        self._drop(root, read_manifest(current).place)

    def clear(self, root: Path) -> None:
        """See `Holder.clear`."""
        self._drop(root, "")

    def close(self) -> None:
        """See `Holder.close`."""
        self.database.close()

    def _drop(self, root: Path, but: str) -> None:
        with self.database.connected() as connection:
            for table in tables_of(connection, owner_of(root)):
                if table != but:
                    drop_table(connection, table)

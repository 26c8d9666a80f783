"""Small disks that are full under a store: real ones in memory, where this process may mount them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metrics.store import TraceStore
from tests.metrics.postgres_cluster import PostgresCluster
from tests.withstand.traffic import Traffic

DISK_MB = 128
"""Enough for a whole server, which takes some 60 MB before anything is stored."""

LEFT_MB = 3
"""What somebody else's file leaves of it."""

PADDING_CHARS = 250_000
"""Of each span, which no database can make much shorter."""


class NotMounted(Exception):
    """This process may mount nothing: only root may, and not in every container."""


class SmallDisk:
    """A disk in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._file = folder, folder / "somebody_elses"

    def crowd(self, left_bytes: int = LEFT_MB * 1_000_000) -> None:
        """Leave little room."""
        free_bytes = shutil.disk_usage(self.folder).free - left_bytes
        with self._file.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free_bytes)

    def make_room(self) -> None:
        """Give the room back."""
        self._file.unlink()


@contextmanager
def small_disk(megabytes: int = DISK_MB) -> Iterator[SmallDisk]:
    """Such a disk. Raises NotMounted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "disk")
        folder.mkdir()
        folder.parent.chmod(0o755)  # PostgreSQL runs as somebody else than root
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=777", "tmpfs", folder]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            raise NotMounted
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_file_disk(_: PostgresCluster) -> str:
    """The disk of a SQLite store."""
    with small_disk() as disk, TraceStore.open(f"sqlite:///{disk.folder / 'traces.sqlite'}") as store:
        return _fill(store, disk)


def full_tablespace(cluster: PostgresCluster) -> str:
    """The disk of a server's tables."""
    with (
        small_disk() as disk,
        cluster.database(disk.folder) as url,
        TraceStore.open(url, busy_timeout_s=1.0) as store,
    ):
        return _fill(store, disk)


def full_server_disk(cluster: PostgresCluster) -> str:
    """The disk of all of a server, its log of writing included: it falls, cannot come back, and is started again."""
    with (
        small_disk() as disk,
        PostgresCluster(cluster.binaries, folder=disk.folder) as server,
        server.database() as url,
        TraceStore.open(url, busy_timeout_s=1.0) as store,
    ):
        return _fill(store, disk, server)


def _fill(store: TraceStore, disk: SmallDisk, server: PostgresCluster | None = None) -> str:
    with Traffic(store) as traffic:
        traffic.meet("kept")
        disk.crowd()
        traffic.padding_chars = PADDING_CHARS
        traffic.meet("refused", 20)
        traffic.padding_chars = 0  # what is sent afterwards must not fill the disk once more
        disk.make_room()
        if server is not None:
            server.start_again()
        traffic.meet("kept", 20)
    return traffic.verdict()

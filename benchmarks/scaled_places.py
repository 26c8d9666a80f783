"""Where scaled stores are: files, or databases of a PostgreSQL of our own, in a folder that may stay, so that they need seeding once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.metrics.postgres_cluster import START_TIMEOUT_S, PostgresCluster, find_binaries


class KeptCluster(PostgresCluster):
    """A server over the data in a folder, which are made where there are none. The folder must be one that its user may reach."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        super().__init__(binaries, durable=True, folder=folder.parent)
        self._folder.rmdir()
        self._folder = folder
        folder.mkdir(exist_ok=True)
        password_file = folder / "password"
        if password_file.exists():
            self.password = password_file.read_text()

    def __exit__(self, *_: object) -> None:
        self._server.send_signal(signal.SIGINT)
        self._server.wait(START_TIMEOUT_S)

    def _start(self) -> None:
        if (self._folder / "data" / "PG_VERSION").exists():
            self._serve()
        else:
            super()._start()

    def _remove(self) -> None:
        """Nothing: what is there stays."""

    @contextmanager
    def named(self, name: str, *, fresh: bool = False) -> Iterator[str]:
        """The URL of the database of this name, made if need be. name: letters, digits, underscores. fresh: empty, and gone afterwards."""
        if fresh:
            self._drop(name)
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            if fresh:
                self._drop(name)

    def _drop(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


Place = Callable[..., AbstractContextManager[str]]
"""Gives the address of the store of a name; with `fresh=True` of an empty one, which goes afterwards."""


@contextmanager
def places(store: str, folder: Path) -> Iterator[Place]:
    """Stores in a folder. store: `sqlite` or `postgres`. Raises RuntimeError where there is no PostgreSQL."""
    if store == "postgres":
        with KeptCluster(find_binaries(), folder / "postgres") as cluster:
            yield cluster.named
        return

    @contextmanager
    def named(name: str, *, fresh: bool = False) -> Iterator[str]:
        if fresh:
            _remove(folder, name)
        try:
            yield f"sqlite:///{folder / f'{name}.sqlite'}"
        finally:
            if fresh:
                _remove(folder, name)

    yield named


def _remove(folder: Path, name: str) -> None:
    for file in folder.glob(f"{name}.sqlite*"):
        file.unlink()

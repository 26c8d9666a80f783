"""A production variant: the model server of one model.tar.gz, as a process."""

import http.client
import os
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import Unavailable
from serving.rehearsal.ports import LOOPBACK, free_port
from serving.rehearsal.processes import Child

SERVER = Path(__file__).with_name("inference_server.py")

INVOCATION_S = 60.0
"""SageMaker waits no longer for a model's reply."""

START_S = 480.0
"""SageMaker gives a container eight minutes to answer its first ping."""


class Surroundings(Protocol):
    """What a variant needs of AWS. Both act as the model's execution role."""

    def fetch_model(self, model: Mapping[str, Any], to: Path) -> None:
        """Download a model's archive. Raises Unavailable."""

    def ship_log(self, model: Mapping[str, Any], path: Path, endpoint: str, stream: str) -> "Shipper":
        """Bring a log file to the endpoint's log group until stopped."""


class Shipper(Protocol):
    """Brings a log somewhere."""

    def stop(self) -> None:
        """Bring what is left and end."""


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model server answered."""

    status: int
    body: bytes
    content_type: str


class Variant:
    """A running model server."""

    def __init__(
        self, name: str, endpoint: str, model: Mapping[str, Any], folder: Path, surroundings: Surroundings
    ) -> None:
        """Fetch, unpack, start and wait for the first ping. Raises Unavailable with the reason; nothing is left then."""
        self.name = name
        self._endpoint = endpoint
        self._shipper: Shipper | None = None
        self._folder = folder
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._port = free_port()
        try:
            self._start(model, surroundings)
        except BaseException:
            self.stop()
            raise

    def _start(self, model: Mapping[str, Any], surroundings: Surroundings) -> None:
        container = model["PrimaryContainer"]
        archive, unpacked = self._folder / "model.tar.gz", self._folder / "model"
        unpacked.mkdir(parents=True)
        if container.get("ModelDataUrl"):
            surroundings.fetch_model(model, archive)
            _unpack(archive, unpacked)
        environ = {
            **os.environ,
            **container.get("Environment", {}),
            "SM_MODEL_DIR": str(unpacked),
            "SAGEMAKER_BIND_TO_PORT": str(self._port),
        }
        command = [sys.executable, "-P", str(SERVER)]
        self._child = Child(f"server-{self._folder.name}", command, environ, self._folder.parent)
        self._shipper = surroundings.ship_log(
            model, self._child.log, self._endpoint, f"{self.name}/{self._folder.name}"
        )
        self._child.wait_until_ok(f"http://{LOOPBACK}:{self._port}/ping", START_S)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> ModelReply:
        """Send a request over a kept connection. A server that hangs up or takes over a minute gives 504, as at SageMaker."""
        connection = self._take()
        try:
            connection.request("POST", "/invocations", body, dict(headers))
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return ModelReply(504, f"the model server did not answer ({type(error).__name__})".encode(), "text/plain")
        with self._lock:
            self._idle.append(connection)
        return ModelReply(reply.status, content, reply.getheader("Content-Type") or "application/octet-stream")

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return http.client.HTTPConnection(LOOPBACK, self._port, timeout=INVOCATION_S)

    def stop(self) -> None:
        """End the server and remove its files."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if self._child is not None:
            self._child.stop()
        if self._shipper is not None:
            self._shipper.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Unavailable(f"{archive.name} cannot be unpacked ({error}). Pack the model again.") from error
    archive.unlink()


def elapsed_us(since: float) -> float:
    """Microseconds since a reading of `time.perf_counter`."""
    return (time.perf_counter() - since) * 1e6

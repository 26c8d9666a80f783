"""Brings what a model server writes to CloudWatch Logs, as SageMaker does: `/aws/sagemaker/Endpoints/NAME`."""

import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import Unavailable

PERIOD_S = 0.5
MAX_LINES = 1_000
MAX_CHARACTERS = 100_000
"""Of one line; CloudWatch takes 256 KB."""


class LogShipper:
    """Follows a log file until it is stopped."""

    def __init__(self, path: Path, client: Any, group: str, stream: str) -> None:
        """client: of `logs`, with the model's execution role. The group must exist."""
        self._path, self._client, self._group, self._stream = path, client, group, stream
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"log {stream}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is left and end."""
        self._over.set()
        self._thread.join(10)

    def _follow(self) -> None:
        try:
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
            with self._path.open("rb") as log:
                while not self._over.wait(PERIOD_S):
                    self._send(log)
                self._send(log)
        except (BotoCoreError, ClientError, Unavailable, OSError) as error:
            sys.stdout.write(f"the log of {self._group} is not shipped: {error}\n")
            sys.stdout.flush()

    def _send(self, log: BinaryIO) -> None:
        while lines := _whole_lines(log):
            now_ms = int(time.time() * 1000)
            events = [{"timestamp": now_ms, "message": line[:MAX_CHARACTERS]} for line in lines]
            self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)


def _whole_lines(log: BinaryIO) -> list[str]:
    """The next lines that are whole and not blank; a line that is still being written is left for later."""
    lines: list[str] = []
    while len(lines) < MAX_LINES:
        begin = log.tell()
        line = log.readline()
        if not line.endswith(b"\n"):
            log.seek(begin)
            break
        if line.strip():
            lines.append(line.decode("utf-8", "replace").rstrip())
    return lines

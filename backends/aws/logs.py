"""A Lambda's log: one JSON object a line, each with the request's and the trace's id. Texts of people and models are not logged.

That holds for an exception's own text too, which may quote what it choked on: its type and where it was raised are logged instead.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

OURS = ("pipeline", "backends")
"""Loggers that obey the level. Others keep to warnings: botocore's debug lines hold session tokens."""


def print_line(line: str) -> None:
    """Write a line to standard output, which a Lambda's log is made of."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The log of one request."""

    request_id: str
    """Of the Lambda invocation, or the client's `x-request-id`."""
    trace_id: str
    """Of the trace."""
    write: Callable[[str], None] = print_line
    """Where a line goes."""

    def say(self, event: str, **fields: str | int | float | bool | list[str] | None) -> None:
        """Write one line."""
        record = {
            "at_s": round(time.time(), 3),
            "event": event,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
        }
        self.write(json.dumps(record | fields, ensure_ascii=False, separators=(",", ":")))

    @contextmanager
    def current(self) -> Iterator[None]:
        """Inside, what is said through `logging` in this thread goes to this log."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[RequestLog | None] = ContextVar("request_log", default=None)


class JsonHandler(logging.Handler):
    """Brings `logging` into the request's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; outside a request its ids are empty."""
        kind = record.exc_info[0] if record.exc_info else None
        frames = traceback.extract_tb(record.exc_info[2]) if record.exc_info else []
        log = _current.get() or RequestLog("", "")
        log.say(
            "logged",
            level=record.levelname.lower(),
            logger=record.name,
            message=record.getMessage(),
            **({} if kind is None else {"exception": kind.__name__}),
            **({"raised_at": [f"{frame.name}:{frame.lineno}" for frame in frames]} if frames else {}),
        )


def log_as_json(level: str) -> None:
    """Send everything said through `logging` in this process through `JsonHandler`, ours from `level` on."""
    root = logging.getLogger()
    root.handlers = [JsonHandler()]
    root.setLevel(logging.WARNING)
    known = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    for name in OURS:
        logging.getLogger(name).setLevel(known)

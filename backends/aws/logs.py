"""A Lambda's log: one JSON object a line, each with the request's and the trace's id. Texts of people and models are not logged."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


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

    def say(self, event: str, **fields: str | int | float | bool | None) -> None:
        """Write one line."""
        record = {
            "at_s": round(time.time(), 3),
            "event": event,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
        }
        self.write(json.dumps(record | fields, ensure_ascii=False, separators=(",", ":")))

"""Faults that a test asks a stand-in for, and the calls that a stand-in has seen. Standard library only.

A stand-in holds a `FaultBook`; a test, in another process, holds `FaultControls` and speaks to `/_rehearsal/faults` and
`/_rehearsal/calls` on the stand-in's own port.
"""

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

FaultKind = Literal["delay", "status", "close", "garbage", "wrong_dimension", "cold"]
"""`delay` answers late; `status` answers an error of the service; `close` hangs up without an answer; `garbage` answers bytes
that are no JSON; `wrong_dimension` answers with vectors, or about an index, of another length than asked for; `cold` lets a serverless
endpoint start its model anew before it answers."""

CONTROL = "/_rehearsal/"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, where and how often."""

    kind: FaultKind
    where: str = ".*"
    """Regular expression; the whole path of a call must match."""
    seconds: float = 0.0
    """Of a delay."""
    status: int = 500
    """Of a `status` fault: what the model server or the index answered, 429 for a throttle."""
    times: int | None = None
    """Calls that it spoils before it is over; None for every call."""

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Fault":
        """Read what `FaultControls.inject` sent. Raises ValueError for a kind that does not exist or a bad expression."""
        fault = cls(**value)
        if fault.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault {fault.kind!r}; choose one of {', '.join(get_args(FaultKind))}")
        try:
            re.compile(fault.where)
        except re.error as error:
            raise ValueError(f"where={fault.where!r} is no regular expression: {error}") from error
        return fault


class FaultBook:
    """The faults in force and the count of calls, by path. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, int]] = []
        self._calls: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        """Put a fault in force; the latest that matches a call wins."""
        with self._lock:
            self._faults.insert(0, (fault, 0))

    def clear(self) -> None:
        """Lift all faults and forget all calls."""
        with self._lock:
            self._faults.clear()
            self._calls.clear()

    def meet(self, path: str) -> Fault | None:
        """Count a call, and say what is to go wrong with it."""
        with self._lock:
            self._calls[path] += 1
            for place, (fault, spent) in enumerate(self._faults):
                if re.fullmatch(fault.where, path) and (fault.times is None or spent < fault.times):
                    self._faults[place] = (fault, spent + 1)
                    return fault
        return None

    def calls(self) -> dict[str, int]:
        """Calls so far by path."""
        with self._lock:
            return dict(self._calls)


class FaultControls:
    """A test's hand on a stand-in."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc

    def inject(
        self, kind: FaultKind, *, where: str = ".*", seconds: float = 0.0, status: int = 500, times: int | None = None
    ) -> None:
        """Put a fault in force; see `Fault`."""
        self._send("POST", "faults", asdict(Fault(kind, where, seconds, status, times)))

    def clear(self) -> None:
        """Lift all faults and forget all calls."""
        self._send("DELETE", "faults")

    def calls(self, where: str = ".*") -> int:
        """How many calls there were, since the last `clear`, to paths that match."""
        counts: dict[str, int] = self._send("GET", "calls")
        return sum(count for path, count in counts.items() if re.fullmatch(where, path))

    def _send(self, method: str, name: str, value: object = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            connection.request(method, CONTROL + name, body)
            reply = connection.getresponse()
            answer = json.loads(reply.read() or b"null")
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(answer["message"])
        return answer

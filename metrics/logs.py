"""The stack's log lines: the latest, what came since, or those of one question.

FilterLogEvents reads one group a call and has no cursor that survives its end, so a follow token is made here: the time of
the newest line seen, and the ids of the lines seen at that time and shortly before, since lines may arrive late.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from metrics import aws
from pipeline.errors import InputError

ACTION = "logs:FilterLogEvents"

MAX_LINES = 1_000
"""Lines read from one group at most."""

MAX_PAGES = 20
"""Replies read from one group at most; a reply may be empty and yet not the last."""

OVERLAP_MS = 10_000
"""How far back a follow-up looks for lines that arrived late."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line."""

    at_s: float
    """When it was written, in seconds since the epoch."""
    group: str
    """The log group."""
    message: str
    """The line as written: data, to be escaped."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines and where to go on."""

    lines: tuple[LogLine, ...]
    """Oldest first."""
    follow: str
    """Give this to `read` for what came since. Opaque."""
    missing: tuple[str, ...]
    """Groups that do not exist (yet): a function makes its group with its first line."""
    cut: bool
    """Whether there were more lines than are read."""


class LogReader:
    """FilterLogEvents over the stack's groups."""

    def __init__(
        self,
        groups: Sequence[str],
        region: str = "",
        *,
        client: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._groups = tuple(groups)
        self._region = region
        self._client = client
        self._sleep = sleep

    def read(
        self,
        since_s: float,
        until_s: float | None = None,
        *,
        containing: str = "",
        follow: str | None = None,
        limit: int = 200,
    ) -> LogPage:
        """The newest `limit` lines of each group in a time, or what came since `follow`.

        containing: literal text that a line must hold, for example a trace id or request id.
        Raises InputError for a token that is none, Unavailable where the permission is missing.
        """
        if self._client is None:
            self._client = aws.make_client("logs", self._region)
        newest_ms, seen = _decode(follow) if follow else (int(since_s * 1000), frozenset[str]())
        start_ms = max(newest_ms - OVERLAP_MS, 0) if follow else newest_ms
        request: dict[str, Any] = {"startTime": start_ms, "limit": MAX_LINES}
        if until_s is not None:
            request["endTime"] = int(until_s * 1000)
        if containing:
            request["filterPattern"] = _literal(containing)
        events: list[tuple[str, dict[str, Any]]] = []
        missing, cut = [], False
        for group in self._groups:
            found, whole = self._events(group, request)
            if found is None:
                missing.append(group)
                continue
            cut = cut or not whole or len(found) > limit
            events += [(group, event) for event in found[-limit:]]
        fresh = [(group, event) for group, event in events if _id(group, event) not in seen]
        return LogPage(
            lines=tuple(sorted((_line(group, event) for group, event in fresh), key=lambda line: line.at_s)),
            follow=_encode(events, newest_ms, seen),
            missing=tuple(missing),
            cut=cut,
        )

    def _events(self, group: str, request: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, bool]:
        """The events of a group in order of time, None if there is no such group; and whether they are all."""
        events: list[dict[str, Any]] = []
        asked = {**request, "logGroupName": group}
        for _ in range(MAX_PAGES):
            try:
                reply = aws.call(ACTION, lambda: self._client.filter_log_events(**asked), sleep=self._sleep)
            except aws.Missing:
                return None, True
            events += reply.get("events", ())
            if not reply.get("nextToken"):
                return sorted(events, key=lambda event: event["timestamp"]), True
            asked["nextToken"] = reply["nextToken"]
            if len(events) >= MAX_LINES:
                break
        return sorted(events, key=lambda event: event["timestamp"]), False


def _line(group: str, event: dict[str, Any]) -> LogLine:
    return LogLine(event["timestamp"] / 1000, group, str(event["message"]).rstrip("\n"))


def _id(group: str, event: dict[str, Any]) -> str:
    """What tells a line from its neighbours, short enough for a token of a thousand of them."""
    known = event.get("eventId") or f"{event.get('logStreamName')} {event['timestamp']} {event['message']}"
    return hashlib.sha1(f"{group} {known}".encode(), usedforsecurity=False).hexdigest()[:16]


def _literal(text: str) -> str:
    """A filter pattern that matches the text as it is."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _encode(events: Sequence[tuple[str, dict[str, Any]]], newest_ms: int, seen: frozenset[str]) -> str:
    newest_ms = max([newest_ms, *(event["timestamp"] for _, event in events)])
    recent = [_id(group, event) for group, event in events if event["timestamp"] >= newest_ms - OVERLAP_MS]
    # Without a new line the ids seen before still stand for what lies in the overlap.
    content = json.dumps([newest_ms, recent or sorted(seen)], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode()


def _decode(token: str) -> tuple[int, frozenset[str]]:
    try:
        newest_ms, seen = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
        return int(newest_ms), frozenset(map(str, seen))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("This follow token is none of ours. Start the log tail anew.") from error

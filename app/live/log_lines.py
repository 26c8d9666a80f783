"""Log lines as they are read: how serious one is, what it says, and which trace it belongs to. Lines are data, whoever wrote them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from metrics.logs import LogLine

Level = Literal["error", "warning", "info"]
"""How serious a line is."""

LEVELS: dict[str, frozenset[Level]] = {
    "all": frozenset({"error", "warning", "info"}),
    "warnings": frozenset({"error", "warning"}),
    "errors": frozenset({"error"}),
}
"""Lines that are listed, by the words on the page and in the address."""

WORDS: dict[str, Level] = {
    "critical": "error",
    "fatal": "error",
    "error": "error",
    "warning": "warning",
    "warn": "warning",
}
"""Levels as programs write them; whatever else is written is information."""

LEVEL = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARNING|WARN)\b|Traceback \(most recent call last\)|Task timed out")
"""What tells the level in a line that is no JSON: a word in capitals, or what Lambda and Python write of a failure."""

TRACE = re.compile(r"\b[0-9a-f]{32}\b")
"""A trace id."""

TRACE_KEYS = ("trace_id", "traceId", "TraceId")


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line, taken apart."""

    at_s: float
    """When it was written, in seconds since the epoch."""
    part: str
    """The part of the stack that wrote it."""
    level: Level
    """How serious it is."""
    text: str
    """The line as it was written."""
    trace_id: str
    """The trace that it belongs to; empty where it names none."""


def read_line(line: LogLine) -> ReadLine:
    """Take a line apart. One that is no JSON object is searched for a level in capitals and for a trace id."""
    fields = _fields(line.message)
    told = str(fields.get("level") or fields.get("levelname") or fields.get("log_level") or "").lower()
    found = LEVEL.search(line.message) if not told else None
    level = (
        WORDS.get(told, "info")
        if told
        else "info"
        if found is None
        else WORDS.get((found[1] or "error").lower(), "error")
    )
    named = next((fields[key] for key in TRACE_KEYS if isinstance(fields.get(key), str)), "")
    trace = TRACE.search(named or line.message)
    return ReadLine(line.at_s, line.group.rsplit("/", 1)[-1], level, line.message, "" if trace is None else trace[0])


def read_lines(lines: Sequence[LogLine], shown: str) -> list[ReadLine]:
    """Those of some lines that are as serious as wanted. shown: a key of LEVELS."""
    return [read for read in map(read_line, lines) if read.level in LEVELS[shown]]


def _fields(message: str) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

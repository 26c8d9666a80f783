"""A door whose store keeps spans in memory, and requests to it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.config import Settings
from app.ingesting.door import Door
from app.ingesting.guarding import Guard
from app.ingesting.receiving import Receiving
from metrics.keys import Key
from metrics.otlp.records import SpanRecord


@dataclass
class FakeStore:
    """What a store does for those that send."""

    records: list[SpanRecord] = field(default_factory=list)
    """Spans that were stored."""
    waiting: int = 0
    """Pieces that wait to be folded."""
    before: Callable[[], None] = lambda: None
    """Done before spans are stored; may raise."""
    found: dict[str, Key] = field(default_factory=dict)
    """Keys by their secrets."""

    @property
    def keys(self) -> "FakeStore":
        return self

    def find(self, secret: str) -> Key | None:
        return self.found.get(secret)

    def put_spans(self, records: Sequence[SpanRecord]) -> None:
        self.before()
        self.records.extend(records)

    def waiting_pieces(self) -> SimpleNamespace:
        return SimpleNamespace(count=self.waiting)


def make_door(store: FakeStore, **changes: Any) -> tuple[Door, Receiving]:
    settings = replace(Settings(), **changes)
    receiving = Receiving(settings, lambda: store)  # type: ignore[arg-type,return-value]
    return Door(receiving, Guard(settings, lambda: store.keys)), receiving  # type: ignore[arg-type,return-value]


def make_request(
    *chunks: bytes,
    method: str = "POST",
    path: str = "/v1/traces",
    address: str = "127.0.0.1",
    last: dict[str, Any] | None = None,
    **headers: str,
) -> Request:
    """A request whose body comes in chunks. last: what comes after them, if not their end. headers: `_` stands for `-`."""
    parts: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    parts.append(last or {"type": "http.request", "body": b"", "more_body": False})
    messages = iter(parts)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        for message in messages:
            return message
        return await asyncio.Future()

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "server": (address, 8501),
        "client": ("127.0.0.9", 5),
    }
    return Request(scope, receive)


def ask(door: Door, *requests: Request) -> list[Response]:
    """What they are answered, asked all at once. In a thread, since a browser driven in this process leaves a loop running in this one."""

    async def ask_all() -> list[Response]:
        return await asyncio.gather(*(door.answer(request) for request in requests))

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, ask_all()).result()

"""Questions that are asked and spans that arrive while a database fails, and what of them was acknowledged."""

import base64
import random
import time
import uuid
from collections.abc import Callable
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Literal

from app.config import Settings
from app.ingesting.receiving import Parcel, Receiving
from backends.fake import ScriptedBackend
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import RaglassError
from tests.factories import make_trace
from tests.otlp.sent import PROTOBUF, pair, request, span
from tests.withstand.parts import Asker

PAUSE_S = 0.01
"""Between two things that one of the senders does."""

PATIENCE_S = 60.0
"""Longest wait for something to be acknowledged, or refused."""

ASKERS = 2


class Traffic:
    """Two people ask and an application sends, each one thing after another. Use as a context manager, over an open store."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self.padding_chars = 0
        """Of each span that is sent from now on, so that a disk is full before long."""
        self._lock, self._stopping = Lock(), Event()
        self.kept: list[str] = []
        """Ids of traces that were acknowledged."""
        self.refused = 0
        """How much was refused."""
        self.wrong: set[str] = set()
        """What should not have happened: questions without an answer, errors that are none for a person."""
        self._receiving = Receiving(Settings(), lambda: store)
        self._threads = [
            *(Thread(target=self._repeat, args=(self._ask,), daemon=True) for _ in range(ASKERS)),
            Thread(target=self._repeat, args=(self._send,), daemon=True),
        ]
        self._asker = Asker(ScriptedBackend(), lambda: store, 5.0, lambda _: None)

    def __enter__(self) -> "Traffic":
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join()
        self._receiving.close()

    def meet(self, what: Literal["kept", "refused"], more: int = 3) -> None:
        """Wait until so much more was acknowledged, or refused. Raises TimeoutError."""
        wanted, until = self._count(what) + more, time.monotonic() + PATIENCE_S
        while self._count(what) < wanted:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(self.kept)} acknowledged, {self.refused} refused, and no more")
            time.sleep(PAUSE_S)

    def _count(self, what: Literal["kept", "refused"]) -> int:
        return len(self.kept) if what == "kept" else self.refused

    def verdict(self) -> str:
        """Whether all that was acknowledged is there and listed, and more can be put; after the block."""
        again = make_trace()
        self._store.put(again)
        found = self._store.known([*self.kept, again.trace_id])
        lost = len({*self.kept, again.trace_id}) - len(found)
        lost += sum(self._store.get(trace_id) is None for trace_id in random.sample(self.kept, min(50, len(self.kept))))
        self._store.fold()
        listed = self._store.page(TraceQuery(), limit=1).matched.value
        held = not lost and not self.wrong and listed > len(self.kept) and self.refused > 0
        told = [f"{len(self.kept)} acknowledged", f"{self.refused} refused", f"{lost} lost", f"{listed} listed"]
        return f"{'held' if held else 'NOT HELD'}: {', '.join([*told, *sorted(self.wrong)])}"

    def _repeat(self, work: Callable[[], str | None]) -> None:
        while not self._stopping.wait(PAUSE_S):
            try:
                kept = work()
            except RaglassError:
                kept = None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                self.wrong.add(f"{type(error).__name__} was raised")
                continue
            with self._lock:
                if kept is None:
                    self.refused += 1
                else:
                    self.kept.append(kept)

    def _ask(self) -> str | None:
        asked, _ = self._asker.ask()
        if asked.trace.error is not None:
            self.wrong.add("a question was not answered")
        return asked.trace.trace_id if asked.not_stored is None else None

    def _send(self) -> str:
        trace_id = uuid.uuid4()
        padding = base64.b85encode(random.randbytes(self.padding_chars * 4 // 5)).decode()
        body = request(span(trace_id=trace_id.bytes, attributes=[pair("padding", padding)])).SerializeToString()
        self._receiving.take(Parcel(body, PROTOBUF, "", "shop", "127.0.0.1"))
        return trace_id.hex

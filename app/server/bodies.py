"""`Bodies`: how long what is sent may take to come, and how much of it is held: of one file, of one visitor, of all of them."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/[^/]+")
"""Where Streamlit takes a file of a session."""

FRAME_BYTES = 1_000_000
"""What the parts' headers of an upload may take beside the file."""

GRACE_S = 65.0
"""Seconds that any body may take; the door of traces, which says more about it, has fewer."""

SLOWEST_BYTES_PER_S = 10_000
"""A body that is long may take a second more for so many bytes that have come."""


class Refused(Exception):
    """A body that is not read any further. It ends the handling of the request below."""

    def __init__(self, status: int, message: str) -> None:
        """status: HTTP's. message: what to do about it."""
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How many bytes are held of files that were chosen on a page and not yet added."""

    file_bytes: int
    """Of one file."""
    session_bytes: int
    """Of one visitor's tab."""
    all_bytes: int
    """Of all tabs."""


class Bodies:
    """Watches over what comes in. One event loop uses it."""

    def __init__(
        self,
        held: Callable[[], Mapping[str, int]],
        let_in: Callable[[str], bool] = lambda session: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """held: bytes of the files that are held, by session. let_in: whether whoever uses a session's tab was. clock: seconds."""
        self._held, self._let_in, self._clock = held, let_in, clock
        self._coming: Counter[str] = Counter()

    def watch(self, scope: Scope, receive: Receive, limits: UploadLimits) -> "Body":
        """The body of a request, watched over. The caller ends it."""
        found = UPLOAD.fullmatch(scope["path"]) if scope["method"] == "PUT" else None
        return Body(self, receive, None if found is None else found["session"], limits)

    def check_visitor(self, session: str) -> None:
        """Raises Refused for a file of somebody who was not let in: what is held is for those who were."""
        if not self._let_in(session):
            raise Refused(
                403, "Nothing is taken from a tab whose visitor was not let in. Sign in, and choose the file again."
            )

    def check(self, session: str, size: int, limits: UploadLimits) -> None:
        """Raises Refused where so many bytes of a session's file are too many, beside what is held and what is coming."""
        held = self._held()
        if size > limits.file_bytes + FRAME_BYTES:
            raise Refused(413, f"The file has more than {limits.file_bytes / 1e6:g} MB (RAGLASS_MAX_FILE_MB).")
        if held.get(session, 0) + self._coming[session] > limits.session_bytes:
            raise Refused(
                413, "This tab has chosen more than is held for one. Add what is chosen, or take some of it away."
            )
        if sum(held.values()) + self._coming.total() > limits.all_bytes:
            raise Refused(503, "Visitors have chosen more files than are held at once. Try again in a few minutes.")

    def come(self, session: str, size: int) -> None:
        """Count bytes that have come, or, below 0, that are not coming any more."""
        self._coming[session] += size
        if self._coming[session] <= 0:
            del self._coming[session]


class Body:
    """The body of one request."""

    def __init__(self, bodies: Bodies, receive: Receive, session: str | None, limits: UploadLimits) -> None:
        self._bodies, self._receive, self._session, self._limits = bodies, receive, session, limits
        self._size, self._whole = 0, False
        self._began = bodies._clock()
        self.refused: Refused | None = None
        """Why it is not read any further."""

    def check_head(self, length: str) -> None:
        """Raises Refused at once for an upload that nobody may send, or that says itself that it is too large."""
        if self._session is not None:
            self._bodies.check_visitor(self._session)
        if self._session is not None and length.isdigit():
            self._bodies.check(self._session, int(length[:20]), self._limits)

    async def receive(self) -> Message:
        """The next message. Raises Refused for a body that is too large, or takes too long."""
        if self._whole:
            return await self._receive()
        try:
            left_s = self._left_s()
            if left_s <= 0:
                raise TimeoutError
            async with asyncio.timeout(left_s):
                message = await self._receive()
            self._take(message)
        except TimeoutError:
            self.refused = Refused(408, f"The body did not come within {GRACE_S:g} s. Send it again.")
            raise self.refused from None
        except Refused as error:
            self.refused = error
            raise
        return message

    def _left_s(self) -> float:
        allowed = GRACE_S + self._size / SLOWEST_BYTES_PER_S
        return self._began + allowed - self._bodies._clock()

    def _take(self, message: Message) -> None:
        size = len(message.get("body", b""))
        self._size += size
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._session is not None:
            self._bodies.come(self._session, size)
            self._bodies.check(self._session, self._size, self._limits)

    def end(self) -> None:
        """What came is held elsewhere by now, or nowhere."""
        if self._session is not None and self._size:
            self._bodies.come(self._session, -self._size)

"""One request to an endpoint and its reply: bounded in time and size, to no other host, every failure typed and in our own words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from backends.aws.calls import Policy, Retryable, call
from backends.http.endpoints import Endpoint
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, StageFailed, Throttled, Timeout, Unavailable
from pipeline.replies import is_too_long, keep_bounds

STAGE = "network"
CONNECT_S = 5.0
"""Longest wait for a connection."""

MAX_WAIT_S = 600.0
"""A longer `Retry-After` is not believed."""

POOL = 32
"""Connections kept open: as many as a run or a load asks at once."""

PART_BYTES = 65_536

HEAD_BYTES = 200_000
"""Of a reply's head; Python reads no longer one."""

FRAMED = 2
"""How many times as long a body may be with what frames the parts that it is sent in."""


def host_of(url: str) -> str:
    """Host and port, as they are shown."""
    return urlsplit(url).netloc


@dataclass(slots=True)
class Exchange:
    """A reply whose head has come."""

    response: urllib3.BaseHTTPResponse
    """The head, and where the body comes from."""
    what: str
    """What answers, for messages."""
    given_s: float
    """The attempt's time."""
    max_bytes: int
    """Longest body."""
    size: int = 0
    """Bytes of it so far."""
    whole: bool = False
    """Whether the body came to its end, so that the connection can be used again."""

    def parts(self) -> Iterator[bytes]:
        """The body as it comes. Raises Timeout, Unavailable if the connection breaks, BadResponse once it is too long."""
        try:
            while part := bytes(self.response.read1(PART_BYTES, decode_content=True)):
                self.size += len(part)
                if self.size > self.max_bytes:
                    raise self._too_long()
                yield part
            self.whole = True
        except ReadTimeoutError as error:
            raise timed_out(self.what, self.given_s) from error
        except (HTTPError, OSError) as error:
            if is_too_long(error):
                raise self._too_long() from error
            raise Unavailable(
                f"{self.what} broke off in the middle of its reply ({type(error).__name__}). Ask again; its own log says why.",
                stage=STAGE,
            ) from error

    def _too_long(self) -> BadResponse:
        return BadResponse(
            f"{self.what} answered more than {self.max_bytes:,} bytes; the rest was not read. "
            "Let it answer with less, or raise `max_mb` of the endpoint.",
            stage=STAGE,
        )


class Transport:
    """Kept-alive connections to one endpoint. Thread-safe."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.what = f"The endpoint {endpoint.name} at {host_of(endpoint.url)}"
        self._pool = urllib3.PoolManager(maxsize=POOL, retries=False)
        keep_bounds(self._pool, FRAMED * endpoint.max_bytes + HEAD_BYTES)
        self._policy = Policy(attempts=endpoint.retries + 1, cap_s=2.0, timeout_s=endpoint.timeout_s or 900.0)

    @contextmanager
    def open(self, url: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline) -> Iterator[Exchange]:
        """Send and wait for a reply's head. Raises a BackendError for whatever is no success (2xx)."""
        method = self._endpoint.method
        exchange = call(
            STAGE,
            lambda timeout_s: self._attempt(method, url, body, headers, timeout_s),
            deadline,
            policy=self._policy,
        )
        try:
            yield exchange
        finally:
            if exchange.whole:
                exchange.response.release_conn()
            else:
                exchange.response.close()

    def look(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        """Ask an address whether it works. Raises a BackendError where it does not answer 2xx."""
        try:
            self._attempt("GET", url, None, headers, timeout_s).response.close()
        except Retryable as fault:
            raise fault.error from fault

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _attempt(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Exchange:
        timeout = urllib3.Timeout(connect=min(CONNECT_S, timeout_s), total=max(timeout_s, 0.001))
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except ReadTimeoutError as error:
            raise timed_out(self.what, timeout_s) from error
        except SSLError as error:
            raise Unavailable(
                f"{self.what} shows no certificate that this machine trusts. Check the URL's host, and the certificate.",
                stage=STAGE,
            ) from error
        except HTTPError as error:
            raise Retryable(
                Unavailable(
                    f"{self.what} cannot be reached ({type(error).__name__}). Check that it runs and that its `url` is right.",
                    stage=STAGE,
                )
            ) from error
        try:
            self._check(response)
        except BaseException:
            response.close()
            raise
        return Exchange(response, self.what, timeout_s, self._endpoint.max_bytes)

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        """Raise what a status other than 2xx means. The body is not looked at: it is the application's text."""
        status, variables = response.status, " and ".join(self._endpoint.variables)
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise BadResponse(
                f"{self.what} redirects (HTTP {status}){_target(response)}, which is not followed: questions go only where the "
                "configuration says. If that is right, write the new address as `url`.",
                stage=STAGE,
            )
        if status in (401, 403):
            raise BadResponse(
                f"{self.what} refused the caller (HTTP {status}). "
                + (
                    f"The key in {variables} is wrong or has expired; set a new one."
                    if variables
                    else "Add a header with a key."
                ),
                stage=STAGE,
            )
        if status in (429, 503):
            after_s = _seconds(response.headers.get("Retry-After"))
            wait = "in a moment" if after_s is None else f"in {after_s:.3g} s"
            raise Retryable(
                Throttled(
                    f"{self.what} asks for fewer questions (HTTP {status}). Ask again {wait}; in a run, take fewer workers.",
                    stage=STAGE,
                ),
                after_s=after_s,
            )
        if status >= 500:
            raise StageFailed(f"{self.what} failed (HTTP {status}). Its own log says why.", stage=STAGE)
        raise BadResponse(
            f"{self.what} does not take this request (HTTP {status}). Check `url`, `method` and the template `request`.",
            stage=STAGE,
        )


def timed_out(what: str, seconds: float) -> Timeout:
    """The error of an attempt that took all the time it had."""
    return Timeout(
        f"{what} did not answer, or not to the end, within {seconds:.3g} s. Raise the deadline (RAGLASS_DEADLINE_S), or the "
        "endpoint's `timeout_s` where it has one.",
        stage=STAGE,
    )


def _target(response: urllib3.BaseHTTPResponse) -> str:
    """Whereto a redirect leads, if that is a plain host."""
    try:
        host = urlsplit(response.headers.get("Location") or "").netloc.rpartition("@")[2]
    except ValueError:
        return ""
    return f" to {host}" if re.fullmatch(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?", host) else ""


def _seconds(text: str | None) -> float | None:
    """Seconds of a `Retry-After`; None for a date, which few send, and for what is no number."""
    return min(float(text), MAX_WAIT_S) if text and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()) else None

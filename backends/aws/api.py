"""HTTP from the dashboard to the stack's API: authentication, retries where they are safe, the circuit breaker, what errors mean."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from urllib3 import Timeout as Seconds
from urllib3.exceptions import HTTPError, ReadTimeoutError

from backends.aws.breaker import CircuitBreaker
from backends.aws.calls import Policy, Retryable, call, timed_out
from backends.aws.http import MAX_REPLY_BYTES, AwsSigner, host_of, too_long
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, ConfigError, StageFailed, Throttled, Timeout, Unavailable
from pipeline.replies import is_too_long, keep_bounds

STAGE = "network"
CONNECT_S = 5.0
POLICY = Policy(attempts=3, base_s=0.2, timeout_s=900.0)
"""The stack retries its own parts; these are for what lies between here and there."""

URL_IS_RIGHT = "that RAGLASS_API_URL is the URL of its API"
"""What to make sure of where something else than a stack seems to answer."""

Auth = Literal["none", "key", "iam"]


@dataclass(frozen=True, slots=True)
class ApiReply:
    """A reply of the stack, whatever its status."""

    status: int
    """HTTP status."""
    data: dict[str, Any]
    """Its JSON object, which has a `schema_version`."""


class Api:
    """One kept-alive session to a stack's API. Thread-safe enough: requests' pool is, and headers are set per call.

    A call is made again after a connection that failed or broke, and after 429 or 503 from API Gateway: asking twice changes nothing.
    Not after a time-out, since the time is gone, nor after a reply of the stack, which has done its own retries.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth = "none",
        key: str = "",
        region: str = "",
        credentials: Any = None,
        policy: Policy = POLICY,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """url: of the API, with its stage if it has one. credentials: of botocore, for `iam`. Raises ConfigError for a bad URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("RAGLASS_API_URL is no http(s) URL. Copy it from the stack's outputs.")
        if parts.query or parts.fragment:
            raise ConfigError("RAGLASS_API_URL has a query (after ?) or a fragment (after #). Leave it out.")
        if auth == "key" and not key:
            raise ConfigError("RAGLASS_API_AUTH is key, but RAGLASS_API_KEY is not set.")
        self.host = host_of(url)
        self._url, self._key, self._auth = url.rstrip("/"), key, auth
        self._sign = AwsSigner("execute-api", region, credentials) if auth == "iam" else None
        self._policy, self._sleep, self._jitter = policy, sleep, jitter
        self._breaker = breaker or CircuitBreaker()
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=16)
        keep_bounds(adapter.poolmanager, MAX_REPLY_BYTES)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self, method: str, path: str, data: Mapping[str, Any] | None, headers: Mapping[str, str], deadline: Deadline
    ) -> ApiReply:
        """Send one request and return the stack's reply, good or bad.

        Raises Unavailable (also while the circuit is open), Throttled, Timeout, or BadResponse for what is no reply of a stack.
        """
        body = b"" if data is None else json.dumps(data, ensure_ascii=False).encode()
        given = {"Accept": "application/json", **({"Content-Type": "application/json"} if body else {}), **headers}
        self._breaker.check(f"The API at {self.host}")
        try:
            reply = call(
                STAGE,
                lambda timeout_s: self._attempt(method, self._url + path, given, body, timeout_s),
                deadline,
                policy=self._policy,
                sleep=self._sleep,
                jitter=self._jitter,
            )
        except (Unavailable, Timeout, StageFailed):
            self._breaker.failed()
            raise
        except BaseException:
            self._breaker.undecided()
            raise
        self._breaker.succeeded()
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _attempt(self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> ApiReply:
        where = f"The API at {self.host}"
        try:
            response = self._session.request(
                method,
                url,
                headers=self._authorised(method, url, headers, body),
                data=body,
                timeout=Seconds(connect=min(CONNECT_S, timeout_s), total=max(timeout_s, 0.001)),  # type: ignore[arg-type]  # as it takes them all the same
                allow_redirects=False,
                stream=True,
            )
            with response:
                content = _content(response, where)
        except (requests.ReadTimeout, ReadTimeoutError) as error:
            raise timed_out(STAGE, timeout_s, where) from error
        except (requests.RequestException, HTTPError) as error:
            if is_too_long(error):
                raise too_long(STAGE, where, URL_IS_RIGHT) from error
            raise Retryable(
                Unavailable(
                    f"{where} cannot be reached ({type(error).__name__}). Check RAGLASS_API_URL and the network; "
                    "`raglass status` tries it again.",
                    stage=STAGE,
                )
            ) from error
        return self._read(response, content)

    def _authorised(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        if self._sign is not None:
            return dict(self._sign(method, url, headers, body))
        return {**headers, "x-api-key": self._key} if self._key else dict(headers)

    def _read(self, response: requests.Response, content: bytes) -> ApiReply:
        """A reply of the stack; what API Gateway itself answers leaves as an error."""
        data = _object(content)
        if data is not None and "schema_version" in data:
            return ApiReply(response.status_code, data)
        where, status = f"The API at {self.host}", response.status_code
        if status in (429, 503):
            raise Retryable(
                Throttled(
                    f"{where} is throttled (HTTP {status}). Ask again in a moment, or raise its limits.", stage=STAGE
                ),
                after_s=_seconds(response.headers.get("Retry-After")),
            )
        if status in (401, 403):
            raise BadResponse(
                f"{where} refused the caller (HTTP {status}). Check RAGLASS_API_AUTH and RAGLASS_API_KEY, or the role, the clock and "
                "the region (RAGLASS_AWS_REGION).",
                stage=STAGE,
            )
        if status >= 500:
            raise StageFailed(
                f"{where} failed before its orchestrator could answer (HTTP {status}). The Lambda's log says why.",
                stage=STAGE,
            )
        raise BadResponse(
            f"{where} answered HTTP {status} and nothing that a Raglass stack answers. Check {URL_IS_RIGHT}.",
            stage=STAGE,
        )


def _content(response: requests.Response, where: str) -> bytes:
    """The whole body. Raises as urllib3 does for one that does not come, or not in time; BadResponse for one that no stack sends."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(65_536, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MAX_REPLY_BYTES:  # once decompressed
            raise too_long(STAGE, where, URL_IS_RIGHT)
    return b"".join(parts)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None

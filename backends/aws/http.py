"""HTTP to AWS and Pinecone from inside a Lambda: kept-alive connections, a time-out for each call, SigV4 signatures.

urllib3 and botocore's signer instead of boto3 clients: they open in a tenth of the time, and a call's time-out can be what is left
of the question's deadline.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError, TimeoutError

from backends.aws.calls import Retryable, timed_out
from pipeline.errors import BadResponse, Unavailable
from pipeline.replies import is_too_long, keep_bounds

CONNECT_S = 2.0
"""Longest wait for a connection."""

MAX_REPLY_BYTES = 16_000_000
"""API Gateway passes on 10 MB at most, SageMaker 6; more than this comes from something else."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Header fields; names in any case."""
    body: bytes
    """The body, whole."""

    def json(self, stage: str, what: str) -> dict[str, Any]:
        """The body as a JSON object. Raises BadResponse, without quoting it."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadResponse(self._unusable(what, "is not JSON"), stage=stage) from error
        if not isinstance(data, dict):
            raise BadResponse(self._unusable(what, "is no JSON object"), stage=stage)
        return data

    def _unusable(self, what: str, why: str) -> str:
        return (
            f"{what} answered {len(self.body):,} bytes (HTTP {self.status}) that {why}. "
            "Check that the name and the region are those of the stack; its own log says more."
        )


Sign = Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]]
"""Method, URL, headers, body → all headers to send."""


class Http:
    """One pool of kept-alive connections. Thread-safe."""

    def __init__(self, pool: urllib3.PoolManager | None = None) -> None:
        self._pool = pool or urllib3.PoolManager(maxsize=8, retries=False)
        keep_bounds(self._pool, MAX_REPLY_BYTES)

    def send(
        self,
        stage: str,
        what: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_s: float,
    ) -> Reply:
        """Send one request. Raises Retryable if it did not get through, Timeout if it did and no whole reply came back in time.

        Raises BadResponse for a reply of more than MAX_REPLY_BYTES. A compressed body, which nobody asked for, is left as it is.

        what: what is called, for messages: «the SageMaker endpoint rag-embedder».
        """
        timeout = urllib3.Timeout(connect=min(CONNECT_S, timeout_s), total=max(timeout_s, 0.001))
        try:
            response = self._pool.request(
                method,
                url,
                headers=dict(headers),
                body=body,
                timeout=timeout,
                retries=False,
                redirect=False,
                decode_content=False,
            )
        except ReadTimeoutError as error:
            raise timed_out(stage, timeout_s, what) from error
        except TimeoutError as error:
            raise Retryable(unreachable(stage, what, "no connection in time")) from error
        except HTTPError as error:
            if is_too_long(error):
                raise too_long(stage, what, "that its address is right") from error
            raise Retryable(unreachable(stage, what, type(error).__name__)) from error
        return Reply(response.status, response.headers, response.data)


def unreachable(stage: str, what: str, why: str) -> Unavailable:
    """The error of a part that no request reached, or that hung up."""
    return Unavailable(
        f"{what} cannot be reached ({why}). Check that it is running and that its name and region are right; "
        "`raglass status` shows every part.",
        stage=stage,
    )


def too_long(stage: str, what: str, check: str) -> BadResponse:
    """The error of a reply that no part of a stack sends. check: what to make sure of."""
    return BadResponse(
        f"{what} answered more than {MAX_REPLY_BYTES:,} bytes; the rest was not read. Check {check}.",
        stage=stage,
    )


class AwsSigner:
    """Signs requests to one AWS service with SigV4."""

    def __init__(self, service: str, region: str, credentials: Any) -> None:
        """credentials: of botocore; asked anew for each request, so that they may be refreshed."""
        self._service, self._region, self._credentials = service, region, credentials

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """All headers to send. Raises Unavailable where there are no credentials."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        if self._credentials is None:
            raise Unavailable(
                "There are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task a role."
            )
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())


def aws_endpoint(environ: Mapping[str, str], service: str, host: str) -> str:
    """Where an AWS service is: `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, else `https://<host>`; no final slash."""
    found = environ.get(f"AWS_ENDPOINT_URL_{service}") or environ.get("AWS_ENDPOINT_URL") or f"https://{host}"
    return found.rstrip("/")


def host_of(url: str) -> str:
    """Host and port of a URL, for traces and messages; never a user, a password or a query."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]

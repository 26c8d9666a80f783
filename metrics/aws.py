"""Talking to AWS for metrics: clients made late, errors in words, throttles waited for.

Every error leaves as a BackendError that names the permission or the setting at fault; upstream text is never shown.
"""

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.errors import BackendError, BadResponse, ConfigError, Throttled, Timeout, Unavailable

Result = TypeVar("Result")

THROTTLES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "LimitExceededException",
    }
)
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
BAD_KEYS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    }
)

FIRST_WAIT_S = 0.5
"""Upper bound of the first wait after a throttle; it doubles with each."""

MAX_WAIT_S = 20.0
"""No wait is longer."""

ATTEMPTS = 4
"""How often a read is tried. With the waits above, at most 3.5 s are spent waiting."""


class Unreachable(Unavailable):
    """Nobody answered at AWS's address, which may pass."""


class Missing(Unavailable):
    """AWS has nothing of the name that was asked for."""


def make_client(service: str, region: str, **timeouts: float) -> Any:
    """A boto3 client for `cloudwatch` or `logs` that does not retry by itself. Raises ConfigError without a region.

    region: empty for the region of the AWS profile or environment. timeouts: `connect_timeout`, `read_timeout`, in seconds.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    bounds = {"connect_timeout": 3.0, "read_timeout": 15.0, **timeouts}
    config = Config(retries={"total_max_attempts": 1}, user_agent_extra="raglass", **bounds)
    try:
        return boto3.session.Session(region_name=region or None).client(service, config=config)
    except BotoCoreError as error:
        raise ConfigError(
            f"No {service} client could be made ({type(error).__name__}). Set RAGLASS_AWS_REGION to the stack's region, "
            "for example eu-west-1, and check AWS_PROFILE."
        ) from error


def explain(error: Exception, action: str, region: str = "") -> BackendError:
    """What an error of botocore, met while calling `action` (for example `cloudwatch:GetMetricData`), means for a person."""
    from botocore.exceptions import (
        ClientError,
        EndpointConnectionError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ReadTimeoutError,
        TokenRetrievalError,
    )

    if isinstance(error, ClientError):
        return _explain_reply(error, action)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | TokenRetrievalError):
        return Unavailable(
            f"{action} was not called: there are no AWS credentials. Sign in (`aws sso login`), set AWS_PROFILE, or run where a "
            "role is attached."
        )
    if isinstance(error, ReadTimeoutError):
        return Timeout(f"{action} did not answer in time. It is tried again with the next refresh.")
    if isinstance(error, EndpointConnectionError | HTTPClientError):
        return Unreachable(
            f"{action} cannot be reached ({type(error).__name__}). Check the network and RAGLASS_AWS_REGION"
            f"{f', which is {region!r}' if region else ''}."
        )
    return BadResponse(f"{action} failed with {type(error).__name__}. The details are in the log.")


def _explain_reply(error: Any, action: str) -> BackendError:
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in THROTTLES or status == 429:
        return Throttled(f"{action} asks for fewer calls ({code}). Choose a longer refresh.")
    if code in DENIALS or (status == 403 and code not in EXPIRED | BAD_KEYS):
        return Unavailable(
            f"The permission {action} is missing. Add it to the role or user whose credentials are used."
        )
    if code in EXPIRED:
        return Unavailable(f"{action} was refused: the AWS credentials have expired. Sign in again.")
    if code in BAD_KEYS:
        return Unavailable(f"{action} was refused: the AWS credentials are not valid ({code}). Check AWS_PROFILE.")
    if code == "ResourceNotFoundException":
        return Missing(f"{action} found nothing of that name. Check RAGLASS_STACK and RAGLASS_AWS_REGION.")
    if status >= 500:
        return Timeout(f"{action} failed on the side of AWS ({code}). It is tried again with the next refresh.")
    return BadResponse(f"{action} was refused with {code}. The details are in the log.")


def passes(error: BackendError) -> bool:
    """Whether trying again may help: throttles, and faults of AWS or the way to it, rather than of what was asked."""
    return isinstance(error, Throttled | Timeout | Unreachable)


def wait_s(attempt: int) -> float:
    """Seconds to wait after the attempt of this number, counted from 0: full jitter under a doubling bound."""
    return random.uniform(0, min(MAX_WAIT_S, FIRST_WAIT_S * 2**attempt))


def call(
    action: str,
    operation: Callable[[], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Call AWS, waiting and trying again where it asks for fewer calls. Raises BackendError."""
    from botocore.exceptions import BotoCoreError, ClientError

    for attempt in range(attempts):
        try:
            return operation()
        except (BotoCoreError, ClientError) as error:
            explained = explain(error, action)
            if not isinstance(explained, Throttled) or attempt + 1 == attempts:
                raise explained from error
            sleep(wait_s(attempt))
    raise AssertionError("unreachable: the last attempt returns or raises")

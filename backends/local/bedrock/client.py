"""Requests to one model on Bedrock: the client, retries within the deadline, and what boto3 raises as `pipeline.errors`."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from backends.aws.bedrock_faults import BedrockModel, explain_refusal, retry_after
from backends.aws.calls import Policy, Retryable, call, timed_out
from backends.local.bedrock.waiting import within
from backends.local.remote.address import BEDROCK
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, ConfigError, RaglassError, Unavailable

log = logging.getLogger(__name__)

POLICY = Policy(attempts=3, base_s=0.5, cap_s=8.0, timeout_s=300.0)
"""Attempts at a request, within the deadline."""

CONNECT_S, READ_S = 5.0, 60.0
"""Longest wait for a connection, and for the next piece of a reply."""

CONNECTIONS = 16
"""Kept open at most."""

CREDENTIAL_FAULTS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "InvalidConfigError",
    "ProfileNotFound",
    "ConfigParseError",
    "LoginError",
)
"""Names of botocore's errors that say that there are no credentials, or no more."""

Item = TypeVar("Item")


class BedrockClient:
    """A model on Bedrock, and the client that asks it. Thread-safe."""

    def __init__(self, word: str, setting: str, region: str = "") -> None:
        """word: `bedrock:MODEL`. setting: the variable that holds it, for advice. region: empty for that of the environment or the profile.

        Nothing is sent. Raises ConfigError for a word without a model and where no region is known, Unavailable without boto3 or where the
        AWS configuration cannot be used.
        """
        model = word.removeprefix(BEDROCK).strip()
        if not model:
            raise ConfigError(
                f"{setting} is {word!r}, which names no model. Write bedrock:MODEL, as in bedrock:amazon.nova-lite-v1:0."
            )
        self._client = _open_client(region)
        found = self._client.meta.region_name
        self.model = BedrockModel(model, found, setting)
        self.version: str = import_module("boto3").__version__

    def stream(
        self, stage: str, make: Callable[[Any], Iterator[Item]], deadline: Deadline | None = None
    ) -> Iterator[Item]:
        """Yield what `make` reads with the client, within the deadline; begun again where that may help and nothing came yet."""

        def attempt(seconds: float) -> tuple[Item | None, Iterator[Item]]:
            reading = within(stage, seconds, self.model.name, lambda: self._named(stage, make))
            return next(reading, None), reading

        first, rest = call(stage, attempt, deadline, policy=POLICY)
        if first is None:
            return
        yield first
        try:
            yield from rest
        except Retryable as fault:
            raise fault.error from fault

    def ask(self, stage: str, send: Callable[[Any], Item], deadline: Deadline | None = None) -> Item:
        """What one request returns. Raises a BackendError: see `bedrock_faults`."""
        for found in self.stream(stage, lambda client: iter((send(client),)), deadline):
            return found
        raise AssertionError("a request returns something")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _named(self, stage: str, make: Callable[[Any], Iterator[Item]]) -> Iterator[Item]:
        with naming(self.model, stage):
            yield from make(self._client)


def _open_client(region: str) -> Any:
    try:
        boto3, config = import_module("boto3"), import_module("botocore.config")
    except ImportError as error:
        raise Unavailable("A model on Bedrock needs boto3, which is not installed. Run `pip install boto3`.") from error
    from botocore.exceptions import BotoCoreError, NoRegionError

    given = config.Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": 1},
        max_pool_connections=CONNECTIONS,
    )
    try:
        return boto3.session.Session(region_name=region or None).client("bedrock-runtime", config=given)
    except NoRegionError as error:
        raise ConfigError(
            "No AWS region is known, and Bedrock's models are by region. Set RAGLASS_AWS_REGION, for example to us-east-1."
        ) from error
    except (BotoCoreError, ValueError) as error:
        log.info("bedrock: %s: %s", type(error).__name__, str(error)[:500])
        raise Unavailable(
            f"The AWS configuration cannot be used ({type(error).__name__}). Check AWS_PROFILE, the region and ~/.aws/config."
        ) from error


@contextmanager
def naming(model: BedrockModel, stage: str) -> Iterator[None]:
    """Turn whatever a call raises into Retryable or a BackendError; upstream's own text goes to the log."""
    try:
        yield
    except (RaglassError, Retryable, GeneratorExit):
        raise
    except Exception as error:
        log.info("%s: %s: %s", model.name, type(error).__name__, str(error)[:500])
        raise _named(error, model, stage) from error


def _named(error: Exception, model: BedrockModel, stage: str) -> Exception:
    from botocore import exceptions

    kind = type(error).__name__
    if isinstance(error, exceptions.ClientError):
        name, status, said, headers = read_refusal(error)
        return explain_refusal(model, stage, name, status, said, retry_after(headers))
    if kind in CREDENTIAL_FAULTS:
        return Unavailable(
            f"There are no AWS credentials for Bedrock, or they have expired ({kind}). Renew them, for example with `aws sso login`, or "
            "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            stage=stage,
        )
    if isinstance(error, exceptions.ReadTimeoutError):
        return timed_out(stage, READ_S, model.name)
    if isinstance(error, exceptions.HTTPClientError | exceptions.EventStreamError | ConnectionError):
        return Retryable(
            Unavailable(
                f"Bedrock cannot be reached in {model.region} or hung up ({kind}). Check the network and that Bedrock is offered in that "
                "region.",
                stage=stage,
            )
        )
    if isinstance(error, exceptions.ParamValidationError):
        return Unavailable(
            f"{model.model!r} is no model's id. Correct {model.setting}, as in bedrock:amazon.nova-lite-v1:0.",
            stage=stage,
        )
    return BadResponse(
        f"Bedrock answered for {model.name} with something that is no reply of it ({kind}). Check the address that is asked, and whether "
        "the model is of the right kind.",
        stage=stage,
    )


def read_refusal(error: Any) -> tuple[str, int, str, Mapping[str, str]]:
    """The name, the HTTP status (0 within a stream), the text and the headers of a ClientError. Within a stream names begin small."""
    about = error.response.get("Error") or {}
    meta = error.response.get("ResponseMetadata") or {}
    name = str(about.get("Code") or "")
    name = name[:1].upper() + name[1:] if name.isalnum() and len(name) <= 60 else ""
    return name, int(meta.get("HTTPStatusCode") or 0), str(about.get("Message") or ""), meta.get("HTTPHeaders") or {}

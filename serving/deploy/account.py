"""The AWS account that is deployed to: its clients, and what AWS's errors mean for who deploys."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from backends.aws.credentials import find_credentials
from metrics.aws import BAD_KEYS, DENIALS, EXPIRED, THROTTLES
from pipeline.errors import ConfigError, RaglassError, StageFailed, Throttled, Unavailable

PERFORM = re.compile(r"perform: ([\w-]+:\w+)")
"""Where AWS names the permission that is missing."""

SHOWABLE = re.compile(r"^[\w .:/@()\[\]+=,'\"-]{1,300}")
"""What of AWS's own words is fit to be shown: one line without markup or control characters."""

FULL = frozenset({"LimitExceededException", "ResourceLimitExceeded", "ServiceQuotaExceededException", "LimitExceeded"})
TAKEN = frozenset({"AlreadyExistsException", "BucketAlreadyExists", "ResourceInUse", "InvalidChangeSetStatus"})


class Account:
    """An account and a region, by boto3's own ways of finding both."""

    def __init__(
        self,
        region: str = "",
        *,
        environ: Mapping[str, str] = os.environ,
        make_client: Callable[[str], Any] | None = None,
    ) -> None:
        """make_client: makes a client of a service; boto3's by default. environ: where Pinecone's key and address are."""
        self._region = region
        self.environ = environ
        self._make_client = make_client or self._boto_client
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service, made once. Raises ConfigError without a region."""
        if service not in self._clients:
            self._clients[service] = self._make_client(service)
        return self._clients[service]

    @cached_property
    def region(self) -> str:
        """Raises ConfigError if there is none."""
        if not self._region:
            import boto3

            self._region = boto3.session.Session().region_name or ""
        if not self._region:
            raise ConfigError(
                'There is no AWS region. Write `region = "us-east-1"` into raglass-deploy.toml (`raglass deploy init` makes that '
                "file), or set AWS_DEFAULT_REGION."
            )
        return self._region

    @property
    def credentials(self) -> Any:
        """Botocore's credentials, or whatever signs alike; None if there are none."""
        return find_credentials(self.environ)

    def _boto_client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        region = self.region
        with explained(f"a client of {service}", region):
            return boto3.session.Session(region_name=region).client(
                service, config=Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10)
            )


@contextmanager
def explained(action: str, region: str = "") -> Iterator[None]:
    """Turns what boto3 raises into an error that says what happened and what to do. action: for example `s3:PutObject`."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise explain(error, action, region) from error


def explain(error: Exception, action: str, region: str = "") -> RaglassError:
    """What an error means. Everything that was done before it stays, and `up` goes on from there."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointConnectionError,
        InvalidRegionError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    cause = error if isinstance(error, BotoCoreError | ClientError) else error.__cause__ or error.__context__ or error
    if isinstance(cause, ClientError):
        return _explain_reply(cause, action)
    if isinstance(cause, NoCredentialsError | PartialCredentialsError):
        return Unavailable(
            "There are no AWS credentials. Sign in (`aws sso login`), set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY. `raglass deploy plan` works without."
        )
    if isinstance(cause, ProfileNotFound):
        return ConfigError(f"{cause}. AWS_PROFILE names a profile that is not in your AWS configuration.")
    if isinstance(cause, NoRegionError | InvalidRegionError):
        return ConfigError(f"{cause} Write the region into raglass-deploy.toml, for example us-east-1.")
    if isinstance(cause, EndpointConnectionError):
        return Unavailable(
            f"{action}: AWS cannot be reached{f' in region {region!r}' if region else ''}. Check the network, and that there is such "
            "a region. Nothing is lost: `raglass deploy up` goes on from here."
        )
    return StageFailed(
        f"{action} was interrupted ({type(cause).__name__}). What was done stays; `raglass deploy up` goes on from here."
    )


def _explain_reply(error: Any, action: str) -> RaglassError:
    found = error.response.get("Error", {})
    code, text = str(found.get("Code", "unknown")), str(found.get("Message", ""))
    if code in EXPIRED:
        return Unavailable(
            f"{action} was refused: the AWS credentials have expired. Sign in again, then `raglass deploy up` goes on from here."
        )
    if code in BAD_KEYS:
        skewed = "skew" in text.lower() or "expired:" in text or "not yet current" in text
        return Unavailable(
            f"{action} was refused: "
            + (
                "this machine's clock is off, so AWS takes no signature. Set the clock (`raglass deploy doctor` says by how much)."
                if skewed
                else f"the AWS credentials are not valid ({code}). Check AWS_PROFILE or the access key."
            )
        )
    if code in DENIALS or code == "403":
        named = PERFORM.search(text)
        return Unavailable(
            f"The permission {named[1] if named else action} is missing. Add it to the role or user that deploys, then run this again."
        )
    if code in FULL:
        return Unavailable(
            f"{action}: a quota of the account is used up. AWS says: {shown(text)} Ask for more in Service Quotas."
        )
    if code in THROTTLES:
        return Throttled(f"{action}: AWS asks for fewer calls. Wait a minute and run this again.")
    if code in TAKEN:
        return Unavailable(f"{action}: the name is taken. AWS says: {shown(text)} Choose another stack name.")
    return StageFailed(f"{action} failed with {code}. AWS says: {shown(text)} What was done stays.")


def error_code(error: Any) -> str:
    """The code of a ClientError, for example `NoSuchBucket` or `404`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def shown(text: str) -> str:
    """AWS's own words, cut to what can be shown."""
    found = SHOWABLE.match(text.strip())
    return f"{found[0].rstrip('.')}." if found else "(nothing that can be shown)."

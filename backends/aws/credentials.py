"""Credentials for signing: those of the environment, as a Lambda's holds them, or whatever botocore finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """What botocore's signer wants of credentials, without botocore's session, which costs a cold start a tenth of a second."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)

    def get_frozen_credentials(self) -> Self:
        """These: they do not change."""
        return self


def find_credentials(environ: Mapping[str, str]) -> Any:
    """The environment's credentials; where it has none, whatever botocore finds, which may be None and may be refreshed."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return RoleCredentials(key, secret, environ.get("AWS_SESSION_TOKEN") or None)
    from botocore.session import get_session

    return get_session().get_credentials()

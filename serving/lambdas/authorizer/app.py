"""The authorizer Lambda: whether a caller of the API has its key."""

import os
from functools import cache
from typing import Any

# Imported here, while the Lambda starts and has a whole CPU, rather than in its first question.
import botocore.auth  # noqa: F401

from backends.aws.authorize import KeyCheck
from backends.aws.credentials import find_credentials
from backends.aws.http import Http
from backends.aws.service import region_of
from backends.aws.services import read_secret


def handler(event: dict[str, Any], context: Any) -> dict[str, bool]:
    """Answer one question of API Gateway (payload format 2.0, simple responses)."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return {"isAuthorized": check().admits(headers.get("x-api-key", ""))}


@cache
def check() -> KeyCheck:
    """The check of this process."""
    http, credentials, region = Http(), find_credentials(os.environ), region_of(os.environ)
    arn = os.environ["API_KEY_SECRET_ARN"]
    return KeyCheck(lambda: read_secret(arn, os.environ, region, credentials, http))

"""The orchestrator Lambda: an API Gateway event in, a reply framed by the responder out."""

import base64
import os
from functools import cache
from typing import Any

# Imported here, while the Lambda starts and has a whole CPU, rather than in its first question.
import botocore.auth  # noqa: F401

from backends.aws.credentials import find_credentials
from backends.aws.http import Http
from backends.aws.logs import log_as_json
from backends.aws.service import Call, Service, StackConfig, region_of, unserved
from backends.aws.services import read_secret
from pipeline.errors import RaglassError

log_as_json(os.environ.get("LOG_LEVEL", "INFO"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one HTTP call (payload format 2.0)."""
    call = read_event(event, context)
    try:
        served = service()
    except RaglassError as error:
        return unserved(call, error, os.environ.get("CORS_ORIGIN", ""))
    return served.respond(served.handle(call), context.get_remaining_time_in_millis() / 1000)


@cache
def service() -> Service:
    """The service of this process; made with its first event. One that could not be made is tried anew with the next."""
    http, credentials, region = Http(), find_credentials(os.environ), region_of(os.environ)
    config = StackConfig.from_environ(os.environ, lambda arn: read_secret(arn, os.environ, region, credentials, http))
    return Service(config, os.environ, credentials, http=http)


def read_event(event: dict[str, Any], context: Any) -> Call:
    """API Gateway's event as a call. Header names are in lower case there; older payloads are brought to it."""
    about = event.get("requestContext", {})
    http, path = about.get("http", {}), event.get("rawPath") or event.get("path", "")
    body = event.get("body") or ""
    if "rawPath" in event:
        path = path.removeprefix(f"/{about.get('stage', '')}/") if about.get("stage") != "$default" else path
    return Call(
        method=http.get("method") or event.get("httpMethod", ""),
        path=path,
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        request_id=context.aws_request_id,
        remaining_s=context.get_remaining_time_in_millis() / 1000,
    )

"""The orchestrator Lambda: an API Gateway event in, a reply framed by the responder out."""

import base64
import os
from functools import cache
from typing import Any

from backends.aws.reply import frame
from backends.aws.service import Call, Service, StackConfig
from pipeline.errors import BackendError


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one HTTP call (payload format 2.0)."""
    outcome = service().handle(read_event(event, context))
    try:
        return service().respond(outcome)
    except BackendError:
        # The answer is there and only its frame is not: better plain than lost.
        return frame(outcome.status, outcome.data)


@cache
def service() -> Service:
    """The service of this process; made with its first event."""
    from botocore.session import get_session

    return Service(StackConfig.from_environ(os.environ, read_secret), os.environ, get_session().get_credentials())


def read_event(event: dict[str, Any], context: Any) -> Call:
    """API Gateway's event as a call. Header names are in lower case there; older payloads are brought to it."""
    http = event.get("requestContext", {}).get("http", {})
    body = event.get("body") or ""
    return Call(
        method=http.get("method") or event.get("httpMethod", ""),
        path=event.get("rawPath") or event.get("path", ""),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        request_id=context.aws_request_id,
        remaining_s=context.get_remaining_time_in_millis() / 1000,
    )


def read_secret(arn: str) -> str:
    """A secret's text, from Secrets Manager; read once a process."""
    import boto3

    return str(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])

"""Keys of IAM conditions that the emulator does not fill in as AWS does.

`aws:SecureTransport`: here HTTP on loopback stands for TLS. `cloudwatch:namespace` and `cloudformation:RoleArn`: read from the request's
body.
"""

import gzip
import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from serving.rehearsal.patches.points import Point

RESOLVE = Point("ministack.core.iam_evaluator", "_resolve_condition_key")
PIN_BODY = Point("ministack.app", "pin_signed_body")
POINTS = (RESOLVE, PIN_BODY)

BODY: ContextVar[bytes] = ContextVar("rehearsal_body", default=b"")
"""Of the request under way, as it arrived."""

GZIP = b"\x1f\x8b"


def apply() -> None:
    """Fill them in."""
    PIN_BODY.replace(_keeping)
    RESOLVE.replace(_with_more_keys)


def _keeping(pin: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def keep(body: bytes) -> None:
        BODY.set(body)
        pin(body)

    return keep


def _with_more_keys(resolve: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def resolve_more(key: str, context: Any) -> Any:
        match key.lower():
            case "aws:securetransport":
                return "true"
            case "cloudwatch:namespace":
                return field("Namespace", BODY.get())
            case "cloudformation:rolearn":
                return field("RoleARN", BODY.get())
            case _:
                return resolve(key, context)

    return resolve_more


def field(name: str, body: bytes) -> str | None:
    """A field of a request's body, as JSON or as a form, which is what SDKs send; None if there is none."""
    content = gzip.decompress(body) if body.startswith(GZIP) else body
    try:
        value = json.loads(content).get(name)
    except (ValueError, AttributeError):
        value = parse_qs(content.decode("utf-8", "replace")).get(name, [None])[0]
    return None if value is None else str(value)

"""The responder Lambda: what the orchestrator found, framed for API Gateway."""

import os
from typing import Any

from backends.aws.reply import frame


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Frame one reply."""
    return frame(event["status"], event["data"], cors_origin=os.environ.get("CORS_ORIGIN", ""))

"""The responder Lambda: what the orchestrator found, framed for API Gateway."""

import os
from typing import Any

from backends.aws.logs import RequestLog
from backends.aws.reply import frame


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Frame one reply."""
    status, data = event["status"], event["data"]
    reply = frame(status, data, cors_origin=os.environ.get("CORS_ORIGIN", ""))
    log = RequestLog(str(data.get("request_id", "")), str(event.get("trace_id", "")))
    log.say("framed", status=status, bytes=len(reply["body"]))
    return reply

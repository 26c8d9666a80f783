"""How a reply is framed for API Gateway's proxy integration: status, headers, body. What the responder Lambda runs."""

import json
from collections.abc import Mapping
from typing import Any


def frame(status: int, data: Mapping[str, Any], *, cors_origin: str = "") -> dict[str, Any]:
    """API Gateway's proxy response (payload format 2.0).

    cors_origin: the one origin whose pages may read the reply; empty for none.
    """
    headers = {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "x-request-id": str(data.get("request_id", "")),
    }
    if cors_origin:
        headers |= {"access-control-allow-origin": cors_origin, "vary": "Origin"}
    return {
        "statusCode": status,
        "headers": headers,
        "body": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    }

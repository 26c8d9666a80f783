"""API Gateway as AWS answers and counts: a Lambda's exception stays hidden, and AWS/ApiGateway has its metrics.

The emulator shows a caller the exception, and counts nothing.
"""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from serving.rehearsal.patches.points import Point

PROXY_RESPONSE = Point("ministack.services.lambda_svc", "lambda_execute_result_to_api_proxy_response")
HTTP_PROXY = Point("ministack.services.apigateway", "_invoke_lambda_proxy")
REST_PROXY = Point("ministack.services.apigateway_v1", "_invoke_lambda_proxy_v1")
HTTP_EXECUTE = Point("ministack.services.apigateway", "handle_execute")
RECORD = Point("ministack.services.cloudwatch", "record_metric")
POINTS = (PROXY_RESPONSE, HTTP_PROXY, REST_PROXY, HTTP_EXECUTE, RECORD)

BROKEN = "x-rehearsal-function-error"
"""Marks, on the way through the emulator, a response that is not the function's own."""

Answer = tuple[int, dict[str, Any], bytes]
Handler = Callable[..., Awaitable[Answer]]


def apply() -> None:
    """Replace the error bodies of HTTP and REST APIs, and count calls of HTTP APIs."""
    PROXY_RESPONSE.replace(_mark_errors)
    HTTP_PROXY.replace(lambda invoke: _hide(invoke, 500, "Internal Server Error"))
    REST_PROXY.replace(lambda invoke: _hide(invoke, 502, "Internal server error"))
    HTTP_EXECUTE.replace(lambda execute: _count(execute, RECORD.get()))


def _mark_errors(convert: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def convert_marking(result: dict[str, Any]) -> Any:
        if result.get("error") and not result.get("throttle"):
            return {"statusCode": 502, "headers": {BROKEN: "1"}, "body": ""}, None
        return convert(result)

    return convert_marking


def _hide(invoke: Handler, status: int, message: str) -> Handler:
    async def invoke_hiding(*arguments: Any, **options: Any) -> Answer:
        answer = await invoke(*arguments, **options)
        if BROKEN in answer[1]:
            return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
        return answer

    return invoke_hiding


def _count(execute: Handler, record: Callable[..., None]) -> Handler:
    async def execute_counting(api_id: str, stage: str, *arguments: Any, **options: Any) -> Answer:
        began = time.perf_counter()
        answer = await execute(api_id, stage, *arguments, **options)
        took_ms = (time.perf_counter() - began) * 1000
        for dimensions in ({"ApiId": api_id}, {"ApiId": api_id, "Stage": stage}):
            record("AWS/ApiGateway", "Count", 1, "Count", dimensions)
            record("AWS/ApiGateway", "4xx", int(400 <= answer[0] < 500), "Count", dimensions)
            record("AWS/ApiGateway", "5xx", int(answer[0] >= 500), "Count", dimensions)
            record("AWS/ApiGateway", "Latency", took_ms, "Milliseconds", dimensions)
            record("AWS/ApiGateway", "IntegrationLatency", took_ms, "Milliseconds", dimensions)
        return answer

    return execute_counting

"""A stand-in for SageMaker, control plane and runtime on one port: `python -m serving.rehearsal.sagemaker`.

Endpoints are real: a model.tar.gz comes from the emulator's S3, its model server runs, is pinged and is called. Calls are
measured into AWS/SageMaker as SageMaker does. There is one instance a variant, and the first variant takes all the traffic. A serverless
endpoint stays warm until a test asks for a cold start, which is a real one.
"""

import argparse
import json
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.errors import Unavailable
from serving.rehearsal.aws_side import AwsSide, Denied
from serving.rehearsal.emulator import ACCOUNT, REGION
from serving.rehearsal.endpoints import ControlPlane, Invalid, arn
from serving.rehearsal.lifeline import end_with_parent
from serving.rehearsal.loopback import Call, LoopbackServer, Reply, Service
from serving.rehearsal.variants import ModelReply, Variant, elapsed_us

MAX_BODY_BYTES = 6 * 1024 * 1024
TYPE = "application/x-amz-json-1.1"
PASSED_ON = re.compile(r"content-type|accept|x-amzn-sagemaker-.*|traceparent")
"""Request headers that reach the model server."""


class SageMaker(Service):
    """Operations by the `X-Amz-Target` header, and `/endpoints/NAME/invocations`."""

    def __init__(self, control: ControlPlane, aws: AwsSide) -> None:
        super().__init__()
        self._control = control
        self._aws = aws

    def answer(self, call: Call, *, cold: bool = False) -> Reply:
        """Answer a call. cold: a serverless endpoint that is invoked starts its model anew before."""
        invoked = re.fullmatch(r"/endpoints/([^/]+)/invocations", call.path)
        try:
            return self._invoke(call, invoked[1], cold) if invoked else self._operate(call)
        except Denied as denial:
            return error(403, denial.code, str(denial))
        except Invalid as invalid:
            return error(400, "ValidationException", str(invalid))
        except Unavailable as unavailable:
            return error(500, "InternalFailure", str(unavailable))

    def answer_cold(self, call: Call) -> Reply:
        """Answer a call that meets no running container."""
        return self.answer(call, cold=True)

    def failure(self, call: Call, status: int) -> Reply:
        """429 is the service's own throttle; any other status is a model server's, so the call fails with ModelError."""
        if status == 429:
            return error(429, "ThrottlingException", "Rate exceeded")
        endpoint = call.path.split("/")[2] if call.path.startswith("/endpoints/") else ""
        variant = self._control.serving(endpoint)
        if variant is None:
            return error(status, "InternalFailure", "The request processing has failed because of an unknown error.")
        return self._count(
            endpoint, variant, time.perf_counter(), ModelReply(status, b"injected by a test", "text/plain")
        )

    def of_wrong_dimension(self, call: Call, reply: Reply) -> Reply:
        """Vectors of half the length."""
        value = json.loads(reply.body)
        for vector in value.get("vectors", []):
            del vector[len(vector) // 2 :]
        if "dimension" in value:
            value["dimension"] //= 2
        return replace(reply, body=json.dumps(value).encode())

    def _operate(self, call: Call) -> Reply:
        operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in self._control.operations:
            return error(400, "UnknownOperationException", f"SageMaker.{operation} is not part of the rehearsal.")
        request = json.loads(call.body or b"{}")
        self._aws.authorize(call.headers, f"sagemaker:{operation}", _resource(operation, request))
        return Reply.of(200, self._control.run(operation, request), content_type=TYPE)

    def _invoke(self, call: Call, endpoint: str, cold: bool) -> Reply:
        began = time.perf_counter()
        region = self._aws.authorize(call.headers, "sagemaker:InvokeEndpoint", arn("endpoint", endpoint))
        variant = self._set_up(endpoint) if cold else self._control.serving(endpoint)
        if variant is None or region != REGION:
            return error(400, "ValidationError", f"Endpoint {endpoint} of account {ACCOUNT} not found.")
        if len(call.body) > MAX_BODY_BYTES:
            return error(413, "ValidationError", f"Request body of {len(call.body)} bytes is over {MAX_BODY_BYTES}.")
        headers = {name: value for name, value in call.headers.items() if PASSED_ON.fullmatch(name)}
        overhead_us = elapsed_us(began)
        called = time.perf_counter()
        reply = variant.invoke(call.body, headers)
        self._aws.record("OverheadLatency", overhead_us, "Microseconds", endpoint, variant.name)
        return self._count(endpoint, variant, called, reply)

    def _set_up(self, endpoint: str) -> Variant | None:
        """Let an endpoint start its model anew, if it is a serverless one, and measure that; it counts as overhead too, as at SageMaker."""
        began, before = time.perf_counter(), self._control.serving(endpoint)
        self._control.start_anew(endpoint)
        variant = self._control.serving(endpoint)
        if variant is not None and variant is not before:
            self._aws.record("ModelSetupTime", elapsed_us(began), "Microseconds", endpoint, variant.name)
        return variant

    def _count(self, endpoint: str, variant: Variant, called: float, reply: ModelReply) -> Reply:
        values = {
            "Invocations": (1.0, "Count"),
            "ModelLatency": (elapsed_us(called), "Microseconds"),
            "Invocation4XXErrors": (float(400 <= reply.status < 500), "Count"),
            "Invocation5XXErrors": (float(reply.status >= 500), "Count"),
        }
        for name, (value, unit) in values.items():
            self._aws.record(name, value, unit, endpoint, variant.name)
        if reply.status < 400:
            production = {"x-Amzn-Invoked-Production-Variant": variant.name}
            return Reply(200, reply.body, reply.content_type, production)
        text = reply.body.decode("utf-8", "replace")[:1024]
        log_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{endpoint}"
        return error(
            424,
            "ModelError",
            f'Received {"server" if reply.status >= 500 else "client"} error ({reply.status}) from primary with message "{text}".',
            OriginalStatusCode=reply.status,
            OriginalMessage=text,
            LogStreamArn=log_group,
        )


def error(status: int, kind: str, message: str, **more: Any) -> Reply:
    """An error as the SDK reads it."""
    body = {"__type": kind, "message": message, "Message": message, **more}
    return Reply.of(status, body, content_type=TYPE, headers={"x-amzn-ErrorType": kind})


def _resource(operation: str, request: Mapping[str, Any]) -> str:
    for kind, key in (("endpoint", "EndpointName"), ("endpoint-config", "EndpointConfigName"), ("model", "ModelName")):
        if key in request:
            return arn(kind, request[key])
    return "*"


def main() -> None:
    """Serve until the parent ends; the first line printed is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", required=True, help="address of the emulator, which may start later")
    parser.add_argument("--folder", type=Path, required=True, help="where models are unpacked")
    options = parser.parse_args()
    aws = AwsSide(options.emulator)
    control = ControlPlane(options.folder, aws)
    server = LoopbackServer(SageMaker(control, aws))

    def end(number: int, frame: FrameType | None) -> None:
        control.stop()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    end_with_parent()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

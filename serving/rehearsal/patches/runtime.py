"""Python Lambdas run under AWS's own runtime client, in an environment of their own.

The emulator would run handlers in its own interpreter. The real client gives true error types, stack traces and log lines,
and a Lambda sees only its zip, boto3 and the standard library.
"""

import fcntl
import hashlib
import io
import os
import socketserver
import struct
import termios
import time
import zipfile
from collections.abc import Callable
from typing import Any

from serving.rehearsal.patches.points import Point

PYTHON_VARIABLE = "RAGLASS_LAMBDA_PYTHON"
"""Names the Python that has awslambdaric."""

WARM = Point("ministack.services.lambda_svc", "_execute_function_warm")
PROVIDED = Point("ministack.services.lambda_svc", "_execute_function_provided_warm")
WORKER_ENVIRON = Point("ministack.services.lambda_svc", "_provided_worker_env")
DRAIN = Point("ministack.core.lambda_runtime", "Worker._drain_stderr_bounded")
POINTS = (WARM, PROVIDED, WORKER_ENVIRON, DRAIN)

BOOTSTRAP = """#!/bin/sh
cd "$LAMBDA_TASK_ROOT"
export PYTHONPATH="$LAMBDA_TASK_ROOT" PYTHONUNBUFFERED=1
exec {python} -m awslambdaric "$_HANDLER"
"""
EARLIEST = (1980, 1, 1, 0, 0, 0)
PROVIDED_RUNTIME = "provided.al2023"

FIRST_LINE_S, QUIET_S, LONGEST_S = 0.004, 0.003, 0.1
"""Patience with a handler's output: the emulator waits 50 ms for the first line of a silent one."""


def apply() -> None:
    """Replace the executor of Python functions, their environment, and the waits that cost milliseconds."""
    python = os.environ[PYTHON_VARIABLE]
    packages = _Packages(BOOTSTRAP.format(python=python))
    WARM.replace(lambda execute: _with_real_client(execute, PROVIDED.get(), packages))
    WORKER_ENVIRON.replace(_as_on_aws)
    DRAIN.replace(_impatient)
    # Without this, Nagle's algorithm and delayed acknowledgement cost 40 ms on every call of the Runtime API.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


class _Packages:
    """Zips with a bootstrap added, by the hash of what was uploaded."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._made: dict[str, bytes] = {}

    def with_bootstrap(self, package: bytes) -> bytes:
        key = hashlib.sha256(package).hexdigest()
        if key not in self._made:
            buffer = io.BytesIO(package)
            with zipfile.ZipFile(buffer, "a") as archive:
                entry = zipfile.ZipInfo("bootstrap", EARLIEST)
                entry.external_attr = 0o755 << 16
                archive.writestr(entry, self._bootstrap)
            self._made[key] = buffer.getvalue()
        return self._made[key]


def _with_real_client(
    execute: Callable[..., Any], execute_provided: Callable[..., Any], packages: _Packages
) -> Callable[..., Any]:
    def execute_python(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        if not str(config.get("Runtime", "")).startswith("python") or not function.get("code_zip"):
            return execute(function, event, request_id)
        provided = {
            **function,
            "config": {**config, "Runtime": PROVIDED_RUNTIME},
            "code_zip": packages.with_bootstrap(function["code_zip"]),
        }
        return execute_provided(provided, event, request_id)

    return execute_python


def _as_on_aws(worker_environ: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    def environ(config: dict[str, Any], code_folder: str, port: int) -> dict[str, str]:
        made = worker_environ(config, code_folder, port)
        made.setdefault("AWS_ENDPOINT_URL", f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}")
        made.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12")
        made.setdefault("TZ", ":UTC")
        return made

    return environ


def _impatient(drain: Callable[..., str]) -> Callable[..., str]:
    def drain_soon(worker: Any, first_line_wait: float = FIRST_LINE_S, **_: float) -> str:
        until = time.monotonic() + LONGEST_S
        while _unread(worker) and time.monotonic() < until:
            time.sleep(0.001)
        return drain(worker, min(first_line_wait, FIRST_LINE_S), QUIET_S, LONGEST_S)

    return drain_soon


def _unread(worker: Any) -> int:
    """Bytes of a handler's output that still lie in the pipe, so that the last line of a busy moment is not missed."""
    output = worker._proc.stdout if worker._proc is not None else None
    if output is None or output.closed:
        return 0
    try:
        waiting: int = struct.unpack("i", fcntl.ioctl(output.fileno(), termios.FIONREAD, b"\0" * 4))[0]
    except OSError:
        return 0
    return waiting

"""A model server as the Hugging Face inference container has it: `python -P serving/rehearsal/inference_server.py`.

Loads `code/inference.py` from the model folder (SM_MODEL_DIR), and serves `GET /ping` and `POST /invocations` on
SAGEMAKER_BIND_TO_PORT. Like the container's toolkit, it answers 400 with the text of whatever a handler raises. It is a
process of its own and imports nothing of Raglass, so that what the model's code imports comes out of the model's archive.
"""

import importlib.util
import inspect
import json
import os
import signal
import socketserver
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

LOOPBACK = "127.0.0.1"
JSON = "application/json"


class Handlers:
    """The four functions of a model's `inference.py`, and the model that its `model_fn` loaded."""

    def __init__(self, module: ModuleType, folder: str, workers: int) -> None:
        self._input: Callable[..., Any] = getattr(module, "input_fn", lambda body, content_type: json.loads(body))
        self._predict: Callable[..., Any] = module.predict_fn
        self._output: Callable[..., Any] = getattr(module, "output_fn", lambda result, accept: json.dumps(result))
        self._workers = threading.Semaphore(workers)
        self._model = _call(module.model_fn, folder)

    def run(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer a request; raises what the model's code raises. As many run at once as there are workers."""
        text = body.decode() if content_type.startswith((JSON, "text/")) else body
        with self._workers:
            data = _call(self._input, text, content_type)
            result = _call(self._output, _call(self._predict, data, self._model), accept)
        content, returned_type = result if isinstance(result, tuple) else (result, accept)
        return content.encode() if isinstance(content, str) else content, returned_type


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Newer toolkits pass a context to functions that take one argument more."""
    takes_context = len(inspect.signature(function).parameters) > len(arguments)
    return function(*arguments, None) if takes_context else function(*arguments)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    handlers: ClassVar[Handlers]

    def log_message(self, format: str, *args: Any) -> None:
        """Requests hold questions, which are not logged."""

    def do_GET(self) -> None:
        self._write(200 if self.path == "/ping" else 404, b"", JSON)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        accept = self.headers.get("Accept") or "*/*"
        try:
            content, content_type = self.handlers.run(
                body, self.headers.get("Content-Type") or JSON, JSON if accept == "*/*" else accept
            )
        except Exception as error:  # noqa: BLE001 - as the toolkit does: a handler's exception, whatever it is, is a 400
            traceback.print_exc()
            message = {"code": 400, "type": "InternalServerException", "message": str(error)}
            self._write(400, json.dumps(message).encode(), JSON)
        else:
            self._write(200, content, content_type)

    def _write(self, status: int, content: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def load(folder: Path) -> ModuleType:
    """Import the model's `code/inference.py`, with `code/` first on the import path, as the container does."""
    code = folder / "code"
    program = code / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    if not program.is_file():
        raise FileNotFoundError(f"the model archive has no {program.relative_to(folder)}")
    sys.path.insert(0, str(code))
    spec = importlib.util.spec_from_file_location("inference", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    spec.loader.exec_module(module)
    return module


def _end_with_parent() -> None:
    """See `serving.rehearsal.lifeline`."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Load the model, then serve until the parent ends."""
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    folder = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", "1"))
    _Handler.handlers = Handlers(load(folder), str(folder), workers)
    # Nagle's algorithm and delayed acknowledgement would cost 40 ms a call.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    _Server((LOOPBACK, port), _Handler).serve_forever()


if __name__ == "__main__":
    main()

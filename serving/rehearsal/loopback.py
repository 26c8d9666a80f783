"""A small threaded HTTP server on 127.0.0.1, with faults built in: what both stand-ins are made of. Standard library only."""

import json
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from serving.rehearsal.faults import CONTROL, Fault, FaultBook
from serving.rehearsal.ports import LOOPBACK

GARBAGE = b"\x1f\x8b<html><body>It works!"


@dataclass(frozen=True, slots=True)
class Call:
    """A request."""

    method: str
    path: str
    """Without query, percent-decoded, no slash at the end."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, value: object, **options: Any) -> "Reply":
        """A reply of JSON."""
        return cls(status, json.dumps(value).encode(), **options)


class Service(ABC):
    """What a stand-in answers. Its methods run in many threads at once."""

    def __init__(self) -> None:
        self.faults = FaultBook()

    @abstractmethod
    def answer(self, call: Call) -> Reply:
        """Answer a call; raises nothing."""

    @abstractmethod
    def failure(self, call: Call, status: int) -> Reply:
        """The service's own way of saying that a part of it answered `status`."""

    @abstractmethod
    def of_wrong_dimension(self, call: Call, reply: Reply) -> Reply:
        """The reply as it would be if the vectors had another length."""

    def answer_cold(self, call: Call) -> Reply:
        """Answer a call after a long pause: as ever, unless a pause matters to the service."""
        return self.answer(call)


class LoopbackServer(ThreadingHTTPServer):
    """Serves a service on a loopback port; 0 takes a free one. `url` says where."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service: Service, port: int = 0) -> None:
        self.service = service
        super().__init__((LOOPBACK, port), _Handler)
        self.url = f"http://{LOOPBACK}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news; anything else is logged as the base class does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    server: LoopbackServer

    def log_message(self, format: str, *args: Any) -> None:
        """Bodies and keys stay out of logs; what a stand-in has to say, it says itself."""

    def _serve(self) -> None:
        call = self._read()
        if call.path.startswith(CONTROL):
            self._write(_control(self.server.service.faults, call))
            return
        fault = self.server.service.faults.meet(call.path)
        reply = _spoil(self.server.service, call, fault) if fault else self.server.service.answer(call)
        if reply is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _read(self) -> Call:
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        return Call(self.command, unquote(address.path).rstrip("/"), parse_qs(address.query), headers, body)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)


def _spoil(service: Service, call: Call, fault: Fault) -> Reply | None:
    """The reply with a fault in it; None to hang up."""
    if fault.kind == "close":
        return None
    if fault.kind == "status":
        return service.failure(call, fault.status)
    if fault.kind == "cold":
        return service.answer_cold(call)
    if fault.kind == "delay":
        time.sleep(fault.seconds)
    reply = service.answer(call)
    if fault.kind == "garbage":
        return replace(reply, status=200, body=GARBAGE)
    if fault.kind == "wrong_dimension":
        return service.of_wrong_dimension(call, reply)
    return reply


def _control(book: FaultBook, call: Call) -> Reply:
    name = call.path.removeprefix(CONTROL)
    if (call.method, name) == ("POST", "faults"):
        try:
            book.add(Fault.parse(json.loads(call.body)))
        except (TypeError, ValueError) as error:
            return Reply.of(400, {"message": str(error)})
    elif (call.method, name) == ("DELETE", "faults"):
        book.clear()
    elif (call.method, name) == ("GET", "calls"):
        return Reply.of(200, book.calls())
    else:
        return Reply.of(404, {"message": f"{call.method} {call.path} is nothing that can be controlled"})
    return Reply.of(200, None)

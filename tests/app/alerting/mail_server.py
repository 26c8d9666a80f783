"""A real SMTP server on loopback, as small as a mail needs: EHLO, STARTTLS, AUTH, one mail after the other."""

import base64
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import cast

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""A key and a certificate for localhost, made for these tests and trusted nowhere else."""


@dataclass
class MailServer:
    """What a server does, and what it has seen."""

    offers_tls: bool = True
    password: str = ""
    """What it lets in; empty for whoever comes."""
    replies: dict[str, str] = field(default_factory=dict)
    """Answers to commands in place of the usual ones."""
    port: int = 0
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    """Sender, recipients and mail."""
    encrypted: list[bool] = field(default_factory=list)
    """Of each mail, whether it came encrypted."""


class Handler(socketserver.StreamRequestHandler):
    told: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.encrypted, self.sender, self.to = False, "", list[str]()
        self.say("220 localhost ready")
        while line := self.rfile.readline().decode().strip():
            command = line.split(" ")[0].split(":")[0].upper()
            if command in self.told.replies:
                self.say(self.told.replies[command])
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                getattr(self, f"do_{command.lower()}")(line)

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def do_ehlo(self, _: str) -> None:
        offered = ["STARTTLS"] if self.told.offers_tls and not self.encrypted else []
        offered += ["AUTH PLAIN"] if self.told.password else []
        lines = ["localhost", *offered]
        for line in lines[:-1]:
            self.say(f"250-{line}")
        self.say(f"250 {lines[-1]}")

    def do_starttls(self, _: str) -> None:
        self.say("220 go on")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.rfile.close()
        self.wfile.close()
        self.request = context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.encrypted = True

    def do_auth(self, line: str) -> None:
        given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[2]
        self.say("235 welcome" if given == self.told.password else "535 no")

    def do_mail(self, line: str) -> None:
        self.sender = line.partition("<")[2].partition(">")[0]
        self.say("250 ok")

    def do_rcpt(self, line: str) -> None:
        self.to.append(line.partition("<")[2].partition(">")[0])
        self.say("250 ok")

    def do_data(self, _: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = cast(EmailMessage, message_from_bytes(b"".join(lines), policy=policy.default))
        self.told.mails.append((self.sender, self.to, mail))
        self.told.encrypted.append(self.encrypted)
        self.say("250 kept")

    def do_rset(self, _: str) -> None:
        self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate is part of the tests."""


@contextmanager
def receiving(told: MailServer) -> Iterator[MailServer]:
    """The server, listening."""
    handler = type("Told", (Handler,), {"told": told})
    with Server(("127.0.0.1", 0), handler) as server:
        told.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def trusting() -> ssl.SSLContext:
    """A client's context that trusts the server's certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))

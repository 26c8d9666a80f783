"""What attacks have in common: the dashboard that is attacked, requests with anything in them, and what an attack comes to."""

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TIMEOUT_S = 30.0
"""For any one reply."""

SECRETS = {
    "RAGLASS_API_KEY": "attack-api-key-5f3a9c",
    "RAGLASS_JUDGE_KEY": "attack-judge-key-77b1d0",
    "RAGLASS_ALERT_WEBHOOK": "http://127.0.0.1:1/attack-webhook-31fe88",
    "RAGLASS_ALERT_SMTP_PASSWORD": "attack-smtp-password-a41c07",
    "OPENAI_API_KEY": "attack-openai-key-c0ffee",
    "PINECONE_API_KEY": "attack-pinecone-key-51d7aa",
    "AWS_SECRET_ACCESS_KEY": "attack-aws-key-0b9e34",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20attack-otlp-key-9912ab",
}
"""What the attacked dashboard is given and may show nowhere."""

MARKS = tuple(re.sub(r"^.*(attack-[a-z0-9-]+)$", r"\1", value) for value in SECRETS.values())
"""What is looked for of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack came to."""

    held: bool
    """Whether the dashboard held."""
    came_back: str
    """What came back, in a few words."""


@dataclass(frozen=True)
class Target:
    """A running dashboard."""

    url: str
    """`http://localhost:PORT`."""
    data_dir: Path
    """Its data folder."""
    log: Path
    """What it writes to standard error."""
    browser: "list[Browser]" = field(default_factory=list)
    """A Chromium, where there is one."""
    seen: list[str] = field(default_factory=list)
    """Pages, addresses and replies that attacks have seen, for whoever looks for secrets in them."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 80

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)

    def ask(self, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str) -> "Reply":
        """One request, with `Host: localhost` unless told otherwise. headers: `_` for `-`."""
        named = {"Host": f"localhost:{self.port}", "Connection": "close"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if body:
            named["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        return self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def send(self, whatever: bytes) -> "Reply":
        """Any bytes, and what is answered until the connection ends."""
        with self.connect() as connection:
            with suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(whatever)
            reply = read(connection)
        self.seen.append(reply.text)
        return reply

    def open_socket(self, **headers: str) -> int:
        """The status with which opening a page's WebSocket is answered."""
        asked = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        lines = [
            f"{name.replace('_', '-')}: {value}"
            for name, value in {"Host": f"localhost:{self.port}", **asked, **headers}.items()
        ]
        with self.connect() as connection:
            connection.sendall("\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines, "", ""]).encode("latin-1"))
            return Reply(connection.recv(4096)).status


@dataclass(frozen=True)
class Reply:
    """What was answered; nothing where the connection was ended."""

    raw: bytes
    """All of it."""

    @property
    def status(self) -> int:
        """HTTP's; 0 for none."""
        found = re.match(rb"HTTP/1\.\d (\d{3})", self.raw)
        return int(found[1]) if found else 0

    @property
    def text(self) -> str:
        """All of it, as text."""
        return self.raw.decode("utf-8", "replace")

    @property
    def body(self) -> str:
        """Without headers."""
        return self.text.partition("\r\n\r\n")[2]

    def header(self, name: str) -> str:
        """The first of a name; empty for none."""
        found = re.search(rf"(?im)^{re.escape(name)}: (.*?)\r?$", self.text.partition("\r\n\r\n")[0])
        return found[1] if found else ""


def read(connection: socket.socket) -> Reply:
    """Everything until the other side ends the connection, or TIMEOUT_S."""
    parts = []
    try:
        while part := connection.recv(1_000_000):
            parts.append(part)
    except (ConnectionResetError, TimeoutError):
        pass
    return Reply(b"".join(parts))


Try = Callable[[Target], Outcome]


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing to try."""

    tried: str
    """What, in a few words."""
    run: Try
    """Does it."""
    quick: bool
    """Whether the ordinary tests do it too: it takes a second or two and leaves the dashboard as it was."""


def attacks(into: list[Attack], *, quick: bool = True) -> Callable[[str], Callable[[Try], Try]]:
    """Makes decorators that note an attack in a list."""

    def named(tried: str) -> Callable[[Try], Try]:
        def note(run: Try) -> Try:
            into.append(Attack(tried, run, quick))
            return run

        return note

    return named


def traces_of(target: Target) -> int:
    """How many traces the dashboard gives out to whoever asks from this machine by its own name."""
    return sum(1 for line in target.ask("/export/traces.jsonl").body.splitlines() if line.startswith("{"))


def command_lines() -> list[str]:
    """The command lines of all processes that can be seen."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found

"""`Hosts`: the names by which a dashboard may be called, and whose pages may call it.

A browser holds pages apart by name, and whoever owns a name can let it lead to this machine (DNS rebinding), so a name that is not known
reads nothing. An address in figures cannot be turned that way. What a page of elsewhere sends is refused by its `Origin`.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from app.ingesting.door import DROPPED_PATHS
from app.ingesting.words import TRACES_PATH
from app.kit.loopback import is_address, is_loopback
from pipeline.errors import ConfigError

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]{1,253})(?::(?P<port>\d{1,5}))?")
"""A host as `Host` gives it, in small letters: a name or an address, and a port."""

ENTRY = re.compile(r"\*|(\*\.)?[a-z0-9_.-]+(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?")
"""An entry of RAGLASS_ALLOWED_HOSTS."""

USUAL_PORTS = {"http": "80", "https": "443"}
"""What a browser leaves out of an origin."""

SENDERS_PATHS = (TRACES_PATH, *DROPPED_PATHS)
"""Where programs send traces. Nothing is read there, and a container calls the machine below it by names of its own."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away."""

    status: int
    """HTTP's status: 421 for a name that is not known, 403 for a page of elsewhere."""
    message: str
    """What to do about it."""


class Hosts:
    """The names of one dashboard."""

    def __init__(self, listens_on: str, allowed: str) -> None:
        """listens_on: RAGLASS_HOST. allowed: RAGLASS_ALLOWED_HOSTS. Raises ConfigError for an entry that is no host."""
        self._beyond = not is_loopback(listens_on)
        self._own = {listens_on.lower().strip("[]")} | ({socket.gethostname().lower()} if self._beyond else set())
        self._entries = [entry.strip().lower() for entry in allowed.split(",") if entry.strip()]
        for entry in self._entries:
            if ENTRY.fullmatch(entry) is None:
                raise ConfigError(
                    f"RAGLASS_ALLOWED_HOSTS has the entry {entry[:80]!r}, which is no host. Write names as a browser shows them, without "
                    "http:// and paths, with commas between: raglass.example.com, *.example.com or * for every name."
                )

    def refuse(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> Refusal | None:
        """What a request is turned away with; None if it may come in. headers: names in small letters."""
        named: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in headers:
            if name in named:
                named[name].append(value.decode("latin-1").strip().lower())
        hosts, origins = named[b"host"], named[b"origin"]
        if not origins and path in SENDERS_PATHS:
            return None
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return Refusal(421, self._unknown(hosts))
        if origins and not (len(origins) == 1 and self._is_our_page(origins[0], hosts[0])):
            return Refusal(
                403,
                "This comes from a web page of elsewhere, which may not use this dashboard. If the page is this dashboard's own, behind "
                "a proxy that calls it by another name, name its host in RAGLASS_ALLOWED_HOSTS.",
            )
        return None

    def _is_ours(self, host: str) -> bool:
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name, port = found["name"].strip("[]").rstrip("."), found["port"]
        if is_loopback(name) or name in self._own or (self._beyond and is_address(name)):
            return True
        return any(_covers(entry, name, port, None) for entry in self._entries)

    def _is_our_page(self, origin: str, host: str) -> bool:
        """Whether a page is of this very host and port, or of a host that is named in the setting."""
        scheme, _, rest = origin.partition("://")
        found = HOST.fullmatch(rest)
        if scheme not in USUAL_PORTS or found is None:
            return False
        usual = USUAL_PORTS[scheme]
        if _with_port(rest, usual) == _with_port(host, usual):
            return True
        name, port = found["name"].strip("[]").rstrip("."), found["port"] or usual
        return any(_covers(entry, name, port, usual) for entry in self._entries if entry != "*")

    def _unknown(self, hosts: list[str]) -> str:
        called = f"by the name {hosts[0][:80]!r}" if len(hosts) == 1 else "by no name, or by several"
        return (
            f"This dashboard was called {called}, which it does not know. Call it localhost, or by its address; if this is its name, set "
            "RAGLASS_ALLOWED_HOSTS to it and start it again."
        )


def _covers(entry: str, name: str, port: str | None, usual: str | None) -> bool:
    """Whether an entry of the setting means a host. usual: the port that an entry without one means; None for any."""
    if entry == "*":
        return True
    meant, _, entry_port = entry.rpartition(":") if re.search(r":\d{1,5}$", entry) else (entry, "", "")
    meant = meant.strip("[]").rstrip(".")
    if (entry_port or usual or port) != port:
        return False
    return name.endswith(meant[1:]) if meant.startswith("*.") else name == meant


def _with_port(host: str, usual: str) -> str:
    return host if re.search(r":\d{1,5}$", host) else f"{host}:{usual}"


@cache
def known_hosts(listens_on: str, allowed: str) -> Hosts:
    """The names of a dashboard with these settings. Raises ConfigError."""
    return Hosts(listens_on, allowed)

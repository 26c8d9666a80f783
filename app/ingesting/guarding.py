"""Who may send traces, and who may take them out: keys beyond this machine, and passes for the links of a page.

From this machine no key is needed, unless RAGLASS_REQUIRE_KEYS says so; web pages of elsewhere that a browser on this machine was made to
open are turned away before (`app.server.hosts`).
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping

from app.config import Settings
from app.kit.loopback import is_loopback
from app.permitting.admission import is_beyond
from metrics.keys import KeyRing, Scope
from pipeline.errors import InputError

PASS_S = 3600
"""How long a link of a page is good at least; at most twice as long."""

PASS = "pass"
"""The last parameter of a link's address."""


class KeyNeeded(InputError):
    """No key was sent, or none that is good."""


class Forbidden(InputError):
    """A key that does not allow this."""


class Guard:
    """Keeps the door of one dashboard."""

    def __init__(self, settings: Settings, keys: Callable[[], KeyRing]) -> None:
        self._settings, self._keys = settings, keys
        self._pass_secret = secrets.token_bytes(32)

    def needs_key(self, address: str | None) -> bool:
        """Whether a key is needed. address: of this machine, as the request reached it; None if it is not known."""
        reached = address is not None and not is_loopback(address)
        return self._settings.require_keys or not is_loopback(self._settings.host) or reached

    def _needs_key_to(self, scope: Scope, address: str | None) -> bool:
        """Traces are kept from whoever has no login as well, where one is needed on the pages."""
        login = bool(self._settings.oidc_issuer) or is_beyond(self._settings)
        return self.needs_key(address) or (scope == "read" and login)

    def check(self, scope: Scope, headers: Mapping[str, str], address: str | None) -> str:
        """The id of the key that a request shows; empty where none is needed. headers: by names in lower case.

        Raises KeyNeeded, Forbidden, or StoreError where keys cannot be looked up.
        """
        if not self._needs_key_to(scope, address):
            return ""
        shown = sent_secret(headers)
        key = self._keys().find(shown) if shown else None
        if key is None:
            what = "The key that was sent is not good, or was revoked" if shown else "A key is needed here"
            raise KeyNeeded(
                f"{what}. Make one with `raglass keys create NAME --scope {scope}` and send it as `Authorization: Bearer KEY` "
                "(OTEL_EXPORTER_OTLP_HEADERS)."
            )
        if key.scope != scope:
            raise Forbidden(f"The key {key.name!r} is for {key.scope}; this needs one made with --scope {scope}.")
        return key.key_id

    def sign(self, path: str, query: str, now_s: float | None = None) -> str:
        """The address of a link with a pass, which lets whoever opened the page follow it for PASS_S without a key."""
        # In whole periods, so that a page drawn anew has the same link.
        until = (int(time.time() if now_s is None else now_s) // PASS_S + 2) * PASS_S
        return f"{path}?{query}&{PASS}={until}.{self._sign(path, query, until)}"

    def has_pass(self, path: str, query: str, now_s: float | None = None) -> bool:
        """Whether an address has a pass that is still good. query: as it was sent, still quoted."""
        asked, _, shown = query.rpartition(f"&{PASS}=")
        until, _, signature = shown.partition(".")
        if not until.isascii() or not until.isdigit() or len(until) > 12:
            return False
        good = hmac.compare_digest(self._sign(path, asked, int(until)).encode(), signature.encode())
        return good and (time.time() if now_s is None else now_s) < int(until)

    def _sign(self, path: str, query: str, until: int) -> str:
        return hmac.new(self._pass_secret, f"{until} {path}?{query}".encode(), hashlib.sha256).hexdigest()


def sent_secret(headers: Mapping[str, str]) -> str:
    """The key in a request's headers: `Authorization: Bearer`, `x-api-key` or `api_key`; empty if there is none."""
    kind, _, secret = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "bearer" and secret:
        return secret.strip()
    return next((headers[name].strip() for name in ("x-api-key", "api_key", "api-key") if headers.get(name)), "")

"""`Admission`: who is let in on the pages, and with which role: by a login, by what stands in front, or since they are on this machine."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from app.config import Settings
from app.kit.loopback import is_everywhere, is_loopback
from app.permitting.people import People, in_small_letters
from app.permitting.roles import MACHINE, NotPermitted, Person, Role
from pipeline.errors import ConfigError

CALLBACK = "/oauth2callback"
"""Where the provider sends people back to; Streamlit's."""

OPEN_ROLES = {"1": Role.ADMIN, "admin": Role.ADMIN, "editor": Role.EDITOR, "viewer": Role.VIEWER}
"""What RAGLASS_OPEN lets everybody do."""

VISITOR = "a visitor"
"""What everybody is called whom something in front let in."""

ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,200}@[^@\s\x00-\x1f]{1,200}")

CLOSED = (
    "This dashboard can be reached from beyond its machine, and nothing says who may come in, so that nobody may. Who runs it can set up a "
    "login: RAGLASS_OIDC_ISSUER, RAGLASS_OIDC_CLIENT_ID, RAGLASS_OIDC_CLIENT_SECRET, RAGLASS_PUBLIC_URL and RAGLASS_ALLOW_PEOPLE. Or, "
    "where something in front of it lets people in already, RAGLASS_OPEN. docs/login.md explains both."
)


class NotSignedIn(NotPermitted):
    """A visitor who has yet to sign in."""


class Admission:
    """The door of one dashboard's pages."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError for settings that contradict each other, or are half a login."""
        self._settings = settings
        self.has_login = bool(settings.oidc_issuer)
        self._allowed = People("RAGLASS_ALLOW_PEOPLE", settings.allow_people)
        self._editors = People("RAGLASS_EDITORS", settings.editors)
        self._admins = People("RAGLASS_ADMINS", settings.admins)
        self._open = OPEN_ROLES.get(settings.open)
        self._check()

    def _check(self) -> None:
        settings = self._settings
        named = bool(self._allowed or self._editors or self._admins)
        if not self.has_login:
            if named or settings.oidc_client_id or settings.oidc_client_secret:
                raise ConfigError(
                    "People are named, or half a login is set, and RAGLASS_OIDC_ISSUER is not: nobody could sign in. Set it, or take "
                    "the others away."
                )
            return
        if self._open is not None:
            raise ConfigError("RAGLASS_OPEN lets everybody in, and RAGLASS_OIDC_ISSUER does not. Set one of them.")
        if not (settings.oidc_client_id and settings.oidc_client_secret):
            raise ConfigError("A login needs RAGLASS_OIDC_CLIENT_ID and RAGLASS_OIDC_CLIENT_SECRET, from the provider.")
        if not named:
            raise ConfigError(
                "A login needs to know who may come in. List them in RAGLASS_ALLOW_PEOPLE: addresses, @domains, or * for everybody "
                "whom the provider signs in."
            )
        _check_address("RAGLASS_OIDC_ISSUER", settings.oidc_issuer)
        base = urlsplit(_check_address("RAGLASS_PUBLIC_URL", self.base))
        if base.path or base.query:
            raise ConfigError("RAGLASS_PUBLIC_URL has a path; the dashboard is at the root of its name.")

    @property
    def base(self) -> str:
        """Where people reach the dashboard, without a slash at the end; on this machine by the name that it tells people to open.

        Raises ConfigError where that has to be set.
        """
        settings = self._settings
        if settings.public_url:
            return settings.public_base
        if is_everywhere(settings.host):
            raise ConfigError(
                "A login needs RAGLASS_PUBLIC_URL, the address that people open, such as https://raglass.example.com: the provider sends "
                "them back there."
            )
        return f"http://localhost:{settings.port}" if settings.host == "127.0.0.1" else settings.public_base

    def words(self) -> str:
        """Who is let in; empty where the dashboard is this machine's alone."""
        if self.has_login:
            return f"People sign in by {self._settings.oidc_issuer}"
        if self._open is not None:
            return f"Everybody who reaches it is let in as {self._open.name.lower()} (RAGLASS_OPEN)"
        return CLOSED if is_beyond(self._settings) else ""

    def admit(self, claims: Mapping[str, object]) -> Person:
        """The person of some claims, as the provider signed them; empty for who did not sign in.

        Raises NotSignedIn, or NotPermitted with the reason for who is not let in.
        """
        if self.has_login:
            return self._known(claims)
        if self._open is not None:
            return Person(VISITOR, self._open)
        if is_beyond(self._settings):
            raise NotPermitted(CLOSED)
        return MACHINE

    def _known(self, claims: Mapping[str, object]) -> Person:
        if claims.get("is_logged_in") is not True:
            raise NotSignedIn("Sign in to use this dashboard.")
        address = claims.get("email")
        if not isinstance(address, str) or ADDRESS.fullmatch(address) is None:
            raise NotPermitted("The provider says no address of you (`email`), and people are known by theirs here.")
        verified = claims.get("email_verified")
        if verified not in (True, "true") and not (verified is None and self._settings.oidc_trust_email):
            raise NotPermitted(
                f"The provider does not say that {address} was verified, so that anybody could claim it. If the provider answers for its "
                "addresses without saying so, who runs this dashboard can set RAGLASS_OIDC_TRUST_EMAIL=1."
            )
        name = in_small_letters(address)
        role = self._role(name)
        if role is Role.NOBODY:
            raise NotPermitted(f"{name} is not among those who may use this dashboard (RAGLASS_ALLOW_PEOPLE).")
        return Person(name, role)

    def _role(self, name: str) -> Role:
        if name in self._admins:
            return Role.ADMIN
        if name in self._editors:
            return Role.EDITOR
        return Role.VIEWER if name in self._allowed else Role.NOBODY


def is_beyond(settings: Settings) -> bool:
    """Whether the dashboard may be reached from beyond this machine: it listens there, or something here passes on what calls it so."""
    if not is_loopback(settings.host):
        return True
    names = (re.sub(r":\d{1,5}$", "", entry.strip()) for entry in settings.allowed_hosts.split(",") if entry.strip())
    return not all(map(is_loopback, names))


def _check_address(variable: str, address: str) -> str:
    """An address that may be trusted with a login. Raises ConfigError for another."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or (parts.scheme == "http" and not is_loopback(host)):
        raise ConfigError(f"{variable} is {address[:200]!r}. A login needs an address that begins with https://.")
    return address.rstrip("/")

"""Signing in: what Streamlit's OpenID Connect is told, in memory alone, and cookies that go over HTTPS alone."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.secrets import secrets_singleton

from app.config import Settings
from app.permitting.admission import CALLBACK, Admission

METADATA = "/.well-known/openid-configuration"
"""Where an issuer says of itself what a login needs (OpenID Connect Discovery 1.0, section 4)."""

COOKIE_KEY = b"raglass: what signs the cookies of a login"
"""Told apart by it from whatever else may be made of the client's secret."""


def login_secrets(settings: Settings) -> dict[str, Any]:
    """What Streamlit reads as its secrets; empty where there is no login. Raises ConfigError for half a login.

    What signs the cookies is made of the client's secret, so that people stay signed in when the dashboard is started again, and every
    process over one address knows them; a new secret signs everybody out.
    """
    admission = Admission(settings)
    if not admission.has_login:
        return {}
    secret = settings.oidc_client_secret
    return {
        "auth": {
            "redirect_uri": f"{admission.base}{CALLBACK}",
            "cookie_secret": hmac.new(secret.encode(), COOKIE_KEY, hashlib.sha256).hexdigest(),
            "client_id": settings.oidc_client_id,
            "client_secret": secret,
            "server_metadata_url": f"{settings.oidc_issuer.rstrip('/')}{METADATA}",
        }
    }


def set_up_login(settings: Settings) -> None:
    """Tell Streamlit of the login. A file of secrets that lies about is not read. Raises ConfigError."""
    secrets_singleton.merge_programmatic_secrets(login_secrets(settings))


class SecureCookies:
    """Wraps an ASGI application that people reach over HTTPS: its cookies go over nothing else.

    Streamlit leaves that out, since it does not know what ends the encryption before it.
    """

    def __init__(self, app: ASGIApp, is_secure: Callable[[], bool]) -> None:
        """is_secure: whether people reach it over HTTPS."""
        self._app, self._is_secure = app, is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not self._is_secure():
            await self._app(scope, receive, send)
            return

        async def send_secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, _secure(name, value)) for name, value in message.get("headers", ())]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_secure)


def _secure(name: bytes, value: bytes) -> bytes:
    """A header's value; a cookie's with the word that keeps it to HTTPS."""
    if name.lower() != b"set-cookie" or b"; secure" in value.lower():
        return value
    return value + b"; Secure"

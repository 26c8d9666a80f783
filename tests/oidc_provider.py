"""A small OpenID Connect provider on loopback: discovery, one key, the authorization code flow with PKCE, and signing out.

Whoever is asked to sign in chooses one of the people on a page of links. What a client sends is checked, so that a client that leaves out
what makes the flow safe is refused.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "raglass-test", "only-this-test-knows-it"


@dataclass
class Provider:
    """A running provider."""

    issuer: str
    """Its address."""
    people: Mapping[str, Mapping[str, Any]]
    """Claims of the people who can sign in, by the name of their link."""
    problems: list[str] = field(default_factory=list)
    """What clients did wrong."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was asked for, by the code that was given for it; each is good once."""

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a dashboard that signs people in here."""
        return {
            "RAGLASS_OIDC_ISSUER": self.issuer,
            "RAGLASS_OIDC_CLIENT_ID": CLIENT_ID,
            "RAGLASS_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }


@contextmanager
def oidc_provider(people: Mapping[str, Mapping[str, Any]]) -> Iterator[Provider]:
    """Serve until the block is left."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.provider = provider = Provider(f"http://localhost:{server.server_address[1]}", people)  # type: ignore[attr-defined]
    server.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    @property
    def _provider(self) -> Provider:
        return self.server.provider  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def do_GET(self) -> None:
        """Everything but the token."""
        parts = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        issuer = self._provider.issuer
        if parts.path == "/.well-known/openid-configuration":
            self._send_json(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/jwks",
                    "end_session_endpoint": f"{issuer}/leave",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                }
            )
        elif parts.path == "/jwks":
            self._send_json({"keys": [self.server.key.as_dict(private=False)]})  # type: ignore[attr-defined]
        elif parts.path == "/authorize":
            self._authorize(asked)
        elif parts.path == "/leave":
            self._redirect(asked["post_logout_redirect_uri"])
        else:
            self.send_error(404)

    def _authorize(self, asked: dict[str, str]) -> None:
        for name, wanted in (("client_id", CLIENT_ID), ("response_type", "code"), ("code_challenge_method", "S256")):
            if asked.get(name) != wanted:
                self._provider.problems.append(f"{name} is {asked.get(name)!r}")
        if not (asked.get("state") and asked.get("nonce") and asked.get("code_challenge")):
            self._provider.problems.append("state, nonce or code_challenge is missing")
        person = asked.pop("as", None)
        if person is None:
            links = "".join(
                f'<p><a href="/authorize?{html.escape(urlencode({**asked, "as": name}))}">{html.escape(name)}</a></p>'
                for name in self._provider.people
            )
            self._send(f"<!doctype html><title>Who are you?</title>{links}".encode(), "text/html; charset=utf-8")
            return
        code = secrets.token_urlsafe(16)
        self._provider.codes[code] = {**asked, "as": person}
        self._redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def do_POST(self) -> None:
        """The token for a code."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        sent = {name: values[-1] for name, values in parse_qs(body).items()}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self._provider.codes.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or self.headers.get("authorization") != f"Basic {basic}"
            or challenge != asked["code_challenge"]
            or sent.get("redirect_uri") != asked["redirect_uri"]
        ):
            self._provider.problems.append("a token was asked for wrongly")
            self._send_json({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {
            "iss": self._provider.issuer,
            "aud": CLIENT_ID,
            "sub": asked["as"],
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            **self._provider.people[asked["as"]],
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.server.key)  # type: ignore[attr-defined]
        self._send_json({"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_json(self, data: Mapping[str, Any], status: int = 200) -> None:
        self._send(json.dumps(data).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

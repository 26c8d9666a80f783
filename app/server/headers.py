"""Headers of every response: what a browser may load, run and frame, and what it tells others.

The policy was found by drawing every page in Chromium: nothing may be taken away from it. Styles stand within elements (Streamlit's own
and Plotly's), so they are allowed; scripts are those of this server alone, but for the lines in Streamlit's page, by their hashes.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from app.server.page import page_text
from pipeline.errors import ConfigError

Headers = list[tuple[bytes, bytes]]

DATA_PATHS = ("/media/", "/export/", "/v1/", "/readyz", "/_stcore/health")
"""Where data is served and never a page: what is opened from there may run and load nothing."""

SOURCE = re.compile(r"'self'|'none'|https?://(\*\.)?[A-Za-z0-9.-]+(:(\d{1,5}|\*))?")
"""Whose pages may frame a dashboard, in RAGLASS_FRAME_ANCESTORS."""

FIXED: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "
        b"payment=(), usb=(), clipboard-read=(), clipboard-write=(self), fullscreen=(self)",
    ),
]
"""The same on every response."""

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def check_ancestors(ancestors: str) -> str:
    """RAGLASS_FRAME_ANCESTORS as the policy has it. Raises ConfigError for what is no list of pages."""
    words = ancestors.split()
    if not words or any(SOURCE.fullmatch(word) is None for word in words) or ("'none'" in words and len(words) > 1):
        raise ConfigError(
            f"RAGLASS_FRAME_ANCESTORS is {ancestors[:80]!r}; write 'none' or 'self' with their quotes, or addresses such as "
            "https://portal.example.com with blanks between."
        )
    return " ".join(words)


def headers_of(path: str, host: str, ancestors: str, scripts: tuple[str, ...]) -> Headers:
    """The headers of a response. host: as the request named it, checked. ancestors: checked. scripts: hashes of inline ones."""
    policy = _data_policy(ancestors) if path.startswith(DATA_PATHS) else _page_policy(host, ancestors, scripts)
    framed = [] if ancestors != "'none'" else [(b"x-frame-options", b"DENY")]
    return [*FIXED, *framed, (b"content-security-policy", policy.encode("ascii"))]


def with_headers(given: Iterable[tuple[bytes, bytes]], added: Headers) -> Headers:
    """A response's headers with ours, which win."""
    ours = {name for name, _ in added}
    return [*((name, value) for name, value in given if name.lower() not in ours), *added]


def _page_policy(host: str, ancestors: str, scripts: tuple[str, ...]) -> str:
    # Not every browser takes 'self' for the WebSocket of the same host.
    sockets = f" ws://{host} wss://{host}" if host else ""
    hashes = "".join(f" 'sha256-{each}'" for each in scripts)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {ancestors}",
        )
    )


def _data_policy(ancestors: str) -> str:
    return f"default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"


@cache
def inline_scripts(page: Path) -> tuple[str, ...]:
    """SHA-256, in base64, of each script that stands within a page as it is sent."""
    return tuple(
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE.findall(page_text(page))
    )

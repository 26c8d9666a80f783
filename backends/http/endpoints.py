"""Endpoints as a TOML file describes them: where they are, what they are sent, where in their replies things are.

Owns the file's form and every message about it. Refuses to send anything. Secrets come from the environment alone and are in no `repr`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from backends.http.expressions import compile_expression
from backends.http.reply import Reading
from backends.http.template import read_template
from pipeline.errors import ConfigError
from pipeline.spans import KIND_OF_STAGE

PREFIX = "http/"
"""Before an endpoint's name in its backend's."""

FILE_NAME = "backends.toml"
"""The file in the data folder that is read unless the settings name another."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_NAME = re.compile(r"authorization|cookie|key|token|secret|password", re.IGNORECASE)
"""Headers whose value is a secret by their name."""

MIN_SECRET_CHARS = 6
"""A shorter value of the environment is not looked for in replies: it would be found everywhere."""

KEYS = (
    "url",
    "method",
    "headers",
    "request",
    "timeout_s",
    "retries",
    "max_mb",
    "health",
    "stream",
    "end",
    "reply",
)  # fmt: skip
CHUNK_KEYS = ("text", "id", "document", "title", "score", "source")
REPLY_KEYS = tuple(each.name for each in fields(Reading) if each.name not in CHUNK_KEYS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint."""

    name: str
    """Its backend's name, `http/…`."""
    url: str
    """Where questions go; the only address, beside `health`, that is ever asked."""
    request: Any
    """The template of what is sent; see `backends.http.template`."""
    reading: Reading
    """Where in the reply things are."""
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    """With GET the template's top level is sent as the query of the URL."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers, with the environment's values in them."""
    variables: tuple[str, ...] = ()
    """Environment variables that the headers take."""
    missing: tuple[str, ...] = ()
    """Those of them that are not set."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Their values, so that they can be made unreadable wherever a reply repeats them."""
    timeout_s: float | None = None
    """Longest attempt in seconds; None for the question's deadline."""
    retries: int = 0
    """Further attempts after a connection that failed and after 429 or 503."""
    max_bytes: int = 16_000_000
    """Longest reply."""
    health: str = ""
    """An address that answers 2xx, soon and for nothing, while the endpoint works; empty for none."""
    stream: bool = False
    """Whether it answers in server-sent events."""
    end: str = ""
    """Streaming: the data, or the type, of the event after which nothing comes; empty where the stream just ends."""


def read_endpoints(path: Path, environ: Mapping[str, str]) -> dict[str, Endpoint]:
    """The endpoints of a file by their backends' names. Raises ConfigError, naming the place in the file."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The file of endpoints {path} cannot be read ({error.strerror}). Check RAGLASS_BACKENDS_FILE."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file of endpoints {path} is no TOML: {error}.") from error
    found = {}
    for name, given in data.items():
        place = f"{path}: [{name}]"
        if not NAME.fullmatch(name):
            raise ConfigError(f"{place}: a name consists of letters, digits and . _ - (64 at most).")
        if not isinstance(given, dict):
            raise ConfigError(f"{place} is no table. Write an endpoint as `[{name}]` with `url = …` below it.")
        found[PREFIX + name] = _Table(given, place).endpoint(PREFIX + name, environ)
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file, read key by key; every message names the place."""

    data: Mapping[str, Any]
    place: str

    def endpoint(self, name: str, environ: Mapping[str, str]) -> Endpoint:
        self.check_keys(KEYS)
        stream = self.value("stream", bool, False)
        headers, variables = self.headers(environ)
        reading = self.table("reply").reading(stream)
        method = self.value("method", str, "POST").upper()
        if method not in ("POST", "PUT", "PATCH", "GET"):
            raise self.wrong("method", "choose POST, PUT, PATCH or GET")
        template = read_template(self.required("request"), f"{self.place} request")
        if method == "GET" and not isinstance(template, dict):
            raise self.wrong("request", "write a table, whose keys a GET sends as the query of the URL", shown=False)
        timeout_s = self.number("timeout_s", 0.1, 900.0)
        return Endpoint(
            name=name,
            url=self.url("url", self.required("url")),
            request=template,
            reading=reading,
            method=method,
            headers=headers,
            variables=variables,
            missing=tuple(each for each in variables if not environ.get(each)),
            secrets=tuple(
                value for each in variables if len(value := environ.get(each, "").strip()) >= MIN_SECRET_CHARS
            ),
            timeout_s=timeout_s,
            retries=int(self.number("retries", 0, 5) or 0),
            max_bytes=int((self.number("max_mb", 0.001, 100.0) or 16.0) * 1_000_000),
            health=self.url("health", self.data["health"]) if "health" in self.data else "",
            stream=stream,
            end=self.value("end", str, ""),
        )

    def reading(self, stream: bool) -> Reading:
        self.check_keys((*REPLY_KEYS, "chunk"))
        wanted = "token" if stream else "answer"
        if wanted not in self.data:
            raise ConfigError(
                f"{self.place} has no {wanted}. Say where {'in an event its piece of the answer' if stream else 'in the reply the answer'} "
                f'is, for example {wanted} = "{"delta.text" if stream else "result.answer"}".'
            )
        chunk = self.table("chunk")
        chunk.check_keys(CHUNK_KEYS)
        stages: dict[str, Any] = {
            name: {stage: below.expression(stage) for stage in below.data}
            for name in ("stages_ms", "stages_s")
            for below in [self.table(name)]
        }
        for name in stages:
            self.table(name).check_keys(tuple(KIND_OF_STAGE))
        found = {key: self.expression(key) for key in REPLY_KEYS if key in self.data and key not in stages}
        within = {key: chunk.expression(key) for key in chunk.data}
        return Reading(**found, **within, **stages)

    def headers(self, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers with the environment's values, and the variables that they take."""
        headers, variables, table = {}, dict[str, None](), self.table("headers")
        for name in table.data:
            value = table.value(name, str, "")
            named = VARIABLE.findall(value)
            if not HEADER_NAME.fullmatch(name):
                raise ConfigError(f"{table.place}: {name!r} is no name of a header.")
            if SECRET_NAME.search(name) and not named:
                raise ConfigError(
                    f"{table.place} {name} holds a secret. Put it into an environment variable and write its name: "
                    f'{name} = "Bearer ${{MY_KEY}}".'
                )
            whole = VARIABLE.sub(lambda found: environ.get(found[1], "").strip(), value)
            if not whole.isascii() or not whole.isprintable():
                raise ConfigError(
                    f"{table.place} {name} has characters that no header can have. Check {', '.join(named) or 'it'}."
                )
            headers[name] = whole
            variables.update(dict.fromkeys(named))
        return headers, tuple(variables)

    def url(self, key: str, given: Any) -> str:
        """Raises ConfigError for what is no http(s) URL, or one with a password, without quoting it."""
        try:
            parts = urlsplit(given if isinstance(given, str) else "")
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not str(given).isascii() or not str(given).isprintable() or " " in str(given):
            raise ConfigError(f"{self.place} {key} is no http(s) URL. Write it whole: https://host/path.")
        if parts.username or parts.password:
            raise ConfigError(f"{self.place} {key} holds a user or a password. Send them in a header, from a variable.")
        return str(given).partition("#")[0]

    def expression(self, key: str) -> Any:
        return compile_expression(self.value(key, str, ""), f"{self.place} {key}")

    def table(self, key: str) -> "_Table":
        given = self.data.get(key, {})
        if not isinstance(given, dict):
            raise self.wrong(key, "write a table")
        return _Table(given, f"{self.place.removesuffix(']')}.{key}]")

    def required(self, key: str) -> Any:
        if key not in self.data:
            raise ConfigError(f"{self.place} has no {key}. docs/examples/http_backend.toml shows a whole endpoint.")
        return self.data[key]

    def value(self, key: str, kind: type, default: Any) -> Any:
        given = self.data.get(key, default)
        if not isinstance(given, kind):
            raise self.wrong(key, {str: "write a text", bool: "write true or false"}[kind])
        return given

    def number(self, key: str, low: float, high: float) -> float | None:
        given = self.data.get(key)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
            raise self.wrong(key, f"write a number between {low:g} and {high:g}")
        return float(given)

    def check_keys(self, known: tuple[str, ...]) -> None:
        for key in self.data:
            if key not in known:
                close = get_close_matches(key, known, 1)
                meant = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."
                raise ConfigError(f"{self.place} has an unknown key {key!r}. {meant}")

    def wrong(self, key: str, advice: str, *, shown: bool = True) -> ConfigError:
        value = f" is {self.data.get(key)!r}" if shown and key != "headers" else " cannot be used"
        return ConfigError(f"{self.place} {key}{value}; {advice}.")

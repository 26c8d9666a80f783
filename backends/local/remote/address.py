"""The word that chooses a model on another server: `openai:MODEL@URL`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pipeline.errors import ConfigError

Interface = Literal["openai", "openai-completion"]
"""`openai`: chat completions, or embeddings. `openai-completion`: plain completions, for models without a chat template."""

WORD = re.compile(r"(openai|openai-completion):(.+?)(?:@(https?://.*))?", re.DOTALL)
"""Interface, model, URL. A model's name may itself hold `:` and `@`."""

BEDROCK = "bedrock:"
"""What the word of a model on Bedrock begins with; it is no address: boto3 knows where Bedrock is."""

DEFAULT_URL = "https://api.openai.com/v1"
"""Where OpenAI's own models are."""

URL_VARIABLE = "OPENAI_BASE_URL"
"""The environment variable with the server's URL, where the word names none."""


@dataclass(frozen=True, slots=True)
class Address:
    """A model and the server that runs it."""

    interface: Interface
    """What the server is asked by."""
    model: str
    """The server's name for the model."""
    url: str
    """Where `/chat/completions` and its like follow; no final slash."""

    @property
    def host(self) -> str:
        """Host, and port where it is not the usual one, for messages."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """What traces call the model. OpenAI's own need no host."""
        return (
            f"{self.interface}:{self.model}"
            if self.url == DEFAULT_URL
            else f"{self.interface}:{self.model}@{self.host}"
        )


def is_remote(word: str) -> bool:
    """Whether a setting's word names a model on another server, or on Bedrock."""
    return word.startswith(("openai:", "openai-completion:", BEDROCK))


def parse_address(word: str, setting: str, environ: Mapping[str, str]) -> Address:
    """Read a word. setting: the variable that holds it, for advice. environ: for URL_VARIABLE.

    A URL without a path is taken as that of a server whose interface is under `/v1`, as it is for all that are known.
    Raises ConfigError for a word without a model, or a URL that is none or holds a user, a password or a query.
    """
    found = WORD.fullmatch(word.strip())
    if found is None or not found[2].strip():
        raise ConfigError(f"{setting} is {word!r}, which names no model. Write openai:MODEL@http://HOST:PORT/v1.")
    given = found[3] or environ.get(URL_VARIABLE) or DEFAULT_URL
    return Address("openai" if found[1] == "openai" else "openai-completion", found[2].strip(), _base(given, setting))


def _base(url: str, setting: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # What a URL with a password says is not repeated.
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"The URL in {setting} or {URL_VARIABLE} is no server's. Write http://HOST:PORT/v1, without a user, a key or a query; the "
            "key goes into OPENAI_API_KEY."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"

"""Requests to one model: opened, tried again and bounded by the deadline, less what its server turns out not to know."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from backends.aws.calls import Policy, call
from backends.local.remote.address import Address
from backends.local.remote.faults import TOO_LONG, naming
from backends.local.remote.transport import CONNECT_S, open_http
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable

log = logging.getLogger(__name__)

POLICY = Policy(attempts=3, base_s=0.5, cap_s=8.0, timeout_s=600.0)
"""Attempts at a request, within the deadline. A model may think for minutes where nothing else bounds it."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "top_logprobs": ("top_logprobs",),
    "logprobs": ("logprobs", "top_logprobs"),
    "stream_options": ("stream_options",),
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens",),
}
"""What a request can do without, by the word with which a server refuses it: all that is then left out."""

KEY = "OPENAI_API_KEY"
"""The environment variable with the server's key."""


class RemoteModel:
    """A model on another server. Thread-safe."""

    def __init__(self, address: Address, setting: str, environ: Mapping[str, str] | None = None) -> None:
        """setting: the variable that chose it, for advice. environ: where the key is; the process's own if not given.

        Nothing is sent. Raises Unavailable if the `openai` package is not installed.
        """
        openai = require_openai()
        self.address, self.setting = address, setting
        self.version: str = openai.__version__
        key = (os.environ if environ is None else environ).get(KEY, "").strip()
        # Servers on one's desk want no key; the package insists on one, or on being told that there is none.
        self._headers = {} if key else {"Authorization": openai.Omit()}
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=address.url, max_retries=0, http_client=open_http()
        )
        self._refused: set[str] = set()

    def send(
        self,
        stage: str,
        operation: Callable[[Any], Callable[..., Any]],
        given: Mapping[str, Any],
        deadline: Deadline | None = None,
    ) -> tuple[Any, float]:
        """Make one request, again where that may help, and return its reply with the seconds that it has from here.

        operation: of the client: `lambda client: client.embeddings.create`. Raises a BackendError, see `faults`.
        """
        return call(stage, partial(self._attempt, stage, operation(self._client), given), deadline, policy=POLICY)

    def list_models(self, seconds: float) -> list[str] | None:
        """The models that the server says it has; None where it does not say. Raises a BackendError if it cannot be asked."""
        deadline = Deadline(seconds)
        try:
            page, _ = self.send("generate", lambda client: client.models.list, {}, deadline)
        except Unavailable as error:
            if getattr(error.__cause__, "status_code", None) == 404:
                return None
            raise
        with naming("generate", self.address, self.setting, seconds):
            return [str(each.id) for each in page.data]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _attempt(
        self, stage: str, send: Callable[..., Any], given: Mapping[str, Any], seconds: float
    ) -> tuple[Any, float]:
        httpx, openai = import_module("httpx"), require_openai()
        until_s = time.monotonic() + seconds
        with naming(stage, self.address, self.setting, seconds):
            while True:
                left_s = max(until_s - time.monotonic(), 0.001)
                timeout = httpx.Timeout(left_s, connect=min(CONNECT_S, left_s))
                try:
                    return send(**self._known(given), extra_headers=self._headers, timeout=timeout), seconds
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if not self._learn(error, given):
                        raise

    def _known(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A request less what the server refuses. OpenAI's own newer models have another word for the answer's length."""
        kept = {name: value for name, value in given.items() if name not in self._refused}
        if "max_tokens" in self._refused and "max_tokens" in given:
            kept["max_completion_tokens"] = given["max_tokens"]
        return kept

    def _learn(self, error: Any, given: Mapping[str, Any]) -> bool:
        """Note what a server says it does not know. Whether that is something new, of this request."""
        said = f"{error.param or ''} {error.message}"
        if TOO_LONG.search(said):
            return False
        for word, names in OPTIONAL.items():
            new = {name for name in names if name in given} - self._refused
            if word in said and new:
                log.info("%s takes no %s", self.address.name, ", ".join(sorted(new)))
                self._refused |= new
                return True
        return False


def require_openai() -> Any:
    """The `openai` package. Raises Unavailable, saying what to install."""
    try:
        return import_module("openai")
    except ImportError as error:
        raise Unavailable(
            "A model on another server needs the openai package, which is not installed. Run `pip install openai`."
        ) from error

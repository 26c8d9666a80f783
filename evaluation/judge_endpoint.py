"""A judge behind an OpenAI-compatible endpoint (`POST …/chat/completions`), such as vLLM, Ollama or a hosted model.

The key travels in a header alone. What comes back is never quoted in an error.
"""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from backends.aws.calls import Policy, Retryable, call
from backends.aws.http import Http, Reply, host_of
from evaluation.judging import Judgement, read_reply, write_messages
from evaluation.rating import Rating, read_rating, write_request
from pipeline.errors import BackendError, BadResponse, ConfigError, Throttled, Timeout, Unavailable
from pipeline.types import Chunk

MOST_TOKENS = 300
"""Of a reply; a sentence and two truth values take a tenth."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that another attempt may not meet."""

LONGEST_WAIT_S = 30.0
"""However long an endpoint asks to be left alone."""

STAGE = "judge"


class EndpointJudge:
    """A model behind an endpoint."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        timeout_s: float = 30.0,
        http: Http | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """url: where `/chat/completions` follows, for example `http://localhost:8000/v1`.

        timeout_s: of an attempt; one that does not get through, or is put off, is made again, three times in all.
        Raises ConfigError for what cannot be an endpoint, or without a model.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ConfigError(
                "RAGLASS_JUDGE_URL is no endpoint. Write https://host/v1, without a user or a key; the key goes into RAGLASS_JUDGE_KEY."
            )
        if not model:
            raise ConfigError("The judge has no model. Set RAGLASS_JUDGE_MODEL to one that the endpoint offers.")
        self.name = model
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._what = f"The judge at {host_of(url)}"
        self._key, self._timeout_s = key, timeout_s
        self._http = http or Http()
        self._sleep = sleep

    def judge(self, question: str, golds: Sequence[str], answer: str, chunks: Sequence[Chunk]) -> Judgement:
        """Judge an answer at temperature 0; see `evaluation.judging.Judge.judge`."""
        try:
            return read_reply(self._ask(write_messages(question, golds, answer, chunks)))
        except BackendError as error:
            return Judgement.missing(self._why(error))

    def rate(self, question: str, answer: str, chunks: Sequence[Chunk]) -> Rating:
        """Rate an answer of which no label is known, at temperature 0; see `evaluation.rating.Rater.rate`."""
        try:
            return read_rating(self._ask(write_request(question, answer, chunks)), len(chunks))
        except BackendError as error:
            return Rating.missing(self._why(error))

    def _ask(self, messages: Sequence[dict[str, str]]) -> object:
        """What the model says, if it is a text. Raises BackendError, or ConfigError where it could never say anything."""
        body = {
            "model": self.name,
            "messages": messages,
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
            "response_format": {"type": "json_object"},
        }
        policy = Policy(base_s=0.5, cap_s=8.0, timeout_s=self._timeout_s)
        reply = call(STAGE, partial(self._attempt, json.dumps(body).encode()), policy=policy, sleep=self._sleep)
        return _content(reply.json(STAGE, self._what))

    def _why(self, error: BackendError) -> str:
        if isinstance(error, Timeout):
            return f"no reply within {self._timeout_s:g} s (RAGLASS_JUDGE_TIMEOUT_S)"
        return _short(error)

    def _attempt(self, body: bytes, timeout_s: float) -> Reply:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        reply = self._http.send(STAGE, self._what, "POST", self._url, headers=headers, body=body, timeout_s=timeout_s)
        if reply.status in (401, 403):
            raise ConfigError(f"{self._what} refuses the key (HTTP {reply.status}). Check RAGLASS_JUDGE_KEY.")
        if reply.status == 404:
            raise ConfigError(
                f"{self._what} knows no model {self.name!r}, or has no /chat/completions there (HTTP 404). Check RAGLASS_JUDGE_URL and "
                "RAGLASS_JUDGE_MODEL."
            )
        if reply.status in PASSING:
            error = Throttled if reply.status == 429 else Unavailable
            raise Retryable(error(f"{self._what} answered HTTP {reply.status}."), after_s=_asked_to_wait(reply))
        if reply.status != 200:
            raise BadResponse(f"{self._what} answered HTTP {reply.status}.")
        return reply


def _asked_to_wait(reply: Reply) -> float | None:
    """Seconds by Retry-After; a date is left to the policy."""
    told = {name.lower(): value for name, value in reply.headers.items()}.get("retry-after", "")
    return min(float(told), LONGEST_WAIT_S) if told.isdecimal() else None


def _content(data: dict[str, Any]) -> object:
    """The text of the first choice; None where there is none."""
    try:
        found: object = data["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    return found


def _short(error: BackendError) -> str:
    """Its first sentence: what to do is said once, not beside every answer."""
    return str(error).partition(". ")[0].rstrip(".")

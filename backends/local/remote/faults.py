"""What goes wrong with a model on another server, in words: the faults of the `openai` package and of HTTP as `pipeline.errors`."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from backends.aws.calls import Retryable, timed_out
from backends.local.remote.address import Address
from backends.local.remote.transport import MAX_REPLY_BYTES, ReplyTooLong
from pipeline.errors import BackendError, BadResponse, RaglassError, StageFailed, Throttled, Unavailable

log = logging.getLogger(__name__)

PASSING = frozenset({408, 409, 425, 500, 502, 503, 504})
"""HTTP statuses that another attempt may not meet."""

NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")
"""Codes with which a server says, under status 429, that waiting does not help."""

TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|maximum context|too many tokens", re.IGNORECASE | re.DOTALL)
"""In the text of a refusal: the prompt does not fit. vLLM, llama.cpp and OpenAI say it in these words."""


@contextmanager
def naming(stage: str, address: Address, setting: str, seconds: float) -> Iterator[None]:
    """Turn whatever a call raises into Retryable or a BackendError; upstream's own text goes to the log.

    setting: the variable that chose the model. seconds: what the attempt had.
    """
    try:
        yield
    except (RaglassError, Retryable):
        raise
    except Exception as error:
        log.info("%s: %s: %s", address.name, type(error).__name__, str(error)[:500])
        raise _named(error, stage, address, setting, seconds) from error


def _named(error: Exception, stage: str, address: Address, setting: str, seconds: float) -> Exception:
    import openai

    server = f"The model server {address.host}"
    if isinstance(error, ReplyTooLong) or isinstance(error.__cause__, ReplyTooLong):
        return BadResponse(
            f"{server} sent more than {MAX_REPLY_BYTES // 1_000_000} MB, which is no answer. Check the URL in {setting}.",
            stage=stage,
        )
    if isinstance(error.__cause__, httpx.DecodingError):
        return unusable(stage, address, setting)
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return timed_out(stage, seconds, server)
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, stage, address, setting)
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        return Retryable(
            Unavailable(
                f"{server} cannot be reached or hung up ({type(error.__cause__ or error).__name__}). Start it, or correct its URL in "
                f"{setting}.",
                stage=stage,
            )
        )
    if type(error) is openai.APIError:
        return StageFailed(
            f"{server} broke off with an error of its own while it answered. Ask again; its log says more.", stage=stage
        )
    return unusable(stage, address, setting)


def unusable(stage: str, address: Address, setting: str) -> BackendError:
    """The error of a reply that is not what the interface promises: HTML, or another shape."""
    return BadResponse(
        f"The model server {address.host} answered with something that is no reply of OpenAI's interface. Check that the URL in {setting} "
        "is that of such a server; its path is usually /v1.",
        stage=stage,
    )


def _refusal(error: Any, stage: str, address: Address, setting: str) -> Exception:
    status: int = error.status_code
    server = f"The model server {address.host}"
    if status == 429:
        return _throttled(error, stage, address)
    if status in PASSING:
        return Retryable(
            Unavailable(
                f"{server} is out of order (HTTP {status}). Ask again in a while; its log says more.", stage=stage
            )
        )
    if status in (401, 403):
        return Unavailable(
            f"{server} refused the key (HTTP {status}): it is missing, wrong, expired or not meant for {address.model}. Set OPENAI_API_KEY "
            "to one that it accepts, and start Raglass again.",
            stage=stage,
        )
    if status == 404:
        return Unavailable(
            f"{server} has no model {address.model!r}, or its interface is elsewhere (HTTP 404). `raglass status` lists the models that it "
            f"has: load this one there, or correct {setting}.",
            stage=stage,
        )
    if 300 <= status < 400:
        return Unavailable(
            f"{server} redirects to another address (HTTP {status}), which is not followed. Write the server's own URL in {setting}.",
            stage=stage,
        )
    if TOO_LONG.search(str(error.message)) and stage == "embed":
        return StageFailed(
            f"A text does not fit the window of {address.model} on {address.host} (HTTP {status}). Cut documents into smaller chunks "
            "(RAGLASS_CHUNKING), or choose an embedder with a longer window.",
            stage=stage,
        )
    if TOO_LONG.search(str(error.message)):
        return StageFailed(
            f"The prompt does not fit the window of {address.model} on {address.host} (HTTP {status}). Retrieve fewer chunks, or start the "
            "server with a longer context.",
            stage=stage,
        )
    return StageFailed(
        f"{server} refused the request (HTTP {status}). Check that {address.model} can do this there; the log of Raglass has the reason.",
        stage=stage,
    )


def _throttled(error: Any, stage: str, address: Address) -> Exception:
    if error.code in NO_MONEY or error.type in NO_MONEY:
        return Unavailable(
            f"The account at {address.host} has used up its quota (HTTP 429). Raise its limit there, or choose another model.",
            stage=stage,
        )
    after = str(error.response.headers.get("retry-after") or "")
    asked_s = float(after) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", after) else None
    wait = "" if asked_s is None else f" and asks to be left alone for {asked_s:g} s"
    return Retryable(
        Throttled(
            f"The model server {address.host} takes no more requests for now (HTTP 429){wait}. Ask again later or more slowly.",
            stage=stage,
        ),
        after_s=asked_s,
    )

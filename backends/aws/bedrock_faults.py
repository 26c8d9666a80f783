"""What Bedrock refuses, in words: AWS's error names as `pipeline.errors`. Upstream's own text is read here and shown nowhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backends.aws.calls import Retryable
from backends.aws.services import CREDENTIALS, FORBIDDEN, THROTTLES
from pipeline.errors import BackendError, BadResponse, StageFailed, Throttled, Unavailable

STAGE = "generate"

TOO_LONG = re.compile(
    r"too (long|many (input )?tokens)|context.{0,20}(length|size|window)|maximum context|maxLength|max(imum)? .{0,30}tokens",
    re.IGNORECASE | re.DOTALL,
)
"""In the text of a refusal: the prompt, or a text to embed, does not fit. Models say it in these words."""

NEEDS_PROFILE = re.compile(r"inference profile", re.IGNORECASE)
"""In the text of a refusal: the model is run only by an inference profile, which spreads requests over regions."""

UNKNOWN_MODEL = re.compile(
    r"model identifier is invalid|not (supported|found)|end of (its )?life|legacy", re.IGNORECASE
)
"""In the text of a refusal: there is no such model, or not in this region."""

NOT_READY = (
    "ModelNotReadyException",
    "ServiceUnavailableException",
    "InternalServerException",
    "ModelTimeoutException",
)
FAILED = ("ModelErrorException", "ModelStreamErrorException")
PASSING_STATUS = frozenset({408, 424, 500, 502, 503, 504})
"""HTTP statuses that another attempt may not meet."""


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """A model on Bedrock."""

    model: str
    """Its id, or that of an inference profile, or an ARN."""
    region: str
    """The region that is asked."""
    setting: str
    """Where it was chosen, for advice."""

    @property
    def name(self) -> str:
        """What traces call it."""
        return f"bedrock:{self.model}"


def explain_refusal(
    model: BedrockModel, stage: str, name: str, status: int, said: str, after_s: float | None = None
) -> BackendError | Retryable:
    """An error of Bedrock as one of ours: Retryable where another try may help.

    name: AWS's name of the error; empty if it gave none. said: its text. after_s: how long it asked to be left alone, in seconds.
    """
    if name in NOT_READY:
        return Retryable(
            Unavailable(f"{model.name} is not ready on Bedrock ({name}). Ask again in a moment.", stage=stage),
            after_s=after_s,
        )
    if name in THROTTLES or status == 429:
        wait = "" if after_s is None else f" and asks to be left alone for {after_s:g} s"
        return Retryable(
            Throttled(
                f"Bedrock takes no more requests for {model.model} in {model.region} for now ({name or status}){wait}. Ask again later or "
                "more slowly, or have the quota raised (Service Quotas, Amazon Bedrock).",
                stage=stage,
            ),
            after_s=after_s,
        )
    if name in CREDENTIALS:
        return Unavailable(
            f"AWS refused the credentials for Bedrock ({name}): they have expired, are unknown, or the clock is off. Renew them, for "
            "example with `aws sso login`, and ask again.",
            stage=stage,
        )
    if name in FORBIDDEN or status == 403:
        return Unavailable(
            f"{model.name} may not be asked in {model.region} ({name or status}): the account has no access to the model, or the role "
            "lacks bedrock:InvokeModel or bedrock:InvokeModelWithResponseStream on it. Enable the model in the Bedrock console, or allow "
            "that.",
            stage=stage,
        )
    if name in FAILED or status in PASSING_STATUS:
        return Retryable(
            StageFailed(f"{model.name} failed on Bedrock ({name or status}). Ask again in a moment.", stage=stage)
        )
    return _explain_lasting(model, stage, name, status, said)


def _explain_lasting(model: BedrockModel, stage: str, name: str, status: int, said: str) -> BackendError:
    """An error that stays however often one asks."""
    if name == "ServiceQuotaExceededException":
        return Unavailable(
            f"The account has used up its quota for {model.model} in {model.region}. Have it raised (Service Quotas, Amazon Bedrock), or "
            f"choose another model ({model.setting}).",
            stage=stage,
        )
    if NEEDS_PROFILE.search(said):
        return Unavailable(
            f"Bedrock runs {model.model} only by an inference profile. Write its id into {model.setting}: that of the model with the "
            "profile's area before it, for example us.amazon.nova-pro-v1:0.",
            stage=stage,
        )
    if (
        name == "ResourceNotFoundException"
        or status == 404
        or (UNKNOWN_MODEL.search(said) and not TOO_LONG.search(said))
    ):
        return Unavailable(
            f"Bedrock has no model {model.model!r} in {model.region}, or it cannot be asked like this. Correct {model.setting}, or choose "
            "another region.",
            stage=stage,
        )
    if TOO_LONG.search(said):
        return StageFailed(_too_long_words(model, stage), stage=stage)
    if name == "ValidationException":
        return StageFailed(
            f"Bedrock refused the request to {model.model} ({name}). Check that the model can do this; the log has the reason.",
            stage=stage,
        )
    return BadResponse(
        f"Bedrock answered HTTP {status} ({name or 'no error name'}) for {model.model}. Check the region and the address.",
        stage=stage,
    )


def _too_long_words(model: BedrockModel, stage: str) -> str:
    if stage == "embed":
        return (
            f"A text does not fit {model.name}. Cut documents into smaller chunks (RAGLASS_CHUNKING), or choose an embedder that takes "
            "longer ones."
        )
    return f"The prompt does not fit the window of {model.name}. Retrieve fewer chunks, or choose a model with a longer window."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a reply's headers ask to wait; None where they ask nothing that can be read."""
    found = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(found) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", found) else None


def refuses_temperature(name: str, said: str) -> bool:
    """Whether a refusal is that of a model which takes no temperature."""
    return name == "ValidationException" and "temperature" in said

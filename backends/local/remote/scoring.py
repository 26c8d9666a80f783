"""Forced scoring on another server: how probable a given answer is after a prompt, by either of the two ways that servers have for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from backends.local.remote.client import RemoteModel
from backends.local.remote.faults import naming
from backends.local.remote.replies import Scored, read_scores
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, StageFailed

STAGE = "generate"

PROBE = ("Answer with one word: is ice cold?", "Yes")
"""A prompt and an answer, to find out whether a server scores."""


class Scoring(Protocol):
    """A way of scoring."""

    name: str
    """What servers call it."""

    def score(self, model: RemoteModel, prompt: str, answer: str, deadline: Deadline | None = None) -> list[Scored]:
        """The answer's tokens after the prompt. Raises a BackendError; BadResponse where the reply does not hold them."""


class PromptScoring:
    """Chat completions with `prompt_logprobs`, of vLLM: the answer is sent as what the assistant has begun to say."""

    name = "prompt_logprobs"

    def score(self, model: RemoteModel, prompt: str, answer: str, deadline: Deadline | None = None) -> list[Scored]:
        """See `Scoring.score`."""
        given = {
            "model": model.address.model,
            "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}],
            "max_tokens": 1,
            "temperature": 0,
            "extra_body": {"prompt_logprobs": 0, "add_generation_prompt": False, "continue_final_message": True},
        }
        reply, seconds = model.send(STAGE, lambda client: client.chat.completions.create, given, deadline)
        with naming(STAGE, model.address, model.setting, seconds):
            return _ending(reply.to_dict(warnings=False)["prompt_logprobs"], answer)
        raise AssertionError("naming lets nothing pass")


class EchoScoring:
    """Completions with `echo`, of vLLM and OpenAI's older models: prompt and answer are sent as one text and come back scored."""

    name = "echo"

    def score(self, model: RemoteModel, prompt: str, answer: str, deadline: Deadline | None = None) -> list[Scored]:
        """See `Scoring.score`."""
        given = {
            "model": model.address.model,
            "prompt": prompt + answer,
            "max_tokens": 1,
            "temperature": 0,
            "echo": True,
            "logprobs": 1,
        }
        reply, seconds = model.send(STAGE, lambda client: client.completions.create, given, deadline)
        with naming(STAGE, model.address, model.setting, seconds):
            return _echoed(reply.to_dict(warnings=False)["choices"][0]["logprobs"], prompt, answer)
        raise AssertionError("naming lets nothing pass")


def find_scoring(model: RemoteModel, seconds: float) -> Scoring | None:
    """The way in which the model's server scores; None if it does not. Raises a BackendError where it cannot be asked.

    A server that does not know the question ignores it or refuses the request.
    """
    scoring: Scoring = EchoScoring() if model.address.interface == "openai-completion" else PromptScoring()
    try:
        scoring.score(model, *PROBE, deadline=Deadline(seconds))
    except (BadResponse, StageFailed):
        return None
    return scoring


def score_all(
    scoring: Scoring, model: RemoteModel, prompts: Sequence[str], answer: str
) -> tuple[tuple[str, ...], list[list[float]]]:
    """The answer's tokens, and their log-probabilities after each prompt. Raises BadResponse if the prompts cut it differently."""
    found = [scoring.score(model, prompt, answer) for prompt in prompts]
    texts = {tuple(each.text for each in scored) for scored in found}
    if len(texts) != 1:
        raise BadResponse(
            f"The model server {model.address.host} cuts the answer into other tokens after other chunks, so that they cannot be compared. "
            "Explain an answer of another generator.",
            stage=STAGE,
        )
    return texts.pop(), [[each.logprob_nats for each in scored] for scored in found]


def _ending(entries: Sequence[Mapping[str, Any] | None], answer: str) -> list[Scored]:
    """The last tokens of a prompt, as far back as the answer goes. Raises ValueError if they do not come to it."""
    found: list[Scored] = []
    said = ""
    for entry in reversed(entries):
        if entry is None or len(said.strip()) >= len(answer.strip()):
            break
        # The prompt's own token comes first, whatever else is listed in its place.
        own = next(iter(entry.values()))
        found.insert(0, Scored(str(own["decoded_token"]), float(own["logprob"])))
        said = found[0].text + said
    if said.strip() != answer.strip():
        raise ValueError("the prompt does not end in the answer")
    return found


def _echoed(logprobs: Mapping[str, Any], prompt: str, answer: str) -> list[Scored]:
    """The answer's tokens among those of the whole text. Raises ValueError if the text did not come back."""
    texts: list[str] = [str(text) for text in logprobs["tokens"]]
    if not "".join(texts).startswith(prompt + answer):
        raise ValueError("the text did not come back")
    end, first, last = 0, len(texts), len(texts)
    for place, text in enumerate(texts):
        start, end = end, end + len(text)
        if end > len(prompt) and first == len(texts):
            first = place
        if start >= len(prompt + answer):
            last = place
            break
    wanted = slice(first, last)
    return read_scores({"tokens": texts[wanted], "token_logprobs": logprobs["token_logprobs"][wanted]})

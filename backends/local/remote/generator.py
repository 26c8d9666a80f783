"""A generator that another server runs, asked by OpenAI's interface."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from backends.local.remote.address import Address
from backends.local.remote.client import RemoteModel
from backends.local.remote.faults import naming, unusable
from backends.local.remote.replies import Reading
from backends.local.remote.scoring import Scoring, find_scoring, score_all
from backends.local.research.generator import mean_probability
from backends.local.research.prompt import ANSWER_CUE
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, InputError, RaglassError, StageFailed, Unavailable
from pipeline.prompts import ABSTAINS, ABSTENTION, DEFAULT, KeepsPrompt, PromptTemplate
from pipeline.types import AnswerScores, Chunk, GenerateOptions, Generation, PartReadiness, Token

SETTING = "RAGLASS_GENERATOR"

STAGE = "generate"

LIKELIEST = 5
"""Tokens asked for in each token's place: the most that OpenAI's completions, vLLM and llama.cpp all give."""

LOOK_S = 5.0
"""Seconds that a server has to say what it has and what it can."""

LISTED = 8
"""Models named in a message."""


class RemoteGenerator(KeepsPrompt):
    """Question and chunks to an answer by a model on another server, at temperature 0, token by token."""

    def __init__(
        self, address: Address, environ: Mapping[str, str] | None = None, prompt: PromptTemplate = DEFAULT
    ) -> None:
        """Nothing is sent yet. environ: see `client.RemoteModel`. Raises Unavailable if the `openai` package is not installed."""
        self.prompt = prompt
        self._model = RemoteModel(address, SETTING, environ)
        self.address = address
        self.name = address.name
        self.scoring: Scoring | None = None
        """How the server scores given answers; None if it cannot, or has not been asked."""
        self.why_no_scores = (
            f"The model server {address.host} has not been asked yet whether it can score a given answer."
        )
        """Why `scoring` is None."""

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield each Token as it comes and, last, the Generation that sums them up.

        chunks: best first; all of them are sent. Without any, nothing is asked: an abstention.
        Raises a BackendError: see `faults`; StageFailed also where the server ends without an answer.
        """
        if not chunks:
            yield Generation(ABSTENTION, (), prompt_tokens=0, finish_reason="abstained", abstained=True)
            return
        prompt = self.write(question, chunks)
        reading = Reading()
        yield from self._read(reading, self._request(prompt, options), deadline)
        yield self._sum_up(reading, prompt, chunks, options)

    def write(self, question: str, chunks: Sequence[Chunk]) -> str:
        """The prompt, as it is sent: the user's message of a chat, around which the server lays its model's template."""
        text = self.prompt.write(question, chunks).text.replace("\0", " ")
        return text + ANSWER_CUE if self.address.interface == "openai-completion" else text

    def look(self) -> PartReadiness:
        """Ask the server whether it has the model, and what it can beyond answering; never raises."""
        try:
            listed = self._model.list_models(LOOK_S)
        except RaglassError as error:
            return PartReadiness("generator", False, str(error))
        if listed is not None and not _has(listed, self.address.model):
            return PartReadiness("generator", False, self._not_listed(listed))
        self.find_scoring()
        scores = f"scores given answers by {self.scoring.name}" if self.scoring else self.why_no_scores
        return PartReadiness("generator", True, f"{self.name}, asked by openai {self._model.version}; {scores}")

    def find_scoring(self) -> None:
        """Find out, once, how the server scores given answers, if it does. A server that cannot be reached is asked again next time."""
        if self.scoring is None and not self._is_settled:
            try:
                self.scoring = find_scoring(self._model, LOOK_S)
            except BackendError as error:
                self.why_no_scores = f"Whether it can score a given answer could not be found out: {error}"
                return
            self._is_settled = True
            self.why_no_scores = f"The model server {self.address.host} does not score given answers; vLLM's does."

    _is_settled = False
    """Whether the server has said what it can."""

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        """How likely an answer is over sets of chunks; see `pipeline.protocols.AnswerScorer`."""
        if not answer.strip():
            raise InputError("The answer to score is blank. Give the answer whose probability is asked.")
        if self.scoring is None:
            raise Unavailable(self.why_no_scores, stage=STAGE)
        prompts = [self.write(question, chunks) for chunks in chunk_sets]
        tokens, rows = score_all(self.scoring, self._model, prompts, answer.strip())
        return AnswerScores(tokens, tuple(tuple(row) for row in rows))

    def close(self) -> None:
        """Let go of the connections."""
        self._model.close()

    def _request(self, prompt: str, options: GenerateOptions) -> dict[str, Any]:
        common = {
            "model": self.address.model,
            "max_tokens": options.max_new_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.address.interface == "openai-completion":
            return {**common, "prompt": prompt, "logprobs": LIKELIEST}
        message = {"role": "user", "content": prompt}
        return {**common, "messages": [message], "logprobs": True, "top_logprobs": LIKELIEST}

    def _read(self, reading: Reading, request: Mapping[str, Any], deadline: Deadline | None) -> Iterator[Token]:
        is_chat = self.address.interface == "openai"
        stream, seconds = self._model.send(
            STAGE, lambda client: (client.chat.completions if is_chat else client.completions).create, request, deadline
        )
        with naming(STAGE, self.address, SETTING, seconds):
            # A server that knows no streams, or is none, has answered all at once.
            if not hasattr(stream, "close"):
                raise unusable(STAGE, self.address, SETTING)
            with closing(stream):
                for event in stream:
                    yield from reading.take(event.to_dict(warnings=False))
        if not reading.events:
            raise unusable(STAGE, self.address, SETTING)

    def _sum_up(self, reading: Reading, prompt: str, chunks: Sequence[Chunk], options: GenerateOptions) -> Generation:
        answer = "".join(token.text for token in reading.tokens).strip()
        if not answer:
            self._check_silence(reading.finish_reason, options)
        tokens = reading.known_tokens
        abstained = ABSTAINS.fullmatch(answer) is not None
        return Generation(
            answer=ABSTENTION if abstained else answer,
            tokens=tokens,
            prompt_tokens=reading.prompt_tokens or 0,
            finish_reason=reading.finish_reason or "stop",
            confidence=mean_probability(tokens),
            abstained=abstained,
            used_chunk_ids=tuple(chunk.chunk_id for chunk in chunks),
            prompt=prompt,
            completion_tokens=reading.completion_tokens,
        )

    def _check_silence(self, finish_reason: str, options: GenerateOptions) -> None:
        """Nothing said is an abstention only where the model was free to speak."""
        if finish_reason == "length":
            raise StageFailed(
                f"{self.address.model} on {self.address.host} wrote no answer within {options.max_new_tokens} tokens: it may think first. "
                "Raise RAGLASS_MAX_NEW_TOKENS, or switch its thinking off.",
                stage=STAGE,
            )
        if finish_reason == "content_filter":
            raise StageFailed(
                f"The model server {self.address.host} held the answer back (content_filter). Ask otherwise, or choose another model.",
                stage=STAGE,
            )

    def _not_listed(self, listed: Sequence[str]) -> str:
        some = ", ".join(repr(name[:80]) for name in listed[:LISTED]) or "none"
        more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
        return (
            f"The model server {self.address.host} has no model {self.address.model!r}. It has {some}{more}: correct {SETTING}, or load "
            "the model there."
        )


def _has(listed: Sequence[str], model: str) -> bool:
    """Whether a model is among those listed. Ollama lists `name:latest` where one may say `name`."""
    return model in listed or f"{model}:latest" in listed

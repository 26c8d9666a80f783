"""A generator on Bedrock, asked by ConverseStream."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from backends.aws.bedrock_faults import STAGE, refuses_temperature
from backends.aws.converse import NO_SCORES, READY_PROMPT, Reading, abstention, make_request, without_temperature
from backends.local.bedrock.client import BedrockClient, read_refusal
from pipeline.deadline import Deadline
from pipeline.errors import RaglassError, Unavailable
from pipeline.prompts import DEFAULT, KeepsPrompt, PromptTemplate
from pipeline.types import AnswerScores, Chunk, GenerateOptions, Generation, PartReadiness, Token

SETTING = "RAGLASS_GENERATOR"

LOOK_S = 10.0
"""Seconds that a model has to say that it is there."""


class BedrockGenerator(KeepsPrompt):
    """Question and chunks to an answer by a model on Bedrock, at temperature 0 where it takes one, piece by piece."""

    scoring = None
    """Bedrock does not score given answers."""
    why_no_scores = NO_SCORES
    """Why `scoring` is None."""

    def __init__(self, word: str, region: str = "", prompt: PromptTemplate = DEFAULT) -> None:
        """Nothing is sent yet. word, region: see `client.BedrockClient`."""
        self.prompt = prompt
        self._client = BedrockClient(word, SETTING, region)
        self.model = self._client.model
        self.name = self.model.name
        self._plain: set[str] = set()

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield each piece as it comes and, last, the Generation that sums them up.

        chunks: best first; all of them are sent. Without any, nothing is asked: an abstention.
        Raises a BackendError: see `backends.aws.bedrock_faults`; StageFailed also where the model ends without an answer.
        """
        if not chunks:
            yield abstention()
            return
        prompt = self.prompt.write(question, chunks).text.replace("\0", " ")
        reading = Reading()
        yield from self._read(reading, make_request(prompt, options.max_new_tokens), deadline)
        yield reading.sum_up(prompt, chunks, options.max_new_tokens, self.model)

    def look(self) -> PartReadiness:
        """Ask the model for one token, which is what Bedrock charges for it; never raises."""
        try:
            for _ in self._read(Reading(), make_request(READY_PROMPT, 1), Deadline(LOOK_S)):
                pass
        except RaglassError as error:
            return PartReadiness("generator", False, str(error))
        where = f"{self.name} in {self.model.region}, asked by boto3 {self._client.version}"
        return PartReadiness("generator", True, f"{where}; {self.why_no_scores}")

    def find_scoring(self) -> None:
        """Nothing is to be found out."""

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        """Raises Unavailable."""
        raise Unavailable(self.why_no_scores, stage=STAGE)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _read(self, reading: Reading, request: Mapping[str, Any], deadline: Deadline | None) -> Iterator[Token]:
        for event in self._client.stream(STAGE, lambda client: self._events(client, request, reading), deadline):
            yield from event

    def _events(self, client: Any, request: Mapping[str, Any], reading: Reading) -> Iterator[list[Token]]:
        """What each event brought, read where faults of its shape are named."""
        with closing(self._open(client, request)) as stream:
            for event in stream:
                yield reading.take(event)
        if not reading.stop_reason:
            raise ValueError("the stream ended before its last event")

    def _open(self, client: Any, request: Mapping[str, Any]) -> Any:
        """The stream of a request; once a model has refused a temperature, it is given none."""
        from botocore.exceptions import ClientError

        model = self.model.model
        given = without_temperature(request) if model in self._plain else request
        try:
            return client.converse_stream(modelId=model, **given)["stream"]
        except ClientError as error:
            name, _, said, _ = read_refusal(error)
            if model in self._plain or not refuses_temperature(name, said):
                raise
            self._plain.add(model)
            return client.converse_stream(modelId=model, **without_temperature(request))["stream"]

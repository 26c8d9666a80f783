"""The pipeline's generator on Bedrock, as the stack's orchestrator asks it: by Converse, signed like its other calls."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from backends.aws.bedrock_faults import STAGE, BedrockModel, explain_refusal, refuses_temperature, retry_after
from backends.aws.calls import Policy
from backends.aws.converse import READY_PROMPT, Reading, abstention, make_request, without_temperature
from backends.aws.http import Http, Reply, aws_endpoint
from backends.aws.services import AwsService, error_name
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse
from pipeline.prompts import DEFAULT, KeepsPrompt, PromptTemplate
from pipeline.types import Chunk, GenerateOptions, Generation, Token

log = logging.getLogger(__name__)


class TemperatureRefused(Exception):
    """The model takes no temperature; the request can do without."""


class BedrockRuntime:
    """Converse. Remembers which models take no temperature."""

    def __init__(
        self, environ: Mapping[str, str], region: str, credentials: Any, http: Http, policy: Policy | None = None
    ) -> None:
        endpoint = aws_endpoint(environ, "BEDROCK_RUNTIME", f"bedrock-runtime.{region}.amazonaws.com")
        self.region = region
        self._given = (http, "bedrock", endpoint, region, credentials, policy)
        self._plain: set[str] = set()

    def converse(
        self, model: BedrockModel, request: Mapping[str, Any], *, deadline: Deadline | None = None
    ) -> dict[str, Any]:
        """The whole reply. Raises a BackendError: see `bedrock_faults`."""
        try:
            given = without_temperature(request) if model.model in self._plain else request
            return self._post(model, given, deadline)
        except TemperatureRefused:
            self._plain.add(model.model)
            return self._post(model, without_temperature(request), deadline)

    def _post(self, model: BedrockModel, request: Mapping[str, Any], deadline: Deadline | None) -> dict[str, Any]:
        def explained(stage: str, _what: str, reply: Reply) -> Exception:
            name, said = error_name(reply), _said(reply)
            log.info("%s: HTTP %s %s: %s", model.name, reply.status, name, said[:500])
            if refuses_temperature(name, said) and "temperature" in request["inferenceConfig"]:
                return TemperatureRefused(said)
            return explain_refusal(model, stage, name, reply.status, said, retry_after(reply.headers))

        service = AwsService(*self._given, explain=explained)
        path = f"/model/{quote(model.model, safe='')}/converse"
        reply = service.post(STAGE, f"Bedrock ({model.model})", path, request, {}, deadline)
        return reply.json(STAGE, f"Bedrock ({model.model})")


class BedrockGenerator(KeepsPrompt):
    """A model on Bedrock, told the usual prompt; its answer comes all at once."""

    def __init__(self, runtime: BedrockRuntime, model: str, prompt: PromptTemplate = DEFAULT) -> None:
        """model: its id, or that of an inference profile."""
        self._runtime = runtime
        self.model = BedrockModel(model, runtime.region, "generator in raglass-deploy.toml")
        self.name = self.model.name
        self.prompt = prompt

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield the answer as one piece, then the Generation. Without chunks nothing is asked: an abstention.

        Raises a BackendError: see `bedrock_faults`.
        """
        if not chunks:
            yield abstention()
            return
        prompt = self.prompt.write(question, chunks).text.replace("\0", " ")
        reading = Reading()
        yield from self._ask(reading, make_request(prompt, options.max_new_tokens), deadline)
        yield reading.sum_up(prompt, chunks, options.max_new_tokens, self.model)

    def check(self, *, deadline: Deadline | None = None) -> None:
        """Ask for one token, to see that the model answers. Raises as `generate` does."""
        self._ask(Reading(), make_request(READY_PROMPT, 1), deadline)

    def _ask(self, reading: Reading, request: Mapping[str, Any], deadline: Deadline | None) -> list[Token]:
        reply = self._runtime.converse(self.model, request, deadline=deadline)
        try:
            return reading.take_reply(reply)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadResponse(
                f"Bedrock did not answer for {self.model.model} as Converse does. Check the address that it is asked at.",
                stage=STAGE,
            ) from error


def _said(reply: Reply) -> str:
    """The text of an error; empty where it has none."""
    try:
        data = json.loads(reply.body)
        return str(data.get("message") or data.get("Message") or "")
    except (ValueError, AttributeError):
        return ""

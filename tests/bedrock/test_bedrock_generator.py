"""A generator on Bedrock: what it sends, what it makes of a stream, and what it says of faults. Over real HTTP, in AWS's own framing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.stub import Stubber

from backends.local.bedrock.generator import BedrockGenerator
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, ConfigError, StageFailed, Throttled, Timeout, Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate
from pipeline.types import Chunk, GenerateOptions, Generation, Token
from serving.rehearsal.bedrock import EVENT_STREAM, encode_events, streamed
from tests.aws.loopback import Answer, Server, serving

MODEL = "amazon.nova-lite-v1:0"
CHUNKS = [Chunk("c1", "d1", "Drift", "Alfred Wegener proposed continental drift.", score=0.9, rank=1)]
QUESTION = "Who proposed continental drift?"
PROMPT = DEFAULT.write(QUESTION, CHUNKS).text

Open = Callable[..., tuple[BedrockGenerator, Server]]


def stream(text: str = "Alfred Wegener", stop_reason: str = "end_turn", **usage: int) -> Answer:
    given = usage or {"inputTokens": 40, "outputTokens": 2}
    return Answer(raw=encode_events(streamed(text, stop_reason, **given)), headers={"Content-Type": EVENT_STREAM})


def refused(name: str, status: int, message: str = "no", **headers: str) -> Answer:
    return Answer({"message": message}, status, {"x-amzn-ErrorType": name, **headers})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_generator(*answers: Answer) -> tuple[BedrockGenerator, Server]:
            server = stack.enter_context(serving(*answers))
            monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
            made = BedrockGenerator(f"bedrock:{MODEL}", "eu-central-1")
            stack.callback(made.close)
            return made, server

        yield open_generator


def answer(generator: BedrockGenerator, seconds: float = 20, **options: Any) -> tuple[list[Token], Generation]:
    made = list(generator.generate(QUESTION, CHUNKS, GenerateOptions(**options), deadline=Deadline(seconds)))
    last = made[-1]
    assert isinstance(last, Generation)
    return [token for token in made[:-1] if isinstance(token, Token)], last


def test_answer_streams_in_pieces_and_its_tokens_are_counted(opened: Open) -> None:
    generator, server = opened(stream())
    tokens, made = answer(generator, max_new_tokens=50)
    assert [(token.text, token.logprob_nats) for token in tokens] == [("Alfred", None), (" Wegener", None)]
    assert (made.answer, made.tokens, made.confidence, made.finish_reason) == ("Alfred Wegener", (), None, "stop")
    assert (made.prompt, made.prompt_tokens, made.completion_tokens) == (PROMPT, 40, 2)
    [asked] = server.asked
    assert asked.path == "/model/amazon.nova-lite-v1%3A0/converse-stream"
    assert asked.data == {
        "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0},
    }
    assert "/eu-central-1/bedrock/aws4_request" in asked.headers["Authorization"]


@pytest.mark.slow
def test_tokens_of_a_cached_prompt_are_tokens_too(opened: Open) -> None:
    generator, _ = opened(stream(inputTokens=10, outputTokens=2, cacheReadInputTokens=30))
    assert answer(generator)[1].prompt_tokens == 40


def test_the_model_can_be_told_otherwise_and_abstain(opened: Open) -> None:
    generator, server = opened(stream("Unanswerable."))
    short = PromptTemplate("short", "{context}\n\nQ: {question}")
    _, made = answer(generator.with_prompt(short))
    assert made.abstained
    assert server.asked[0].data["messages"][0]["content"][0]["text"] == short.write(QUESTION, CHUNKS).text


def test_nothing_is_asked_without_chunks(opened: Open) -> None:
    generator, server = opened(stream())
    [made] = generator.generate(QUESTION, [], GenerateOptions())
    assert isinstance(made, Generation)
    assert made.abstained
    assert server.asked == []


@pytest.mark.slow
def test_model_that_takes_no_temperature_is_given_none_from_then_on(opened: Open) -> None:
    generator, server = opened(refused("ValidationException", 400, "temperature is not supported"), stream(), stream())
    assert answer(generator)[1].answer == answer(generator)[1].answer == "Alfred Wegener"
    assert ["temperature" in asked.data["inferenceConfig"] for asked in server.asked] == [True, False, False]


LASTING: dict[str, tuple[Answer, type[BackendError], str]] = {
    "expired": (refused("ExpiredTokenException", 403), Unavailable, "Renew them"),
    "not enabled": (refused("AccessDeniedException", 403), Unavailable, "Enable the model in the Bedrock console"),
    "no such model": (
        refused("ValidationException", 400, "The provided model identifier is invalid."), Unavailable, "no model"
    ),
    "retired": (refused("ResourceNotFoundException", 404), Unavailable, "no model"),
    "only by a profile": (
        refused("ValidationException", 400, "Retry with the ARN of an inference profile that contains this model."),
        Unavailable,
        "only by an inference profile",
    ),
    "too long": (
        refused("ValidationException", 400, "Input is too long for requested model."), StageFailed, "Retrieve fewer"
    ),
    "cannot do this": (refused("ValidationException", 400, "no"), StageFailed, "refused the request"),
    "quota": (refused("ServiceQuotaExceededException", 400), Unavailable, "quota"),
    "no AWS": (Answer(raw=b"<html>", status=200), BadResponse, "no reply of it"),
    "thought only": (stream("", "max_tokens"), StageFailed, "it may think first"),
    "guardrail": (stream("", "guardrail_intervened"), StageFailed, "held the answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", LASTING)
def test_fault_that_stays_is_named_at_once_and_upstream_text_is_not_shown(opened: Open, name: str) -> None:
    reply, kind, words = LASTING[name]
    generator, server = opened(reply)
    with pytest.raises(kind, match=words) as raised:
        answer(generator)
    assert raised.value.stage == "generate"
    assert len(server.asked) == 1


PASSING: dict[str, tuple[Answer, type[BackendError], str]] = {
    "throttled": (refused("ThrottlingException", 429, **{"Retry-After": "0.01"}), Throttled, "left alone for 0.01 s"),
    "being made ready": (refused("ModelNotReadyException", 429), Unavailable, "not ready"),
    "out of order": (refused("ServiceUnavailableException", 503), Unavailable, "not ready"),
    "model failed": (refused("ModelErrorException", 424), StageFailed, "failed on Bedrock"),
    "hung up": (Answer(hang_up=True), Unavailable, "cannot be reached"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_passing_fault_is_tried_again_and_named_when_it_stays(opened: Open, name: str) -> None:
    reply, kind, words = PASSING[name]
    generator, server = opened(reply, reply, stream(), reply)
    assert answer(generator)[1].answer == "Alfred Wegener"
    with pytest.raises(kind, match=words):
        answer(generator)
    assert len(server.asked) == 6


def test_error_within_the_stream_keeps_what_came_before(opened: Open) -> None:
    events = [*streamed("Alfred Wegener")[:2], ("throttlingException", {"message": "slow down"})]
    generator, server = opened(Answer(raw=encode_events(events), headers={"Content-Type": EVENT_STREAM}))
    made = generator.generate(QUESTION, CHUNKS, GenerateOptions(), deadline=Deadline(20))
    assert next(made) == Token("Alfred", None)
    with pytest.raises(Throttled):
        next(made)
    assert len(server.asked) == 1


@pytest.mark.slow
def test_stream_that_stalls_ends_with_the_deadline(opened: Open) -> None:
    raw = encode_events(streamed("Alfred Wegener"))
    generator, _ = opened(Answer(raw=raw, headers={"Content-Type": EVENT_STREAM}, drip_s=0.01))
    with pytest.raises(Timeout, match=r"within 0\.[0-9]+ s in the generate stage"):
        answer(generator, 0.3)


@pytest.mark.slow
def test_readiness_asks_for_one_token_and_says_that_there_are_no_probabilities(opened: Open) -> None:
    generator, server = opened(stream("Yes", "max_tokens"), refused("AccessDeniedException", 403))
    ready = generator.look()
    assert ready.ready
    assert "no log-probabilities" in ready.detail
    assert server.asked[0].data["inferenceConfig"]["maxTokens"] == 1
    assert not generator.look().ready
    with pytest.raises(Unavailable, match="no log-probabilities"):
        generator.score_answer(QUESTION, [CHUNKS], "Wegener")


def test_region_that_nobody_names_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="RAGLASS_AWS_REGION"):
        BedrockGenerator(f"bedrock:{MODEL}")
    with pytest.raises(ConfigError, match="names no model"):
        BedrockGenerator("bedrock: ", "eu-central-1")


def test_credentials_that_are_missing_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Unavailable, match="no AWS credentials for Bedrock"):
        answer(BedrockGenerator(f"bedrock:{MODEL}", "eu-central-1"))


def test_request_has_the_shape_that_botocore_knows(opened: Open) -> None:
    generator, _ = opened(stream())
    with Stubber(generator._client._client) as stubber:
        stubber.add_client_error("converse_stream", "throttlingException", "slow", 429)
        stubber.add_client_error("converse_stream", "ThrottlingException", "slow", 429)
        stubber.add_client_error("converse_stream", "ExpiredTokenException", "old", 403)
        with pytest.raises(Unavailable, match="ExpiredTokenException"):
            answer(generator)
        stubber.assert_no_pending_responses()

"""A generator on another server: what it sends, what it makes of replies, and what it says of faults."""

import math
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from backends.local.remote import client, transport
from backends.local.remote.address import parse_address
from backends.local.remote.generator import RemoteGenerator
from backends.local.research.prompt import ANSWER_CUE
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, InputError, StageFailed, Throttled, Timeout, Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate
from pipeline.protocols import Scorer
from pipeline.types import Chunk, GenerateOptions, Generation, Token
from tests.remote.standin import MODEL, SUPPORTED_NATS, UNSUPPORTED_NATS, Plan, serving
from tests.withstand.gate import Fault, Gate, gated

CHUNKS = [
    Chunk("c1", "d1", "Drift", "Alfred Wegener proposed continental drift.", score=0.9, rank=1),
    Chunk("c2", "d2", "Cheese", "Rennet makes milk set.", score=0.1, rank=2),
]
QUESTION = "Who proposed continental drift?"
PROMPT = DEFAULT.write(QUESTION, CHUNKS).text

Open = Callable[..., RemoteGenerator]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "POLICY", client.Policy(attempts=3, base_s=0.001, cap_s=0.001))


@pytest.fixture
def open_generator() -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(
            plan: Plan, *, word: str = f"openai:{MODEL}", environ: Mapping[str, str] | None = None
        ) -> RemoteGenerator:
            url = stack.enter_context(serving(plan))
            made = RemoteGenerator(parse_address(f"{word}@{url}", "RAGLASS_GENERATOR", {}), environ or {})
            stack.callback(made.close)
            return made

        yield opened


def answer(generator: RemoteGenerator, seconds: float = 20, **options: Any) -> tuple[list[Token], Generation]:
    made = list(generator.generate(QUESTION, CHUNKS, GenerateOptions(**options), deadline=Deadline(seconds)))
    tokens, last = made[:-1], made[-1]
    assert isinstance(last, Generation)
    return [token for token in tokens if isinstance(token, Token)], last


def test_answer_comes_token_by_token_with_its_probabilities(open_generator: Open) -> None:
    tokens, made = answer(open_generator(Plan()))
    assert [token.text for token in tokens] == ["Alfred", " Wegener"]
    assert [token.logprob_nats for token in tokens] == pytest.approx([SUPPORTED_NATS] * 2)
    assert made.answer == "Alfred Wegener"
    assert made.tokens == tuple(tokens)
    assert made.confidence is not None
    assert made.confidence.value == pytest.approx(0.8)
    assert (made.finish_reason, made.prompt) == ("stop", PROMPT)
    assert (made.prompt_tokens, made.completion_tokens) == (len(PROMPT.split()), 2)
    assert made.used_chunk_ids == ("c1", "c2")


def test_the_model_can_be_told_otherwise(open_generator: Open) -> None:
    generator = open_generator(Plan())
    short = PromptTemplate("short", "{context}\n\nQ: {question}")
    _, made = answer(generator.with_prompt(short))
    assert made.prompt == short.write(QUESTION, CHUNKS).text
    assert answer(generator)[1].prompt == PROMPT


def test_entropy_counts_the_likeliest_tokens_and_all_others_as_one(open_generator: Open) -> None:
    tokens, _ = answer(open_generator(Plan()))
    # 0.8 for the token, 0.1 for the other that is named, 0.1 for all the rest.
    expected = -(0.8 * math.log(0.8) + 2 * 0.1 * math.log(0.1))
    assert [token.entropy_nats for token in tokens] == pytest.approx([expected] * 2)


@pytest.mark.parametrize("columns", [True, False])
def test_completions_are_read_in_both_shapes_of_probabilities(open_generator: Open, columns: bool) -> None:
    plan = Plan(columns=columns)
    tokens, made = answer(open_generator(plan, word=f"openai-completion:{MODEL}"))
    assert [token.logprob_nats for token in tokens] == pytest.approx([SUPPORTED_NATS] * 2)
    assert made.prompt == PROMPT + ANSWER_CUE
    assert plan.bodies("/completions")[0]["prompt"] == PROMPT + ANSWER_CUE


def test_server_without_probabilities_streams_pieces_of_which_none_is_kept_as_a_token(open_generator: Open) -> None:
    tokens, made = answer(open_generator(Plan(has_logprobs=False)))
    assert [(token.text, token.logprob_nats) for token in tokens] == [("Alfred", None), (" Wegener", None)]
    assert (made.answer, made.tokens, made.confidence) == ("Alfred Wegener", (), None)
    assert made.completion_tokens == 2


def test_model_that_says_unanswerable_abstains(open_generator: Open) -> None:
    _, made = answer(open_generator(Plan(answer="Unanswerable.")))
    assert made.abstained
    assert "do not answer" in made.answer


def test_without_chunks_nothing_is_asked(open_generator: Open) -> None:
    plan = Plan()
    [made] = open_generator(plan).generate(QUESTION, [], GenerateOptions())
    assert isinstance(made, Generation)
    assert made.abstained
    assert plan.requests == []


@pytest.mark.parametrize("refused", ["logprobs", "top_logprobs", "stream_options", "temperature"])
@pytest.mark.slow
def test_what_a_server_refuses_is_left_out_from_then_on(open_generator: Open, refused: str) -> None:
    plan = Plan(refuses=(refused,))
    generator = open_generator(plan)
    for _ in range(2):
        assert answer(generator)[1].answer == "Alfred Wegener"
    assert [refused in body for body in plan.bodies("/completions")] == [True, False, False]


def test_newer_models_are_told_the_longest_answer_in_their_own_word(open_generator: Open) -> None:
    plan = Plan(refuses=("max_tokens",))
    answer(open_generator(plan), max_new_tokens=9)
    assert plan.bodies("/completions")[-1]["max_completion_tokens"] == 9


def test_key_goes_to_the_server_and_nothing_does_without_one(open_generator: Open) -> None:
    plan = Plan(key="sk-right")
    answer(open_generator(plan, environ={"OPENAI_API_KEY": "sk-right"}))
    assert plan.requests[-1][2]["authorization"] == "Bearer sk-right"
    bare = Plan()
    answer(open_generator(bare))
    assert "authorization" not in bare.requests[-1][2]


def test_proxy_of_the_environment_is_not_used(open_generator: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert answer(open_generator(Plan()))[1].answer == "Alfred Wegener"


def status(number: int, headers: dict[str, str] | None = None, **told: Any) -> Plan:
    return Plan(statuses=[(number, headers or {}, told)] * 3)


FAULTS: dict[str, tuple[Plan, type[BackendError], str]] = {
    "expired key": (Plan(key="sk-new"), Unavailable, "OPENAI_API_KEY"),
    "forbidden": (status(403), Unavailable, "OPENAI_API_KEY"),
    "rate limit": (status(429, {"retry-after": "0"}), Throttled, "HTTP 429"),
    "no money": (status(429, code="insufficient_quota"), Unavailable, "quota"),
    "out of order": (status(503), Unavailable, "HTTP 503"),
    "redirect": (status(307, {"location": "http://127.0.0.1:9/"}), Unavailable, "redirects"),
    "page": (Plan(html=True), BadResponse, "/v1"),
    "too long": (
        status(400, message="This model's maximum context length is 512 tokens."),
        StageFailed,
        "fewer chunks",
    ),
    "refused": (status(400, message="I do not like <script>"), StageFailed, "HTTP 400"),
    "broken off": (Plan(break_after=1), StageFailed, "broke off"),
    "thought too long": (Plan(answer="", finish_reason="length"), StageFailed, "RAGLASS_MAX_NEW_TOKENS"),
    "filtered": (Plan(answer="", finish_reason="content_filter"), StageFailed, "held the answer back"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_typed_says_what_to_do_and_quotes_nothing(open_generator: Open, name: str) -> None:
    plan, kind, words = FAULTS[name]
    with pytest.raises(kind) as caught:
        answer(open_generator(plan))
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert not any(said in str(caught.value) for said in ("sk-wrong", "<script>", "CUDA", "Welcome"))


def test_model_that_is_not_there_is_named(open_generator: Open) -> None:
    generator = open_generator(Plan(), word="openai:absent")
    with pytest.raises(Unavailable, match="no model 'absent'"):
        answer(generator)
    found = generator.look()
    assert not found.ready
    assert "It has 'tiny'" in found.detail


def test_server_that_is_down_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = parse_address(f"openai:{MODEL}@http://127.0.0.1:{taken.getsockname()[1]}", "RAGLASS_GENERATOR", {})
        generator = RemoteGenerator(address, {})
        with pytest.raises(Unavailable, match="cannot be reached"):
            answer(generator)
        assert not generator.look().ready
        generator.close()


@pytest.mark.slow
def test_passing_fault_is_tried_again(open_generator: Open) -> None:
    plan = Plan(statuses=[(503, {}, {}), (429, {"retry-after": "0"}, {})])
    assert answer(open_generator(plan))[1].answer == "Alfred Wegener"
    assert len(plan.bodies("/completions")) == 3


def test_wait_beyond_the_deadline_is_not_waited_for(open_generator: Open) -> None:
    plan = Plan(statuses=[(429, {"retry-after": "3600"}, {})] * 3)
    with pytest.raises(Throttled, match="3600 s"):
        answer(open_generator(plan))
    assert len(plan.bodies("/completions")) == 1


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.slow
def test_stream_that_stalls_ends_with_the_deadline_and_keeps_what_came(open_generator: Open, after: int) -> None:
    generator, tokens = open_generator(Plan(stall_after=after)), list[Token]()
    with pytest.raises(Timeout):
        tokens.extend(generator.generate(QUESTION, CHUNKS, GenerateOptions(), deadline=Deadline(0.3)))  # type: ignore[arg-type]
    assert len(tokens) == after


@contextmanager
def opened_behind_a_gate() -> Iterator[tuple[RemoteGenerator, Gate]]:
    with serving(Plan()) as url, gated(urlsplit(url).port or 0, late_s=1.0) as gate:
        generator = RemoteGenerator(parse_address(f"openai:{MODEL}@{gate.url}/v1", "RAGLASS_GENERATOR", {}), {})
        try:
            yield generator, gate
        finally:
            generator.close()


@pytest.mark.parametrize("fault", ["slow", "slow body"])
@pytest.mark.slow
def test_reply_that_comes_byte_by_byte_ends_with_the_deadline(fault: Fault) -> None:
    with opened_behind_a_gate() as (generator, gate):
        answer(generator)  # the connection is kept, and used again
        with gate.breaking(fault), pytest.raises(Timeout):
            answer(generator, seconds=0.3)
        assert answer(generator)[1].answer == "Alfred Wegener"


@pytest.mark.slow
def test_what_a_server_refuses_is_left_out_within_the_time_of_one_attempt() -> None:
    left_s: list[float] = []

    def refuse(timeout: httpx.Timeout, **given: Any) -> None:
        left_s.append(timeout.read or 0.0)
        time.sleep(0.02)
        refused = httpx.Response(400, request=httpx.Request("POST", "http://127.0.0.1"))
        raise openai.BadRequestError("no", response=refused, body={"param": next(iter(given)), "message": "unknown"})

    model = client.RemoteModel(
        parse_address(f"openai:{MODEL}@http://127.0.0.1/v1", "RAGLASS_GENERATOR", {}), "RAGLASS_GENERATOR", {}
    )
    with pytest.raises(StageFailed):
        model._attempt("generate", refuse, {"temperature": 0, "max_tokens": 9, "model": MODEL}, 20.0)
    model.close()
    assert len(left_s) == 3
    assert left_s == sorted(left_s, reverse=True)
    assert left_s[-1] < left_s[0] - 0.03


def test_compressed_reply_is_refused(open_generator: Open) -> None:
    generator = open_generator(Plan(encoding="gzip"))
    with pytest.raises(BadResponse, match="no reply of OpenAI's interface"):
        answer(generator)


@pytest.mark.slow
def test_reply_without_end_is_cut_off(open_generator: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 1_000_000)
    with pytest.raises(BadResponse, match="which is no answer"):
        answer(open_generator(Plan(flood=True)))


SCORING = pytest.mark.parametrize("word", [f"openai:{MODEL}", f"openai-completion:{MODEL}"])


@SCORING
@pytest.mark.slow
def test_given_answer_is_scored_over_each_set_where_the_server_can(open_generator: Open, word: str) -> None:
    generator = open_generator(Plan(scores=True), word=word)
    generator.find_scoring()
    assert generator.scoring is not None
    scores = generator.score_answer(QUESTION, [CHUNKS, CHUNKS[1:], []], "Alfred Wegener")
    assert [token.strip() for token in scores.tokens] == ["Alfred", "Wegener"]
    # The words stand in the first chunk alone.
    expected = [[SUPPORTED_NATS] * 2, [UNSUPPORTED_NATS] * 2, [UNSUPPORTED_NATS] * 2]
    for row, wanted in zip(scores.logprobs_nats, expected, strict=True):
        assert row == pytest.approx(wanted)
    with pytest.raises(InputError, match="blank"):
        generator.score_answer(QUESTION, [CHUNKS], " ")


@SCORING
@pytest.mark.slow
def test_server_that_cannot_score_is_asked_once_and_the_readiness_says_so(open_generator: Open, word: str) -> None:
    plan = Plan()
    generator = open_generator(plan, word=word)
    assert "does not score given answers" in generator.look().detail
    generator.look()
    assert len(plan.bodies("/completions")) == 1
    assert generator.scoring is None


def test_generator_is_no_scorer_of_its_own(open_generator: Open) -> None:
    assert not isinstance(open_generator(Plan()), Scorer)

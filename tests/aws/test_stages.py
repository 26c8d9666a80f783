"""The remote stages against a real HTTP server: what they send, what they make of an answer, and how they fail."""

import gc
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from botocore.credentials import Credentials

from backends.aws.calls import Policy
from backends.aws.http import Http
from backends.aws.pinecone import PineconeIndex, find_host
from backends.aws.sagemaker import SageMakerEmbedder, SageMakerGenerator
from backends.aws.services import LambdaRuntime, SageMakerRuntime, read_secret
from pipeline.deadline import Deadline
from pipeline.errors import (
    BackendError,
    BadResponse,
    DimensionMismatch,
    StageFailed,
    Throttled,
    Timeout,
    Unavailable,
)
from pipeline.schema import generation_to_dict
from pipeline.types import GenerateOptions, Generation, Token
from tests.aws.loopback import Answer, Server, serving
from tests.factories import make_chunk, make_generation

SECRET = "wJalr-secret-key"
QUICK = Policy(attempts=3, base_s=0.001)
CREDENTIALS = Credentials("AKIDEXAMPLE", SECRET, "session-token")


def runtime(server: Server) -> SageMakerRuntime:
    environ = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": server.url}
    return SageMakerRuntime(environ, "us-east-1", CREDENTIALS, Http(), QUICK)


def embedder(server: Server) -> SageMakerEmbedder:
    return SageMakerEmbedder(runtime(server), "rag-embedder", {"traceparent": "00-ab-cd-01"})


def index(server: Server) -> PineconeIndex:
    return PineconeIndex(Http(), server.url, SECRET, "corpus", policy=QUICK)


@pytest.fixture(scope="module", autouse=True)
def _nothing_older_is_collected() -> Iterator[None]:
    """What other tests have left is not looked through again after every test here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_socket_left_open() -> Iterator[None]:
    yield
    gc.collect()


def test_texts_and_kind_go_to_the_endpoint_signed_with_the_trace_header() -> None:
    with serving(Answer({"vectors": [[1.0, 0.0]], "dimension": 2, "model": "e5"})) as server:
        assert embedder(server).embed(["why?"], "query") == [[1.0, 0.0]]
        [asked] = server.asked
    assert asked.path == "/endpoints/rag-embedder/invocations"
    assert asked.data == {"texts": ["why?"], "kind": "query"}
    assert asked.headers["traceparent"] == "00-ab-cd-01"
    assert asked.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/us-east-1/sagemaker/aws4_request" in asked.headers["Authorization"]
    assert asked.headers["X-Amz-Security-Token"] == "session-token"


def test_connection_is_kept_alive_between_calls() -> None:
    with serving(Answer({"vectors": [[1.0]]})) as server:
        found = embedder(server)
        for _ in range(5):
            found.embed(["a"], "query")
        assert len(server.peers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"vectors": [[1.0], [2.0]]},
        {"vectors": [[]]},
        {"vectors": [["x"]]},
        {"vectors": [[float("nan")]]},
        {"vectors": "no"},
        {},
        [],
        "text",
    ],
    ids=str,
)
def test_garbage_instead_of_vectors_is_a_bad_response(answer: Any) -> None:
    with serving(Answer(answer)) as server, pytest.raises(BadResponse) as caught:
        embedder(server).embed(["why?"], "query")
    assert caught.value.stage == "embed"


def test_html_page_is_a_bad_response_that_quotes_none_of_it() -> None:
    with serving(Answer(raw=b"<html>login here</html>")) as server, pytest.raises(BadResponse) as caught:
        embedder(server).embed(["why?"], "query")
    assert "login" not in str(caught.value)


FAULTS: list[tuple[str, Answer, type[BackendError], int]] = [
    ("throttle", Answer({}, 429, {"x-amzn-ErrorType": "ThrottlingException"}), Throttled, 3),
    ("server error", Answer({"message": "secret upstream"}, 500), StageFailed, 3),
    ("hung up", Answer(hang_up=True), Unavailable, 3),
    ("model failed", Answer({"OriginalStatusCode": 500, "__type": "ModelError"}, 424), StageFailed, 3),
    ("model refused", Answer({"OriginalStatusCode": 400, "__type": "ModelError"}, 424), StageFailed, 1),
    ("no endpoint", Answer({"__type": "ValidationError"}, 400), Unavailable, 1),
    ("expired", Answer({"__type": "com.amazon#ExpiredTokenException"}, 403), Unavailable, 1),
    ("clock skew", Answer({"__type": "InvalidSignatureException"}, 403), Unavailable, 1),
    ("forbidden", Answer({"__type": "AccessDeniedException"}, 403), Unavailable, 1),
    ("odd", Answer({"message": "secret upstream"}, 418), BadResponse, 1),
]


@pytest.mark.parametrize(("answer", "kind", "calls"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_is_typed_names_the_stage_and_is_retried_only_if_it_may_pass(
    answer: Answer, kind: type[BackendError], calls: int
) -> None:
    with serving(answer) as server:
        with pytest.raises(kind) as caught:
            embedder(server).embed(["why?"], "query")
        assert len(server.asked) == calls
    assert type(caught.value) is kind
    assert caught.value.stage == "embed"
    assert SECRET not in str(caught.value)
    assert "upstream" not in str(caught.value)


def test_passing_fault_is_survived() -> None:
    with serving(Answer({}, 503), Answer(hang_up=True), Answer({"vectors": [[1.0]]})) as server:
        assert embedder(server).embed(["why?"], "query") == [[1.0]]
        assert len(server.asked) == 3


@pytest.mark.slow
def test_slow_answer_is_a_timeout_after_one_call() -> None:
    with serving(Answer({"vectors": [[1.0]]}, delay_s=1.0)) as server:
        with pytest.raises(Timeout) as caught:
            embedder(server).embed(["why?"], "query", deadline=Deadline(0.2))
        assert len(server.asked) == 1
    assert caught.value.stage == "embed"


def test_generation_comes_back_whole_after_its_tokens() -> None:
    generation = make_generation()
    with serving(Answer({"model": "t5", "generation": generation_to_dict(generation)})) as server:
        made = list(SageMakerGenerator(runtime(server), "gen").generate("why?", [make_chunk()], GenerateOptions(7)))
        assert server.asked[0].data["max_new_tokens"] == 7
        assert server.asked[0].data["chunks"][0]["text"] == make_chunk().text
    assert [token for token in made if isinstance(token, Token)] == list(generation.tokens)
    assert made[-1] == generation
    assert isinstance(made[-1], Generation)


def test_trace_headers_are_also_what_sagemaker_hands_on_to_the_container() -> None:
    with serving(Answer({"vectors": [[1.0]]})) as server:
        embedder(server).embed(["why?"], "query")
        assert server.asked[0].headers["X-Amzn-SageMaker-Custom-Attributes"] == "traceparent=00-ab-cd-01"


def test_endpoint_that_runs_out_of_time_gives_its_tokens_and_then_times_out() -> None:
    cut_short = make_generation("Alfred Wegener", finish_reason="deadline")
    with serving(Answer({"model": "t5", "generation": generation_to_dict(cut_short)})) as server:
        generator = SageMakerGenerator(runtime(server), "gen")
        answering = generator.generate("why?", [make_chunk()], GenerateOptions(), deadline=Deadline(5.0))
        made = list(islice(answering, len(cut_short.tokens)))
        with pytest.raises(Timeout) as caught:
            next(answering)
        given_s = server.asked[0].data["deadline_s"]
    assert made == list(cut_short.tokens)
    assert caught.value.stage == "generate"
    assert 0 < given_s <= 4.7  # 5 s less what is kept back for the way back


@pytest.mark.parametrize("answer", [{}, {"generation": None}, {"generation": {"answer": 3}}], ids=str)
def test_garbage_instead_of_a_generation_is_a_bad_response(answer: Any) -> None:
    with serving(Answer(answer)) as server, pytest.raises(BadResponse):
        list(SageMakerGenerator(runtime(server), "gen").generate("why?", [make_chunk()], GenerateOptions()))


def test_scores_are_one_row_a_set() -> None:
    with serving(Answer({"tokens": ["a", "b"], "logprobs_nats": [[-1, -2], [-3.5, -4]]})) as server:
        found = SageMakerGenerator(runtime(server), "gen").score("why?", [make_chunk()], [[], [0]], "a b")
    assert found.tokens == ("a", "b")
    assert found.logprobs_nats == ((-1.0, -2.0), (-3.5, -4.0))


def test_many_sets_are_scored_a_batch_at_a_time_in_order() -> None:
    batches = [
        Answer({"tokens": ["a"], "logprobs_nats": [[-float(n)]] * size}) for n, size in ((1, 64), (2, 64), (3, 2))
    ]
    with serving(*batches) as server:
        found = SageMakerGenerator(runtime(server), "gen").score("why?", [make_chunk()], [[0]] * 130, "a")
        assert [len(asked.data["sets"]) for asked in server.asked] == [64, 64, 2]
    assert found.logprobs_nats == ((-1.0,),) * 64 + ((-2.0,),) * 64 + ((-3.0,),) * 2


def test_batches_that_split_the_answer_differently_are_a_bad_response() -> None:
    batches = [Answer({"tokens": [token], "logprobs_nats": [[-1.0]] * size}) for token, size in (("a", 64), ("b", 1))]
    with serving(*batches) as server, pytest.raises(BadResponse, match="same tokens"):
        SageMakerGenerator(runtime(server), "gen").score("why?", [make_chunk()], [[0]] * 65, "a")


SECRET_STORE = Credentials("AKID", SECRET)


def test_secret_is_read_with_one_signed_call() -> None:
    with serving(Answer({"SecretString": "the key"})) as server:
        environ = {"AWS_ENDPOINT_URL": server.url}
        assert read_secret("arn:aws:secret", environ, "eu-west-1", SECRET_STORE, Http()) == "the key"
        [asked] = server.asked
    assert asked.data == {"SecretId": "arn:aws:secret"}
    assert asked.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert asked.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert "/eu-west-1/secretsmanager/aws4_request" in asked.headers["Authorization"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer({"__type": "ResourceNotFoundException"}, 400), Unavailable),
        (Answer({"__type": "AccessDeniedException"}, 400), Unavailable),
        (Answer({"SecretBinary": "AAAA"}), BadResponse),
    ],
    ids=["missing", "forbidden", "binary"],
)
def test_secret_that_cannot_be_read_says_so(answer: Answer, kind: type[BackendError]) -> None:
    with serving(answer) as server, pytest.raises(kind, match="secret of the Pinecone key"):
        read_secret("arn", {"AWS_ENDPOINT_URL": server.url}, "eu-west-1", SECRET_STORE, Http())


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"tokens": ["a"], "logprobs_nats": [[-1.0]]},
        {"tokens": ["a"], "logprobs_nats": [[-1.0, -2.0], [-1.0, -2.0]]},
    ],
    ids=str,
)
def test_scores_of_another_shape_are_a_bad_response(answer: Any) -> None:
    with serving(Answer(answer)) as server, pytest.raises(BadResponse):
        SageMakerGenerator(runtime(server), "gen").score("why?", [make_chunk()], [[], [0]], "a")


MATCH = {
    "id": "c1",
    "score": 0.91,
    "metadata": {"text": "Continents drift.", "title": "Drift", "document_id": "d1"},
}


def test_match_says_where_its_chunk_stands_if_it_was_put_in_with_that() -> None:
    placed = {**MATCH["metadata"], "section": ["3 Install", "3.2 Access"], "place": "page 12", "source": "manual.pdf"}  # type: ignore[dict-item]
    with serving(Answer({"matches": [MATCH, {**MATCH, "metadata": placed}]})) as server:
        [[bare, known]] = index(server).search([[0.5, 0.5]], 2)
    assert (bare.section, bare.place, bare.source) == ((), "", "")
    assert (known.section, known.place, known.source) == (("3 Install", "3.2 Access"), "page 12", "manual.pdf")


def test_matches_become_chunks_in_order() -> None:
    with serving(Answer({"matches": [MATCH, {**MATCH, "id": "c2", "score": 1.0000002}]})) as server:
        [chunks] = index(server).search([[0.5, 0.5]], 2)
        [asked] = server.asked
    assert [(chunk.chunk_id, chunk.rank, chunk.score) for chunk in chunks] == [("c1", 1, 0.91), ("c2", 2, 1.0)]
    assert chunks[0].text == "Continents drift."
    assert asked.data == {"vector": [0.5, 0.5], "topK": 2, "includeMetadata": True, "namespace": "corpus"}
    assert asked.headers["Api-Key"] == SECRET


def test_nearest_vectors_need_no_text() -> None:
    with serving(Answer({"matches": [{"id": "a", "score": 1.0000002}, {"id": "b", "score": 0.25}]})) as server:
        assert index(server).nearest([0.5, 0.5], 2) == [("a", 1.0), ("b", 0.25)]
        assert server.asked[0].data["includeMetadata"] is False


def test_match_without_a_score_is_a_bad_response() -> None:
    for match in ({"id": "a"}, {"id": "a", "score": 10**400}):
        with serving(Answer({"matches": [match]})) as server, pytest.raises(BadResponse, match="without id or score"):
            index(server).nearest([0.5, 0.5], 2)


PINECONE_FAULTS: list[tuple[str, Answer, type[BackendError], int]] = [
    ("throttle", Answer({}, 429), Throttled, 3),
    ("server error", Answer({}, 500), StageFailed, 3),
    ("wrong key", Answer({}, 401), Unavailable, 1),
    ("no index", Answer({}, 404), Unavailable, 1),
    ("dimension", Answer({"message": "Vector dimension 2 does not match"}, 400), DimensionMismatch, 1),
    ("refused", Answer({"message": "no"}, 400), BadResponse, 1),
    ("no matches", Answer({}), BadResponse, 1),
    ("no metadata", Answer({"matches": [{"id": "a", "score": 1}]}), BadResponse, 1),
    ("metadata that is no object", Answer({"matches": [{**MATCH, "metadata": "text"}]}), BadResponse, 1),
    ("a score beyond any float", Answer({"matches": [{**MATCH, "score": 10**400}]}), BadResponse, 1),
    ("garbage", Answer(raw=b"<html>"), BadResponse, 1),
]


@pytest.mark.parametrize(
    ("answer", "kind", "calls"), [row[1:] for row in PINECONE_FAULTS], ids=[row[0] for row in PINECONE_FAULTS]
)
def test_pinecone_fault_is_typed_and_keeps_the_key_out_of_the_message(
    answer: Answer, kind: type[BackendError], calls: int
) -> None:
    with serving(answer) as server:
        with pytest.raises(kind) as caught:
            index(server).search([[0.5, 0.5]], 2)
        assert len(server.asked) == calls
    assert type(caught.value) is kind
    assert caught.value.stage == "retrieve"
    assert SECRET not in str(caught.value)


def test_count_is_that_of_the_namespace() -> None:
    with serving(Answer({"namespaces": {"corpus": {"vectorCount": 70}, "other": {"vectorCount": 3}}})) as server:
        assert index(server).count() == 70


def test_host_is_looked_up_by_the_indexs_name() -> None:
    with serving(Answer({"name": "rag", "host": "rag.example"})) as server:
        assert find_host(Http(), server.url, "rag", SECRET) == "rag.example"
        assert server.asked[0].path == "/indexes/rag"


def test_lambda_that_raised_is_a_failed_stage() -> None:
    raised = Answer({"errorMessage": "secret"}, headers={"X-Amz-Function-Error": "Unhandled"})
    with serving(raised) as server, pytest.raises(StageFailed) as caught:
        LambdaRuntime({"AWS_ENDPOINT_URL": server.url}, "us-east-1", CREDENTIALS, Http(), QUICK).invoke("responder", {})
    assert "secret" not in str(caught.value)


def test_lambda_answers_its_json() -> None:
    with serving(Answer({"statusCode": 200})) as server:
        runtime = LambdaRuntime({"AWS_ENDPOINT_URL": server.url}, "us-east-1", CREDENTIALS, Http(), QUICK)
        assert runtime.invoke("responder", {"a": 1}) == {"statusCode": 200}
        assert server.asked[0].path == "/2015-03-31/functions/responder/invocations"
        assert json.loads(server.asked[0].body) == {"a": 1}


def test_without_credentials_the_error_says_what_to_set() -> None:
    with serving(Answer({})) as server:
        bare = SageMakerRuntime({"AWS_ENDPOINT_URL": server.url}, "us-east-1", None, Http(), QUICK)
        with pytest.raises(Unavailable, match="AWS_PROFILE"):
            SageMakerEmbedder(bare, "rag").embed(["a"], "query")
        assert server.asked == []

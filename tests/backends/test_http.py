"""An endpoint as a backend: what it is sent, how its spans join, whether it is ready; and how its file is read."""

from pathlib import Path
from typing import Any

import pytest

from backends import registry
from backends.http.endpoints import read_endpoints
from backends.http.events import ServerEvent, read_events
from backends.http.expressions import nearest_path
from backends.http.template import fill
from backends.http.trial import examine
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, Unavailable
from pipeline.wire import trace_id_of
from tests.backends.application import ENDPOINTS, KEY, Application, reply_to

ROOT = Path(__file__).parents[2]
LEAST = '[a]\nurl = "http://h/"\nrequest = { q = "{question}" }\nreply = { answer = "x" }\n'


def open_told(application: Application, folder: Path, name: str = "http/told") -> Any:
    application.asked.clear()
    return registry.open_backend(name, application.config(folder))


def test_request_is_the_template_with_values_of_their_own_type(application: Application, tmp_path: Path) -> None:
    question = 'Is "{top_k}" a number\\?'
    trace = open_told(application, tmp_path).answer(question, top_k=2, deadline_s=10)
    [asked] = application.asked
    assert asked.data == {"query": question, "n": 2, "talk": trace.trace_id}
    assert asked.headers["Authorization"] == f"Bearer {KEY}"


def test_spans_of_the_application_join_below_the_network(application: Application, tmp_path: Path) -> None:
    trace = open_told(application, tmp_path).answer("Who?", top_k=2, deadline_s=10)
    traceparent = application.asked[0].headers["traceparent"]
    assert trace_id_of(traceparent) == trace.trace_id
    assert traceparent.split("-")[2] == trace.spans[0].span_id


def test_reply_fills_the_trace(application: Application, tmp_path: Path) -> None:
    trace = open_told(application, tmp_path).answer("Who?", top_k=2, deadline_s=10)
    assert trace.generation is not None
    assert (trace.generation.prompt_tokens, trace.generation.completion_tokens) == (11, 4)
    assert trace.settings["generator"] == "a-model"
    assert [(span.stage, span.duration_ms) for span in trace.spans[1:]] == [
        ("embed", 0.01),
        ("retrieve", 0.02),
        ("generate", 0.03),
    ]
    assert {span.parent_id for span in trace.spans[1:]} == {trace.spans[0].span_id}


def test_get_sends_the_template_as_a_query(application: Application, tmp_path: Path) -> None:
    text = LEAST.replace('"http://h/"', '"URL/find?v=1"\nmethod = "GET"').replace(
        '"{question}" }', '"{question}", n = "{top_k}" }'
    )
    backend = registry.open_backend("http/a", application.config(tmp_path, text))
    application.asked.clear()
    backend.answer("a&b=c?", top_k=3, deadline_s=10)
    assert application.asked[0].path == "/find?v=1&q=a%26b%3Dc%3F&n=3"


def test_readiness_asks_health_and_never_a_question(application: Application, tmp_path: Path) -> None:
    backend = open_told(application, tmp_path)
    assert backend.check_ready().ready
    assert [each.path for each in application.asked] == ["/health"]
    application.answers(lambda handler: handler.send({}, 500))
    assert not backend.check_ready().ready
    application.answers(None)
    [part] = open_told(application, tmp_path, "http/streamed").check_ready().parts
    assert part.ready
    assert "not tried" in part.detail
    assert application.asked == []


def test_endpoint_whose_secret_is_not_set_says_which(application: Application, tmp_path: Path) -> None:
    config = application.config(tmp_path, APPLICATION_KEY="")
    assert "APPLICATION_KEY" in str(registry.configured(config)["http/told"])
    with pytest.raises(Unavailable, match="APPLICATION_KEY"):
        registry.open_backend("http/told", config)


def test_secret_is_in_no_repr(application: Application, tmp_path: Path) -> None:
    config = application.config(tmp_path)
    endpoint = read_endpoints(tmp_path / "backends.toml", config.environ)["http/told"]
    assert endpoint.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(endpoint)


def test_without_a_file_there_are_no_endpoints(tmp_path: Path) -> None:
    config = BackendConfig(tmp_path)
    assert registry.configured(config) == {}
    with pytest.raises(ConfigError, match="RAGLASS_BACKENDS_FILE"):
        registry.open_backend("http/a", config)


def test_file_that_cannot_be_read_is_told_among_the_backends(tmp_path: Path) -> None:
    (tmp_path / "backends.toml").write_text("[a")
    [(_, why_not)] = registry.configured(BackendConfig(tmp_path)).items()
    assert "is no TOML" in str(why_not)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"{question}"', '"?"', r"\[a\] request has no \{question\}"),
        ('{ q = "{question}" }', "'{\"q\": {question}}'", r"\[a\] request cannot be read as JSON at line 1, column 8"),
        ('{ q = "{question}" }', '"7"', "neither a JSON object"),
        ('answer = "x"', 'answer = "x[?"', r"\[a.reply\] answer is 'x\[\?', which is no JMESPath"),
        ('answer = "x"', 'answer = ""', "no JMESPath"),
        ('answer = "x"', 'answer = 7', r"\[a.reply\] answer is 7; write a text"),
        ('answer = "x"', 'answr = "x"', r"unknown key 'answr'. Did you mean answer\?"),
        ('answer = "x"', 'chunks = "x"', "has no answer"),
        ('answer = "x"', 'answer = "x", stages_ms = { think = "t" }', "unknown key 'think'"),
        ('"http://h/"', '"ftp://h/"', r"\[a\] url is no http\(s\) URL"),
        ('"http://h/"', '"http://me:hunter2@h/"', "holds a user or a password"),
        ('"http://h/"', '"http://h/"\nstream = 1', "stream is 1; write true or false"),
        ('"http://h/"', '"http://h/"\nretries = 99', "retries is 99; write a number between 0 and 5"),
        ('"http://h/"', '"http://h/"\nheaders = { Authorization = "Bearer hunter2" }', "environment variable"),
        ('"http://h/"', '"http://h/"\nheaders = { X-A = "${BAD}" }', "characters that no header can have"),
        ('url = "http://h/"', "", r"\[a\] has no url"),
        ("[a]", '["a b"]', "a name consists of"),
    ],
)  # fmt: skip
def test_wrong_file_is_refused_with_the_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "b.toml"
    assert old in LEAST
    path.write_text(LEAST.replace(old, new))
    with pytest.raises(ConfigError, match=says) as caught:
        read_endpoints(path, {"BAD": "a\r\nX-Injected: 1"})
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_placeholders_are_values_and_not_looked_into() -> None:
    template = {"q": "{question}", "k": "{top_k}", "text": "Asked: {question} ({top_k})", "n": [1, None, "{session}"]}
    assert fill(template, {"question": '"{session}', "top_k": 3, "session": "s"}) == {
        "q": '"{session}',
        "k": 3,
        "text": 'Asked: "{session} (3)',
        "n": [1, None, "s"],
    }


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_read_however_the_bytes_are_cut(size: int) -> None:
    """The examples of the standard's section 9.2.6, with all three line ends."""
    body = "\ufeff: comment\n\ndata: é\r\ndata\r\n\r\nevent: done\rdata:  two\r\rid: 1\n\ndata: unfinished".encode()
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    assert list(read_events(parts, "It")) == [ServerEvent("message", "é\n"), ServerEvent("done", " two")]


def test_nearest_path_is_the_key_most_like_the_last_one() -> None:
    data = {"result": {"text": "a", "docs": [{"content": "c", "similarity": 1}]}, "meta": 1}
    assert nearest_path("result.answer_text", data) == "result.text"
    assert nearest_path("content", data) == "result.docs[].content"
    assert nearest_path("x", {}) is None


def test_trial_tells_what_was_found_and_what_stands_nearest(application: Application, tmp_path: Path) -> None:
    text = ENDPOINTS.replace('model = "by"', 'model = "buy"').replace('score = "near"', 'score = "nearness"')
    config = application.config(tmp_path, text)
    endpoint = read_endpoints(tmp_path / "backends.toml", config.environ)["http/told"]
    found = {each.key: each for each in examine(endpoint, reply_to(2), str)}
    assert (found["answer"].found, found["answer"].value) == (1, "Alfred Wegener proposed it.")
    assert (found["chunk.text"].found, found["chunk.text"].places) == (2, 2)
    assert (found["model"].found, found["model"].nearest) == (0, "by")
    assert found["chunk.score"].nearest == "near"
    assert found["stages_ms.embed"].found == 1


def test_shipped_example_is_read() -> None:
    found = read_endpoints(ROOT / "docs" / "examples" / "http_backend.toml", {"EXAMPLE_KEY": "open-sesame"})
    assert list(found) == ["http/example", "http/streaming"]
    assert all(not each.missing for each in found.values())

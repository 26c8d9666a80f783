"""Masking: nothing that must not be kept reaches the database, whatever fails, and what is left can still be used."""

import json
import logging
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, create_engine, select

from metrics import masking, payloads
from metrics.masking import HOOK_FAILED, MASKED_SPAN, PATTERN_SLOW, Masker, open_masker
from metrics.otlp.records import EventRecord
from metrics.queries import TraceQuery
from metrics.sensitive import Pattern, TooSlow, built_in
from metrics.store import TraceStore
from metrics.tables import metadata
from pipeline.errors import ConfigError
from pipeline.spans import Failure, Span, SpanEvent
from pipeline.types import Evidence, Token, Trace
from tests.factories import make_chunk, make_generation, make_trace
from tests.metrics.assembling import assemble, make_record

MAIL = "anna.b@example.org"
CARD = "4111 1111 1111 1111"


def every_text_has(text: str) -> Trace:
    """A trace that has a text wherever a trace has text."""
    attributes = {
        "said": f"x {text}",
        "list": (f"y {text}", 1),
        "json": json.dumps({"deep": [f"z\\n{text}"]}),
        "count": 3,
    }
    failure = Failure("Timeout", f"It failed with {text}", "generate")
    chunk = make_chunk(title=f"On {text}", text=f"Ask {text} for it", section=(f"At {text}",))
    return make_trace(
        question=f"Who is {text}?",
        chunks=(chunk,),
        retrieved=(chunk,),
        generation=make_generation(f"It is {text} indeed", prompt=f"Answer: who is {text}?"),
        spans=(
            Span(
                "generate",
                0.0,
                1.0,
                attributes,
                failure,
                name=f"call {text}",
                events=(SpanEvent("e", 0.0, attributes),),
            ),
        ),
        error=failure,
        session=f"talk of {text}",
        user=text,
        tags=(f"of {text}",),
        metadata={"customer": {"who": [text]}},
    )


def stored_text(url: str) -> str:
    """Everything that the database holds, in clear."""
    parts: list[str] = []
    engine = create_engine(url)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    parts.append(read_bytes(value) if isinstance(column.type, LargeBinary) else str(value))
    engine.dispose()
    return "\n".join(parts)


def read_bytes(value: bytes) -> str:
    try:
        return json.dumps(payloads.decode_data(value), ensure_ascii=False)
    except (zlib.error, ValueError):
        return value.decode("utf-8", "replace")


@pytest.fixture
def masked_store(store_url: str) -> Iterator[TraceStore]:
    """A store on either database that keeps no addresses and no cards."""
    with TraceStore.open(store_url, assembling=assemble, masker=Masker(built_in(["email", "card"]))) as opened:
        yield opened


def test_nothing_of_a_trace_is_stored_in_clear(masked_store: TraceStore, store_url: str) -> None:
    trace = every_text_has(MAIL)
    masked_store.put(trace)
    masked_store.annotate(trace.trace_id, 1, f"ask {MAIL}")
    masked_store.runs.start("r", {})
    masked_store.runs.keep("r", [("q", trace.trace_id, {"question": f"Who is {MAIL}?", "answer": MAIL, "right": True})])
    assert MAIL not in stored_text(store_url)
    assert "anna" not in stored_text(store_url)
    stored = masked_store.get(trace.trace_id)
    assert stored is not None
    assert (stored.trace.question, stored.note) == ("Who is [email]?", "ask [email]")
    assert stored.trace.metadata["customer"] == {"who": ["[email]"]}
    assert stored.trace.metadata["masked"]["email"] > 10
    assert masked_store.page(TraceQuery(search="who is [email]")).matched.value == 1
    masked_store.runs.note("r", {"title": f"For {MAIL}", "note": MAIL, "tags": [MAIL], "figures": {}})
    told = masked_store.runs.find("r").about
    assert (told["title"], told["note"], told["tags"], told["figures"]) == ("For [email]", "[email]", ["[email]"], {})
    assert masked_store.runs.scores("r") == [{"question": "Who is [email]?", "answer": "[email]", "right": True}]


def test_nothing_of_another_applications_spans_is_stored_in_clear(masked_store: TraceStore, store_url: str) -> None:
    record = make_record(
        name=f"ask {MAIL}",
        attributes={"input.value": f"Who is {MAIL}?", "user.id": MAIL, "many": (MAIL, "b")},
        resource={"service.name": "shop", "owner": MAIL},
        status="error",
        status_message=f"no {MAIL}",
        events=(EventRecord("exception", 1, {"exception.message": f"for {MAIL}"}),),
    )
    masked_store.put_spans([record])
    assert MAIL not in stored_text(store_url)
    masked_store.fold()
    assert MAIL not in stored_text(store_url)
    stored = masked_store.get(record.trace_id)
    assert stored is not None
    assert stored.trace.question == "Who is [email]?"
    assert stored.trace.metadata["masked"] == {"email": 7}


def test_what_is_stored_is_what_is_returned(masked_store: TraceStore) -> None:
    [kept] = masked_store.put_all([every_text_has(CARD)])
    stored = masked_store.get(kept.trace_id)
    assert stored is not None
    assert stored.trace == kept


def test_a_trace_with_nothing_to_mask_is_left_as_it_is() -> None:
    trace = make_trace()
    assert Masker(built_in(["email", "card"])).mask_trace(trace) == trace


def test_what_was_masked_is_counted() -> None:
    masker = Masker(built_in(["email", "card"]))
    trace = masker.mask_trace(make_trace(question=f"{MAIL} and {MAIL} paid with {CARD}"))
    assert trace.question == "[email] and [email] paid with [card]"
    assert trace.metadata["masked"] == {"email": 2, "card": 1}
    masker.mask_text(MAIL)
    assert masker.counts == {"email": 3, "card": 1}


def test_json_stays_json_and_its_numbers_stay() -> None:
    masker = Masker(built_in(["email", "card"]))
    given = json.dumps({"id": 4111111111111111, "text": f"line\n{MAIL}", MAIL: [None, True, "ü"]})
    masked = json.loads(masker.mask_text(given))
    assert masked == {"id": 4111111111111111, "text": "line\n[email]", "[email]": [None, True, "ü"]}
    untouched = '{ "a" :  1.50 }'
    assert masker.mask_text(untouched) == untouched


def test_tokens_keep_their_number_and_probabilities_and_make_the_masked_answer() -> None:
    texts = ("Write", " to an", "na.b@ex", "ample.org", " or", " to", " her", ".")
    tokens = tuple(Token(text, -0.1 * number) for number, text in enumerate(texts))
    generation = make_generation("".join(texts), tokens=tokens)
    masked = Masker(built_in(["email"])).mask_trace(make_trace(generation=generation)).generation
    assert masked is not None
    assert masked.answer == "Write to [email] or to her."
    assert "".join(token.text for token in masked.tokens) == masked.answer
    assert [token.logprob_nats for token in masked.tokens] == [token.logprob_nats for token in tokens]


def test_quotations_are_where_they_were() -> None:
    text = f"Ask {MAIL} about Wegener, who proposed drift. {CARD} is no answer."
    quoted = "Wegener, who proposed drift."
    start = text.index(quoted)
    evidence = Evidence("c", start, start + len(quoted), (start, start + len("Wegener")))
    trace = make_trace(
        chunks=(make_chunk(chunk_id="c", text=text),), generation=make_generation("Wegener", evidence=(evidence,))
    )
    masked = Masker(built_in(["email", "card"])).mask_trace(trace)
    assert masked.generation is not None
    [moved] = masked.generation.evidence
    assert masked.chunks[0].text[moved.start : moved.end] == quoted
    assert moved.answer is not None
    assert masked.chunks[0].text[moved.answer[0] : moved.answer[1]] == "Wegener"


def test_where_two_patterns_overlap_the_whole_goes() -> None:
    wide = Pattern("wide", lambda text: iter([(0, 12)] if len(text) > 12 else []))
    masker = Masker([*built_in(["email"]), wide])
    assert masker.mask_text(f"mail to {MAIL} now") == "[email] now"


def test_a_hook_has_the_last_word_on_every_text() -> None:
    masker = Masker(built_in(["email"]), lambda text: text.replace("Wegener", "[name]"))
    trace = masker.mask_trace(make_trace(question=f"Is {MAIL} Wegener?"))
    assert trace.question == "Is [email] [name]?"
    assert "Wegener" not in str(trace)
    assert trace.generation is not None
    assert "".join(token.text for token in trace.generation.tokens) == trace.generation.answer
    assert trace.metadata["masked"]["hook"] >= 3


def failing_hook(text: str) -> Any:
    raise ValueError(f"I do not like {text}")


@pytest.mark.parametrize("hook", [failing_hook, lambda text: None, lambda text: b"bytes"])
def test_a_hook_that_fails_withholds_the_text_and_the_log_does_not_tell_it(
    hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    masker = Masker((), hook)
    with caplog.at_level(logging.DEBUG):
        masked = masker.mask_trace(every_text_has("hush-hush"))
    assert masked.question == HOOK_FAILED
    assert "hush-hush" not in str(masked)
    assert "hush-hush" not in caplog.text
    assert "the masking hook gave" in caplog.text
    assert masker.counts["withheld"] > 10


def test_a_pattern_that_takes_too_long_withholds_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def slow(text: str) -> Iterator[tuple[int, int]]:
        looked.append(text)
        raise TooSlow

    monkeypatch.setattr(masking, "BUDGET_S", 0.0)
    masker = Masker([Pattern("slow", slow)])
    trace = masker.mask_trace(make_trace(question="hush-hush"))
    assert trace.question == PATTERN_SLOW
    assert looked == []  # nothing of the budget was left
    monkeypatch.setattr(masking, "BUDGET_S", 60.0)
    assert masker.mask_text("hush-hush") == PATTERN_SLOW
    assert looked == ["hush-hush"]


def test_spans_say_what_was_masked_in_each() -> None:
    records = [make_record(attributes={"a": MAIL}), make_record(attributes={"a": "nothing"})]
    first, second = Masker(built_in(["email"])).mask_records(records)
    assert first.attributes == {"a": "[email]", MASKED_SPAN + "email": 1}
    assert second == records[1]


def test_ids_times_and_numbers_of_spans_stay() -> None:
    record = make_record(attributes={"n": 4111111111111111, "f": 0.5, "b": True})
    [masked] = Masker(built_in(["email", "card", "phone", "ipv4", "iban", "secret"])).mask_records([record])
    assert masked == record


def test_settings_make_a_masker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patterns.txt").write_text("customer: C-\\d{6}", "utf-8")
    (tmp_path / "shop_masking.py").write_text("def mask(text):\n    return text.replace('Anna', '[name]')\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    masker = open_masker(" email , card", str(tmp_path / "patterns.txt"), "shop_masking:mask")
    sys.modules.pop("shop_masking", None)
    assert masker is not None
    assert masker.names == ("email", "card", "customer", "a hook")
    assert masker.mask_text(f"Anna ({MAIL}) is C-123456") == "[name] ([email]) is [customer]"


def test_without_settings_there_is_no_masker() -> None:
    assert open_masker("", "", "") is None


@pytest.mark.parametrize("hook", ["nothing", "no_such_module:mask", "json:no_such", ":x", "json:__doc__", "json.:x"])
def test_a_hook_that_is_not_there_is_named(hook: str) -> None:
    with pytest.raises(ConfigError, match="RAGLASS_MASK_HOOK is"):
        open_masker("", "", hook)


def test_what_was_masked_before_is_counted_on() -> None:
    trace = replace(make_trace(question=MAIL), metadata={"masked": {"email": 2}})
    assert Masker(built_in(["email"])).mask_trace(trace).metadata["masked"] == {"email": 3}

"""`raglass explain` of an answer that no backend here scores."""

import json
from collections.abc import Callable

from click.testing import Result

from app.services import Services
from tests.foreign import make_foreign_trace

Run = Callable[..., Result]


def test_an_applications_answer_is_held_against_its_chunks_and_a_stand_in_is_asked_for(
    run: Run, services: Services
) -> None:
    trace = make_foreign_trace()
    services.store.put(trace)
    done = run("explain", trace.trace_id, services=services)
    assert done.exit_code != 0
    assert "1 of 2 sentences are supported by a single chunk" in done.stdout
    assert "--stand-in" in done.stderr
    told = json.loads(run("explain", trace.trace_id, "--json", services=services).stdout)
    assert [each["supported"] for each in told["grounding"]["sentences"]] == [True, False]


def test_an_explanation_by_a_stand_in_tells_of_the_chunks_too(run: Run, services: Services) -> None:
    trace = make_foreign_trace()
    services.store.put(trace)
    done = run("explain", trace.trace_id, "--stand-in", "fake", services=services)
    assert done.exit_code == 0, done.stderr
    assert "Explained with fake" in done.stdout
    assert "1 of 2 sentences are supported by a single chunk" in done.stdout


def test_of_texts_that_were_not_sent_only_the_refusal_is_told(run: Run, services: Services) -> None:
    trace = make_foreign_trace(generation=None)
    services.store.put(trace)
    done = run("explain", trace.trace_id, services=services)
    assert done.exit_code != 0
    assert done.stdout == ""

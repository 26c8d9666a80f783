"""Documents by use, and where the questions that went badly gather."""

import time

import numpy as np
import pytest

from app.documents.asked_map import AskedPoint, headline
from app.documents.consulted import Consulted, Use, expression_of
from app.documents.words import SINCE_S
from metrics.outcomes import Ends
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from tests.factories import make_chunk, make_trace


def points(ends: list[str]) -> list[AskedPoint]:
    return [AskedPoint(f"t{place}", f"question {place}", end, 0.0, 0.0) for place, end in enumerate(ends)]


def test_failures_that_lie_together_are_named_by_one_of_them():
    near, far = np.tile([1.0, 0.0], (12, 1)), np.tile([0.0, 1.0], (30, 1))
    vectors = np.vstack([near, far]).astype(np.float32)
    told = headline(points(["failed"] * 12 + ["answered"] * 30), vectors)
    assert told == "12 of the newest 42 questions failed, abstained or were unsure: 10 of the 10 most like “question 0”"


def test_failures_here_and_there_gather_nowhere():
    vectors = np.eye(40, dtype=np.float32)
    told = headline(points(["failed", *["answered"] * 39]), vectors)
    assert told == "1 of the newest 40 questions failed, abstained or were unsure, spread over the map"


@pytest.mark.parametrize("document", ['a "quoted" name', "umläut/ä.md", "back\\slash"])
def test_the_expression_of_a_document_finds_its_traces(tmp_path, document):
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        store.put_all([make_trace(chunks=(make_chunk(document_id=name),)) for name in (document, "other")])
        assert store.page(TraceQuery(expression=expression_of(document))).matched.value == 1


def test_those_consulted_as_often_as_the_first_are_counted():
    used = tuple(Use(name, name, 3, Ends(asked=asked)) for name, asked in (("a", 2), ("b", 2), ("c", 2), ("d", 1)))
    assert Consulted(used, (), 4, 0).headline.endswith("most often “a” and 2 others, for 2 questions each")


def test_never_is_said_only_where_every_question_was_counted():
    used = (Use("a", "Apples", 3, Ends(asked=2)),)
    counted = Consulted(used, (), 1, 69)
    assert counted.headline == "1 document consulted, 69 never; most often “Apples”, for 2 questions"
    assert counted.rest == "69 documents never consulted"
    upgraded = Consulted(used, (), 1, 69, 1_757_000_040.0)
    assert upgraded.headline.startswith("1 document consulted since 2025-09-04")
    assert "never" not in upgraded.headline + upgraded.rest


def test_a_longer_stretch_never_shows_fewer_questions_of_a_document(tmp_path):
    now_s = time.time()
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        ages_days = (0, 3, 6, 20, 200)
        store.put_all(
            [make_trace(asked_at=now_s - days * 86_400, chunks=(make_chunk(document_id="a"),)) for days in ages_days]
        )
        starts = [0.0 if length_s is None else now_s - length_s for length_s in SINCE_S.values()]
        asked = [store.outcomes.by_document(since_s)["a"].asked for since_s in starts]
    assert list(SINCE_S) == ["day", "week", "month", "ever"]
    assert asked == [1, 3, 4, 5]

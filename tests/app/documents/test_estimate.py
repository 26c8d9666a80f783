"""How long it will take, by what is known of this machine."""

from collections.abc import Callable

import pytest

from app.documents.estimate import estimate, pace_name
from app.documents.indexing import Upload
from app.documents.job import MEASURED_TEXTS
from app.services import Services
from backends.local.corpus import LocalCorpus


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.backends.corpus("fake")
    assert found is not None
    return found


def test_an_estimate_grows_with_what_there_is_to_embed_and_to_read(corpus: LocalCorpus) -> None:
    corpus.library.sources.measure(pace_name(corpus), 0.01)
    text = estimate(corpus, [("a.txt", 700_000)])
    # A chunk of 700 characters for 0.9 of 700,000 bytes takes 0.01 s each, and 2 MB are read a second.
    assert text.seconds == pytest.approx(900 * 0.01 + 0.35)
    assert estimate(corpus, [("a.pdf", 700_000)]).seconds < text.seconds  # Much of it is no text.
    pending = estimate(corpus, [], [350_000, 350_000])
    assert (pending.documents, pending.seconds) == (2, pytest.approx(10.0))
    assert estimate(corpus, []).seconds == 0


def test_no_time_is_promised_for_a_file_that_is_refused_for_its_suffix(corpus: LocalCorpus) -> None:
    refused = estimate(corpus, [("a.xyz", 700_000), ("README", 10)])
    assert (refused.files, refused.size, refused.seconds) == (0, 0, 0)
    assert estimate(corpus, [("a.txt", 900), ("a.xyz", 700_000)]) == estimate(corpus, [("a.txt", 900)])


@pytest.mark.slow
def test_a_pace_is_measured_by_a_job_that_embeds_enough_and_tried_out_before(
    corpus: LocalCorpus, services: Services
) -> None:
    assert estimate(corpus, [("a.txt", 10**9)]).seconds > 0
    assert corpus.library.sources.measured(pace_name(corpus)) is None
    services.indexing.start(corpus, [Upload("short.txt", b"Short.")]).wait(60)
    assert corpus.library.sources.measured(pace_name(corpus)) is None
    long = "\n\n".join(f"Paragraph {n}. {'Word ' * 150}" for n in range(MEASURED_TEXTS + 20))
    services.indexing.start(corpus, [Upload("long.txt", long.encode())]).wait(60)
    assert corpus.library.sources.measured(pace_name(corpus)) is not None

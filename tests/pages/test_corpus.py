"""The Corpus page over a corpus that costs nothing to embed: what needs a look, and the folders that are followed."""

import time
from pathlib import Path

import pytest

from app.documents.indexing import Upload
from app.services import Services
from backends.fake import Script
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document, KnownFile, Source
from metrics.outcomes import Outcomes
from tests.app.conftest import CorpusBackend
from tests.factories import make_chunk, make_failed_trace, make_trace
from tests.tables import listed, tables

NASTY = "<img src=x onerror=alert(1)> **bold** $x$"


@pytest.fixture
def services(services: Services, script: Script) -> Services:
    """The process's services, over a backend with documents."""
    services.backends.make = lambda name, config: CorpusBackend(config.data_dir, script)
    return services


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.backends.corpus("fake")
    assert found is not None
    found.library.keep(KnownFile("a.txt"), [Document("a", NASTY, "In the index.", "a.txt")])
    found.build()
    return found


def shown(page) -> str:
    return "".join(each.body for each in page.get("html"))


def test_every_kind_of_trouble_is_listed_with_its_reason_and_no_markup_survives(open_page, corpus: LocalCorpus):
    library = corpus.library
    library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    library.keep(KnownFile("b.pdf"), [Document("b", NASTY, "Page 1.", "b.pdf", doubts=(f"Page 2 {NASTY}",))])
    library.sources.note([KnownFile("/t/bad.pdf", "/t", problem=f"bad.pdf is broken {NASTY}")])
    page = open_page("corpus")
    assert not page.exception
    assert [each.label for each in page.expander] == ["Needs a look: 1 waiting, 1 pending, 1 failed, 1 read in part"]
    html = shown(page)
    for words in ("sent.txt", "bad.pdf is broken", "Page 2", "&lt;img src=x"):
        assert words in html
    assert "<img" not in html


@pytest.mark.slow
def test_why_a_file_was_not_read_is_said_once(open_page, corpus: LocalCorpus, services: Services):
    services.indexing.start(corpus, [Upload("drawing.xyz", b"Lines.")]).wait(60)
    page = open_page("corpus")
    said = shown(page) + str([each.value for each in (*page.error, *page.warning)]) + str(listed(page))
    assert said.count("which Raglass does not read") == 1
    assert said.count(".epub") == 1  # behind the "?" of the box alone
    assert any("Needs a look" in each.value for each in page.warning)
    assert [row["State"] for row in listed(page) if row["Document"] == "drawing.xyz"] == ["failed"]


def test_files_that_gave_no_document_are_not_counted_as_documents(open_page, corpus: LocalCorpus):
    corpus.library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    corpus.library.sources.note([KnownFile("/t/bad.pdf", "/t", problem="bad.pdf is broken.")])
    assert "1 of 1 document; 1 file could not be read; 1 file waits. " in shown(open_page("corpus"))


@pytest.mark.slow
def test_a_file_that_will_not_be_read_is_named_before_anything_is_sent_and_is_not_sent(
    open_page, corpus: LocalCorpus, services: Services
):
    page = open_page("corpus")
    assert "PDF" in shown(page)
    (box,) = page.file_uploader
    box.set_value([("setup.exe", b"MZ", "application/octet-stream"), ("note.txt", b"Text.", "text/plain")]).run()
    assert any("setup" in each.value and "not sent" in each.value for each in page.warning)
    next(button for button in page.button if button.label == "Add and index").click().run()
    services.indexing.job.wait(60)
    assert [change.path for change in services.indexing.job.state.outcome.changes] == ["note.txt"]
    assert services.indexing.job.state.outcome.failed == []


def test_what_waits_can_be_removed_before_it_is_read(open_page, corpus: LocalCorpus):
    corpus.library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    page = open_page("corpus")
    next(button for button in page.button if button.label == "Remove it").click().run()
    assert corpus.library.uploads.waiting() == []
    assert not page.expander


def test_a_folder_that_is_not_there_is_not_offered_to_be_read_again(open_page, corpus: LocalCorpus, tmp_path: Path):
    corpus.library.sources.put(Source(str(tmp_path / "gone")))
    page = open_page("corpus")
    assert "not there, or not to be read by this process" in shown(page)
    assert next(button for button in page.button if button.label == "Read again").disabled


def test_a_document_shows_its_doubts_and_what_stands_of_it_in_the_index(open_page, corpus: LocalCorpus):
    corpus.library.keep(
        KnownFile("b.pdf"), [Document("b", "Scan", "Page 1.", "b.pdf", doubts=("Page 2 is a picture.",))]
    )
    page = open_page("corpus", document="b")
    assert [each.value for each in page.warning if "picture" in each.value] == ["Page 2 is a picture\\."]
    assert any("not in the index yet" in each.value for each in page.info)
    assert "In the index." in shown(open_page("corpus", document="a"))


def test_a_document_stands_above_what_needs_a_look(open_page, corpus: LocalCorpus):
    corpus.library.sources.note([KnownFile("/t/bad.pdf", "/t", problem="bad.pdf is broken.")])
    page = shown(open_page("corpus", document="a"))
    assert page.index("In the index.") < page.index("bad.pdf is broken.")


def test_the_list_has_what_is_not_in_the_index_yet_and_tells_equal_titles_apart(open_page, corpus: LocalCorpus):
    for name in ("notes/pump.md", "old/pump.md"):
        corpus.library.add(Document(name, "Pumps", f"Text of {name}.", f"/t/{name}"))
    rows = listed(open_page("corpus", search="pump"))
    assert {(row["File"], row["State"]) for row in rows} >= {("notes/pump.md", "pending"), ("old/pump.md", "pending")}


def test_a_row_opens_its_document_and_a_file_that_gave_none_opens_nothing(open_page, corpus: LocalCorpus):
    corpus.library.add(Document("a", "Pumps", "Text.", "a.md"))
    corpus.library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    rows = {row["key"]: row for row in tables(open_page("corpus"))[0]["rows"]}
    assert "document=a" in rows["a"]["href"]
    assert not next(row for row in rows.values() if row["cells"]["state"]["text"] == "waiting")["opens"]


def test_ask_says_beside_the_question_that_the_index_is_behind(open_page, corpus: LocalCorpus):
    assert "Documents changed since" not in shown(open_page("ask"))
    corpus.library.add(Document("b", "New", "New text.", "b.md"))
    assert "Documents changed since the index was built." in shown(open_page("ask"))


def test_what_needs_a_look_stays_while_a_job_is_running(
    open_page, corpus: LocalCorpus, monkeypatch: pytest.MonkeyPatch
):
    corpus.library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    monkeypatch.setattr("app.documents.indexing.Indexing.running", property(lambda indexing: True))
    page = open_page("corpus")
    assert [each.label for each in page.expander] == ["Needs a look: 1 waiting"]
    assert not {"Index now", "Rebuild"} & {each.label for each in page.button}


@pytest.mark.slow
def test_the_list_says_which_document_answers_for_one_without_chunks(open_page, corpus: LocalCorpus):
    for name in ("bell.md", "copy.md"):
        corpus.library.add(Document(name, "Bell", "The bell of Ellerby.", name))
    corpus.build()
    said = "Its text is the same as that of “Bell” (bell.md), which answers for it."
    assert listed(open_page("corpus", search="copy"))[0]["Why it has no chunks"] == said
    assert said in {each.value.replace("\\", "") for each in open_page("corpus", document="copy.md").info}


def on_tab(open_page, name: str, **query: str):
    """The page with one of its tabs open."""
    return open_page("corpus", corpus_tab=name, **query)


@pytest.mark.slow
def test_documents_are_listed_by_use_and_what_none_consulted_is_told(
    open_page, corpus: LocalCorpus, services: Services
):
    unread = [Document(name, "Unread", "Nobody asks for it.", f"{name}.txt") for name in ("b", "twin")]
    for document in unread:
        corpus.library.keep(KnownFile(document.source), [document])
    corpus.library.sources.note([KnownFile("broken.pdf", problem="It is no PDF.")])
    corpus.build()
    assert corpus.indexed()["twin"] == 0
    chunk = make_chunk(document_id="a")
    disliked = make_trace(backend="fake", asked_at=time.time(), chunks=(chunk,))
    services.store.put_all(
        [
            disliked,
            make_failed_trace(backend="fake", asked_at=time.time(), chunks=(chunk,)),
            make_trace(backend="fake", asked_at=time.time(), chunks=(chunk,), origin="run"),
        ]
    )
    services.store.annotate(disliked.trace_id, -1)
    page = on_tab(open_page, "Consulted")
    assert not page.exception
    [row] = listed(page, "Documents that were consulted, a row each")
    assert {
        name: row[name] for name in ("Document", "Questions", "Answered", "Failed", "Rated up", "Rated down", "Chunks")
    } == {
        "Document": NASTY,
        "Questions": "2",
        "Answered": "50 %",
        "Failed": "50 %",
        "Rated up": "0",
        "Rated down": "1",
        "Chunks": "1",
    }
    assert [row["Document"] for row in listed(page, "Documents that no question consulted, a row each")] == ["Unread"]
    assert "<img" not in shown(page)
    assert listed(on_tab(open_page, "Consulted", asked_by="everyone"))[0]["Questions"] == "3"


@pytest.mark.slow
def test_a_click_on_documents_by_use_does_not_count_them_again(
    open_page, corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
):
    services.store.put(make_trace(backend="fake", asked_at=time.time(), chunks=(make_chunk(document_id="a"),)))
    page, again = on_tab(open_page, "Consulted"), []
    monkeypatch.setattr(Outcomes, "thumbs_by_document", lambda *_: again.append("every rated trace") or {})
    assert listed(page.run(), "Documents that were consulted, a row each")
    assert not again


@pytest.mark.slow
def test_questions_stand_on_the_map_by_how_they_ended(open_page, corpus: LocalCorpus, services: Services):
    services.store.put_all(
        [make_trace(backend="fake", question=NASTY), make_failed_trace(backend="fake"), make_trace(origin="run")]
    )
    page = on_tab(open_page, "Embedding map", on_map="chunks and questions")
    assert not page.exception
    assert "1 of the newest 2 questions failed, abstained or were unsure" in shown(page)
    [chart] = page.get("plotly_chart")
    assert "failed (1)" in chart.proto.spec
    assert "<img" not in chart.proto.spec

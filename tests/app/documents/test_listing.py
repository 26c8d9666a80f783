"""What needs a look: what waits, is pending, failed or was read in part."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.documents.indexing import Upload
from app.documents.listing import list_documents, list_sources, needs_attention
from app.documents.lookup import find_target, open_document, remove_target
from app.documents.words import attention_words, shown_text
from app.services import Services
from backends.local.corpus import LocalCorpus
from backends.local.documents import GUESSED, Document, KnownFile, Source
from pipeline.errors import InputError


@pytest.fixture
def corpus(make_services: Callable[..., Services]) -> LocalCorpus:
    services = make_services(corpus=True)
    found = services.backends.corpus("fake")
    assert found is not None
    services.indexing.start(found, [Upload("a.txt", b"In the index."), Upload("bad.pdf", b"nonsense")]).wait(60)
    return found


def test_what_is_not_as_it_should_be_is_found_and_counted(corpus: LocalCorpus) -> None:
    library = corpus.library
    library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    for number in range(3):
        library.add(Document(f"d{number}", "Scan", "Page 1.", f"{number}.pdf", doubts=("Page 2 is a picture.",)))
    found = needs_attention(corpus, corpus.state(), 2)
    assert attention_words(found) == "1 waiting, 3 pending, 1 failed, 3 read in part"
    assert [each.document_id for each in found.pending] == ["d2", "d1"]
    assert found.pending_chars == (7, 7, 7)
    assert [file.path for file in found.failed] == ["bad.pdf"]
    assert found.total == 8
    states = {row.source: row.state for row in list_documents(corpus).rows}
    assert states == {"sent.txt": "waiting", "bad.pdf": "failed", "a.txt": "indexed"} | {
        f"{number}.pdf": "pending" for number in range(3)
    }
    corpus.build()
    assert attention_words(needs_attention(corpus, corpus.state(), 2)) == "1 waiting, 1 failed, 3 read in part"
    assert {row.state for row in list_documents(corpus, "scan").rows} == {"read in part"}


def test_read_whole_by_a_guess_is_doubtful_and_what_an_archive_left_out_is_told_of_the_archive(
    corpus: LocalCorpus,
) -> None:
    guess = Document("g", "Guess", "Café.", "g.txt", doubts=(f"{GUESSED}it is not valid UTF-8.",))
    about = "photo.jpg in old.zip was not read: its kind is not known."
    first = Document("z", "First", "In a ZIP.", "/t/old.zip!/first.md", doubts=(about,))
    corpus.library.keep(KnownFile("g.txt"), [guess])
    corpus.library.keep(KnownFile("/t/old.zip"), [first])
    corpus.build()
    found = needs_attention(corpus, corpus.state(), 9)
    assert attention_words(found) == "1 failed, 1 read in part, 1 doubtful"
    assert [(each.state, each.title, each.source, each.reasons) for each in found.doubtful] == [
        ("doubtful", "Guess", "g.txt", guess.doubts),
        ("read in part", "old.zip", "/t/old.zip", (about,)),
    ]
    assert {row.title: row.state for row in list_documents(corpus).rows} == {
        "bad.pdf": "failed",
        "First": "indexed",
        "Guess": "doubtful",
        "a": "indexed",
    }


def test_a_document_whose_text_another_has_says_which_answers_for_it(corpus: LocalCorpus) -> None:
    for name in ("bell.md", "copy.md"):
        corpus.library.add(Document(name, "Bell", "The bell of Ellerby.", name))
    corpus.build()
    said = "Its text is the same as that of “Bell” (bell.md), which answers for it."
    row = list_documents(corpus, "copy").rows[0]
    assert (row.state, row.chunks, row.reasons) == ("indexed", 0, (said,))
    shown = open_document(corpus, "copy.md")
    assert shown is not None
    assert said in shown_text(shown, whole=False)
    assert "not in the index" not in shown_text(shown, whole=False)


def test_ones_own_documents_come_before_the_built_in_ones_which_can_be_left_out(corpus: LocalCorpus) -> None:
    corpus._builtin = True
    sources = [row.source for row in list_documents(corpus, limit=1_000).rows]
    assert sources[:2] == ["bad.pdf", "a.txt"]
    assert set(sources[2:]) == {"built-in"}
    assert [row.source for row in list_documents(corpus, builtin=False).rows] == sources[:2]


def test_a_removed_document_can_be_looked_at_while_the_index_holds_it(corpus: LocalCorpus) -> None:
    target = find_target(corpus.library, "a.txt")
    (document,) = corpus.library.of_file("a.txt")
    assert remove_target(corpus.library, target) == 1
    found = open_document(corpus, document.document_id)
    assert found is not None
    assert (found.document.title, len(found.chunks)) == ("a", 1)
    assert open_document(corpus, "nothing") is None


def test_built_in_documents_are_not_removed(corpus: LocalCorpus) -> None:
    with pytest.raises(InputError, match="RAGLASS_BUILTIN_CORPUS=0"):
        find_target(corpus.library, "earth/continental-drift")


def test_folders_are_listed_first_and_one_that_is_not_there_is_not_readable(
    corpus: LocalCorpus, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Text.")
    for root in (tmp_path / "a.txt", tmp_path / "gone", tmp_path):
        corpus.library.sources.put(Source(str(root)))
    assert [(each.source.root, each.readable) for each in list_sources(corpus.library)] == [
        (str(tmp_path), True),
        (str(tmp_path / "gone"), False),
        (str(tmp_path / "a.txt"), True),
    ]

"""What is new, changed, renamed, moved or gone of a folder that was read before."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.documents import following, reading
from app.documents.following import settle_source
from app.documents.job import IndexJob
from app.documents.lookup import find_target
from app.documents.outcome import Outcome
from app.services import Services
from backends.local.corpus import LocalCorpus
from backends.local.documents import Extractor
from pipeline.errors import InputError

Follow = Callable[..., Outcome]


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.backends.corpus("fake")
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three files."""
    made = tmp_path / "texts"
    write(made / "policy.md", "Dogs may enter.")
    write(made / "pump.md", "The pump is reset with the red key.")
    write(made / "sub" / "README.md", "Read me.")
    return made


@pytest.fixture
def follow(services: Services, corpus: LocalCorpus) -> Follow:
    """Follow a folder, or all that are known where none is given."""

    def follow_(*paths: Path, keep_missing: bool = False, include: str = "", exclude: str = "") -> Outcome:
        patterns = [(each,) if each else () for each in (include, exclude)]
        sources = [settle_source(corpus.library, path, *patterns) for path in paths]
        job: IndexJob = services.indexing.start(
            corpus, sources=sources or corpus.library.sources.all(), keep_missing=keep_missing
        )
        state = job.wait(60)
        assert state.phase == "done", state.message
        return state.outcome

    return follow_


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def told(outcome: Outcome) -> list[tuple[str, str]]:
    return sorted((each.change, Path(each.path).name) for each in outcome.changes)


def sources(corpus: LocalCorpus) -> set[str]:
    return {each.source for each in corpus.library.page().documents}


@pytest.mark.slow
def test_a_folder_is_read_once_and_then_nothing_of_it_is_new(
    follow: Follow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(follow(folder)) == [("new", "README.md"), ("new", "policy.md"), ("new", "pump.md")]
    monkeypatch.setattr(following, "SAME_MOMENT_S", 0)
    monkeypatch.setattr(Extractor, "read", None)  # No file is read,
    monkeypatch.setattr(following, "content_of", None)  # nor looked into.
    again = follow(folder)
    assert (again.changes, again.unchanged) == ([], 3)
    everything = follow()
    assert (everything.changes, everything.unchanged) == ([], 3)


@pytest.mark.slow
def test_new_changed_renamed_and_deleted_files_are_told_and_followed(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    write(folder / "new.md", "Something new.")
    write(folder / "sub" / "README.md", "Read me again.")
    (folder / "pump.md").rename(folder / "pumps.md")
    (folder / "policy.md").unlink()
    outcome = follow(folder)
    assert told(outcome) == [
        ("changed", "README.md"),
        ("gone", "policy.md"),
        ("new", "new.md"),
        ("renamed", "pumps.md"),
    ]
    assert next(outcome.of("renamed")).before == str(folder / "pump.md")
    assert sources(corpus) == {str(folder / name) for name in ("new.md", "sub/README.md", "pumps.md")}
    assert corpus.indexed().keys() == corpus.library.lengths().keys()


@pytest.mark.slow
def test_a_change_in_the_same_moment_and_of_the_same_length_is_seen(follow: Follow, folder: Path) -> None:
    follow(folder)
    before = (folder / "policy.md").stat()
    write(folder / "policy.md", "Cats may enter.")
    os.utime(folder / "policy.md", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told(follow(folder)) == [("changed", "policy.md")]


@pytest.mark.slow
def test_a_file_that_was_only_touched_is_unchanged(follow: Follow, folder: Path) -> None:
    follow(folder)
    os.utime(folder / "policy.md", (1, 1))
    assert follow(folder).unchanged == 3


@pytest.mark.slow
def test_documents_of_deleted_files_are_kept_where_that_is_asked_for(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    (folder / "policy.md").unlink()
    outcome = follow(folder, keep_missing=True)
    assert (outcome.kept, outcome.changes) == ([str(folder / "policy.md")], [])
    assert corpus.library.count() == 3
    assert told(follow(folder)) == [("gone", "policy.md")]


@pytest.mark.slow
def test_a_file_in_another_folder_moves_without_being_read(
    follow: Follow, folder: Path, corpus: LocalCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(folder)
    (folder / "old").mkdir()
    (folder / "pump.md").rename(folder / "old" / "pump.md")
    monkeypatch.setattr(Extractor, "read", None)
    assert told(follow(folder)) == [("renamed", "pump.md")]
    assert str(folder / "old" / "pump.md") in sources(corpus)


@pytest.mark.slow
def test_a_folder_that_is_not_there_keeps_its_documents_and_is_told(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    folder.rename(folder.with_name("unplugged"))
    for outcome in (follow(folder), follow()):
        assert [(each.root, each.documents) for each in outcome.missing] == [(str(folder), 3)]
        assert outcome.changes == []
    assert corpus.library.count() == 3
    assert corpus.library.sources.remove(str(folder)) == 3


@pytest.mark.slow
def test_an_empty_place_where_a_disk_was_is_no_folder_whose_files_were_deleted(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    known = corpus.library.sources.get(str(folder))
    assert known is not None
    assert known.device is not None
    corpus.library.sources.put(
        replace(known, device=known.device + 1)
    )  # It was read from a disk that is not there now.
    for name in ("policy.md", "pump.md", "sub/README.md"):
        (folder / name).unlink()
    assert len(follow(folder).missing) == 1
    corpus.library.sources.put(known)
    write(folder.parent / "other.md", "Something to index.")
    assert [change for change, _ in told(follow(folder, folder.parent / "other.md"))] == ["gone", "gone", "gone", "new"]


@pytest.mark.slow
def test_a_folder_that_moved_leaves_nothing_behind(follow: Follow, folder: Path, corpus: LocalCorpus) -> None:
    follow(folder)
    moved = folder.rename(folder.with_name("moved"))
    write(moved / "policy.md", "Dogs must stay outside.")  # What it said before must not answer.
    outcome = follow(moved)
    assert told(outcome) == [("changed", "policy.md"), ("moved", "README.md"), ("moved", "pump.md")]
    assert sources(corpus) == {str(moved / name) for name in ("policy.md", "pump.md", "sub/README.md")}
    assert [source.root for source in corpus.library.sources.all()] == [str(moved)]
    assert follow().missing == []


@pytest.mark.slow
def test_a_copy_of_one_file_of_a_disk_that_is_not_there_takes_nothing_else_from_it(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    away = folder.rename(folder.with_name("unplugged"))
    other = folder.with_name("other")
    write(other / "pump.md", (away / "pump.md").read_text())
    write(other / "policy.md", "Another policy.")
    assert told(follow(other)) == [("moved", "pump.md"), ("new", "policy.md")]
    assert str(folder / "policy.md") in sources(corpus)
    assert str(folder) in {source.root for source in corpus.library.sources.all()}


@pytest.mark.slow
def test_a_file_that_moves_between_two_followed_folders_is_neither_gone_nor_new(
    follow: Follow, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "another"
    write(other / "x.md", "Something else.")
    follow(folder, other)
    (folder / "pump.md").rename(other / "pump.md")
    assert told(follow()) == [("moved", "pump.md")]


@pytest.mark.slow
def test_a_file_named_alone_is_a_source_that_goes_with_it(follow: Follow, folder: Path, corpus: LocalCorpus) -> None:
    follow(folder / "policy.md", folder / "pump.md")
    (folder / "policy.md").unlink()
    assert told(follow()) == [("gone", "policy.md")]
    assert [source.root for source in corpus.library.sources.all()] == [str(folder / "pump.md")]


@pytest.mark.slow
def test_a_folder_in_a_followed_folder_gives_each_document_once(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    assert follow(folder / "sub").unchanged == 1
    assert corpus.library.count() == 3
    assert follow(folder, exclude="sub").changes == []  # Its README belongs to the inner folder from now on.
    assert corpus.library.count() == 3
    (folder / "sub" / "README.md").unlink()
    assert told(follow()) == [("gone", "README.md")]


@pytest.mark.slow
def test_patterns_are_remembered_and_what_they_leave_out_is_gone(follow: Follow, folder: Path) -> None:
    assert len(follow(folder, include="*.md").changes) == 3
    assert told(follow(folder, exclude="sub")) == [("gone", "README.md")]
    again = follow(folder)
    assert (again.changes, again.unchanged) == ([], 2)
    assert [(each.path.name, each.reason) for each in again.passed_over] == [("README.md", "left out")]


@pytest.mark.slow
def test_a_file_that_a_person_removed_stays_away_until_it_is_named(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    corpus.library.sources.forget(str(folder / "policy.md"), removed=True)
    outcome = follow(folder)
    assert outcome.changes == []
    assert [(each.path.name, each.reason) for each in outcome.passed_over] == [("policy.md", "removed")]
    assert told(follow(folder / "policy.md")) == [("new", "policy.md")]
    assert follow(folder).unchanged == 3


@pytest.mark.slow
def test_a_file_that_failed_is_tried_again_and_its_earlier_text_is_kept_meanwhile(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    (folder / "pump.md").write_bytes(b"\x00\x01\x02" * 100)
    for _ in range(2):
        assert [Path(path).name for path, _ in follow(folder).failed] == ["pump.md"]
    assert corpus.library.count() == 3
    write(folder / "pump.md", "The pump is mended.")
    assert told(follow(folder)) == [("changed", "pump.md")]
    assert corpus.library.sources.count_failed() == 0


@pytest.mark.slow
def test_other_readers_read_every_file_again(follow: Follow, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(folder)
    monkeypatch.setattr(reading, "READERS", "another way")
    read: list[str] = []
    real = Extractor.read
    monkeypatch.setattr(
        Extractor,
        "read",
        lambda self, name, *rest, **more: read.append(name) or real(self, name, *rest, **more),
    )
    outcome = follow(folder)
    assert sorted(read) == ["README.md", "policy.md", "pump.md"]
    assert (outcome.changes, outcome.unchanged) == ([], 3)


@pytest.mark.slow
def test_documents_of_version_1_are_adopted_by_the_folder_they_lie_in(
    follow: Follow, folder: Path, corpus: LocalCorpus
) -> None:
    follow(folder)
    with corpus.library.writing() as connection:
        connection.execute("UPDATE files SET root = NULL, size = NULL, modified_ns = NULL, content = NULL, reader = ''")
        connection.execute("DELETE FROM sources")
    (folder / "policy.md").unlink()
    outcome = follow(folder)
    assert (told(outcome), outcome.unchanged) == ([("gone", "policy.md")], 2)


@pytest.mark.parametrize("name", ["nowhere", "nul\0byte", "x" * 5_000, "loop"])
def test_a_path_at_which_nothing_ever_was_is_refused(corpus: LocalCorpus, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError):
        settle_source(corpus.library, tmp_path / name)
    with pytest.raises(InputError):
        find_target(corpus.library, str(tmp_path / name))

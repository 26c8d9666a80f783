"""`raglass corpus`: documents listed, shown and removed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.services import Services
from app.shell.main import main

Run = Callable[..., Result]


@pytest.fixture
def services(make_services: Callable[..., Services], run: Run, tmp_path: Path) -> Services:
    """Two followed documents in the index, one uploaded that is not yet, and a file that failed."""
    made = make_services(corpus=True)
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "policy.md").write_text("Dogs may enter.")
    (folder / "pump.md").write_text("# Pumps\n\nThe pump is reset with the red key.")
    (folder / "broken.pdf").write_bytes(b"nonsense")
    run("index", str(folder), services=made)
    corpus = made.backends.corpus("fake")
    assert corpus is not None
    (folder / "late.md").write_text("Late.")
    corpus.library.uploads.put("sent.txt", b"Sent.", keep_both=False)
    return made


def data(run: Run, services: Services, *arguments: str) -> dict[str, object] | list[dict[str, object]]:
    done = run("corpus", *arguments, "--json", services=services)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def states(run: Run, services: Services, *arguments: str) -> list[tuple[str, str]]:
    found = data(run, services, "list", *arguments)
    return [(Path(each["source"]).name, each["state"]) for each in found["documents"]]  # type: ignore[call-overload, index]


def test_documents_are_listed_with_how_they_stand(run: Run, services: Services, tmp_path: Path) -> None:
    assert states(run, services) == [
        ("sent.txt", "waiting"),
        ("broken.pdf", "failed"),
        ("pump.md", "indexed"),
        ("policy.md", "indexed"),
    ]
    assert states(run, services, "--search", "PUMP") == [("pump.md", "indexed")]
    said = run("corpus", "list", "--limit", "3", services=services).stdout
    assert "Pumps  [indexed, 35 characters, 1 chunk]" in said
    assert "broken.pdf is not a PDF" in said
    assert "1 of 2 documents; 1 file could not be read; 1 file waits" in said
    assert f"Follows {tmp_path / 'texts'}: 3 files, 2 documents; read " in said


def test_a_document_is_shown_by_its_source_or_id_with_its_chunks_or_its_text(
    run: Run, services: Services, tmp_path: Path
) -> None:
    path = str(tmp_path / "texts" / "pump.md")
    (found,) = data(run, services, "show", path)
    assert found["document"]["title"] == "Pumps"  # type: ignore[call-overload, index]
    assert [each["text"] for each in found["chunks"]] == ["The pump is reset with the red key."]  # type: ignore[call-overload, index]
    said = run("corpus", "show", found["document"]["document_id"], services=services).stdout  # type: ignore[call-overload, index]
    assert "Chunk 1 · 1 sentence · 35 characters\nThe pump is reset" in said
    assert run("corpus", "show", path, "--text", services=services).stdout.endswith("with the red key.\n")
    assert "“”" not in said


@pytest.mark.parametrize(
    ("target", "left"),
    [
        ("sent.txt", ["broken.pdf", "pump.md", "policy.md"]),
        ("texts/broken.pdf", ["sent.txt", "pump.md", "policy.md"]),
        ("texts/pump.md", ["sent.txt", "broken.pdf", "policy.md"]),
        ("texts", ["sent.txt"]),
    ],
)
def test_what_is_named_is_removed_and_nothing_else(
    run: Run, services: Services, tmp_path: Path, target: str, left: list[str]
) -> None:
    named = target if target == "sent.txt" else str(tmp_path / target)
    done = run("corpus", "remove", named, "--yes", services=services)
    assert done.exit_code == 0
    assert [name for name, _ in states(run, services)] == left


@pytest.mark.slow
def test_a_folder_within_a_followed_one_is_removed_and_stays_away(run: Run, services: Services, tmp_path: Path) -> None:
    inner = tmp_path / "texts" / "old"
    inner.mkdir()
    (inner / "note.md").write_text("An old note.")
    run("index", services=services)
    assert ("note.md", "indexed") in states(run, services)
    done = run("corpus", "remove", str(inner), "--yes", services=services)
    assert "1 document removed" in done.stdout
    run("index", services=services)
    assert [name for name, _ in states(run, services)] == ["broken.pdf", "late.md", "sent.txt", "pump.md", "policy.md"]


def test_a_file_that_waits_or_failed_is_shown_with_its_reason(run: Run, services: Services, tmp_path: Path) -> None:
    failed = run("corpus", "show", str(tmp_path / "texts" / "broken.pdf"), services=services)
    assert "broken.pdf is not a PDF but something else" in failed.stderr
    waiting = run("corpus", "show", "sent.txt", services=services)
    assert "sent.txt waits to be read: run `raglass index`." in waiting.stderr


def test_removing_asks_first_and_says_what_would_go(
    run: Run, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.services", lambda: services)
    done = CliRunner().invoke(main, ["corpus", "remove", str(tmp_path / "texts")], input="n\n")
    assert f"the source {tmp_path / 'texts'} (2 documents)" in done.stderr
    assert "nothing was removed" in done.stderr
    assert len(states(run, services)) == 4


@pytest.mark.parametrize("command", ["show", "remove"])
def test_what_is_not_there_is_misuse(run: Run, services: Services, command: str) -> None:
    done = run("corpus", command, "nothing", services=services)
    assert done.exit_code == 2
    assert "There is no document, file or source 'nothing'" in done.stderr

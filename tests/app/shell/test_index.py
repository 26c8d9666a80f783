"""`raglass index`: what it says for people and for programs, and how it leaves; tests/app/processes has what Ctrl-C does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.services import Services
from app.shell import command

Make = Callable[..., Services]
Run = Callable[..., Result]


@pytest.fixture
def services(make_services: Make) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "texts"
    (made / "sub").mkdir(parents=True)
    (made / "policy.md").write_text("Dogs may enter.")
    (made / "pump.md").write_text("# Pumps\n\nThe pump is reset with the red key.")
    (made / "sub" / "README.md").write_text("Read me.")
    (made / "program.exe").write_text("MZ")
    return made


@pytest.mark.slow
def test_a_folder_is_indexed_and_what_is_passed_over_is_named(run: Run, services: Services, folder: Path) -> None:
    done = run("index", str(folder), services=services)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "3 new"
    assert "The index holds 3 chunks of 3 documents" in done.stdout
    assert "A few seconds for 3 files, 67 bytes." in done.stderr
    assert f"passed over {folder / 'program.exe'}: of a kind that is not read" in done.stderr


@pytest.mark.slow
def test_what_a_program_reads_has_every_file(run: Run, services: Services, folder: Path) -> None:
    data = json.loads(run("index", str(folder), "--json", services=services).stdout)
    assert (data["phase"], data["unchanged"], data["documents"], data["errors"]) == ("done", 0, 3, [])
    assert {(each["change"], Path(each["path"]).name) for each in data["changes"]} == {
        ("new", "policy.md"),
        ("new", "pump.md"),
        ("new", "README.md"),
    }
    assert data["passed_over"] == [{"file": str(folder / "program.exe"), "reason": "unknown kind"}]
    assert data["index"]["documents"] == 3


@pytest.mark.slow
def test_a_deleted_file_is_told_and_answers_no_more(run: Run, services: Services, folder: Path) -> None:
    run("index", str(folder), services=services)
    (folder / "policy.md").unlink()
    for arguments in ([str(folder)], []):
        said = run("index", *arguments, "--dry-run", services=services).stdout
        assert f"gone     {folder / 'policy.md'}" in said
    said = run("index", services=services).stdout
    assert said.splitlines()[0] == "1 gone (policy.md), 2 unchanged"
    assert "The index holds 2 chunks of 2 documents" in said


@pytest.mark.slow
def test_a_dry_run_says_what_each_file_would_give_and_keeps_nothing(run: Run, services: Services, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"nonsense")
    done = run("index", str(folder), "--dry-run", services=services)
    assert done.exit_code == 1
    assert f"new      {folder / 'pump.md'}\n         “Pumps”: 35 characters, 1 chunk" in done.stdout
    assert "cannot be read: broken.pdf is not a PDF" in done.stdout
    assert "3 new, 1 failed" in done.stdout
    data = json.loads(run("index", str(folder), "--dry-run", "--json", services=services).stdout)
    assert {len(each["documents"]) for each in data["files"]} == {0, 1}
    assert data["estimate"]["files"] == 4
    corpus = services.backends.corpus("fake", build=False)
    assert corpus is not None
    assert (corpus.library.count(), corpus.library.sources.all(), corpus.library.sources.files()) == (0, [], {})


@pytest.mark.slow
def test_a_dry_run_calls_a_file_that_failed_and_is_as_it_was_failed_again(
    run: Run, services: Services, folder: Path
) -> None:
    broken = folder / "broken.pdf"
    broken.write_bytes(b"nonsense")
    run("index", str(folder), services=services)
    assert f"failed again {broken}" in run("index", "--dry-run", services=services).stdout
    broken.write_bytes(b"other nonsense")
    said = run("index", "--dry-run", services=services).stdout
    assert f"changed  {broken}" in said
    assert "failed again" not in said


@pytest.mark.slow
def test_bad_file_leaves_with_one_and_the_rest_are_indexed(run: Run, services: Services, folder: Path) -> None:
    (folder / "zip.pdf").write_bytes(b"PK\x03\x04")
    done = run("index", str(folder), services=services)
    assert done.exit_code == 1
    assert "3 new, 1 failed" in done.stdout
    assert "raglass: zip.pdf is not a PDF" in done.stderr


@pytest.mark.slow
def test_a_folder_that_is_not_there_leaves_with_one_and_says_how_to_remove_it(
    run: Run, services: Services, folder: Path
) -> None:
    run("index", str(folder), services=services)
    folder.rename(folder.with_name("away"))
    done = run("index", str(folder), services=services)
    assert done.exit_code == 1
    assert f"{folder} is not there; 3 documents of it stay in the corpus." in done.stderr
    assert f"raglass corpus remove {folder}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "nowhere does not exist"), (["--include", "*.md"], "belong to a PATH")],
    ids=" ".join,
)
def test_misuse_leaves_with_two(run: Run, services: Services, arguments: list[str], message: str) -> None:
    done = run("index", *arguments, services=services)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.slow
def test_asking_says_when_the_index_does_not_cover_the_documents(run: Run, services: Services, folder: Path) -> None:
    run("index", str(folder), services=services)
    assert "raglass index" not in run("ask", "Who may enter?", services=services).stderr
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    corpus.library.sources.forget(str(folder / "policy.md"))
    done = run("ask", "Who may enter?", "--json", services=services)
    assert "run `raglass index`" in done.stderr
    assert json.loads(done.stdout)["question"] == "Who may enter?"


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(command.time, "monotonic", lambda: now[0])
    with command.progress_line(5) as tell:
        for second in range(12):
            now[0] = second
            tell(f"at {second}")
    assert capsys.readouterr().err == "at 5\nat 10\n"

"""The shell's commands of chunkings, embedders and generators side by side."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import app.services
from app.services import Services
from app.shell.main import main


@pytest.fixture
def run(lab_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run_(*arguments: str) -> Result:
        current = lab_services()
        monkeypatch.setattr(app.services, "services", lambda: current)
        return CliRunner().invoke(main, ["lab", *arguments])

    return run_


@pytest.mark.slow
def test_chunkings_are_printed_and_written(run: Callable[..., Result], questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run("chunks", "heading:100", "--dataset", str(questions), "--top-k", "1", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "* heading:800:0" in done.output
    title, heads, *_ = out.read_text("utf-8-sig").splitlines()
    assert "heading:800:0, the one in use" in title
    assert heads.startswith("chunking,right,recall@1,")


def test_generators_are_printed_as_json_for_a_program(run: Callable[..., Result], questions: Path) -> None:
    done = run("generators", "first", "gone", "--dataset", str(questions), "--limit", "5", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert [row["name"] for row in record["result"]["rows"]] == ["first", "gone"]
    assert record["plan"]["limit"] == 5


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("chunks", "nonsense"), 2, "is no way of cutting"),
        (("chunks", "--dataset", "none.csv"), 2, "cannot be read"),
        (("embedders",), 2, "Missing argument"),
        (("generators", "gone"), 1, "Nothing could be measured"),
        (("generators", "first", "--top-k", "1000"), 2, "top_k is 1000"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Callable[..., Result], questions: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    given = (
        arguments
        if "--dataset" in arguments or arguments == ("embedders",)
        else (*arguments, "--dataset", str(questions))
    )
    done = run(*given)
    assert done.exit_code == status, done.output
    assert said in done.output

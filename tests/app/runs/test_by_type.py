"""A run by question type: titles that say what is seen, files, and the command."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from app.runs.by_type import (
    by_type_csv,
    by_type_text,
    counts_title,
    points_csv,
    scatter_title,
    spread_title,
    study_types,
)
from app.services import Services
from evaluation.lab.by_type import Association
from evaluation.scoring import Scored
from evaluation.similarity import Similarity
from tests.app.runs.labelled_file import write_questions
from tests.evaluation.labelled import make_scored

Run = Callable[..., Result]


def planted() -> list[Scored]:
    """Reasons are answered at length, dates briefly; similarity has nothing to do with it; nobody knows of reliance."""
    return [
        make_scored(
            n,
            type="REASON" if n % 2 else "DATE",
            answer_words=20 + n % 5 if n % 2 else 2 + n % 3,
            similarity=Similarity(0.8 + (n * 7 % 40) / 1000, 0.8, (n * 13 % 40) / 1e5, 0.01, 0.5),
            confidence=0.5,
        )
        for n in range(40)
    ]


@pytest.mark.slow
def test_title_says_which_type_is_high_and_whether_types_differ() -> None:
    found = study_types(planted(), grouped=False)
    assert spread_title("answer words", found).startswith("Words: median 3.00 for DATE, 22.0 for REASON; they differ")
    assert "no difference is shown" in spread_title("top cosine", found)
    assert spread_title("confidence", found) == "Confidence: the median is 0.500 throughout; not tested"


@pytest.mark.slow
def test_p_is_adjusted_over_the_measures_that_were_tested() -> None:
    found = study_types(planted(), grouped=False)
    assert set(found.p) == {"top cosine", "cosine variance", "answer words"}
    raw = found.tests["answer words"].p
    assert raw is not None
    assert found.p["answer words"] == pytest.approx(3 * raw)


@pytest.mark.slow
def test_groups_stand_for_types_everywhere() -> None:
    found = study_types([*planted(), make_scored(99, type="OWN")], grouped=True)
    names = {"named things", "reasons and opinions"}
    assert {each.name for each in found.boxes["answer words"]} == names
    assert {each.name for each in found.counts} == names
    assert {each.type for each in found.points} == names
    assert {each.name for each in found.associations} == {"all", *names}


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.1, 0.5, "longer where"), (-0.5, -0.1, "shorter where"), (-0.2, 0.4, "does not show"), (None, None, "not show")],
)
def test_scatter_says_what_the_interval_allows(low: float | None, high: float | None, said: str) -> None:
    assert said in scatter_title([Association("all", 40, 0.3, low, high)])
    assert "Too few" in scatter_title([Association("all", 4, None, None, None)])


@pytest.mark.slow
def test_counts_say_which_type_is_rare() -> None:
    scores = [replace(each, type="FACT") if n < 3 else each for n, each in enumerate(planted())]
    assert counts_title(study_types(scores, grouped=False).counts).endswith("fewest of FACT (3)")


@pytest.mark.slow
def test_files_hold_every_box_and_point_and_no_formula() -> None:
    scores = [replace(each, question_id=f"=q{n}") for n, each in enumerate(planted())]
    found = study_types(scores, grouped=False)
    rows = list(csv.DictReader(io.StringIO(by_type_csv(found))))
    assert {(row["measure"], row["type"]) for row in rows} == {
        (measure, kind)
        for measure in ("top cosine", "cosine variance", "answer words", "confidence")
        for kind in ("DATE", "REASON")
    }
    points = list(csv.DictReader(io.StringIO(points_csv(found))))
    assert len(points) == 40
    assert all(row["question_id"].startswith("'=") for row in points)


@pytest.mark.slow
def test_what_was_not_measured_is_said_with_what_to_do() -> None:
    assert "raglass eval label" in by_type_text(study_types(planted(), grouped=False))


@pytest.mark.slow
def test_command_prints_boxes_and_writes_them(run: Run, services: Services, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "questions.csv", 12)
    assert run("eval", "run", "--dataset", str(questions), services=services).exit_code == 0
    path = tmp_path / "boxes.csv"
    done = run("eval", "by-type", "--csv", str(path), services=services)
    assert done.exit_code == 0, done.output
    assert "Most questions are of PERSON (8), fewest of DATE (4)" in done.output
    assert path.read_text("utf-8-sig").startswith("measure,type,questions")
    as_json = run("eval", "by-type", "--groups", "--json", services=services)
    assert [each["name"] for each in json.loads(as_json.output)["counts"]] == ["named things"]
    assert run("eval", "by-type", "ffff", services=services).exit_code == 2

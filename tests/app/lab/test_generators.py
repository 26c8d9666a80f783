"""Generators side by side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.lab.tables import to_plain
from app.services import Services
from backends.registry import BackendConfig
from pipeline.errors import InputError, StageFailed
from pipeline.protocols import Backend
from tests.app.lab.fake_models import GENERATORS, FirstChunk, open_fake

Make = Callable[..., Services]


def plan(questions: Path, *names: str, **others: Any) -> dict[str, Any]:
    return {"dataset": str(questions), "generators": names, "top_k": 2, **others}


@pytest.mark.slow
def test_generators_read_the_same_chunks_and_the_gold_ones(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("generators", plan(questions, "first", "mute", reliance=5)).work()
    assert done.problem == ""
    assert done.status == "finished"
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    first, mute = rows["first"]["figures"], rows["mute"]["figures"]
    # `first` says all of the first chunk: right wherever that is the gold one, and always from the gold chunk alone.
    assert first["correct"]["value"] > 0.9
    assert first["gold correct"]["value"] == 1.0
    assert first["exact"]["value"] == 0.0
    assert (mute["correct"]["value"], mute["gold f1"]["value"]) == (0.0, 0.0)
    assert (mute["words"]["value"], mute["tokens"]["value"]) == (2.0, 2.0)
    assert mute["abstained"]["value"] == 0.0
    [pair] = [each for each in done.result["pairs"] if each["measure"] == "gold correct"]
    assert pair["difference"] == -1.0
    assert pair["significant"]


@pytest.mark.slow
def test_reliance_is_what_the_chunks_add_to_the_answers_log_probability(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("generators", plan(questions, "first", "mute", reliance=5)).work()
    assert done.result is not None
    rows = {row["name"]: row["figures"] for row in done.result["rows"]}
    # −1 nat a word where a chunk holds the answer, −3 where none does; for what no chunk holds, −3 either way.
    words = rows["first"]["words"]["value"]
    assert rows["first"]["reliance"]["questions"] == 5
    assert rows["first"]["reliance"]["value"] == pytest.approx(2 * words, rel=0.2)
    assert rows["mute"]["reliance"]["value"] == 0.0
    none = services.lab.begin("generators", plan(questions, "first", reliance=0)).work()
    assert none.result is not None
    assert none.result["rows"][0]["figures"]["reliance"]["questions"] == 0


def test_confidence_that_is_always_right_cannot_be_calibrated_and_says_why(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("generators", plan(questions, "mute")).work()
    text = "\n".join(map(to_plain, services.lab.tables(done)))
    assert "token probability" in text
    assert done.result is not None
    assert "why_not" in done.result["rows"][0]["calibration"]


@pytest.mark.slow
def test_a_generator_that_cannot_be_loaded_or_only_fails_is_noted(
    lab_services: Make, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FirstChunk):
        def generate(self, *args: Any, **given: Any) -> Any:
            raise StageFailed("It broke. See the log.")

    monkeypatch.setitem(GENERATORS, "broken", Broken("broken"))
    services = lab_services()
    done = services.lab.begin("generators", plan(questions, "gone", "broken", "first")).work()
    assert done.status == "finished"
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    assert "The model gone cannot be found" in rows["gone"]["problem"]
    assert rows["broken"]["problem"] == "5 answers in a row failed. It broke. See the log."
    assert rows["first"]["failed"] == 0
    assert "2 of 3 could not be measured" in services.lab.export(done, "md")


@pytest.mark.slow
def test_a_generator_that_is_measured_is_not_asked_again(
    lab_services: Make, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = lab_services()
    job = services.lab.begin("generators", plan(questions, "first", "mute", reliance=0))
    asked: list[str] = []

    class Stopping(FirstChunk):
        def generate(self, *args: Any, **given: Any) -> Any:
            asked.append(self.name)
            if len(asked) == 3:
                job.stop()
            return super().generate(*args, **given)

    monkeypatch.setitem(GENERATORS, "mute", Stopping("mute", "Unrelated words."))
    stopped = job.work()
    assert stopped.status == "stopped"
    assert stopped.result is not None
    assert [row["name"] for row in stopped.result["rows"]] == ["first"]
    again = services.lab.resume(stopped.record_id).work()
    assert again.status == "finished"
    assert again.result is not None
    assert again.result["rows"][0] == stopped.result["rows"][0]


def test_a_negative_number_of_answers_and_no_name_are_refused(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    with pytest.raises(InputError, match="-1 answers"):
        services.lab.begin("generators", plan(questions, "first", reliance=-1))
    with pytest.raises(InputError, match="none is named"):
        services.lab.begin("generators", plan(questions))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openai:m@https://models.example", "openai-completion:m@https://h", "bedrock:m"])
def test_a_model_on_another_server_needs_no_research_profile_and_is_said_to_bill(
    lab_services: Make, questions: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, opened = lab_services(), list[tuple[str, str, str]]()

    def open_backend(profile: str, config: BackendConfig) -> Backend:
        opened.append((profile, config.generator, config.embedder))
        return open_fake("local/research", replace(config, generator="first"))

    monkeypatch.setattr(services.lab, "parts", replace(services.lab.parts, open_backend=open_backend))
    study = services.lab.study("generators")
    checked = study.check(services.lab.parts, plan(questions, name, "first"))
    assert f"It costs this machine’s time, and what whoever runs {name} bills" in study.estimate(
        services.lab.parts, checked
    )
    assert "nothing else" in study.estimate(services.lab.parts, {**checked, "generators": ["first"]})
    done = services.lab.begin("generators", plan(questions, name, "first", reliance=0)).work()
    assert done.problem == ""
    assert opened == [("local/embedded", name, "embedded"), ("local/research", "first", "embedded")]

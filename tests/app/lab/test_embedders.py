"""Embedders and rerankers side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.lab import embedders, endpoints
from app.lab.tables import to_plain
from app.services import Services
from backends.registry import BackendConfig
from pipeline.errors import InputError, Unavailable
from pipeline.types import Chunk, Kind
from tests.app.lab.fake_models import Deaf, WordEmbedder
from tests.remote.standin import MODEL, Plan, serving

Make = Callable[..., Services]

open_named, import_libraries = embedders.open_named, embedders.import_libraries
"""As they are, where the tests put others in their place."""


class Backwards:
    """Puts the best chunk last."""

    name = "backwards"

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: object = None) -> list[Chunk]:
        return [replace(chunk, rank=rank) for rank, chunk in enumerate(reversed(chunks), 1)]


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedders by word: `words` understands, `deaf` does not, others are not there."""
    made: dict[str, Any] = {"words": WordEmbedder("words"), "deaf": Deaf("deaf")}

    def open_named(name: str, config: BackendConfig) -> Any:
        if name not in made:
            raise Unavailable(f"The model {name} cannot be found. Name another.")
        return made[name]

    monkeypatch.setattr(embedders, "open_named", open_named)
    monkeypatch.setattr(embedders, "import_libraries", lambda name: None)
    monkeypatch.setattr(embedders, "open_ranker", lambda name, config: Backwards())


def plan(questions: Path, *names: str, **others: Any) -> dict[str, Any]:
    return {"dataset": str(questions), "embedders": names, "top_k": 1, **others}


@pytest.mark.slow
def test_the_one_that_understands_finds_more_and_the_test_says_so(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("embedders", plan(questions, "words", "deaf")).work()
    assert done.status == "finished"
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    assert rows["words"]["figures"]["alone recall"]["value"] > 0.9
    assert rows["deaf"]["figures"]["alone recall"]["value"] < 0.5
    assert rows["words"]["layout"]["told_apart"] > 0.9 > rows["deaf"]["layout"]["told_apart"]
    assert rows["deaf"]["layout"]["anisotropy"] > 0.9
    [pair] = [each for each in done.result["pairs"] if each["measure"] == "alone recall"]
    assert pair["significant"]
    text = "\n".join(map(to_plain, services.lab.tables(done)))
    assert "words finds a right chunk among 1 chunk for" in text
    assert "the other one finds fewer" in text


@pytest.mark.slow
def test_a_reranker_orders_what_the_first_embedder_found(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("embedders", plan(questions, "words", rerankers=["backwards"])).work()
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    assert list(rows) == ["words", "words > backwards"]
    assert rows["words"]["figures"]["mrr"]["value"] > 0.9
    assert rows["words > backwards"]["figures"]["mrr"]["value"] == 0.0
    assert "alone recall" not in rows["words > backwards"]["values"]


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_noted_and_the_others_go_on(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    done = services.lab.begin("embedders", plan(questions, "gone", "words")).work()
    assert done.status == "finished"
    text = "\n".join(map(to_plain, services.lab.tables(done)))
    assert "1 of 2 could not be measured" in text
    assert "The model gone cannot be found" in text
    nothing = services.lab.begin("embedders", plan(questions, "gone")).work()
    assert nothing.status == "failed"
    assert "The model gone cannot be found" in nothing.problem


@pytest.mark.slow
def test_what_was_embedded_is_not_embedded_again(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    services.lab.begin("embedders", plan(questions, "words")).work()
    model = embedders.open_named("words", services.settings.backend_config())
    seen = list(model.embedded)
    services.lab.begin("embedders", plan(questions, "words")).work()
    chunks = [text for text in seen if text.startswith("On volcano")]
    again = [text for text in model.embedded[len(seen) :] if text.startswith("On volcano")]
    # The first time for its vector and to take the time, then for the time alone.
    assert len(chunks) == 2
    assert len(again) == 1


def test_blank_and_impossible_names_are_refused(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    for names, said in (((), "none is named"), ((" ",), "blank"), (("a > b",), "cannot hold")):
        with pytest.raises(InputError, match=said):
            services.lab.begin("embedders", plan(questions, *names))


def test_an_endpoint_gives_vectors_in_batches_and_its_name_is_checked(tmp_path: Path) -> None:
    calls: list[int] = []

    class Remote:
        def embed(self, texts: Sequence[str], kind: Kind, *, deadline: object = None) -> list[list[float]]:
            calls.append(len(texts))
            return [[1.0, 0.0] for _ in texts]

    made = endpoints.EndpointEmbedder(Remote(), "sagemaker:e5", "print")
    assert made.embed(["text"] * 70, "passage").shape == (70, 2)
    assert calls == [1, 32, 32, 6]
    assert made.embed([], "query").shape == (0, 2)
    with pytest.raises(InputError, match="names no endpoint"):
        endpoints.open_endpoint("sagemaker:../x", BackendConfig(tmp_path))


def test_endpoints_are_said_to_cost_and_models_of_this_machine_are_not(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    study = services.lab.study("embedders")
    costs = {
        ("words",): "nothing else",
        ("words", "sagemaker:mine"): "by the second that they work",
        ("words", "openai:m@https://models.example"): "openai:m@https://models.example bills",
        ("bedrock:amazon.titan-embed-text-v2:0",): "bedrock:amazon.titan-embed-text-v2:0 bills",
        ("openai:m@http://127.0.0.1:8080",): "nothing else",
    }
    for names, said in costs.items():
        checked = study.check(services.lab.parts, plan(questions, *names))
        assert said in study.estimate(services.lab.parts, checked)


@pytest.mark.parametrize(
    "name", ["embedded", "sagemaker:mine", "openai:tiny@http://h/v1", "bedrock:cohere.embed-english-v3"]
)
def test_only_models_of_the_research_profile_take_its_libraries(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def require(module: str) -> None:
        raise Unavailable(f"{module} is not installed.")

    monkeypatch.setattr("backends.local.research.loading.require", require)
    import_libraries(name)
    with pytest.raises(Unavailable, match="sentence_transformers"):
        import_libraries("intfloat/e5-base")


@pytest.mark.slow
def test_an_embedder_on_another_server_is_measured(
    lab_services: Make, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "open_named", open_named)
    monkeypatch.setattr(embedders, "import_libraries", import_libraries)
    services = lab_services()
    with serving(Plan()) as url:
        done = services.lab.begin("embedders", plan(questions, f"openai:{MODEL}@{url}")).work()
    assert done.problem == ""
    assert done.result is not None
    [row] = done.result["rows"]
    assert row["model"].startswith(f"openai:{MODEL}")
    assert row["dimension"] == 26

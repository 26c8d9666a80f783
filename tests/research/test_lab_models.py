"""Studies of models that are really loaded: tiny ones of the research profile beside the embedded profile's own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings
from app.services import Services
from backends.local.chosen import EMBEDDED, SENTENCES, open_embedder, open_reranker
from backends.local.nano import NanoEmbedder
from backends.registry import BackendConfig
from pipeline.errors import Unavailable
from tests.app.lab.fake_models import write_questions

pytestmark = pytest.mark.slow


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = replace(Settings(), data_dir=tmp_path / "data", builtin_corpus=False, threads=1, max_new_tokens=4)
    current = Services(settings)
    yield current
    current.close()


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    return str(write_questions(tmp_path / "questions.csv"))


def test_embedders_and_a_cross_encoder_are_measured_beside_the_embedded_one(
    services: Services, dataset: str, e5_folder: Path, cross_encoder_folder: Path
) -> None:
    plan = {
        "dataset": dataset,
        "limit": 6,
        "embedders": [EMBEDDED, str(e5_folder)],
        "rerankers": [str(cross_encoder_folder), SENTENCES],
    }
    done = services.lab.begin("embedders", plan).work()
    assert done.problem == ""
    assert done.result is not None
    assert [row.get("problem", "") for row in done.result["rows"]] == ["", "", "", ""]
    own, tiny, *reranked = done.result["rows"]
    assert (own["dimension"], tiny["dimension"]) == (384, 32)
    assert own["figures"]["alone recall"]["value"] == 1.0
    assert all(row["rerank_ms"] > 0 for row in reranked)


def test_generators_answer_from_what_the_embedded_profile_retrieves(
    services: Services, dataset: str, t5_folder: Path
) -> None:
    plan = {"dataset": dataset, "limit": 6, "generators": [EMBEDDED, str(t5_folder)], "top_k": 2, "reliance": 2}
    done = services.lab.begin("generators", plan).work()
    assert done.problem == ""
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    assert [row.get("problem", "") for row in rows.values()] == ["", ""]
    assert rows[EMBEDDED]["figures"]["gold correct"]["value"] == 1.0
    assert rows[str(t5_folder)]["figures"]["tokens"]["value"] <= 4
    assert rows[str(t5_folder)]["kind"] == "token_probability"


def test_models_are_opened_by_name(tmp_path: Path) -> None:
    config = BackendConfig(tmp_path)
    assert open_embedder(EMBEDDED, config).fingerprint == NanoEmbedder().fingerprint
    assert open_reranker(SENTENCES, config).name == "sentence reranker"
    for opened in (open_embedder, open_reranker):
        with pytest.raises(Unavailable, match="nowhere"):
            opened(str(tmp_path / "nowhere"), config)

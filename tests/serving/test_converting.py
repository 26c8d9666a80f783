"""Converted models in the endpoints' archives, and served from there."""

import json
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local.research import ResearchEmbedder, ResearchGenerator, decoders, engines
from backends.local.research.loading import NAME_FILE, PACKED
from pipeline.errors import ConfigError
from pipeline.schema import chunk_to_dict, generation_from_dict
from pipeline.types import GenerateOptions, Generation
from serving import packing
from serving.converting import converted_folder
from serving.deploy.artifacts import role_package
from serving.deploy.model_tables import Embedder, Generator
from serving.packing import model_package
from serving.rehearsal.endpoints import ControlPlane
from tests.factories import make_chunk
from tests.model_folder import LocalFolder

pytestmark = pytest.mark.slow

pytest.importorskip("ctranslate2")
pytest.importorskip("onnxscript")

DRIFT = make_chunk(chunk_id="a", text="Alfred Wegener proposed in 1912 that continents drift.")
QUESTION = "Who proposed that continents drift?"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"RAGLASS_DATA_DIR": str(tmp_path_factory.mktemp("data"))}


@pytest.fixture(scope="module")
def archives(t5_folder: Path, e5_folder: Path, environ: dict[str, str], tmp_path_factory: Any) -> dict[str, Path]:
    """The archive of each endpoint with a converted model, by role."""
    folder = tmp_path_factory.mktemp("archives")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGLASS_DATA_DIR", environ["RAGLASS_DATA_DIR"])
        packages = (
            role_package("generator", Generator(model=str(t5_folder))),
            role_package("embedder", Embedder(model=str(e5_folder), numbers="int8")),
        )
    for package in packages:
        package.write(folder / f"{package.role}.tar.gz")
    return {package.role: folder / f"{package.role}.tar.gz" for package in packages}


@pytest.fixture(scope="module")
def served(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both endpoints, their model servers real; a function that asks one."""
    plane = ControlPlane(tmp_path_factory.mktemp("endpoints") / "models", LocalFolder(archives))
    for role in archives:
        container = {"Image": "any", "ModelDataUrl": role}
        plane.run("CreateModel", {"ModelName": role, "ExecutionRoleArn": "any", "PrimaryContainer": container})
        variant = {"VariantName": "AllTraffic", "ModelName": role}
        plane.run("CreateEndpointConfig", {"EndpointConfigName": role, "ProductionVariants": [variant]})
        plane.run("CreateEndpoint", {"EndpointName": role, "EndpointConfigName": role})

    def ask(role: str, **request: Any) -> Any:
        while (state := plane.run("DescribeEndpoint", {"EndpointName": role}))["EndpointStatus"] == "Creating":
            time.sleep(0.05)
        variant = plane.serving(role)
        assert variant is not None, state
        reply = variant.invoke(json.dumps(request).encode(), {"Content-Type": "application/json"})
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    yield ask
    plane.stop()


def names(archive: Path) -> set[str]:
    with tarfile.open(archive) as opened:
        return set(opened.getnames())


def requirements(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        found = opened.extractfile("code/requirements.txt")
        assert found is not None
        return [line.split("==")[0] for line in found.read().decode().splitlines()]


def test_an_archive_holds_the_converted_model_and_not_the_weights_it_was_made_of(archives: dict[str, Path]) -> None:
    assert (packing.CONVERTED, packing.NAME_FILE) == (PACKED, NAME_FILE)
    for role, weights, package in (
        ("generator", "model.bin", "ctranslate2"),
        ("embedder", "model.onnx", "onnxruntime"),
    ):
        found = names(archives[role])
        assert f"weights/{PACKED}/{weights}" in found
        assert f"weights/{PACKED}/raglass-conversion.json" in found
        assert {"weights/config.json", "weights/tokenizer.json"} <= found
        assert not any(name.endswith(".safetensors") for name in found)
        assert package in requirements(archives[role])


def test_the_same_model_makes_the_same_archive(t5_folder: Path, environ: dict[str, str]) -> None:
    converted = converted_folder("generator", t5_folder, environ)
    assert converted == converted_folder("generator", t5_folder, environ)
    first, second = (model_package("transformers", "generator", t5_folder, "t5", converted) for _ in range(2))
    assert first.digest == second.digest
    assert first.digest != model_package("transformers", "generator", t5_folder, "t5").digest


def test_a_served_generator_answers_and_scores_as_the_local_one_does(
    served: Any, t5_folder: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "capabilities", lambda: {"avx2": True})  # a processor that CTranslate2 suits best
    local = ResearchGenerator(
        str(t5_folder), engine="ctranslate2", cache_dir=Path(environ["RAGLASS_DATA_DIR"]) / "models"
    )
    given = {"question": QUESTION, "chunks": [chunk_to_dict(DRIFT)]}
    reply = served("generator", **given, operation="generate", max_new_tokens=6, deadline_s=60)
    assert reply["model"] == "tiny-t5 (CTranslate2 int8)"
    found = generation_from_dict(reply["generation"])
    *_, expected = local.generate(QUESTION, [DRIFT], GenerateOptions(6))
    assert isinstance(expected, Generation)
    assert (found.answer, found.finish_reason) == (expected.answer, expected.finish_reason)
    scored = served("generator", **given, operation="score", sets=[[], [0]], answer="drift")
    rows = local.score(QUESTION, [[], [DRIFT]], "drift")
    np.testing.assert_allclose(scored["logprobs_nats"], rows, atol=1e-4)


def test_a_served_embedder_gives_the_local_ones_vectors(
    served: Any, e5_folder: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backends.local.research import encoders

    for module in (engines, encoders):
        monkeypatch.setattr(module, "capabilities", lambda: {"avx2": True, "avx_vnni": True})
    cache_dir = Path(environ["RAGLASS_DATA_DIR"]) / "models"
    local = ResearchEmbedder(str(e5_folder), engine="ctranslate2", cache_dir=cache_dir)
    found = served("embedder", texts=["drift", "cheese"], kind="passage")
    assert found["model"] == local.name == "tiny-e5-test (ONNX int8)"
    # Of a model of the E5 family, which is known by its name, also where the folder is called otherwise.
    assert local.prefixes["passage"] == "passage: "
    np.testing.assert_allclose(found["vectors"], local.embed(["drift", "cheese"], "passage"), atol=1e-5)


def test_a_decoder_only_generator_is_packed_as_it_is(gpt2_folder: Path, environ: dict[str, str]) -> None:
    assert converted_folder("generator", gpt2_folder, environ) is None


def test_what_cannot_be_converted_here_says_how_to_do_without(
    t5_folder: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'ctranslate2 cannot be loaded.*numbers = "float32" under \[generator\]'):
        converted_folder("generator", t5_folder, environ)

"""Which engine runs a model: what is asked for, installed, and can be done by the processor."""

from pathlib import Path
from typing import Any

import pytest

from backends.local.research import decoders, encoders, engines
from backends.local.research.decoders import IN_TORCH
from backends.local.research.decoding import Decoder
from backends.local.research.embedder import ResearchEmbedder
from backends.local.research.engines import check_engine, choose_numbers
from backends.local.research.generator import ResearchGenerator
from backends.local.research.onnx_decoder import OnnxDecoder
from backends.local.research.translator import Translator
from pipeline.errors import ConfigError, Unavailable

pytest.importorskip("torch")

AVX512: dict[str, Any] = {"architecture": "x86_64", "avx2": True, "avx512_f": True}
OLD: dict[str, Any] = {"architecture": "x86_64", "avx2": False}


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Any:
    def pretend(**can: Any) -> None:
        for module in (engines, encoders, decoders):
            monkeypatch.setattr(module, "capabilities", lambda: can)

    return pretend


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Packages that are not there."""
    inner = engines.find_spec

    def hide(*packages: str) -> None:
        monkeypatch.setattr(engines, "find_spec", lambda name: None if name in packages else inner(name))

    return hide


@pytest.mark.parametrize(
    ("processor", "numbers"),
    [
        (OLD, "float32"),
        ({**AVX512, "avx512_f": False}, "float32"),
        (AVX512, "float32"),
        ({**AVX512, "avx512_bf16": True}, "bfloat16"),
        ({**AVX512, "avx512_vnni": True, "avx512_bf16": True}, "int8"),
        ({"architecture": "x86_64", "avx2": True, "avx_vnni": True}, "int8"),
        ({"architecture": "aarch64"}, "int8"),
        ({"architecture": "arm64"}, "int8"),
        ({}, "float32"),
    ],
    ids=str,
)
def test_embedders_compute_in_8_bits_where_sums_of_bytes_do_not_saturate(processor: Any, numbers: str) -> None:
    assert choose_numbers(processor) == numbers


def test_an_engine_that_there_is_not_is_named_with_its_setting(t5_folder: Path, e5_folder: Path) -> None:
    assert check_engine("auto") == "auto"
    for make, folder in ((ResearchGenerator, t5_folder), (ResearchEmbedder, e5_folder)):
        with pytest.raises(ConfigError, match=r"RAGLASS_ENGINE is 'tensorrt'; choose one of auto, torch, ctranslate2"):
            make(str(folder), engine="tensorrt")


def test_torch_runs_everything_where_it_is_asked_for(t5_folder: Path, e5_folder: Path, tmp_path: Path) -> None:
    generator = ResearchGenerator(str(t5_folder), engine="torch", cache_dir=tmp_path)
    embedder = ResearchEmbedder(str(e5_folder), engine="torch", cache_dir=tmp_path)
    assert (generator.name, generator.detail, embedder.name) == ("tiny-t5", "tiny-t5", "tiny-e5-test")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ["auto", "ctranslate2"])
def test_a_decoder_only_generator_stays_in_torch_and_says_so(gpt2_folder: Path, tmp_path: Path, engine: str) -> None:
    made = ResearchGenerator(str(gpt2_folder), engine=engine, cache_dir=tmp_path)
    assert isinstance(made._decoder, Decoder)
    assert (made.name, made.detail) == ("tiny-gpt2", f"tiny-gpt2, {IN_TORCH}")


def test_without_ctranslate2_auto_makes_do_with_torch_and_says_why(
    t5_folder: Path, tmp_path: Path, without: Any, processor: Any
) -> None:
    without("ctranslate2")
    processor(**AVX512)
    made = ResearchGenerator(str(t5_folder), engine="auto", cache_dir=tmp_path)
    assert isinstance(made._decoder, Decoder)
    assert made.name == "tiny-t5"
    assert "ctranslate2 cannot be loaded. Run `make research`" in made.detail
    with pytest.raises(
        Unavailable, match=r"RAGLASS_ENGINE is ctranslate2, but ctranslate2 cannot.*make research.*torch"
    ):
        ResearchGenerator(str(t5_folder), engine="ctranslate2", cache_dir=tmp_path)


@pytest.mark.parametrize("package", ["onnxruntime", "onnx", "onnxscript"])
def test_without_onnx_auto_embeds_in_torch(
    e5_folder: Path, tmp_path: Path, without: Any, processor: Any, package: str
) -> None:
    without(package)
    processor(**AVX512, avx512_vnni=True)
    made = ResearchEmbedder(str(e5_folder), engine="auto", cache_dir=tmp_path)
    assert made.name == "tiny-e5-test"
    with pytest.raises(Unavailable, match=rf"RAGLASS_ENGINE is ctranslate2, but {package} cannot be loaded"):
        ResearchEmbedder(str(e5_folder), engine="ctranslate2", cache_dir=tmp_path)


def test_a_processor_without_avx2_stays_in_torch(
    t5_folder: Path, e5_folder: Path, tmp_path: Path, processor: Any
) -> None:
    processor(**OLD)
    made = ResearchGenerator(str(t5_folder), engine="auto", cache_dir=tmp_path)
    assert "this processor has no AVX2" in made.detail
    assert ResearchEmbedder(str(e5_folder), engine="auto", cache_dir=tmp_path).name == "tiny-e5-test"
    with pytest.raises(Unavailable, match=r"no AVX2.*RAGLASS_ENGINE=torch"):
        ResearchGenerator(str(t5_folder), engine="ctranslate2", cache_dir=tmp_path)


def test_a_conversion_without_its_engine_says_what_to_install(
    brought_t5_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(package: str) -> Any:
        raise ImportError(f"No module named {package!r}")

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(
        Unavailable, match=r"converted for (ctranslate2|onnxruntime), which cannot be loaded. Run `make research`"
    ):
        ResearchGenerator(str(brought_t5_folder))


@pytest.mark.parametrize(("vnni", "kind"), [(False, Translator), (True, OnnxDecoder)])
def test_auto_takes_the_engine_that_suits_the_processor(
    taught_t5_folder: Path, models_dir: Path, processor: Any, vnni: bool, kind: type
) -> None:
    processor(**AVX512, avx512_vnni=vnni)
    made = ResearchGenerator(str(taught_t5_folder), engine="auto", cache_dir=models_dir)
    assert type(made._decoder) is kind
    assert made.name == made.detail == f"taught-t5 ({'ONNX' if vnni else 'CTranslate2'} int8)"


@pytest.mark.parametrize("package", ["onnxruntime", "onnx"])
@pytest.mark.slow
def test_without_onnx_a_generator_is_translated(
    taught_t5_folder: Path, models_dir: Path, processor: Any, without: Any, package: str
) -> None:
    without(package)
    processor(**AVX512, avx512_vnni=True)
    made = ResearchGenerator(str(taught_t5_folder), engine="auto", cache_dir=models_dir)
    assert isinstance(made._decoder, Translator)


def test_auto_makes_do_with_torch_where_a_generator_cannot_be_converted(
    t5_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_conversion(*given: Any) -> Any:
        raise Unavailable("The disk is full.")

    for name in ("find_conversion", "find_graph"):
        monkeypatch.setattr(decoders, name, find_conversion)
    made = ResearchGenerator(str(t5_folder), engine="auto", cache_dir=tmp_path)
    assert (made.name, made.detail) == ("tiny-t5", "tiny-t5, in torch: The disk is full.")
    with pytest.raises(Unavailable, match="The disk is full"):
        ResearchGenerator(str(t5_folder), engine="ctranslate2", cache_dir=tmp_path)

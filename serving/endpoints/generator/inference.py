"""The generator's endpoint: answers a question from chunks, and scores a forced answer over subsets of them.

`{"operation": "generate", "question", "chunks", "max_new_tokens", "deadline_s"}` → `{"model", "generation"}`;
`{"operation": "score", "question", "chunks", "sets", "answer"}` → `{"model", "tokens", "logprobs_nats"}`;
`{"operation": "check"}` → `{"model"}`. The four functions of the Hugging Face inference container.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from pipeline.deadline import Deadline
from pipeline.errors import Timeout
from pipeline.schema import chunk_from_dict, generation_to_dict
from pipeline.types import Chunk, GenerateOptions, Generation, Token
from serving.endpoints.messages import WEIGHTS, BadInput, read_json, read_model_file, take, write_json

SEED = "vectors.npz"
"""Among the extractive reader's weights: sentence vectors of a corpus, so that its first questions need not wait."""

MAX_SETS = 1_024
MAX_NEW_TOKENS = 1_024


class ScoringGenerator(Protocol):
    """What the endpoint needs of a generator."""

    name: str

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """See `pipeline.protocols.Generator`."""

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> Any:
        """See `pipeline.protocols.Scorer`."""

    def split_answer(self, answer: str) -> list[str]:
        """The answer's tokens, as `score` has a column for each."""


def model_fn(model_dir: str) -> ScoringGenerator:
    """Load the engine that the model folder names."""
    found = read_model_file(model_dir)
    if found.engine == "extractive":
        from backends.local.nano import NanoEmbedder
        from backends.local.reader import ExtractiveReader
        from backends.local.spans.model import SpanModel
        from serving.endpoints.remembering import RememberingEmbedder

        return ExtractiveReader(RememberingEmbedder(NanoEmbedder(), found.weights / SEED), spans=SpanModel())
    if found.engine == "transformers":
        from backends.local.research.generator import ResearchGenerator

        return ResearchGenerator(str(found.weights))
    raise BadInput(f"{found.engine!r} is no engine of the generator; see {WEIGHTS}.")


def input_fn(body: str | bytes, content_type: str) -> dict[str, Any]:
    """Read a request."""
    return read_json(body, content_type)


def predict_fn(data: dict[str, Any], model: ScoringGenerator) -> dict[str, Any]:
    """Do what `operation` says. Raises BadInput for another request."""
    operation = data.get("operation")
    if operation == "check":
        return {"model": model.name}
    if operation == "generate":
        return {"model": model.name, "generation": generation_to_dict(_generate(data, model))}
    if operation == "score":
        return {"model": model.name, **_score(data, model)}
    raise BadInput("The field 'operation' must be 'generate', 'score' or 'check'.")


def output_fn(result: dict[str, Any], accept: str) -> tuple[str, str]:
    """Write a reply."""
    return write_json(result, accept)


def _generate(data: dict[str, Any], model: ScoringGenerator) -> Generation:
    """The whole answer, or what there is of it when the time is up: the tokens so far, with the finish reason `deadline`."""
    most, seconds = take(data, "max_new_tokens", int), take(data, "deadline_s", (int, float))
    if not 1 <= most <= MAX_NEW_TOKENS:
        raise BadInput(f"'max_new_tokens' is {most}; ask for between 1 and {MAX_NEW_TOKENS:,}.")
    question, chunks, tokens = take(data, "question", str), _chunks(data), list[Token]()
    try:
        for made in model.generate(question, chunks, GenerateOptions(most), deadline=Deadline(seconds)):
            if isinstance(made, Generation):
                return made
            tokens.append(made)
    except Timeout:
        answer = "".join(token.text for token in tokens).strip()
        return Generation(answer, tuple(tokens), prompt_tokens=0, finish_reason="deadline")
    raise BadInput("The generator ended without summing up its answer.")


def _score(data: dict[str, Any], model: ScoringGenerator) -> dict[str, Any]:
    chunks, sets, answer = _chunks(data), take(data, "sets", list), take(data, "answer", str)
    if not 1 <= len(sets) <= MAX_SETS:
        raise BadInput(f"{len(sets):,} sets were sent; send between 1 and {MAX_SETS:,}.")
    try:
        subsets = [[chunks[position] for position in subset] for subset in sets]
    except (IndexError, TypeError) as error:
        raise BadInput("A set must be a list of positions in 'chunks'.") from error
    rows = model.score(take(data, "question", str), subsets, answer)
    return {"tokens": model.split_answer(answer), "logprobs_nats": rows.tolist()}


def _chunks(data: dict[str, Any]) -> list[Chunk]:
    try:
        return [chunk_from_dict(chunk) for chunk in take(data, "chunks", list)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("The field 'chunks' holds something that is no chunk.") from error

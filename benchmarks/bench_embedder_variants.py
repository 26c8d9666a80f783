"""The embedder with other roundings, and without vectors of chunks: what each would bring, in one run.

    python -m benchmarks.bench_embedder_variants [--squad PATH] [--documents N] [--only NAME ...] [--rounds N]

For every variant: questions whose document comes first and MRR over ten documents, by the vectors alone and as Raglass retrieves; cosine
of chunks to those of float32; processor time of a chunk as a ratio, rounds by turns on one thread; and the peak memory of a process of
its own that has embedded one chunk. Then what stands in for a chunk's vector, of the shipped rounding: its sentences' mean, or their best
cosine. Last, questions whose rows were moved a little, as floats are on another processor, put to the shipped vectors.
"""

import argparse
import logging
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from backends.local.encoder.e5_file import E5File
from backends.local.encoder.session import LAYERS, WIDTH, Encoder
from backends.local.fusion import FusionWeights
from backends.local.nano import MATRICES, NanoEmbedder, _weights
from backends.local.texts import chunk_text, sentence_text
from benchmarks import encoder_graph
from benchmarks.bench_embedder import seconds
from benchmarks.bench_quality import DEPTH, gold_rank
from benchmarks.labelled import Dataset, Question, read_builtin, read_squad, sample
from benchmarks.searched import SearchedCorpus

FloatArray = npt.NDArray[np.float32]

VECTORS_ALONE = FusionWeights(chunk=1.0, sentence=0.0, bm25=0.0)
TIMED_CHUNKS = 24
MOVED = (1e-6, 1e-5)
"""Shares by which a text's rows are moved at random to stand for processors that round floats otherwise: as such ones do, and more."""
DRAWS = 4
"""Such processors."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How layers are rounded and computed."""

    floats: frozenset[int] = frozenset()
    """Layers that stay in float32."""
    columns: bool = False
    """A scale for each column of a matrix, instead of one."""
    largest: int = 127
    """What a matrix's largest number becomes."""
    fused: bool = True
    """Whether attention is one operator."""


SHIPPED, FLOAT = "as shipped", "float32"
VARIANTS = {
    SHIPPED: Variant(),
    FLOAT: Variant(floats=frozenset(range(LAYERS))),
    "first layer in float32": Variant(floats=frozenset({0})),
    "last layer in float32": Variant(floats=frozenset({LAYERS - 1})),
    "first and last in float32": Variant(floats=frozenset({0, LAYERS - 1})),
    "a scale for each column": Variant(columns=True),
    "weights of 7 bits": Variant(largest=63),
    "attention written out": Variant(fused=False),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD v2 file in its official JSON form, instead of the built-in corpus"
    )
    parser.add_argument("--documents", type=int, help="of the first so many alone, with their questions")
    parser.add_argument("--questions", type=int, default=1_000, help="at most so many")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-of", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.getLogger("backends.local.nano").setLevel(logging.ERROR)  # other vectors are what is looked for
    if options.memory_of:
        open_variant(options.memory_of, threads=1).embed(["word " * 160], "passage")
        print(peak_mb())
        return
    dataset = shortened(read_squad(options.squad) if options.squad else read_builtin(), options.documents)
    questions = sample(list(dataset.questions), options.questions, 0, seed=0)
    names = list(dict.fromkeys([SHIPPED, FLOAT, *options.only]))
    print(f"{dataset.name}: {len(dataset.documents)} documents, {len(questions)} questions")
    print(f"{'':28} vectors alone    as retrieved     cosine to float32   time   memory")
    print(f"{'':28} first    MRR    first    MRR      mean    least     ratio     MB")
    corpora = {}
    for name in names:
        corpora[name] = Measured(dataset, questions, open_variant(name))
        corpora[name].rank()
    ratios = times([open_variant(name, threads=1) for name in names], corpora[SHIPPED], options.rounds)
    for name, ratio in zip(names, ratios, strict=True):
        near = (corpora[name].corpus.vectors * corpora[FLOAT].corpus.vectors).sum(axis=1)
        print(
            f"{name:28} {corpora[name].shown()}   {near.mean():.4f}  {near.min():.4f}    {ratio:5.2f}  {memory_of(name):5.0f}"
        )
    stand_ins(corpora[SHIPPED])
    elsewhere(corpora[SHIPPED])


class Measured:
    """A dataset in one embedder's vectors, and where its questions' documents were found."""

    def __init__(self, dataset: Dataset, questions: Sequence[Question], embedder: NanoEmbedder) -> None:
        self.corpus = SearchedCorpus(dataset, embedder)
        self.questions = questions
        self.vectors = embedder.embed([question.text for question in questions], "query")
        self.ranks: list[list[float]] = []

    def rank(self) -> None:
        """By the vectors alone, and as Raglass retrieves."""
        pairs = list(zip(self.questions, self.vectors, strict=True))
        self.ranks = [
            [gold_rank(self.corpus.search(q.text, v, 2 * DEPTH, weights=weights), q) for q, v in pairs]
            for weights in (VECTORS_ALONE, None)
        ]

    def shown(self) -> str:
        """Share of documents that came first, and MRR; both ways."""
        return "   ".join(
            f"{np.mean(np.array(ranks) <= 1):.3f}  {np.mean([0 if math.isinf(r) else 1 / r for r in ranks]):.3f}"
            for ranks in self.ranks
        )


def stand_ins(shipped: Measured) -> None:
    """What retrieval is worth without vectors of chunks, and what they cost."""
    blocks = [shipped.corpus.sentences(chunk)[1] for chunk in shipped.corpus.chunks]
    starts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
    flat = np.concatenate(blocks)
    means = np.array([block.mean(axis=0) for block in blocks])
    for name in ("mean of its sentences", "best of its sentences"):
        other = copy(shipped)
        other.corpus = copy(shipped.corpus)
        if name.startswith("mean"):
            other.corpus.vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
        else:
            other.corpus.cosines = lambda vector: np.maximum.reduceat(flat @ vector, starts)  # type: ignore[method-assign]
        other.rank()
        print(f"{name:28} {other.shown()}")
    embedder = open_variant(SHIPPED, threads=1)
    chosen = shipped.corpus.chunks[:: max(len(blocks) // TIMED_CHUNKS, 1)]
    spans = [(chunk, shipped.corpus.sentences(chunk)[0]) for chunk in chosen]
    chunks = seconds(lambda: embedder.embed([chunk_text(c.title, c.text) for c in chosen], "passage"))
    texts = [sentence_text(c.title, c.text[a:b]) for c, found in spans for a, b in found]
    sentences = seconds(lambda: embedder.embed(texts, "passage"))
    print(f"chunks take {chunks / (chunks + sentences):.0%} of the time of embedding chunks and sentences")


def elsewhere(shipped: Measured) -> None:
    """Questions embedded as on processors that round floats otherwise, put to the shipped vectors."""
    embedder = open_variant(SHIPPED)
    texts = [f"query: {question.text}" for question in shipped.questions]
    other = copy(shipped)
    other.questions = list(shipped.questions) * DRAWS
    for share in MOVED:
        embedder._look_up = moved(embedder._look_up, share)  # type: ignore[method-assign]
        other.vectors = np.concatenate([embedder._embed(texts, None) for _ in range(DRAWS)])
        other.rank()
        near = (other.vectors * np.tile(shipped.vectors, (DRAWS, 1))).sum(axis=1)
        print(
            f"questions moved by {share:<9} {other.shown()}   cosine to the shipped {near.mean():.4f}, least {near.min():.4f}"
        )


def moved(look_up: Callable[[Sequence[int]], FloatArray], share: float) -> Callable[[Sequence[int]], FloatArray]:
    """A text's rows, each number moved at random by a share of itself (its standard deviation)."""
    draw = np.random.default_rng(0)

    def look_up_moved(ids: Sequence[int]) -> FloatArray:
        rows = look_up(ids)
        return np.asarray(rows * (1 + share * draw.standard_normal(rows.shape)), np.float32)

    return look_up_moved


def times(embedders: Sequence[NanoEmbedder], measured: Measured, rounds: int) -> list[float]:
    """Of a chunk in each, as a ratio to the first; medians of rounds by turns."""
    texts = [chunk_text(chunk.title, chunk.text) for chunk in measured.corpus.chunks[:TIMED_CHUNKS]]
    taken = [[seconds(lambda e=e: e.embed(texts, "passage")) for e in embedders] for _ in range(rounds + 1)][1:]
    return [float(ratio) for ratio in np.median([[each / row[0] for each in row] for row in taken], axis=0)]


class VariantEmbedder(NanoEmbedder):
    """The embedder with a variant's layers."""

    def __init__(self, variant: Variant, *, threads: int | None) -> None:
        self._variant = variant
        super().__init__(threads=threads)

    def _open_encoder(self, threads: int | None) -> Encoder:
        return Encoder(weights_of(self._file, self._variant), threads=threads, graph=graph_of(self._variant))


def open_variant(name: str, *, threads: int | None = None) -> NanoEmbedder:
    """The embedder of a variant; the shipped one is the product's."""
    return NanoEmbedder(threads=threads) if name == SHIPPED else VariantEmbedder(VARIANTS[name], threads=threads)


def weights_of(file: E5File, variant: Variant) -> dict[str, npt.NDArray[np.generic]]:
    """The file's layers as a variant rounds them."""
    weights = dict(_weights(file))
    for layer in range(LAYERS):
        for part, (name, columns) in MATRICES.items():
            at, matrix = f"layer.{layer}.{part}", file.matrix(f"l{layer}.{name}.w", columns)
            if layer in variant.floats:
                weights[f"{at}.matrix"] = matrix.T
                del weights[f"{at}.scale"]
            else:
                largest = np.abs(matrix).max(axis=1 if variant.columns else None).reshape(-1)
                scale = (largest / variant.largest).astype(np.float32)
                weights[f"{at}.matrix"] = np.rint(matrix / scale[:, None]).astype(np.int8).T
                weights[f"{at}.scale"] = scale
    return weights


def graph_of(variant: Variant) -> bytes:
    """The committed graph, changed as a variant asks."""
    model = encoder_graph.build()
    nodes = list(model.graph.node)
    given = {tensor.name: tensor for tensor in model.graph.initializer}
    sources = {node.output[0]: node.input[0] for node in nodes if node.op_type == "DynamicQuantizeLinear"}
    changed: list[onnx.NodeProto] = []
    for node in nodes:
        layer = int(name.split(".")[1]) if (name := node.output[0]).startswith("layer.") else -1
        if node.op_type == "DynamicQuantizeLinear" and layer in variant.floats:
            continue
        if node.op_type == "MatMulIntegerToFloat" and layer in variant.floats:
            at = node.output[0].removesuffix(".out")
            given[f"{at}.matrix"].data_type = onnx.TensorProto.FLOAT
            given.pop(f"{at}.scale")
            product = helper.make_node("MatMul", [sources[node.input[0]], f"{at}.matrix"], [f"{at}.product"])
            changed += [product, helper.make_node("Add", [f"{at}.product", f"{at}.bias"], [f"{at}.out"])]
        elif node.op_type == "MultiHeadAttention" and not variant.fused:
            changed += written_out(node)
        else:
            changed.append(node)
    for tensor in given.values():
        if variant.columns and tensor.name.endswith(".scale"):
            tensor.dims[:] = given[tensor.name.replace(".scale", ".matrix")].dims[1:]
    constants = [] if variant.fused else [numpy_helper.from_array(array, name) for name, array in CONSTANTS.items()]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(changed)
    model.graph.initializer.extend([*given.values(), *constants])
    return bytes(model.SerializeToString())


HEAD = WIDTH // encoder_graph.HEADS
CONSTANTS = {
    "heads": np.array([0, 0, encoder_graph.HEADS, HEAD], np.int64),
    "together": np.array([0, 0, WIDTH], np.int64),
    "root": np.array(HEAD**-0.5, np.float32),
}


def written_out(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Attention as products and a softmax."""
    at = node.output[0]
    made = []
    for source, order in zip(node.input, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True):
        made.append(helper.make_node("Reshape", [source, "heads"], [f"{source}.cut"]))
        made.append(helper.make_node("Transpose", [f"{source}.cut"], [f"{source}.turned"], perm=order))
    query, key, value = (f"{source}.turned" for source in node.input)
    return [
        *made,
        helper.make_node("MatMul", [query, key], [f"{at}.products"]),
        helper.make_node("Mul", [f"{at}.products", "root"], [f"{at}.scores"]),
        helper.make_node("Softmax", [f"{at}.scores"], [f"{at}.shares"], axis=-1),
        helper.make_node("MatMul", [f"{at}.shares", value], [f"{at}.heads"]),
        helper.make_node("Transpose", [f"{at}.heads"], [f"{at}.back"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", [f"{at}.back", "together"], [at]),
    ]


def shortened(dataset: Dataset, documents: int | None) -> Dataset:
    """A dataset's first documents, and the questions about them that have an answer."""
    kept = dataset.documents[:documents]
    ids = {document.document_id for document in kept}
    return replace(
        dataset, documents=kept, questions=tuple(q for q in dataset.questions if q.answerable and q.document_id in ids)
    )


def memory_of(name: str) -> float:
    """Peak of a process that embeds one chunk, MB."""
    command = [sys.executable, "-m", "benchmarks.bench_embedder_variants", "--memory-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_mb() -> float:
    """Of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()

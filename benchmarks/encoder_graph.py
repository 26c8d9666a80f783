"""Writes backends/local/encoder/encoder.onnx: BERT's layers without a weight in them. `python -m benchmarks.encoder_graph`

Twelve post-norm layers of width 384 (12 heads, 1,536 inside): the shape that multilingual-e5-small and the span reader share. In go the
summed rows of the tables, out comes the last layer. Weights are named and shaped but not held: the session is given them when
it is opened. Matrices are whole numbers of 8 bits with one scale each; what they are multiplied with is quantised as it comes.
"""

from collections.abc import Iterator

import onnx
from onnx import TensorProto, helper

from backends.local.encoder.session import GRAPH

LAYERS, WIDTH, HEADS, INNER = 12, 384, 12, 1_536
EPSILON = 1e-12
OPSET, IR = 21, 10
FUSED = "com.microsoft"
MATRICES = {
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "attended": (WIDTH, WIDTH),
    "inner": (WIDTH, INNER),
    "outer": (INNER, WIDTH),
}
NORMS = ("attended_norm", "outer_norm")


def main() -> None:
    """Build and write."""
    model = build()
    GRAPH.write_bytes(model.SerializeToString())
    print(f"{GRAPH.name}: {GRAPH.stat().st_size:,} bytes")


def build() -> onnx.ModelProto:
    """The graph."""
    nodes = [
        helper.make_node("LayerNormalization", ["embedded", "norm.gain", "norm.shift"], ["hidden.0"], epsilon=EPSILON),
    ]
    weights = [outside("norm.gain", TensorProto.FLOAT, [WIDTH]), outside("norm.shift", TensorProto.FLOAT, [WIDTH])]
    for layer in range(LAYERS):
        nodes += layer_nodes(layer)
        weights += layer_weights(layer)
    graph = helper.make_graph(
        nodes,
        "encoder",
        [
            helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["texts", "tokens", WIDTH]),
        ],
        [helper.make_tensor_value_info(f"hidden.{LAYERS}", TensorProto.FLOAT, ["texts", "tokens", WIDTH])],
        weights,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="raglass")


def layer_nodes(layer: int) -> Iterator[onnx.NodeProto]:
    """One layer: from hidden.<layer> to hidden.<layer + 1>."""
    at = f"layer.{layer}"
    yield from quantised(f"hidden.{layer}", f"{at}.in")
    for name in ("query", "key", "value"):
        yield multiplied(f"{at}.in", f"{at}.{name}")
    yield helper.make_node(
        "MultiHeadAttention",
        [f"{at}.query.out", f"{at}.key.out", f"{at}.value.out"],
        [f"{at}.mixed"],
        domain=FUSED,
        num_heads=HEADS,
    )
    yield from quantised(f"{at}.mixed", f"{at}.mixed")
    yield multiplied(f"{at}.mixed", f"{at}.attended")
    yield from normed(f"{at}.attended.out", f"hidden.{layer}", f"{at}.attended_norm", f"{at}.middle")
    yield from quantised(f"{at}.middle", f"{at}.middle")
    yield multiplied(f"{at}.middle", f"{at}.inner")
    yield helper.make_node("Gelu", [f"{at}.inner.out"], [f"{at}.bent"], domain=FUSED)
    yield from quantised(f"{at}.bent", f"{at}.bent")
    yield multiplied(f"{at}.bent", f"{at}.outer")
    yield from normed(f"{at}.outer.out", f"{at}.middle", f"{at}.outer_norm", f"hidden.{layer + 1}")


def quantised(source: str, name: str) -> Iterator[onnx.NodeProto]:
    """A tensor in 8 bits, with its scale and zero point."""
    yield helper.make_node("DynamicQuantizeLinear", [source], [f"{name}.whole", f"{name}.scale", f"{name}.zero"])


def multiplied(source: str, name: str) -> onnx.NodeProto:
    """A quantised tensor times a matrix, plus its bias."""
    inputs = [f"{source}.whole", f"{name}.matrix", f"{source}.scale", f"{name}.scale", f"{source}.zero"]
    return helper.make_node("MatMulIntegerToFloat", [*inputs, "", f"{name}.bias"], [f"{name}.out"], domain=FUSED)


def normed(source: str, skip: str, name: str, result: str) -> Iterator[onnx.NodeProto]:
    """The sum of two tensors, normalised: two operators, since the one fused of them takes four times as long (onnxruntime 1.32)."""
    yield helper.make_node("Add", [source, skip], [f"{name}.sum"])
    inputs = [f"{name}.sum", f"{name}.gain", f"{name}.shift"]
    yield helper.make_node("LayerNormalization", inputs, [result], epsilon=EPSILON)


def layer_weights(layer: int) -> Iterator[TensorProto]:
    """What a layer is given."""
    for name, (rows, columns) in MATRICES.items():
        yield outside(f"layer.{layer}.{name}.matrix", TensorProto.INT8, [rows, columns])
        yield outside(f"layer.{layer}.{name}.scale", TensorProto.FLOAT, [1])
        yield outside(f"layer.{layer}.{name}.bias", TensorProto.FLOAT, [columns])
    for name in NORMS:
        yield outside(f"layer.{layer}.{name}.gain", TensorProto.FLOAT, [WIDTH])
        yield outside(f"layer.{layer}.{name}.shift", TensorProto.FLOAT, [WIDTH])


def outside(name: str, kind: int, shape: list[int]) -> TensorProto:
    """A tensor whose numbers are given when a session is opened."""
    tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="given")
    return tensor


if __name__ == "__main__":
    main()

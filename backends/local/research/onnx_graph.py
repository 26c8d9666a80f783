"""Graphs of ONNX Runtime's fused operators, written node by node, for models whose exported graph is slower than it need be.

Owns how a product of matrices is written: in float32, or of bytes with one scale a matrix, what is multiplied being rounded as it comes.
It knows no model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.encoder.session import quantise
from backends.local.research.engines import Numbers, require_engine

OPSET, IR = 21, 10
FUSED = "com.microsoft"
MIDDLE = 128
"""What stands for 0 among unsigned bytes."""
BLOCK = 256
"""Weights that share a scale in `product_by_blocks`."""

FloatArray = npt.NDArray[np.float32]
Shape = Sequence[int | str]
"""A name stands for any length."""
NONE: Mapping[str, Shape] = MappingProxyType({})


class Graph:
    """A graph as it grows. Each method that adds something returns its name."""

    def __init__(self, numbers: Numbers) -> None:
        """numbers: what its products compute with, `int8` or `float32`. Raises Unavailable if onnx is not installed."""
        self._onnx = require_engine("onnx")
        self.int64 = int(self._onnx.TensorProto.INT64)
        self._whole = numbers == "int8"
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._rounded: dict[str, list[str]] = {}

    def add(self, kind: str, *inputs: str, name: str | None = None, fused: bool = False, **settings: Any) -> str:
        """An operator of one output, named `name`. fused: one of ONNX Runtime's own."""
        result = name or f"{kind}.{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, list(inputs), [result], domain=FUSED if fused else "", **settings)
        )
        return result

    def add_several(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **settings: Any) -> None:
        """One of ONNX Runtime's own operators, with several outputs."""
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), list(outputs), domain=FUSED, **settings))

    def weight(self, array: npt.NDArray[Any]) -> str:
        """A constant."""
        name = f"weight.{len(self._weights)}"
        self._weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def product(self, left: str, matrix: FloatArray, bias: FloatArray | None = None) -> str:
        """`left` times a matrix of (in, out), plus a bias. What several matrices are multiplied with is rounded once."""
        if not self._whole:
            made = self.add("MatMul", left, self.weight(matrix))
            return made if bias is None else self.add("Add", made, self.weight(bias))
        whole, scale = quantise(matrix)
        bytes_, step, zero = self._round(left)
        shift = "" if bias is None else self.weight(bias)
        return self.add(
            "MatMulIntegerToFloat",
            *(bytes_, self.weight(whole), step, self.weight(scale), zero, "", shift),
            fused=True,
        )

    def product_by_rows(self, left: str, matrix: FloatArray) -> str:
        """`product` with each row rounded by a scale of its own, where some rows are far larger than others."""
        if not self._whole:
            return self.product(left, matrix)
        last = self.weight(np.array([-1]))
        largest = self.add("ReduceMax", self.add("Abs", left), last, keepdims=1)
        step = self.add("Max", largest, self.weight(np.array(1e-12, np.float32)))
        scaled = self.add("Mul", left, self.add("Reciprocal", step))
        return self.add("Mul", self.product(scaled, matrix), step)

    def product_apart(self, left: str, matrix: FloatArray) -> str:
        """`product` for rows of several texts, (1, rows, in): what is made of one does not depend on which others are there."""
        if not self._whole:
            return self.product(left, matrix)
        bytes_, step, zero = self._round_apart(left)
        whole, scale = quantise(matrix)
        one = self.weight(np.array(1, np.float32))
        made = self.add(
            "MatMulIntegerToFloat", bytes_, self.weight(whole), one, self.weight(scale), zero, "", "", fused=True
        )
        return self.add("Mul", made, step)

    def product_by_blocks(self, left: str, matrix: FloatArray) -> str:
        """`product` for few rows: both sides are rounded in blocks of `BLOCK`, so that no row sees another, and weights are read faster."""
        if not self._whole:
            return self.product(left, matrix)
        depth, width = matrix.shape
        blocks = -(-depth // BLOCK)
        padded = np.zeros((width, blocks * BLOCK), np.float32)
        padded[:, :depth] = matrix.T
        parts = padded.reshape(width, blocks, BLOCK)
        scales = np.maximum(np.abs(parts).max(axis=-1) / 127, 1e-12).astype(np.float32)
        whole = (np.rint(parts / scales[..., None]) + MIDDLE).astype(np.uint8)
        return self.add(
            "MatMulNBits",
            *(left, self.weight(whole), self.weight(scales.reshape(-1))),
            fused=True,
            K=depth,
            N=width,
            bits=8,
            block_size=BLOCK,
            accuracy_level=4,
        )

    def rows(self, table: FloatArray, ids: str) -> str:
        """Rows of a table by their numbers; in 8 bits each row has a scale of its own."""
        if not self._whole:
            return self.add("Gather", self.weight(table), ids)
        scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
        bytes_ = self.add("Gather", self.weight(np.rint(table / scales).astype(np.int8)), ids)
        return self.add(
            "Mul",
            self.add("Cast", bytes_, to=self._onnx.TensorProto.FLOAT),
            self.add("Gather", self.weight(scales), ids),
        )

    def normed(self, left: str, gain: FloatArray, shift: FloatArray, epsilon: float, name: str | None = None) -> str:
        """The last axis at mean 0 and variance 1, times a gain, plus a shift."""
        return self.add("LayerNormalization", left, self.weight(gain), self.weight(shift), epsilon=epsilon, name=name)

    def scaled(self, left: str, gain: FloatArray, epsilon: float, name: str | None = None) -> str:
        """The last axis at a mean square of 1, times a gain."""
        return self.add("SimplifiedLayerNormalization", left, self.weight(gain), epsilon=epsilon, axis=-1, name=name)

    def save(
        self, path: Path, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], floats: Mapping[str, Shape] = NONE
    ) -> None:
        """Write graph and, beside it, weights. inputs: shapes of int64 tensors; floats, outputs: of float32 ones."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto

        def told(shapes: Mapping[str, Shape], kind: int) -> list[Any]:
            return [helper.make_tensor_value_info(name, kind, list(shape)) for name, shape in shapes.items()]

        given = told(inputs, kinds.INT64) + told(floats, kinds.FLOAT)
        graph = helper.make_graph(self._nodes, path.stem, given, told(outputs, kinds.FLOAT), self._weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="raglass")
        self._onnx.save_model(model, str(path), save_as_external_data=True, location=f"{path.name}.data")

    def _round_apart(self, left: str) -> list[str]:
        """The rows of (1, rows, in) in 8 bits about 128, each by a scale of its own; the scales, (rows, 1); and 128."""
        key = f"{left}.apart"
        if key not in self._rounded:
            last, zero = self.weight(np.array([-1])), self.weight(np.array(MIDDLE, np.uint8))
            largest = self.add("Reshape", self.add("ReduceMax", self.add("Abs", left), last), last)
            step = self.add("Mul", largest, self.weight(np.array(1 / 127, np.float32)))
            step = self.add("Max", step, self.weight(np.array(1e-12, np.float32)))
            zeros = self.add("Expand", zero, self.add("Shape", step))
            bytes_ = self.add("QuantizeLinear", left, step, zeros, axis=1)
            self._rounded[key] = [bytes_, self.add("Unsqueeze", step, last), zero]
        return self._rounded[key]

    def _round(self, left: str) -> list[str]:
        """A tensor in 8 bits, its scale and its zero."""
        if left not in self._rounded:
            made = [f"{left}.{part}" for part in ("whole", "scale", "zero")]
            self._nodes.append(self._onnx.helper.make_node("DynamicQuantizeLinear", [left], made))
            self._rounded[left] = made
        return self._rounded[left]

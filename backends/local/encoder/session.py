"""`Encoder`: BERT's layers in ONNX Runtime, int8, twelve of width 384. The embedder and the span reader are two sets of weights for it.

The graph is committed and holds no weights (benchmarks/encoder_graph.py writes it); they are given when a session is opened.
Texts go through one at a time: activations are quantised by one scale a run, so that a text beside others would get other numbers than
alone. Nothing is lost by that, since a text of some tokens already fills the matrices; several threads take a text each.
Every processor makes the same numbers but for the rounding of floats: where ONNX Runtime would sum or round otherwise, it is told not to.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.local.processor import capabilities, sums_bytes_whole, usable_cores
from pipeline.deadline import Deadline
from pipeline.errors import Unavailable

FloatArray = npt.NDArray[np.float32]
Weights = Mapping[str, npt.NDArray[Any]]
"""By name: `norm.gain`, `norm.shift`, and of each layer `layer.<n>.<part>.matrix` (int8, columns multiply), `.scale`, `.bias`, and
`.gain` and `.shift` of its two norms."""

GRAPH = Path(__file__).with_name("encoder.onnx")
LAYERS, WIDTH = 12, 384
MATRICES = ("query", "key", "value", "attended", "inner", "outer")
NORMS = ("attended_norm", "outer_norm")
WHOLE_SUMS = "session.x64quantprecision"
"""ONNX Runtime's setting: on x86, weights become bytes without a sign, whose products it sums in 32 bits. The same numbers, more slowly."""
LEFT_OUT = ("SkipLayerNormFusion", "DynamicQuantizeMatMulFusion")
"""Of ONNX Runtime's fusions: the first takes four times as long as what it stands for; the second brings nothing on x86, and on ARM with
matrix instructions it rounds activations row by row, to other numbers."""


class Encoder:
    """Thread-safe: any number of callers may be in `run` and `run_all` at once."""

    slow: bool
    """Whether the processor makes 8-bit sums the slower way: an x86 one without VNNI."""

    def __init__(self, weights: Weights, *, threads: int | None = None, graph: bytes | None = None) -> None:
        """threads: texts that are worked on at once; by default as many as there are cores for this process.

        graph: another one than the committed, as measures try.

        Raises Unavailable if ONNX Runtime cannot be loaded, or if the weights do not fit the graph.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise Unavailable(
                f"onnxruntime cannot be loaded ({type(error).__name__}). It has wheels for Linux, macOS and Windows on 64-bit "
                "processors: install Raglass again there, or choose the research profile (RAGLASS_PROFILE=research)."
            ) from error
        refusals: tuple[type[Exception], ...] = (OSError, *_refusals())
        options = onnxruntime.SessionOptions()
        # One thread a text; those of ONNX Runtime would spin while they wait for each other.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # What a text needs is given back after it. Kept for the next one, it would add up to what all threads ever needed at once.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self.slow = not sums_bytes_whole(capabilities())
        if self.slow:
            # What is fastest there sums two products in 16 bits, and cuts off what does not fit.
            options.add_session_config_entry(WHOLE_SUMS, "1")
        # Held until the session has copied them: the options keep neither the tensors nor the arrays.
        arrays = {name: np.array(array, order="C") for name, array in weights.items()}
        tensors = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        options.add_external_initializers(list(arrays), tensors)
        try:
            self._session = onnxruntime.InferenceSession(
                graph or GRAPH.read_bytes(),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=list(LEFT_OUT),
            )
        except refusals as error:
            raise Unavailable(
                f"The encoder's graph and weights do not fit each other ({type(error).__name__}). Install Raglass again."
            ) from error
        self.threads = threads or usable_cores()
        self._pool = ThreadPoolExecutor(self.threads, "encoder")

    def run(self, embedded: FloatArray) -> FloatArray:
        """The last layer of one text: (tokens, WIDTH), float32. embedded: the summed rows of its tables, the same shape."""
        found = self._session.run(None, {"embedded": embedded[None]})[0][0]
        return np.asarray(found, np.float32)

    def run_all(
        self, texts: Iterable[FloatArray], *, deadline: Deadline | None = None, stage: str = "embed"
    ) -> list[FloatArray]:
        """`run` for each text, `threads` at once. Raises Timeout once the deadline has passed."""

        def run(embedded: FloatArray) -> FloatArray:
            if deadline is not None:
                deadline.check(stage)
            return self.run(embedded)

        items = list(texts)
        return [run(item) for item in items] if len(items) == 1 else list(self._pool.map(run, items))


def _refusals() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a graph or weights that it cannot use: classes with nothing in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.RuntimeException


def quantise(matrix: FloatArray) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """A matrix in whole numbers of −127 to 127, and what one of them is worth, (1,)."""
    scale = np.float32(max(float(np.abs(matrix).max()) / 127, 1e-12))
    return np.rint(matrix / scale).astype(np.int8), np.array([scale], np.float32)

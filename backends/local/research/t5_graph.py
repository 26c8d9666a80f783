"""T5, FLAN-T5 and mT5 out of ONNX Runtime's fused operators, in four graphs: one reads a prompt, two write, one scores what is written.

The reader makes states of a prompt. From them one graph makes keys and values of every layer, which the writer's cross-attention looks at;
the writer takes them, the keys and values of the tokens it read before, and tokens, and gives log-probabilities of what follows. The
scorer takes states of several prompts and a whole answer to each. None knows of positions or masks: they come as numbers that are added
to the attention's logits (`onnx_decoder`). Prompts are read one at a time; rows of writer and scorer do not see each other.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backends.local.research.engines import Numbers
from backends.local.research.onnx_graph import FloatArray, Graph

READER, KEYS, WRITER, SCORER = "reader.onnx", "keys.onnx", "writer.onnx", "scorer.onnx"
DISTANCES = "distances.npy"
STATES = "states"

FAMILY = ("t5", "mt5")
GATED, PLAIN = "gelu_new", "relu"

Weights = dict[str, FloatArray]
Product = Callable[[str, FloatArray], str]
"""How a graph multiplies."""


def fits(config: Any) -> bool:
    """Whether a model of this configuration can be written."""
    activation = GATED if config.is_gated_act else PLAIN
    return config.model_type in FAMILY and config.dense_act_fn == activation


def names(layers: int) -> tuple[list[str], list[str], list[str]]:
    """Of the tensors for cross-attention, of those for what was written before, and of the latter as they come out."""
    both = [f"{part}.{layer}" for layer in range(layers) for part in ("keys", "values")]
    return [f"prompt.{each}" for each in both], [f"past.{each}" for each in both], [f"now.{each}" for each in both]


def write(model: Any, folder: Path, numbers: Numbers) -> None:
    """Write a torch model that `fits` into a folder: the graphs, and what distances between tokens are worth, `DISTANCES`.

    That is float32 (2, heads, 2 · furthest + 1), of reader and writer, for key less query from -furthest to furthest; beyond, nothing
    changes.
    """
    furthest = model.config.relative_attention_max_distance + 1
    worth = []
    for stack in (model.encoder, model.decoder):
        square = stack.block[0].layer[0].SelfAttention.compute_bias(furthest + 1, furthest + 1).detach().float().numpy()
        worth.append(np.concatenate([square[0, :, :0:-1, 0], square[0, :, 0]], axis=1))
    np.save(folder / DISTANCES, np.stack(worth))
    weights = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    _write_reader(weights, model.config, folder / READER, numbers)
    _write_keys(weights, model.config, folder / KEYS, numbers)
    _write_writer(weights, model.config, folder / WRITER, numbers)
    _write_scorer(weights, model.config, folder / SCORER, numbers)


def _write_reader(weights: Weights, config: Any, path: Path, numbers: Numbers) -> None:
    graph = Graph(numbers)
    heads = config.num_heads
    hidden = graph.rows(weights["shared.weight"], "ids")
    for number in range(config.num_layers):
        at = f"encoder.block.{number}.layer"
        x = graph.scaled(hidden, weights[f"{at}.0.layer_norm.weight"], config.layer_norm_epsilon)
        q, k, v = (graph.product(x, weights[f"{at}.0.SelfAttention.{part}.weight"].T) for part in "qkv")
        mixed = graph.add("MultiHeadAttention", q, k, v, "", "", "bias", fused=True, num_heads=heads, scale=1.0)
        mixed = graph.product_by_rows(mixed, weights[f"{at}.0.SelfAttention.o.weight"].T)
        hidden = graph.add("Add", hidden, mixed)
        hidden = _bend(graph, weights, f"{at}.1", hidden, config, graph.product, graph.product_by_rows)
    graph.scaled(hidden, weights["encoder.final_layer_norm.weight"], config.layer_norm_epsilon, name=STATES)
    made = {STATES: (1, "length", config.d_model)}
    graph.save(path, {"ids": (1, "length")}, made, {"bias": (1, heads, "length", "length")})


def _write_keys(weights: Weights, config: Any, path: Path, numbers: Numbers) -> None:
    graph = Graph(numbers)
    heads, size = config.num_heads, config.d_kv
    given = names(config.num_decoder_layers)[0]
    apart = graph.weight(np.array([0, -1, heads, size]))
    for place, name in enumerate(given):
        at = f"decoder.block.{place // 2}.layer.1.EncDecAttention"
        made = graph.product(STATES, weights[f"{at}.{'kv'[place % 2]}.weight"].T)
        graph.add("Transpose", graph.add("Reshape", made, apart), perm=[0, 2, 1, 3], name=name)
    shape = (1, heads, "length", size)
    graph.save(path, {}, dict.fromkeys(given, shape), {STATES: (1, "length", config.d_model)})


def _write_writer(weights: Weights, config: Any, path: Path, numbers: Numbers) -> None:
    graph = Graph(numbers)
    heads, size = config.num_heads, config.d_kv
    given, past, now = names(config.num_decoder_layers)
    hidden = graph.rows(weights["shared.weight"], "ids")
    prompts = graph.add("Shape", given[0], start=0, end=1)
    folded = graph.add("Concat", prompts, graph.weight(np.array([-1, heads * size])), axis=0)
    for number in range(config.num_decoder_layers):
        at, two = f"decoder.block.{number}.layer", slice(2 * number, 2 * number + 2)
        hidden = _look_back(graph, weights, f"{at}.0", hidden, config, past[two], now[two])
        hidden = _look_at_prompt(graph, weights, f"{at}.1", hidden, config, given[two], folded)
        hidden = _bend(graph, weights, f"{at}.2", hidden, config, graph.product_by_blocks, graph.product_by_blocks)
    _say(graph, weights, hidden, config, graph.product_by_blocks)
    graph.save(
        path,
        {"ids": ("rows", "tokens")},
        {"logprobs": ("rows", "tokens", config.vocab_size)} | dict.fromkeys(now, ("rows", heads, "seen", size)),
        {"bias": (1, heads, "tokens", "seen"), "mask": ("prompts", 1, "asking", "length")}
        | dict.fromkeys(given, ("prompts", heads, "length", size))
        | dict.fromkeys(past, ("rows", heads, "before", size)),
    )


def _write_scorer(weights: Weights, config: Any, path: Path, numbers: Numbers) -> None:
    """Its rows stand in one line, (1, rows · tokens, width), so that a product fills the matrices with them."""
    graph = Graph(numbers)
    heads, size, width = config.num_heads, config.d_kv, config.d_model
    line = graph.weight(np.array([1, -1, heads * size]))
    shape = graph.add("Shape", "ids")
    rows = graph.add("Concat", shape, graph.weight(np.array([heads * size])), axis=0)
    hidden = graph.add("Reshape", graph.rows(weights["shared.weight"], "ids"), graph.weight(np.array([1, -1, width])))
    asked = _Asked(graph, shape, heads, size, width)
    for number in range(config.num_decoder_layers):
        at = f"decoder.block.{number}.layer"
        x = graph.scaled(hidden, weights[f"{at}.0.layer_norm.weight"], config.layer_norm_epsilon)
        look = f"{at}.0.SelfAttention"
        q, k, v = (
            graph.add("Reshape", graph.product_apart(x, weights[f"{look}.{part}.weight"].T), rows) for part in "qkv"
        )
        mixed = graph.add("MultiHeadAttention", q, k, v, "", "", "bias", fused=True, num_heads=heads, scale=1.0)
        mixed = graph.add("Reshape", mixed, line)
        hidden = graph.add("Add", hidden, graph.product_apart(mixed, weights[f"{look}.o.weight"].T))
        hidden = asked.look(weights, f"{at}.1", hidden, config)
        hidden = _bend(graph, weights, f"{at}.2", hidden, config, graph.product_apart, graph.product_apart)
    _say(graph, weights, hidden, config, graph.product_apart)
    graph.save(
        path,
        {"ids": ("rows", "tokens")},
        {"logprobs": (1, "line", config.vocab_size)},
        {"bias": (1, heads, "tokens", "tokens"), "mask": ("rows", 1, "length"), STATES: ("rows", "length", width)},
    )


class _Asked:
    """The scorer's attention to prompts, without keys and values: an answer is shorter than its prompt, so that what asks is turned into
    what states are compared with, and what is found among states into a value."""

    def __init__(self, graph: Graph, shape: str, heads: int, size: int, width: int) -> None:
        """shape: of the tokens, (rows, tokens)."""

        def shaped(*parts: str | int) -> str:
            return graph.add(
                "Concat", *(p if isinstance(p, str) else graph.weight(np.array([p])) for p in parts), axis=0
            )

        count, tokens = (graph.add("Shape", "ids", start=n, end=n + 1) for n in range(2))
        self._graph, self._heads, self._size, self._width = graph, heads, size, width
        self._split, self._line = shaped(shape, heads, size), shaped(1, -1, heads * size)
        self._by_head, self._apart = shaped(heads, -1, size), shaped(heads, count, tokens, width)
        self._together, self._back = shaped(count, -1, width), shaped(count, heads, tokens, width)
        self._found = shaped(heads, -1, width)
        self._turned = graph.add("Transpose", STATES, perm=[0, 2, 1])

    def look(self, weights: Weights, at: str, hidden: str, config: Any) -> str:
        """`hidden` with what a layer finds in the prompts."""
        graph, look = self._graph, f"{at}.EncDecAttention"
        x = graph.scaled(hidden, weights[f"{at}.layer_norm.weight"], config.layer_norm_epsilon)
        q = graph.add("Reshape", graph.product_apart(x, weights[f"{look}.q.weight"].T), self._split)
        q = graph.add("Reshape", graph.add("Transpose", q, perm=[2, 0, 1, 3]), self._by_head)
        keys, values = (weights[f"{look}.{part}.weight"].reshape(self._heads, self._size, self._width) for part in "kv")
        q = graph.add("Reshape", graph.add("MatMul", q, graph.weight(keys)), self._apart)
        q = graph.add("Reshape", graph.add("Transpose", q, perm=[1, 0, 2, 3]), self._together)
        share = graph.add("Softmax", graph.add("Add", graph.add("MatMul", q, self._turned), "mask"), axis=-1)
        found = graph.add("Reshape", graph.add("MatMul", share, STATES), self._back)
        found = graph.add("Reshape", graph.add("Transpose", found, perm=[1, 0, 2, 3]), self._found)
        mixed = graph.add("MatMul", found, graph.weight(values.transpose(0, 2, 1)))
        mixed = graph.add("Reshape", graph.add("Transpose", mixed, perm=[1, 0, 2]), self._line)
        return graph.add("Add", hidden, graph.product_apart(mixed, weights[f"{look}.o.weight"].T))


def _look_back(
    graph: Graph, weights: Weights, at: str, hidden: str, config: Any, past: list[str], now: list[str]
) -> str:
    """Attention to what was written."""
    x = graph.scaled(hidden, weights[f"{at}.layer_norm.weight"], config.layer_norm_epsilon)
    q, k, v = (graph.product_by_blocks(x, weights[f"{at}.SelfAttention.{part}.weight"].T) for part in "qkv")
    mixed = f"{at}.mixed"
    graph.add_several(
        "MultiHeadAttention",
        [q, k, v, "", "", "bias", *past],
        [mixed, *now],
        num_heads=config.num_heads,
        scale=1.0,
    )
    return graph.add("Add", hidden, graph.product_by_blocks(mixed, weights[f"{at}.SelfAttention.o.weight"].T))


def _look_at_prompt(
    graph: Graph, weights: Weights, at: str, hidden: str, config: Any, given: list[str], folded: str
) -> str:
    """Attention to the prompt. folded: the shape in which rows of one prompt follow each other, so that it is not repeated for each."""
    x = graph.scaled(hidden, weights[f"{at}.layer_norm.weight"], config.layer_norm_epsilon)
    q = graph.product_by_blocks(x, weights[f"{at}.EncDecAttention.q.weight"].T)
    q = graph.add("Reshape", q, folded)
    mixed = graph.add(
        "MultiHeadAttention", q, *given, "", "", "mask", fused=True, num_heads=config.num_heads, scale=1.0
    )
    made = graph.product_by_blocks(mixed, weights[f"{at}.EncDecAttention.o.weight"].T)
    return graph.add("Add", hidden, graph.add("Reshape", made, graph.add("Shape", hidden)))


def _bend(graph: Graph, weights: Weights, at: str, hidden: str, config: Any, times: Product, last: Product) -> str:
    """The layers between attentions. times, last: how what comes in is multiplied, and what goes out."""
    x = graph.scaled(hidden, weights[f"{at}.layer_norm.weight"], config.layer_norm_epsilon)
    inner = f"{at}.DenseReluDense"
    if config.is_gated_act:
        bent = graph.add("FastGelu", times(x, weights[f"{inner}.wi_0.weight"].T), fused=True)
        bent = graph.add("Mul", bent, times(x, weights[f"{inner}.wi_1.weight"].T))
    else:
        bent = graph.add("Relu", times(x, weights[f"{inner}.wi.weight"].T))
    return graph.add("Add", hidden, last(bent, weights[f"{inner}.wo.weight"].T))


def _say(graph: Graph, weights: Weights, hidden: str, config: Any, times: Product) -> None:
    """Log-probabilities of what follows."""
    last = graph.scaled(hidden, weights["decoder.final_layer_norm.weight"], config.layer_norm_epsilon)
    if getattr(config, "scale_decoder_outputs", False):
        last = graph.add("Mul", last, graph.weight(np.array(config.d_model**-0.5, np.float32)))
    graph.add("LogSoftmax", times(last, weights["lm_head.weight"].T), axis=-1, name="logprobs")

"""T5, FLAN-T5 and mT5 out of ONNX Runtime's fused operators, in two graphs: one reads a prompt, the other writes.

The reader gives what the writer's cross-attention looks at, keys and values of every layer; the writer takes them, the keys and values of
the tokens it read before, and tokens, and gives log-probabilities of what follows. Neither knows of positions or masks: they come as
numbers that are added to the attention's logits (`onnx_decoder`). Prompts are read one at a time; a writer's rows do not see each other.
"""

from pathlib import Path
from typing import Any

import numpy as np

from backends.local.research.engines import Numbers
from backends.local.research.onnx_graph import FloatArray, Graph

READER, WRITER, DISTANCES = "reader.onnx", "writer.onnx", "distances.npy"

FAMILY = ("t5", "mt5")
GATED, PLAIN = "gelu_new", "relu"

Weights = dict[str, FloatArray]


def fits(config: Any) -> bool:
    """Whether a model of this configuration can be written."""
    activation = GATED if config.is_gated_act else PLAIN
    return config.model_type in FAMILY and config.dense_act_fn == activation


def names(layers: int) -> tuple[list[str], list[str], list[str]]:
    """Of the tensors for cross-attention, of those for what was written before, and of the latter as they come out."""
    both = [f"{part}.{layer}" for layer in range(layers) for part in ("keys", "values")]
    return [f"prompt.{each}" for each in both], [f"past.{each}" for each in both], [f"now.{each}" for each in both]


def write(model: Any, folder: Path, numbers: Numbers) -> None:
    """Write a torch model that `fits` into a folder: both graphs, and what distances between tokens are worth, `DISTANCES`.

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
    _write_writer(weights, model.config, folder / WRITER, numbers)


def _write_reader(weights: Weights, config: Any, path: Path, numbers: Numbers) -> None:
    graph = Graph(numbers)
    heads, size = config.num_heads, config.d_kv
    hidden = graph.rows(weights["shared.weight"], "ids")
    for number in range(config.num_layers):
        at = f"encoder.block.{number}.layer"
        x = graph.scaled(hidden, weights[f"{at}.0.layer_norm.weight"], config.layer_norm_epsilon)
        q, k, v = (graph.product(x, weights[f"{at}.0.SelfAttention.{part}.weight"].T) for part in "qkv")
        mixed = graph.add("MultiHeadAttention", q, k, v, "", "", "bias", fused=True, num_heads=heads, scale=1.0)
        mixed = graph.product_by_rows(mixed, weights[f"{at}.0.SelfAttention.o.weight"].T)
        hidden = graph.add("Add", hidden, mixed)
        hidden = _bend(graph, weights, f"{at}.1", hidden, config, few=False)
    states = graph.scaled(hidden, weights["encoder.final_layer_norm.weight"], config.layer_norm_epsilon)
    given = names(config.num_decoder_layers)[0]
    apart = graph.weight(np.array([0, -1, heads, size]))
    for place, name in enumerate(given):
        at = f"decoder.block.{place // 2}.layer.1.EncDecAttention"
        made = graph.product(states, weights[f"{at}.{'kv'[place % 2]}.weight"].T)
        graph.add("Transpose", graph.add("Reshape", made, apart), perm=[0, 2, 1, 3], name=name)
    shape = (1, heads, "length", size)
    graph.save(path, {"ids": (1, "length")}, dict.fromkeys(given, shape), {"bias": (1, heads, "length", "length")})


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
        hidden = _bend(graph, weights, f"{at}.2", hidden, config, few=True)
    last = graph.scaled(hidden, weights["decoder.final_layer_norm.weight"], config.layer_norm_epsilon)
    if getattr(config, "scale_decoder_outputs", False):
        last = graph.add("Mul", last, graph.weight(np.array(config.d_model**-0.5, np.float32)))
    logits = graph.product_by_blocks(last, weights["lm_head.weight"].T)
    graph.add("LogSoftmax", logits, axis=-1, name="logprobs")
    graph.save(
        path,
        {"ids": ("rows", "tokens")},
        {"logprobs": ("rows", "tokens", config.vocab_size)} | dict.fromkeys(now, ("rows", heads, "seen", size)),
        {"bias": (1, heads, "tokens", "seen"), "mask": ("prompts", 1, "asking", "length")}
        | dict.fromkeys(given, ("prompts", heads, "length", size))
        | dict.fromkeys(past, ("rows", heads, "before", size)),
    )


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


def _bend(graph: Graph, weights: Weights, at: str, hidden: str, config: Any, *, few: bool) -> str:
    """The layers between attentions. few: of few rows, so that reading weights is what takes time."""
    x = graph.scaled(hidden, weights[f"{at}.layer_norm.weight"], config.layer_norm_epsilon)
    times, last = (graph.product_by_blocks, graph.product_by_blocks) if few else (graph.product, graph.product_by_rows)
    inner = f"{at}.DenseReluDense"
    if config.is_gated_act:
        bent = graph.add("FastGelu", times(x, weights[f"{inner}.wi_0.weight"].T), fused=True)
        bent = graph.add("Mul", bent, times(x, weights[f"{inner}.wi_1.weight"].T))
    else:
        bent = graph.add("Relu", times(x, weights[f"{inner}.wi.weight"].T))
    return graph.add("Add", hidden, last(bent, weights[f"{inner}.wo.weight"].T))

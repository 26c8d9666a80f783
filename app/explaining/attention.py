"""The picture of a generator's attention, in words, rows and files: for the page and for a terminal."""

import textwrap
from typing import Any

import numpy as np

from app.explaining.words import nats
from app.kit.numbers import count, fixed, three_figures
from app.kit.plain import WIDTH, one_line, pair_lines, printable, shortened
from app.kit.wording import listed
from explain.attention import FEWEST_COMPARED, Agreement, Picture, compare
from explain.explained import Explained
from metrics.spreadsheet import csv_text

EVIDENCE = "diagnostic, not evidence"
"""What attention is; said wherever it is shown."""

TOKEN_WIDTH = 24
"""Characters of a token in a list."""

STRONGEST = 3
"""Tokens that a line of the terminal names for each layer or head."""

IN_TERMINAL = 15
"""Tokens of the terminal's table."""

MOSTLY_ALIKE = 0.7
"""Rank correlation from which on two rankings are called mostly alike."""

NOTE = (
    "Diagnostic, not evidence: attention says where the model looked, not what it used. Reliance is what counts: how much less "
    "probable the answer is with that one token taken out of the prompt. Do not believe a reliance near 0 where two tokens say the "
    "same: without either alone nothing is lost. A piece of a word taken out leaves a word that nobody wrote. The interval resamples "
    "tokens as if each stood for itself, which pieces of a word do not: it is too narrow."
)
"""What the figures mean, and when they are not to be believed."""


def token_text(text: str) -> str:
    """A context token as it is shown: white space alone can be seen, markup and control characters are text."""
    shown = printable(text).strip()
    return shortened(shown, TOKEN_WIDTH) if shown else "⏎" if "\n" in text else "␣"


def token_name(found: Explained, picture: Picture, place: int) -> str:
    """A context token with the rank of its chunk: "1 · Paris"."""
    return f"{found.chunks[picture.seen.owners[place]].rank} · {token_text(picture.seen.context_tokens[place])}"


def reliance_name(picture: Picture) -> str:
    """What stands beside attention: what was measured, or the sensitivity that stands in for it."""
    return "Reliance" if picture.complete else "Gradient × input"


def which_words(picture: Picture, layer: int | None, head: int | None) -> str:
    """Which attention is meant: "layer 2, head 1", "the mean of all layers and heads"."""
    if layer is None and head is None:
        return f"mean of {count(picture.layers, 'layer')} with {count(picture.heads, 'head')} each"
    of_layers = f"mean of {count(picture.layers, 'layer')}" if layer is None else f"layer {layer + 1}"
    of_heads = f"mean of {count(picture.heads, 'head')}" if head is None else f"head {head + 1}"
    return f"{of_layers}, {of_heads}"


def percent(share: float) -> str:
    """A share with three figures: "12.3 %"."""
    return f"{three_figures(share * 100)} %"


def picture_title(picture: Picture, layer: int | None = None, head: int | None = None) -> str:
    """What is seen, as a sentence: how far attention and reliance agree, and where they part."""
    found = compare(picture, layer, head)
    other = "reliance" if picture.complete else "gradient × input"
    parts = [_agreement_words(picture, found, other)]
    if found.only_attended:
        named = listed([_named(picture, place, layer, head) for place in found.only_attended])
        parts.append(f"Looked at, yet of little {_effect(picture)}: {named}.")
    if found.only_relied_on:
        named = listed([_named(picture, place, layer, head) for place in found.only_relied_on])
        parts.append(f"Of much {_effect(picture)}, yet hardly looked at: {named}.")
    return " ".join(parts)


def _effect(picture: Picture) -> str:
    return "effect" if picture.complete else "sensitivity"


def _agreement_words(picture: Picture, found: Agreement, other: str) -> str:
    everything = len(picture.seen.context_tokens)
    over = (
        f"all {found.tokens} tokens"
        if found.tokens == everything
        else f"{found.tokens} of {everything:,} tokens, drawn at random"
    )
    if found.correlation is None or found.low is None or found.high is None:
        few = (
            f"{count(everything, 'token')} are too few"
            if everything < FEWEST_COMPARED
            else "one of them is the same everywhere"
        )
        return f"Whether attention and {other} agree cannot be said: {few}."
    figures = (
        f"rank correlation {fixed(found.correlation)}, 90 % interval {fixed(found.low)} to {fixed(found.high)}, {over}"
    )
    if found.low <= 0 <= found.high:
        return f"Attention does not tell which tokens matter by {other} ({figures})."
    if found.correlation < 0:
        return f"Attention ranks tokens the other way round than {other} ({figures})."
    how = "mostly alike" if found.low >= MOSTLY_ALIKE else "alike only in part"
    return f"Attention and {other} rank tokens {how} ({figures})."


def _named(picture: Picture, place: int, layer: int | None, head: int | None) -> str:
    attention = float(picture.attention(layer, head)[:, place].mean())
    text = token_text(picture.seen.context_tokens[place])
    return f"“{text}” ({percent(attention)}, {nats(float(picture.reliance_nats[place]))} nats)"


def coverage_words(picture: Picture, layer: int | None = None, head: int | None = None) -> str:
    """What the picture shows of everything, and what is left out of it."""
    seen, everything = picture.seen, len(picture.seen.context_tokens)
    shown = len(picture.shown)
    other, own = picture.elsewhere(layer, head)
    long = (
        f"The prompt is long: shown are {shown} of {everything:,} tokens, those with most attention (mean of all heads) and those with "
        f"most gradient × input. They hold {percent(picture.shown_share(layer, head))} of the attention to chunks."
    )
    parts = [f"All {shown} tokens of the chunks are shown." if shown == everything else long]
    ends = f", and {percent(own)} on the answer's own earlier tokens" if seen.attention_kind == "self" else ""
    parts.append(f"{percent(other)} of the attention lies on the question and the rest of the prompt{ends}.")
    if seen.whole_answer > len(seen.answer_tokens):
        first = f"the first {len(seen.answer_tokens)} of the answer's {seen.whole_answer} tokens"
        parts.append(f"Only {first} are looked at: more would not fit in memory.")
    return " ".join(parts)


def reliance_words(picture: Picture) -> str:
    """How reliance was taken, or why it was not."""
    if picture.complete:
        return f"{count(len(picture.removed_nats), 'token')} of the context were taken out, one at a time; nats, exact."
    done, whole = len(picture.removed_nats), len(picture.to_measure)
    why = f" {picture.problem}" if picture.problem else ""
    return (
        f"{done} of {whole} tokens were taken out so far.{why} Until all were, gradient × input stands in: a local sensitivity, in "
        "nats, which was not measured by taking anything away."
    )


HEADS = ("Context token", "Attention", "Reliance, nats", "Most attended to from")
"""The table's columns; the third is gradient × input where reliance was not measured."""


def picture_heads(picture: Picture) -> tuple[str, ...]:
    """The table's columns."""
    return (HEADS[0], HEADS[1], HEADS[2] if picture.complete else "Gradient × input, nats", HEADS[3])


def picture_rows(
    found: Explained, picture: Picture, layer: int | None = None, head: int | None = None
) -> list[tuple[str, ...]]:
    """A row for each token that is shown, most attention first; attention is the mean over the answer's tokens."""
    table = picture.attention(layer, head)
    means = table.mean(axis=0)
    rows: list[tuple[str, ...]] = []
    for place in sorted(picture.shown, key=lambda place: -means[place]):
        answer = picture.seen.answer_tokens[int(table[:, place].argmax())]
        rows.append(
            (
                token_name(found, picture, place),
                percent(float(means[place])),
                nats(float(picture.reliance_nats[place])),
                token_text(answer),
            )
        )
    return rows


def picture_csv(found: Explained, picture: Picture, layer: int | None = None, head: int | None = None) -> str:
    """Every token of the context, shown or not: attention from each of the answer's tokens, and reliance where it is known."""
    seen = picture.seen
    answer = [f"from {place + 1}. {text.strip()}" for place, text in enumerate(seen.answer_tokens)]
    heads = ["place", "chunk", "token", "shown", "attention", "reliance_nats", "gradient_input_nats", *answer]
    table, rows = picture.attention(layer, head), []
    for place, text in enumerate(seen.context_tokens):
        lost = picture.removed_nats.get(place)
        rows.append(
            [
                place + 1,
                found.chunks[seen.owners[place]].rank,
                text,
                int(place in picture.shown),
                _six_figures(table[:, place].mean()),
                None if lost is None else _six_figures(lost.sum()),
                _six_figures(seen.gradient_input[place]),
                *map(_six_figures, table[:, place]),
            ]
        )
    return csv_text(heads, rows)


def _six_figures(value: float) -> float:
    return float(f"{value:.6g}")


def picture_text(found: Explained, picture: Picture, layer: int | None = None, head: int | None = None) -> str:
    """The picture for a terminal: the sentence, the strongest tokens of each layer or head, and the tokens beside their reliance."""
    lines = [f"Attention ({EVIDENCE}), {which_words(picture, layer, head)}"]
    lines.append(textwrap.fill(picture_title(picture, layer, head), WIDTH))
    lines += ["", *pair_lines([(name, _strongest(picture, *chosen)) for name, chosen in _parts(picture, layer, head)])]
    rows = [picture_heads(picture), *picture_rows(found, picture, layer, head)[:IN_TERMINAL]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines += [
        "",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
    ]
    said = (coverage_words(picture, layer, head), reliance_words(picture), NOTE)
    return "\n".join([*lines, "", *(textwrap.fill(words, WIDTH) for words in said)])


def _parts(picture: Picture, layer: int | None, head: int | None) -> list[tuple[str, tuple[int | None, int | None]]]:
    """What is listed below the sentence: each layer, the heads of the chosen one, or only the chosen head."""
    if layer is None:
        return [(f"Layer {each + 1}", (each, head)) for each in range(picture.layers)]
    heads = range(picture.heads) if head is None else [head]
    return [(f"Layer {layer + 1}, head {each + 1}", (layer, each)) for each in heads]


def _strongest(picture: Picture, layer: int | None, head: int | None) -> str:
    means = picture.attention(layer, head).mean(axis=0)
    return ", ".join(
        f"{token_text(picture.seen.context_tokens[place])} {percent(float(means[place]))}"
        for place in picture.strongest(STRONGEST, layer, head)
    )


def picture_to_dict(picture: Picture, layer: int | None = None, head: int | None = None) -> dict[str, Any]:
    """JSON-ready: one layer and head of the picture, with all that is worked out from it."""
    seen, agreement = picture.seen, compare(picture, layer, head)
    reliance = [None if np.isnan(value) else value for value in picture.reliance_nats.tolist()]
    return {
        "evidence": EVIDENCE,
        "sentence": one_line(picture_title(picture, layer, head)),
        "kind": seen.attention_kind,
        "layers": picture.layers,
        "heads": picture.heads,
        "layer": None if layer is None else layer + 1,
        "head": None if head is None else head + 1,
        "answer_tokens": list(seen.answer_tokens),
        "context_tokens": list(seen.context_tokens),
        "chunk_of_token": list(seen.owners),
        "attention": np.round(picture.attention(layer, head), 6).tolist(),
        "reliance_nats": reliance if picture.complete else None,
        "gradient_input_nats": np.asarray(seen.gradient_input, np.float64).tolist(),
        "shown": list(picture.shown),
        "compared": list(picture.compared),
        "rank_correlation": agreement.correlation,
        "rank_correlation_interval": [agreement.low, agreement.high],
        "problem": picture.problem,
    }

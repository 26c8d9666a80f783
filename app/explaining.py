"""An explanation in words and figures: for a terminal, and for the Explain page to draw."""

import textwrap
from collections.abc import Sequence
from math import exp

from app.report import WIDTH, one_line, printable, shortened
from app.wording import listed, three_figures
from explain.explanation import MOSTLY, NOT_ATTRIBUTABLE_NATS, Explanation
from pipeline.types import Chunk

LARGEST_NATS = 13.8155
"""ln 1,000,000: what is more is said as "more than a million times"."""

BAR = 24
"""Characters of the longest bar."""


def nats(value: float) -> str:
    """A difference of log-probabilities with its sign: "+6.91"; "0" for none."""
    shown = three_figures(abs(value))
    return shown if shown == "0" else f"{'−' if value < 0 else '+'}{shown}"


def spoken_tokens(answer: str, tokens: Sequence[str]) -> list[str]:
    """The tokens with the white space that stands before each in the answer; as they are where they do not make it up."""
    found, end = [], 0
    for token in tokens:
        start = answer.find(token.strip(), end)
        if start < 0 or answer[end:start].strip():
            return list(tokens)
        found.append(answer[end:start] + token.strip())
        end = start + len(token.strip())
    return found


def token_levels(found: Explanation) -> list[tuple[str, float, str]]:
    """For each token of the answer: its text, its reliance as a share of the largest, in [-1, 1], and the reliance in words."""
    values = found.token_reliance_nats
    most = max(float(abs(values).max(initial=0.0)), NOT_ATTRIBUTABLE_NATS)
    texts = spoken_tokens(found.answer, found.lattice.tokens)
    return [
        (text, float(value) / most, f"{nats(float(value))} nats") for text, value in zip(texts, values, strict=True)
    ]


def probable(value_nats: float) -> str:
    """What a difference of log-probabilities comes to: "874,000 times as probable", or "0.373 times as probable"."""
    if abs(value_nats) > LARGEST_NATS:
        return "more than a million times as probable" if value_nats > 0 else "less than a millionth as probable"
    return f"{three_figures(exp(value_nats))} times as probable"


def attributed_chunks(found: Explanation) -> list[tuple[Chunk, str]]:
    """The chunks in the explanation's order, each with its Shapley value and leave-one-out in words."""
    return [
        (
            found.chunks[i],
            f"Shapley {nats(float(found.shapley_nats[i]))} · left out {nats(float(found.leave_one_out_nats[i]))} nats",
        )
        for i in found.order
    ]


def colour_limit_nats(found: Explanation) -> float:
    """Interaction that gets the deepest colour: the largest, but no less than a tenth of the reliance, lest noise look strong."""
    largest = float(abs(found.interactions_nats).max(initial=0.0))
    return max(largest, abs(found.reliance_nats) / 10, NOT_ATTRIBUTABLE_NATS)


def pairs_title(found: Explanation) -> str:
    """Which pair of chunks stands out, for a chart's title."""
    table = found.interactions_nats
    one, other = divmod(int(abs(table).argmax()), len(table))
    if abs(float(table[one, other])) < NOT_ATTRIBUTABLE_NATS:
        return "No two chunks depend on each other"
    share = float(found.dependence[one, other])
    names = listed([str(found.chunks[i].rank) for i in sorted((one, other))])
    if abs(share) >= MOSTLY:
        return f"Chunks {names} {'need each other' if share > 0 else 'do the same work'}"
    return f"Chunks {names} {'help each other' if share > 0 else 'overlap'} a little"


def level_text(value: float) -> str:
    """A log-probability: "−13.8"."""
    return f"{'−' if value < 0 else ''}{three_figures(abs(value))}"


def belief(found: Explanation) -> list[str]:
    """Whether the explanation can be believed, a sentence each; empty until all subsets are scored."""
    if not found.complete:
        return []
    score = found.datamodeling_score
    lines = [
        "Linear datamodeling score: not defined, since no subset changes the answer."
        if score is None
        else f"Linear datamodeling score {score:.2f}: how well the Shapley values predict the order of all subsets, from −1 to 1 (exactly)."
    ]
    for top, drop, chance in found.drops_nats:
        which, any_one = ("the first chunk", "any one") if top == 1 else (f"the first {top} chunks", f"any {top}")
        lines.append(
            f"Without {which} the answer changes by {nats(-drop)} nats; without {any_one}, on average, by {nats(-chance)}."
        )
    return lines


def explanation_text(found: Explanation) -> str:
    """The sentence, the chunks by what they did, the answer's tokens by how much they rely on them, and whether to believe it."""
    lines = [
        *textwrap.wrap(printable(found.sentence), WIDTH),
        "",
        *textwrap.wrap(f"Answer: {one_line(found.answer)}", WIDTH),
        "",
        f"Reliance: {nats(found.reliance_nats)} nats; with all chunks the answer is {probable(found.reliance_nats)} as without any.",
        "",
        *(_chunks(found) if found.complete else ["Not all subsets were scored, so no chunk can be credited yet."]),
        "",
        *_tokens(found),
    ]
    if found.complete:
        lines += ["", "Can this be believed?", *(f"  {line}" for line in belief(found))]
    return "\n".join(lines)


def _chunks(found: Explanation) -> list[str]:
    most = max((abs(value) for value in found.shapley_nats), default=0.0) or 1.0
    lines = ["Shapley  leave-one-out   chunk"]
    for i in found.order:
        value = float(found.shapley_nats[i])
        bar = "█" * round(abs(value) / most * BAR)
        text = shortened(f"{found.chunks[i].rank}. {one_line(found.chunks[i].title)}", WIDTH - 34 - len(bar))
        lines.append(f"{nats(value):>7}  {nats(float(found.leave_one_out_nats[i])):>13}   {text} {bar}".rstrip())
    return lines


def _tokens(found: Explanation) -> list[str]:
    lines = ["Reliance of each token, nats"]
    for token, value in zip(found.lattice.tokens, found.token_reliance_nats, strict=True):
        lines.append(f"{nats(float(value)):>7}  {shortened(one_line(token), WIDTH - 9)}")
    return lines

"""An explanation as plain text for a terminal."""

import textwrap

from app.explaining.belief import belief
from app.explaining.words import bars, chunk_name, explained_with, nats, reliance_words
from app.kit.plain import WIDTH, one_line, printable, shortened
from explain.explained import Explained
from explain.explanation import Explanation
from explain.sampled import SampledExplanation

BAR = 24
"""Characters of the longest bar."""


def explanation_text(found: Explained) -> str:
    """The sentence, the chunks by what they did, the answer's tokens by how much they rely on them, and whether to believe it."""
    judged = belief(found)
    lines = [
        *textwrap.wrap(printable(found.sentence), WIDTH),
        *([] if judged is None else textwrap.wrap(printable(f"{judged.headline} {judged.why}"), WIDTH)),
        *(line for said in explained_with(found) for line in textwrap.wrap(printable(said), WIDTH)),
        "",
        *textwrap.wrap(f"Answer: {one_line(found.answer)}", WIDTH),
        "",
        *textwrap.wrap(reliance_words(found), WIDTH),
        "",
        *(_sources(found) if found.complete else ["Not all subsets were scored, so no chunk can be credited yet."]),
        "",
        *_tokens(found),
    ]
    if judged is not None:
        lines += ["", "Details", *(f"  {line}" for said in judged.details for line in textwrap.wrap(said, WIDTH - 2))]
    return "\n".join(lines)


def _sources(found: Explained) -> list[str]:
    if isinstance(found, Explanation):
        return _chunks(found)
    shown = bars(found)
    most = max((abs(bar.nats) for bar in shown), default=0.0) or 1.0
    lines = [f"Weight, 90 % interval, {found.unit if isinstance(found, SampledExplanation) else 'chunk'}"]
    for bar in shown:
        drawn = "█" * round(abs(bar.nats) / most * BAR)
        lines.append(f"{bar.words:>26}   {shortened(bar.name, WIDTH - 31 - len(drawn))} {drawn}".rstrip())
    if len(found.sources) > len(shown):
        lines.append(f"{len(found.sources) - len(shown)} more did less.")
    return lines


def _chunks(found: Explanation) -> list[str]:
    most = max((abs(value) for value in found.shapley_nats), default=0.0) or 1.0
    lines = ["Shapley  leave-one-out   chunk"]
    for i in found.order:
        value = float(found.shapley_nats[i])
        bar = "█" * round(abs(value) / most * BAR)
        text = shortened(f"{found.chunks[i].rank}. {chunk_name(found.chunks[i])}", WIDTH - 34 - len(bar))
        lines.append(f"{nats(value):>7}  {nats(float(found.leave_one_out_nats[i])):>13}   {text} {bar}".rstrip())
    return lines


def _tokens(found: Explained) -> list[str]:
    lines = ["Reliance of each token, nats"]
    for token, value in zip(found.tokens, found.token_reliance_nats, strict=True):
        lines.append(f"{nats(float(value)):>7}  {shortened(one_line(token), WIDTH - 9)}")
    return lines

"""An explanation as text for a terminal."""

import textwrap

from app.report import WIDTH, one_line, printable, shortened
from app.wording import three_figures
from explain.explanation import Explanation

BAR = 24
"""Characters of the longest bar."""


def nats(value: float) -> str:
    """A difference of log-probabilities with its sign: "+6.91"."""
    return f"{'−' if value < 0 else '+'}{three_figures(abs(value))}"


def explanation_text(found: Explanation) -> str:
    """The sentence, the chunks by what they did, the answer's tokens by how much they rely on them, and whether to believe it."""
    lines = [
        *textwrap.wrap(printable(found.sentence), WIDTH),
        "",
        *textwrap.wrap(f"Answer: {one_line(found.answer)}", WIDTH),
        "",
        f"Reliance: {nats(found.reliance_nats)} nats, what all chunks together did for the answer's log-probability.",
        "",
        *(_chunks(found) if found.complete else ["Not all subsets were scored, so no chunk can be credited yet."]),
        "",
        *_tokens(found),
    ]
    if found.complete:
        lines += ["", *_faithfulness(found)]
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


def _faithfulness(found: Explanation) -> list[str]:
    score = found.datamodeling_score
    lines = [
        "Can this be believed?",
        "  LDS: not defined, since no subset changes the answer"
        if score is None
        else f"  LDS {score:.2f}: how well the values predict the order of all subsets (1 is exactly)",
    ]
    for top, drop, chance in found.drops_nats:
        lines.append(f"  Without the best {top}: {nats(-drop)} nats; without {top} at random: {nats(-chance)} nats")
    return lines

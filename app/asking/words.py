"""Saved prompts as plain text for a shell."""

from collections.abc import Sequence

from app.kit.plain import WIDTH, one_line, printable, shortened
from app.kit.wording import when
from metrics.prompts import SavedPrompt


def prompts_text(found: Sequence[SavedPrompt]) -> str:
    """A line for each version, by name, the newest first."""
    if not found:
        return "No prompt is saved. `raglass prompt save NAME FILE` saves one."
    rows = [("version", "no.", "saved", "text")]
    for each in found:
        rows.append(
            (
                each.prompt.version,
                str(each.number),
                when(each.saved_at),
                shortened(one_line(each.prompt.text), WIDTH // 2),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return printable("\n".join(lines))

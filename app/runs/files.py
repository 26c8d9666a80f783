"""What can be taken away of a run: its answers as CSV, its figures as JSON and Markdown, and a report to read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from app.kit.costs import Spent
from app.runs.report import run_html
from app.runs.rows import run_markdown, scores_csv
from app.runs.words import summaries_to_dict
from evaluation.scoring import Scored
from evaluation.summary import Summary
from metrics.runs import StoredRun


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Texts of files."""

    csv: str
    """Every answer, a row each."""
    json: str
    """Every figure, in all and by type."""
    markdown: str
    """The same as tables."""
    html: str
    """One page, for whoever has no Raglass."""


def write_files(run: StoredRun, summaries: Sequence[Summary], scores: Sequence[Scored], spent: Spent) -> RunFiles:
    """All of them."""
    return RunFiles(
        scores_csv(scores),
        json.dumps(summaries_to_dict(run, summaries, spent), indent=1),
        run_markdown(run, summaries),
        run_html(run, summaries, scores, spent),
    )

"""How far indexing is, and how it ended, as plain text."""

from typing import TYPE_CHECKING

from app.kit.plain import printable
from app.kit.wording import count, rough_time, three_figures

if TYPE_CHECKING:
    from app.documents.indexing import JobState

STEPS = {
    "cut": "Documents cut into chunks",
    "embed": "Chunks and sentences with a vector",
    "index": "Vectors in the index",
    "write": "Files written",
}
"""What is counted in each step of a build."""


def progress_text(state: "JobState") -> str:
    """One line on a running job."""
    return printable(_progress(state))


def _progress(state: "JobState") -> str:
    if state.phase == "reading":
        return (
            f"Reading file {state.files_done + 1} of {state.files_total}: {state.file}"
            if state.files_total
            else "Reading …"
        )
    progress = state.progress
    if progress is None:
        return "Indexing …"
    left = "" if progress.remaining_s is None else f", about {rough_time(progress.remaining_s)} left"
    return f"{STEPS[progress.step]}: {progress.done:,} of {progress.total:,}{left}"


def index_text(state: "JobState", passed_over: int = 0) -> str:
    """How an indexing job ended."""
    outcome = state.outcome
    lines = []
    if state.files_total:
        lines.append(
            f"{count(outcome.added, 'document')} added, {outcome.replaced:,} replaced, {outcome.unchanged:,} unchanged, "
            f"{len(outcome.errors):,} failed"
        )
    if passed_over:
        lines.append(f"{count(passed_over, 'file')} passed over: hidden, or of a kind that is not read")
    if state.phase == "stopped":
        lines.append("Stopped. The previous index is in place; run `raglass index` to go on from here.")
    if state.manifest is not None:
        found = state.manifest
        tuning = f", effort {found.tuning.effort}, recall@10 {found.tuning.recall:.3f}" if found.tuning else ""
        lines.append(
            f"The index holds {count(found.chunks, 'chunk')} of {count(found.documents, 'document')} "
            f"({found.duplicates:,} duplicates left out), {found.kind} search{tuning}; "
            + (f"built in {three_figures(found.build_s)} s" if state.built else "it was up to date")
        )
    return "\n".join(lines)

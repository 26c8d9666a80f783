"""Indexing in words."""

from app.documents.indexing import Added, JobState
from app.documents.words import index_text, progress_text
from backends.local.build import Progress


def test_file_name_does_not_act_on_the_terminal() -> None:
    assert "\x1b" not in progress_text(JobState(file="\x1b[31mred", files_total=1))


def test_progress_tells_the_step_and_what_is_left() -> None:
    assert progress_text(JobState(file="a.txt", files_done=1, files_total=3)) == "Reading file 2 of 3: a.txt"
    state = JobState(phase="indexing", progress=Progress("embed", 1_000, 2_000, 65.0))
    assert progress_text(state) == "Chunks and sentences with a vector: 1,000 of 2,000, about 60 s left"
    assert progress_text(JobState(phase="indexing")) == "Indexing …"
    assert progress_text(JobState()) == "Reading …"


def test_outcome_counts_what_became_of_the_files() -> None:
    outcome = Added(added=2, replaced=1, unchanged=3, errors=[("x", "broken")])
    text = index_text(JobState(phase="stopped", files_total=7, outcome=outcome), passed_over=1)
    assert text.splitlines() == [
        "2 documents added, 1 replaced, 3 unchanged, 1 failed",
        "1 file passed over: hidden, or of a kind that is not read",
        "Stopped. The previous index is in place; run `raglass index` to go on from here.",
    ]

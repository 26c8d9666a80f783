"""Indexing in words."""

from pathlib import Path
from time import monotonic

import pytest

from app.documents.estimate import Estimate
from app.documents.job import JobState
from app.documents.outcome import Changed, Missing, Outcome
from app.documents.words import (
    clash_words,
    estimate_sentence,
    index_text,
    missing_words,
    named_message,
    passed_over_lines,
    progress_text,
    short,
    there_words,
)
from backends.local.build import Progress
from backends.local.documents import GUESSED, DocumentSummary, PassedOver


def test_file_name_does_not_act_on_the_terminal() -> None:
    assert "\x1b" not in progress_text(JobState(phase="reading", file="\x1b[31mred", files_total=1))
    outcome = Outcome(changes=[Changed("gone", "\x1b[31mred")])
    assert "\x1b" not in index_text(JobState(phase="done", outcome=outcome))
    assert "\x1b" not in passed_over_lines([PassedOver(Path("\x1b[31mred"), "hidden")])[0]


def test_progress_tells_the_step_and_what_is_left() -> None:
    assert (
        progress_text(JobState(phase="reading", file="a.txt", files_done=1, files_total=3))
        == "Reading file 2 of 3: a.txt"
    )
    state = JobState(phase="indexing", progress=Progress("embed", 1_000, 2_000, 65.0))
    assert progress_text(state) == "Embedding chunks and their sentences: 1,000 of 2,000 texts done, about 60 s left"
    assert progress_text(JobState(phase="indexing")) == "Indexing …"
    state = JobState(
        phase="reading", file="a.txt", files_total=1, estimate=Estimate(1, 9, 0, 605.0), estimated_at=monotonic()
    )
    assert progress_text(state) == "Reading file 1 of 1: a.txt, about 10 min left"
    state.estimated_at -= 600
    assert progress_text(state) == "Reading file 1 of 1: a.txt"
    assert progress_text(JobState(phase="reading")) == "Reading …"
    assert progress_text(JobState(file="/texts")) == "Looking at /texts …"
    assert "waiting for it to end" in progress_text(JobState(phase="indexing", progress=Progress("wait", 0, 0)))


def test_outcome_counts_what_became_of_the_files_and_names_those_that_one_may_miss() -> None:
    outcome = Outcome(
        changes=[
            Changed("new", "/t/a.md"),
            Changed("new", "/t/b.md"),
            Changed("changed", "/t/c.md"),
            Changed("renamed", "/t/e.md", "/t/d.md"),
            Changed("moved", "/t/f.md", "/old/f.md"),
            Changed("gone", "/t/policy.md"),
        ],
        unchanged=3,
        failed=[("/t/x.md", "broken")],
        doubts=[("/t/a.md", f"{GUESSED}one."), ("/t/a.md", "Two."), ("/t/b.md", f"{GUESSED}one.")],
    )
    assert index_text(JobState(phase="stopped", outcome=outcome)).splitlines() == [
        "2 new, 1 changed, 1 renamed (d.md → e.md), 1 moved (old/f.md → t/f.md), 1 gone (policy.md), 3 unchanged, 1 failed",
        "1 file read in part, 1 file doubtful",
        "Stopped. The previous index is in place and what was read and embedded is kept: run `raglass index` to go on from here.",
    ]
    assert "Index now goes on" in index_text(JobState(phase="stopped"), shell=False)


def test_of_many_names_the_first_are_told() -> None:
    outcome = Outcome(changes=[Changed("gone", f"/t/{n}.md") for n in range(7)])
    assert index_text(JobState(outcome=outcome)) == "7 gone (0.md, 1.md, 2.md, 3.md, 4.md and 2 more)"
    lines = passed_over_lines([PassedOver(Path(f"/t/.{n}"), "hidden") for n in range(12)])
    assert lines[0] == "/t/.0: its name begins with a dot"
    assert (len(lines), lines[-1]) == (11, "and 2 more; --json has them all")


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(120, 14_000_000, 0, 180.0), "About 3 min for 120 files, 14.0 MB."),
        (Estimate(1, 85, 0, 0.2), "A few seconds for 1 file, 85 bytes."),
        (Estimate(0, 0, 2, 42.0), "About 40 s for 2 documents that are not in the index yet."),
        (Estimate(1, 12_000, 1, 12.0), "About 10 s for 1 file, 12 KB and 1 document that is not in the index yet."),
    ],
)
def test_an_estimate_is_no_finer_than_it_deserves(estimate: Estimate, words: str) -> None:
    assert estimate_sentence(estimate) == words


def test_sizes_missing_sources_and_clashes_are_said_plainly() -> None:
    assert missing_words(Missing("/usb", 1)).startswith("/usb is not there; 1 document of it stays in the corpus.")
    assert clash_words(["a.md"]) == "a.md is there already, with other content."
    known = DocumentSummary("a", "Pumps", "a.md", 1_200, 0.0)
    assert there_words("a.md", [known]) == "There is “Pumps”, 1,200 characters, added 1970-01-01 00:00:00 UTC."
    assert there_words("a.md", []) == "a.md, as it is there, has given no document."
    assert clash_words(["a.md", "b.md"]) == "a.md and b.md are there already, with other content."


def test_a_path_is_cut_to_what_tells_it_from_another() -> None:
    assert short("/a/b/c.md", "/a/b/d.md") == "c.md"
    assert short("/x/old/sub/c.md", "/x/new/sub/c.md") == "old/sub/c.md"


def test_a_message_names_its_file_once() -> None:
    assert named_message("/t/a.pdf", "a.pdf is empty.") == "a.pdf is empty."
    assert named_message("/t/a.pdf", "4 of 5 pages are pictures.") == "a.pdf: 4 of 5 pages are pictures."

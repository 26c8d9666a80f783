"""Questions about real manuals, put to the embedded profile as it ships: is the fact among the chunks, and is it in the answer?

    python -m benchmarks.bench_manuals FOLDER [--cache FOLDER] [--chunking WORDS] [--failures] [--json FILE]

FOLDER: as `python -m benchmarks.manuals FOLDER` leaves it. The files of SELECTED are indexed together, without the built-in corpus: about
2,500 chunks, about five minutes of a processor. With --cache the vectors stay in a folder, and a second run embeds only what changed.
The questions (`manual_questions.jsonl`) were written over the manuals, in other words than theirs: `any_of` are strings of which
a chunk of `file`, or the answer, must hold one, letter case and white space aside; none where the manuals do not say it.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.local.chunking import Chunking
from backends.registry import BackendConfig, open_backend
from benchmarks.bench_documents import documents_of
from benchmarks.bench_visitors import DEADLINE_S, SURE, TOP_K, answer, confidence
from pipeline.errors import InputError
from pipeline.types import Trace

QUESTIONS = Path(__file__).parent / "manual_questions.jsonl"

SELECTED = (
    "policy/policy.pdf",
    "policy/fhs/fhs-3.0.pdf",
    "r/R-FAQ.pdf",
    "speex/manual.pdf",
    "handbook/advanced-administration.html",
    "handbook/sect.apt-get.html",
    "handbook/sect.backup.html",
    "handbook/sect.remote-login.html",
    "handbook/sect.rtc-services.html",
    "python/tutorial/[cfiv]*.html",
    "git/git-bisect.html",
    "git/git-clone.html",
    "git/git-gc.html",
    "git/git-stash.html",
    "bind9/chapter[26].html",
    "rfc/rfc3533.txt",
    "rfc/rfc5215.txt",
    "rfc/rfc5334.txt",
    "rfc/rfc6635.txt",
    "rfc/rfc7911.txt",
    "starlette/[!r]*.md",
    "starlette/re[qs]*.md",
    "black/*.md",
    "black/[gtu]*/*.md",
    "hatch/*.md",
)
"""What is indexed: every file that a question is about, and others of its kind beside it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what is right."""

    question: str
    file: str
    """The file that says it, or that comes nearest, below the folder of manuals."""
    any_of: tuple[str, ...]
    """Empty where no manual says it."""

    @property
    def kind(self) -> str:
        """The file's format."""
        return Path(self.file).suffix

    def held_by(self, text: str) -> bool:
        """Whether a text holds what is right."""
        plain = " ".join(text.casefold().split())
        return any(" ".join(each.casefold().split()) in plain for each in self.any_of)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question."""

    question: Question
    trace: Trace
    retrieved: bool
    """Whether one of the first five chunks is of the file and holds the fact."""

    @property
    def abstained(self) -> bool:
        """Whether no answer was given."""
        return self.trace.generation is None or self.trace.generation.abstained

    @property
    def right(self) -> bool:
        """Whether the answer holds the fact, or is withheld where there is none."""
        return (
            not self.abstained and self.question.held_by(answer(self.trace)) if self.question.any_of else self.abstained
        )


def main() -> None:
    """Index, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="other questions of the same form")
    parser.add_argument("--cache", type=Path, help="keep the vectors in this folder")
    parser.add_argument("--chunking", default=str(Chunking()), help="how documents are cut, as RAGLASS_CHUNKING has it")
    parser.add_argument("--failures", action="store_true", help="print what was not answered rightly")
    parser.add_argument("--json", type=Path, help="write each question's outcome here as well")
    options = parser.parse_args()
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    questions = [Question(row["question"], row["file"], tuple(row["any_of"])) for row in map(json.loads, lines)]
    outcomes = ask(options.folder, questions, options.cache, options.chunking)
    print(f"{'':14} asked  fact in five chunks  fact in answer  abstained  wrong  wrong at {SURE:.0%} or more")
    for kind in sorted({question.kind for question in questions if question.any_of}):
        print_row(kind, [each for each in outcomes if each.question.any_of and each.question.kind == kind])
    print_row("answerable", [each for each in outcomes if each.question.any_of])
    print_row("unanswerable", [each for each in outcomes if not each.question.any_of])
    if options.failures:
        for each in outcomes:
            if not each.right:
                where = "" if not each.question.any_of else "retrieved" if each.retrieved else "not retrieved"
                print(f"\n{confidence(each.trace):.2f} {each.question.question} {list(each.question.any_of)} {where}")
                print("  abstained" if each.abstained else f"  {answer(each.trace)}")
    if options.json:
        rows = [
            {
                "question": each.question.question,
                "retrieved": each.retrieved,
                "right": each.right,
                "abstained": each.abstained,
            }
            for each in outcomes
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def ask(folder: Path, questions: Sequence[Question], cache: Path | None, chunking: str) -> list[Outcome]:
    """Index the selected manuals in a data folder of its own, and ask."""
    outcomes = []
    with tempfile.TemporaryDirectory() as name:
        if cache:
            cache.mkdir(parents=True, exist_ok=True)
            Path(name, "vectors").symlink_to(cache.resolve())
        backend = open_backend(
            "local/embedded",
            BackendConfig(Path(name), builtin_corpus=False, chunking=chunking, threads=os.cpu_count()),
        )
        files: dict[str, str] = {}
        """Of documents, by id."""
        for path in sorted({path for pattern in SELECTED for path in folder.glob(pattern)}):
            try:
                documents = documents_of(path)
            except InputError as error:
                print(error)
                continue
            for document in documents:
                backend.corpus.library.add(document)  # type: ignore[attr-defined]
                files[document.document_id] = path.relative_to(folder).as_posix()
        manifest = backend.corpus.build()  # type: ignore[attr-defined]
        print(f"{len(set(files.values()))} files, {manifest.chunks:,} chunks, built in {manifest.build_s:.0f} s")
        for question in questions:
            trace = backend.answer(question.question, top_k=TOP_K, deadline_s=DEADLINE_S)
            chunks = [chunk for chunk in trace.chunks if files.get(chunk.document_id) == question.file]
            outcomes.append(Outcome(question, trace, any(question.held_by(chunk.text) for chunk in chunks[:TOP_K])))
        backend.close()
    return outcomes


def print_row(name: str, outcomes: Sequence[Outcome]) -> None:
    """A line of the table."""
    answerable = any(each.question.any_of for each in outcomes)
    wrong = [each for each in outcomes if not each.right and not each.abstained]
    cells = (
        len(outcomes),
        sum(each.retrieved for each in outcomes) if answerable else "",
        sum(each.right for each in outcomes) if answerable else "",
        sum(each.abstained for each in outcomes),
        len(wrong),
        sum(confidence(each.trace) >= SURE for each in wrong),
    )
    print(f"{name:14} {cells[0]:5} {cells[1]:>20} {cells[2]:>15} {cells[3]:10} {cells[4]:6} {cells[5]:>22}")


if __name__ == "__main__":
    main()

"""What following sources would do: every file that would be read is read, and nothing is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.documents.estimate import Estimate, estimate
from app.documents.following import FileToRead, Plan, SourceMissing, look, reconcile
from app.documents.job import Stopped, missing, named, size_of
from app.documents.outcome import Changed, Outcome
from backends.local.corpus import LocalCorpus
from backends.local.documents import Extractor, ReadLimits, Source
from pipeline.errors import InputError


@dataclass(frozen=True, slots=True)
class PreviewedDocument:
    """A document that a file would give."""

    title: str
    """Its title."""
    chars: int
    """Length of its text."""
    chunks: int
    """Chunks it would be cut into."""
    doubts: tuple[str, ...]
    """What could not be read, or not surely."""


@dataclass(frozen=True, slots=True)
class PreviewedFile:
    """What a file would give."""

    file: Changed
    """Which, and whether it is new or changed."""
    documents: tuple[PreviewedDocument, ...] = ()
    """Its documents."""
    problem: str = ""
    """Why it could not be read."""
    again: bool = False
    """Whether it could not be read before, and has not changed since."""


@dataclass(slots=True)
class Preview:
    """What following sources would do."""

    files: list[PreviewedFile] = field(default_factory=list)
    """Files that would be read, the smallest first."""
    outcome: Outcome = field(default_factory=Outcome)
    """What would become of them."""
    estimate: Estimate | None = None
    """How long reading and indexing would take; None where nothing would be read."""


def preview(
    corpus: LocalCorpus,
    sources: Sequence[Source],
    *,
    limits: ReadLimits,
    keep_missing: bool,
    stopping: Callable[[], bool],
    on_file: Callable[[int, int, str], None],
) -> Preview:
    """Look at sources and read what is new or changed, and keep nothing.

    on_file: told the number, the total and the path before each file is read.
    Raises InputError if a source that is not known is not there, Stopped or ReadStopped once `stopping` says so.
    """

    def check() -> None:
        if stopping():
            raise Stopped

    found = Preview()
    plans = []
    for source in sources:
        try:
            plans.append(look(corpus.library, source, check))
        except SourceMissing:
            found.outcome.missing.append(missing(corpus.library, source))
    reconcile(plans)
    files = sorted((each for plan in plans for each in plan.read), key=size_of)
    if files:
        found.estimate = estimate(corpus, [(named(each), size_of(each)) for each in files])
    with Extractor(limits) as extractor:
        for number, each in enumerate(files):
            check()
            on_file(number, len(files), named(each))
            found.files.append(_preview_file(corpus, extractor, each, stopping))
    _count(found, plans, keep_missing)
    return found


def _preview_file(
    corpus: LocalCorpus, extractor: Extractor, each: FileToRead, stopping: Callable[[], bool]
) -> PreviewedFile:
    """What a file would give, or why it could not be read. Raises ReadStopped."""
    changed = Changed(each.change, each.file.path, each.before)
    try:
        documents = extractor.read(each.path.name, each.path, source=each.file.path, stopping=stopping)
    except InputError as error:
        return PreviewedFile(changed, (), str(error), _failed_before(corpus, each))
    given = (PreviewedDocument(one.title, len(one.text), corpus.count_chunks(one), one.doubts) for one in documents)
    return PreviewedFile(changed, tuple(given))


def _count(found: Preview, plans: Sequence[Plan], keep_missing: bool) -> None:
    outcome = found.outcome
    for each in found.files:
        if each.problem:
            outcome.failed.append((each.file.path, each.problem))
        else:
            outcome.changes.append(each.file)
            outcome.documents += len(each.documents)
        outcome.doubts += [(each.file.path, doubt) for document in each.documents for doubt in document.doubts]
    for plan in plans:
        outcome.changes += [_changed(each) for each in plan.moved]
        if keep_missing:
            outcome.kept += plan.gone
        else:
            outcome.changes += [Changed("gone", path) for path in plan.gone]
        outcome.unchanged += plan.unchanged
        outcome.passed_over += plan.passed_over


def _failed_before(corpus: LocalCorpus, file: FileToRead) -> bool:
    before = corpus.library.sources.file(file.file.path)
    if before is None or before.problem is None:
        return False
    return (before.size, before.modified_ns) == (file.file.size, file.file.modified_ns)


def _changed(file: FileToRead) -> Changed:
    return Changed(file.change, file.file.path, file.before)

"""Indexing in words: before it starts, while it goes on, and how it ended; plain text."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.documents.twins import same_words
from app.kit.numbers import count, rough_time, size, three_figures
from app.kit.plain import printable
from app.kit.wording import listed, when, whereabouts

if TYPE_CHECKING:
    from app.documents.estimate import Estimate
    from app.documents.job import JobState
    from app.documents.listing import Attention, ListedSource, Listing
    from app.documents.lookup import Shown, Target
    from app.documents.outcome import Change, Changed, Missing, Outcome
    from app.documents.preview import Preview
    from backends.local.documents import DocumentSummary, PassedOver
    from backends.local.index import IndexedChunk

STEPS = {
    "cut": ("Cutting documents into chunks", "document"),
    "embed": ("Embedding chunks and their sentences", "text"),
    "send": ("Sending vectors to where they are held", "vector"),
    "index": ("Putting vectors into the index", "vector"),
    "write": ("Writing files", "file"),
}
"""What each step of a build does, and what it counts."""

SINCE_S: Mapping[str, float | None] = {"day": 86_400.0, "week": 7 * 86_400.0, "month": 30 * 86_400.0, "ever": None}
"""Over how long documents are counted by their use, in seconds or None for always, by the word that stands in the address."""

WAITING = "Another build of this index is running; waiting for it to end …"

STALE = "Documents were added or removed since the index was built: run `raglass index`."

NAMED = 5
"""Files that are named of each kind; the others are counted."""

QUICK_S = 10.0
"""An estimate below this is "a few seconds"."""

CHANGES: "dict[Change, str]" = {
    "new": "new",
    "changed": "changed",
    "renamed": "renamed",
    "moved": "moved",
    "gone": "gone",
}
"""What became of files, in the order in which it is told."""


def estimate_words(found: "Estimate") -> str:
    """What is to be done and about how long it takes: "about 3 min for 120 files, 14 MB"."""
    took = "a few seconds" if found.seconds < QUICK_S else f"about {rough_time(found.seconds)}"
    what = [f"{count(found.files, 'file')}, {size(found.size)}"] if found.files else []
    if found.documents:
        what.append(
            f"{count(found.documents, 'document')} that {'is' if found.documents == 1 else 'are'} not in the index yet"
        )
    return f"{took} for {' and '.join(what)}" if what else took


def estimate_sentence(found: "Estimate") -> str:
    """The same as a sentence."""
    words = estimate_words(found)
    return f"{words[:1].upper()}{words[1:]}."


def progress_text(state: "JobState") -> str:
    """One line on a running job."""
    return printable(_progress(state))


def _progress(state: "JobState") -> str:
    if state.phase == "looking":
        return f"Looking at {state.file} …" if state.file else "Looking at the files …"
    if state.phase == "reading":
        at = min(state.files_done + 1, state.files_total)
        left = "" if state.left_s is None or state.left_s < QUICK_S else f", about {rough_time(state.left_s)} left"
        return f"Reading file {at:,} of {state.files_total:,}: {state.file}{left}" if state.files_total else "Reading …"
    progress = state.progress
    if progress is None:
        return "Indexing …"
    if progress.step == "wait":
        return WAITING
    left = "" if progress.remaining_s is None else f", about {rough_time(progress.remaining_s)} left"
    doing, unit = STEPS[progress.step]
    return f"{doing}: {progress.done:,} of {count(progress.total, unit)} done{left}"


def index_text(state: "JobState", *, shell: bool = True) -> str:
    """How an indexing job ended, without the files that could not be read. shell: whether it may name commands."""
    lines = [line for line in (outcome_line(state.outcome), doubts_line(state.outcome)) if line]
    if state.phase == "stopped":
        on = "run `raglass index` to go on from here" if shell else "Index now goes on from here"
        lines.append(f"Stopped. The previous index is in place and what was read and embedded is kept: {on}.")
    if state.manifest is not None:
        found = state.manifest
        effort = f", effort {found.tuning.effort}" if found.tuning and found.tuning.effort else ""
        tuning = f"{effort}, recall@10 {found.tuning.recall:.3f}" if found.tuning else ""
        chosen = f" as chosen ({found.choice})" if found.choice else ""
        lines.append(
            f"The index holds {count(found.chunks, 'chunk')} of {count(found.documents, 'document')} "
            f"({count(found.duplicates, 'duplicate')} left out), {found.search}{chosen}{tuning}; "
            + (f"built in {three_figures(found.build_s)} s" if state.built else "it was up to date")
        )
        if found.refused:
            lines.append(f"What was chosen could not be built: {found.refused}")
    return printable("\n".join(lines))


def outcome_line(outcome: "Outcome") -> str:
    """What became of the files: "2 new, 1 changed, 1 renamed (a.md → b.md), 1 gone (policy.md), 12 unchanged"; empty for none."""
    told = [_changes(change, list(outcome.of(change))) for change in CHANGES]
    if outcome.kept:
        told.append(f"{len(outcome.kept):,} gone but kept ({_names(outcome.kept)})")
    if outcome.unchanged:
        told.append(f"{outcome.unchanged:,} unchanged")
    if outcome.failed:
        told.append(f"{len(outcome.failed):,} failed")
    return ", ".join(part for part in told if part)


def doubts_line(outcome: "Outcome") -> str:
    """How many files were read in part, and how many not surely; empty for none."""
    from app.documents.doubts import standing_of

    found: dict[str, list[str]] = {}
    for path, doubt in outcome.doubts:
        found.setdefault(path, []).append(doubt)
    standings = [standing_of(doubts) for doubts in found.values()]
    told = [(standings.count(each), each) for each in ("read in part", "doubtful")]
    return ", ".join(f"{count(number, 'file')} {standing}" for number, standing in told if number)


def _changes(change: "Change", changed: "Sequence[Changed]") -> str:
    if not changed:
        return ""
    said = f"{len(changed):,} {CHANGES[change]}"
    if change == "gone":
        return f"{said} ({_names([each.path for each in changed])})"
    if change in ("renamed", "moved"):
        named = [
            f"{short(each.before or '', each.path)} → {short(each.path, each.before or '')}" for each in changed[:NAMED]
        ]
        return f"{said} ({', '.join(named)}{_more(len(changed))})"
    return said


def _names(paths: Sequence[str]) -> str:
    return ", ".join(file_name(path) for path in paths[:NAMED]) + _more(len(paths))


def _more(number: int) -> str:
    return f" and {number - NAMED:,} more" if number > NAMED else ""


def file_name(path: str) -> str:
    """A path's last part."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def short(path: str, other: str) -> str:
    """As much of a path's end as tells it from another one."""
    parts, others = path.split("/"), other.split("/")
    if parts[-1] != others[-1]:
        return parts[-1]
    common = 0
    while common < min(len(parts), len(others)) and parts[-1 - common] == others[-1 - common]:
        common += 1
    return "/".join(parts[max(0, len(parts) - common - 1) :])


def missing_words(found: "Missing", *, shell: bool = True) -> str:
    """That a source is not there, and what to do."""
    kept = f"{count(found.documents, 'document')} of it stay" if found.documents != 1 else "1 document of it stays"
    remove = f"remove it: raglass corpus remove {found.root}" if shell else "remove it below"
    return printable(f"{found.root} is not there; {kept} in the corpus. Connect the disk it is on, or {remove}.")


def passed_over_lines(passed_over: "Sequence[PassedOver]", most: int = 10) -> list[str]:
    """Files that are not read, each with its reason; the first ones, and how many more."""
    from backends.local.documents import REASONS

    lines = [f"{each.path}: {REASONS[each.reason]}" for each in passed_over[:most]]
    if len(passed_over) > most:
        lines.append(f"and {len(passed_over) - most:,} more; --json has them all")
    return [printable(line) for line in lines]


def named_message(path: str, message: str) -> str:
    """A message about a file, with the file's name in front unless it is there."""
    name = file_name(path)
    return message if message.startswith(name) else f"{name}: {message}"


def attention_words(found: "Attention") -> str:
    """How much is not as it should be: "1 waiting, 2 pending, 1 failed, 1 read in part, 1 doubtful"."""
    standings = [each.state for each in found.doubtful]
    counted = {
        "waiting": len(found.waiting),
        "pending": len(found.pending_chars),
        "failed": found.failed_total,
        "read in part": standings.count("read in part"),
        "doubtful": standings.count("doubtful"),
    }
    return ", ".join(f"{number:,} {state}" for state, number in counted.items() if number)


def clash_words(names: "Sequence[str]") -> str:
    """That files of these names are there already."""
    listing = listed(list(names[:NAMED]))
    return f"{listing}{_more(len(names))} {'is' if len(names) == 1 else 'are'} there already, with other content."


def there_words(name: str, documents: "Sequence[DocumentSummary]") -> str:
    """What is there under a file's name: its document's title, length and when it was added."""
    if not documents:
        return f"{name}, as it is there, has given no document."
    first = documents[0]
    more = f" and {count(len(documents) - 1, 'more document')}" if len(documents) > 1 else ""
    return f"There is “{first.title}”, {count(first.chars, 'character')}, added {when(first.added_at)}{more}."


def formats_words() -> str:
    """The formats that are read, in a line."""
    from backends.local.documents import FORMATS

    return f"What can be read: {listed([kind.name for kind in FORMATS])}."


def unread_words(names: "Sequence[str]") -> str:
    """That files will not be read, as their names say: before they are sent."""
    verb = "is of no format that is read, and is" if len(names) == 1 else "are of no format that is read, and are"
    return f"{listed(list(names[:NAMED]))}{_more(len(names))} {verb} not sent."


def preview_text(found: "Preview") -> str:
    """What following sources would do, file by file."""
    lines = []
    for each in found.files:
        before = f" (was {short(each.file.before, each.file.path)})" if each.file.before else ""
        change = "failed again" if each.again else each.file.change
        lines.append(f"{change:<8} {each.file.path}{before}")
        if each.problem:
            lines.append(f"         cannot be read: {each.problem}")
        for document in each.documents:
            lines.append(
                f"         “{document.title}”: {count(document.chars, 'character')}, {count(document.chunks, 'chunk')}"
            )
            lines += [f"         {doubt_words(doubt)}" for doubt in document.doubts]
    lines += [f"{'gone':<8} {each.path}" for each in found.outcome.of("gone")]
    lines += [
        f"{each.change:<8} {each.path} (was {each.before})"
        for each in found.outcome.changes
        if each not in [one.file for one in found.files] and each.before is not None
    ]
    told = [line for line in (outcome_line(found.outcome), doubts_line(found.outcome)) if line]
    lines.append("; ".join(told) or "Nothing would change")
    if found.estimate is not None:
        lines.append(estimate_sentence(found.estimate))
    lines.append("Nothing was kept: run the same command without --dry-run.")
    return printable("\n".join(lines))


def doubt_words(doubt: str) -> str:
    """A doubt, with what it amounts to in front: "read in part: 4 of 5 pages are pictures …"."""
    from app.documents.doubts import standing_of

    return f"{standing_of([doubt])}: {doubt}"


def listing_text(found: "Listing") -> str:
    """Documents and how each stands, a paragraph each."""
    lines = []
    for row in found.rows:
        size = [] if row.chars is None else [count(row.chars, "character")]
        size += [] if row.chunks is None else [count(row.chunks, "chunk")]
        lines.append(f"{row.title}  [{', '.join([row.state, *size])}]")
        lines.append(f"  {row.document_id or '-'}  {row.source}")
        lines += [f"  {reason}" for reason in row.reasons]
    lines.append(listed_words(found))
    return printable("\n".join(lines))


def listed_words(found: "Listing") -> str:
    """How many documents are listed, and how many files gave none: "10 of 10 documents; 2 files could not be read"."""
    shown = sum(row.document_id is not None for row in found.rows)
    told = [f"{shown:,} of {count(found.total - found.waiting - found.failed, 'document')}"]
    told += [f"{count(found.failed, 'file')} could not be read"] if found.failed else []
    told += [f"{count(found.waiting, 'file')} {'waits' if found.waiting == 1 else 'wait'}"] if found.waiting else []
    return "; ".join(told)


def sources_text(sources: "Sequence[ListedSource]") -> str:
    """Folders and files that are followed, a line each."""
    return printable("\n".join(f"Follows {each.source.root}: {source_words(each)}" for each in sources))


def source_words(found: "ListedSource") -> str:
    """What a source gave, its patterns, and when it was last read."""
    source = found.source
    told = [f"{count(found.files, 'file')}, {count(found.documents, 'document')}"]
    told += [f"only {', '.join(source.included)}"] if source.included else []
    told += [f"without {', '.join(source.excluded)}"] if source.excluded else []
    told.append("never read to its end" if source.read_at is None else f"read {when(source.read_at)}")
    told += [] if found.readable else ["not there, or not to be read by this process"]
    return "; ".join(told)


def shown_text(found: "Shown", *, whole: bool) -> str:
    """A document with its chunks, or with its text as one."""
    from app.documents.doubts import archive_doubts, own_doubts

    document = found.document
    lines = [
        document.title,
        f"{document.document_id}  {document.source}",
        *(doubt_words(doubt) for doubt in own_doubts(document.source, document.doubts)),
        *(f"of its archive: {doubt}" for doubt in archive_doubts(document.source, document.doubts)),
        *([f"This is what it held before: {found.problem}"] if found.problem else []),
    ]
    if whole:
        lines += ["", document.text]
    elif found.same is not None:
        lines.append(f"{same_words(found.same)} Its text: --text")
    elif not found.chunks:
        lines.append("It is not in the index yet: run `raglass index`. Its text: --text")
    for number, chunk in enumerate(() if whole else found.chunks, start=1):
        lines += ["", f"Chunk {number} · {chunk_note(chunk)}", chunk.text]
    return printable("\n".join(lines))


def chunk_note(chunk: "IndexedChunk") -> str:
    """What is told of a chunk beside its text."""
    where = whereabouts(chunk.place, chunk.section)
    return f"{f'{where} · ' if where else ''}{count(chunk.sentences, 'sentence')} · {len(chunk.text):,} characters"


def removal_words(targets: "Sequence[Target]") -> str:
    """What is about to be removed."""
    named = {
        "source": "the source {}",
        "folder": "the folder {} as it is now; what comes into it later is read, unless its source has it in --exclude",
        "file": "the file {}",
        "waiting": "{}, which waits to be read",
        "document": "“{}”",
    }
    lines = [
        f"{named[each.kind].format(each.words)} ({count(each.documents, 'document')})"
        if each.kind in ("source", "folder", "file")
        else named[each.kind].format(each.words)
        for each in targets
    ]
    return printable("\n".join(f"  {line}" for line in lines))

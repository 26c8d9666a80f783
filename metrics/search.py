"""Search in questions, answers, notes and what other applications sent: literal, in any case, and fast where most rows do not match.

The text is case-folded in Python (`str.casefold`), once, when a trace is folded, so that both databases agree on what
matches and neither sees a pattern: a match is a substring of the folded text, byte by byte. Trigram indexes (SQLite's
FTS5, PostgreSQL's pg_trgm) only name candidates.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    bindparam,
    column,
    delete,
    func,
    select,
    table,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from metrics.database import insert_rows
from metrics.tables import search_texts

SEPARATOR = "\x1f"
"""Between question, answer, note and the rest, so that nothing matches across."""

PARTS: Mapping[str, int] = MappingProxyType({"question": 0, "answer": 1, "note": 2})
"""Where in the folded text each part stands: that many separators come before it."""

UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""NUL, which PostgreSQL's text cannot hold, and lone surrogates, which UTF-8 cannot."""

TRIGRAM = 3
"""Characters in an indexed piece."""

MAX_REST_CHARS = 8_000
"""Characters of a trace besides question, answer and note that a search looks through: every one of them is indexed."""

MAX_PART_CHARS = 1_000
"""Of these, characters of any one text."""

MAX_PARTS = 500
"""Spans whose texts are looked at for that."""

MERGED = 100
"""Pages of SQLite's index that are merged at a time: some 50 ms."""

MAX_TERMS = 2_000
"""Trigrams that a needle shorter than one may begin before looking them all up is dearer than reading the texts."""

_fts = table("search_index", column("rowid"), column("search_index"))
_terms = table("search_terms", column("term"))


def storable(value: str) -> str:
    """The text as both databases can hold it."""
    return value if value.isascii() and "\0" not in value else value.translate(UNSTORABLE)


def fold_text(question: str, answer: str, note: str, rest: str = "") -> str:
    """What a search looks through. Ends in separators so that even its last character begins a trigram.

    rest: what else of a trace is looked through; see `gather_rest`.
    """
    parts = (question, answer, note, rest) if rest else (question, answer, note)
    return SEPARATOR.join((*map(fold_needle, parts), SEPARATOR))


def with_note(folded: str, note: str) -> str:
    """What `fold_text` made, with another note."""
    question, answer, _, *rest = folded.split(SEPARATOR)
    return SEPARATOR.join((question, answer, fold_needle(note), *rest))


def gather_rest(trace: Mapping[str, Any]) -> str:
    """What else of another application's trace, given in its JSON form, a search looks through: no more than MAX_REST_CHARS.

    Every text once. Of our own traces nothing: what they were answered from is the corpus, which has a search of its own.
    """
    if trace.get("origin") != "application":
        return ""
    known = dict.fromkeys((trace["question"], (trace["generation"] or {}).get("answer", ""), ""))
    found, left = [], MAX_REST_CHARS
    for part in _rest_of(trace):
        if part in known:
            continue
        known[part] = None
        found.append(part[: min(left, MAX_PART_CHARS)])
        left -= len(found[-1]) + 1
        if left <= 0:
            break
    return "\n".join(found)


def _rest_of(trace: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a trace, the most telling first."""
    spans = trace["spans"]
    yield from trace["tags"]
    yield from (span["name"] for span in spans[:MAX_PARTS])
    yield from (
        failed["message"] for failed in (trace["error"], *(span["error"] for span in spans[:MAX_PARTS])) if failed
    )
    for chunk in (*trace["chunks"], *trace["retrieved"]):
        yield from (chunk["title"], chunk["text"])
    yield (trace["generation"] or {}).get("prompt") or ""
    for span in spans[:MAX_PARTS]:
        yield from (value for value in span["attributes"].values() if isinstance(value, str))


def fold_needle(needle: str) -> str:
    """What a search looks for."""
    return storable(needle).replace(SEPARATOR, " ").casefold()


class Position(FunctionElement[int]):
    """Where a text first holds another, counted from 1; 0 where it does not. No pattern, and byte by byte, in either database."""

    type = Integer()
    inherit_cache = True


@compiles(Position)
def _name_position(element: Position, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(Position, "sqlite")
def _name_sqlite_position(element: Position, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


def contains(needle: str, part: int | None = None) -> ColumnElement[bool]:
    """Whether `search_texts.folded` contains the folded needle: anywhere, or in one of PARTS."""
    looked_for: BindParameter[str] = bindparam("needle", needle, unique=True)
    if part is None:
        return Position(search_texts.c.folded, looked_for) > 0
    rest: ColumnElement[str] = search_texts.c.folded
    for _ in range(part):
        rest = func.substr(rest, Position(rest, SEPARATOR) + 1)
    return Position(func.substr(rest, 1, Position(rest, SEPARATOR)), looked_for) > 0


def find_candidates(connection: Connection, needle: str) -> Select[tuple[int]] | None:
    """Select the `seq` of every trace that contains the folded needle, by way of the trigram index where that helps.

    One or two characters are no trigram: SQLite looks up the trigrams that they begin (None if there are too many),
    PostgreSQL reads every text.
    """
    seqs = select(search_texts.c.seq).where(contains(needle))
    if connection.dialect.name == "postgresql":
        return seqs if len(needle) < TRIGRAM else seqs.where(search_texts.c.folded.contains(needle, autoescape=True))
    expression = match_expression(needle) if len(needle) >= TRIGRAM else _match_beginnings(connection, needle)
    if expression is None:
        return None
    trigrams: BindParameter[str] = bindparam("trigrams", expression, unique=True)
    hits = select(_fts.c.rowid.label("seq")).where(_fts.c.search_index.op("MATCH")(trigrams)).subquery("hits")
    return seqs.select_from(hits.join(search_texts, search_texts.c.seq == hits.c.seq))


def match_expression(needle: str) -> str:
    """The FTS5 query for texts that hold every trigram of the needle, which must be long enough to have one."""
    pieces = dict.fromkeys(needle[start : start + TRIGRAM] for start in range(len(needle) - TRIGRAM + 1))
    return " AND ".join(map(_quote, pieces))


def _match_beginnings(connection: Connection, needle: str) -> str | None:
    """The FTS5 query for texts that hold any trigram that the needle begins; None if there are too many."""
    last = needle + "\U0010ffff"
    known = select(_terms.c.term).where(_terms.c.term >= needle, _terms.c.term <= last).limit(MAX_TERMS + 1)
    terms = list(connection.scalars(known))
    # Without any, the needle itself: too short to be a trigram, it matches nothing.
    return None if len(terms) > MAX_TERMS else " OR ".join(map(_quote, terms or [needle]))


def _quote(piece: str) -> str:
    """An FTS5 string (https://www.sqlite.org/fts5.html#fts5_strings): nothing inside it is syntax."""
    escaped = piece.replace('"', '""')
    return f'"{escaped}"'


def index_texts(connection: Connection, folded: Mapping[int, str]) -> None:
    """Add texts, by `seq`, to the search index."""
    rows = list(folded.items())
    insert_rows(connection, search_texts, rows)
    if connection.dialect.name == "sqlite" and rows:
        connection.exec_driver_sql("INSERT INTO search_index (rowid, folded) VALUES (?, ?)", rows)


def reindex_texts(connection: Connection, folded: Mapping[int, str]) -> None:
    """Replace the texts of traces, by `seq`, in the search index."""
    forget_texts(connection, list(folded))
    index_texts(connection, folded)


def forget_texts(connection: Connection, seqs: Sequence[int]) -> None:
    """Take the texts of traces out of the search index."""
    where = search_texts.c.seq.in_(seqs)
    if connection.dialect.name == "sqlite":
        # FTS5 keeps no text of its own here: to forget a text, it must be told what the text was.
        forget = text("INSERT INTO search_index (search_index, rowid, folded) VALUES ('delete', :seq, :folded)")
        rows = [row._asdict() for row in connection.execute(select(search_texts).where(where))]
        if rows:
            connection.execute(forget, rows)
    connection.execute(delete(search_texts).where(where))


def note_text(connection: Connection, seq: int, note: str) -> None:
    """Replace the note of one trace in the search index."""
    old = connection.scalars(select(search_texts.c.folded).where(search_texts.c.seq == seq)).one()
    reindex_texts(connection, {seq: with_note(old, note)})


def compact(connection: Connection, *, first: bool) -> bool:
    """Do some work to free what deleted texts still take of SQLite's index; whether there is more to do.

    first: whether this is the first of several calls. See https://www.sqlite.org/fts5.html#the_merge_command.
    """
    if connection.dialect.name != "sqlite":
        return False
    changes = select(func.total_changes())
    before = connection.scalar(changes) or 0
    pages = -MERGED if first else MERGED
    connection.execute(text("INSERT INTO search_index (search_index, rank) VALUES ('merge', :pages)"), {"pages": pages})
    return (connection.scalar(changes) or 0) - before >= 2

"""Documents as a table: a row opens the document; a file that gave none opens nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.views.kit.table import Cell, Column, Row, Tone, number_cell, show_table, status_cell, way

if TYPE_CHECKING:
    from app.documents.listing import Listed, Standing

TONES: "Mapping[Standing, Tone]" = {
    "waiting": "quiet",
    "failed": "bad",
    "pending": "quiet",
    "read in part": "warn",
    "doubtful": "warn",
    "indexed": "good",
}

NOTE = Column("note", "Why it has no chunks", "question", width_rem=16)


def show_listed(
    rows: "Sequence[Listed]", address: Mapping[str, str], on_open: Callable[[str], None], *, whole: bool
) -> None:
    """Draw the table. address: of the page, which a row opened in a tab of its own keeps. whole: whether these are all that there are,
    so that they can be sorted here."""
    columns = [
        Column("title", "Document", "question", local=whole, width_rem=14),
        Column("state", "State", "status", local=whole),
        Column("source", "File", local=whole),
        Column("chunks", "Chunks", "number", local=whole, help="Pieces of it in the index."),
        Column("chars", "Characters", "number", local=whole),
    ]
    if any(map(_note, rows)):
        columns.append(NOTE)
    show_table(
        columns,
        [_row(row, address) for row in rows],
        key="documents",
        label="Documents, a row each",
        on_open=on_open,
        file_name="documents.csv",
    )


def _row(row: "Listed", address: Mapping[str, str]) -> Row:
    cells: dict[str, Cell | str] = {
        "title": row.title or row.document_id or "",
        "state": status_cell(row.state, TONES[row.state]),
        "source": row.place,
        "chunks": number_cell(row.chunks, f"{row.chunks or 0:,}"),
        "chars": number_cell(row.chars, f"{row.chars or 0:,}"),
    }
    if _note(row):
        cells["note"] = _note(row)
    if row.document_id is None:
        return Row(f"file {row.source}", cells, opens=False)
    return Row(row.document_id, cells, way("corpus", **{**address, "document": row.document_id}))


def _note(row: "Listed") -> str:
    """Which document answers for one without chunks. Why a file failed stands under *Needs a look*."""
    return row.reasons[-1] if row.reasons and row.chunks == 0 else ""

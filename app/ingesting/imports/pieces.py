"""A file as pieces of a bounded size, one after another, whatever its shape: JSON lines, whole JSON, CSV, Parquet, protobuf.

It refuses to know what a piece means. Of a file that is damaged, what comes before the damage is given all the same.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Literal

import orjson

from pipeline.errors import InputError

MAX_PIECE_BYTES = 64_000_000
"""What one line, one object or one message may take; of it some ten times as much memory."""

READ_BYTES = 1_048_576
"""What is read of whole JSON at a time."""

SNIFFED_BYTES = 1_048_576
"""Of a file's beginning as much tells its shape."""

PARQUET_ROWS = 200
"""Rows of a Parquet file held at a time, beside the row group that they are in."""

FRAME_BYTES = 4
"""Of the length before each message, big-endian (opentelemetry-collector-contrib, exporter/fileexporter/README.md, "File Format")."""

Shape = Literal["json lines", "json", "csv", "parquet", "protobuf", "framed protobuf"]

_between = re.compile(r"[\s,\[\]\ufeff]*")
"""What stands between the objects of a list, or of several lists."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file: an object, a row or a message."""

    where: str
    """Where it stands, as a person would look it up: `line 12`."""
    value: Any
    """What it says, as JSON has it; None for a message, and for a line that nobody has looked into."""
    raw: bytes = b""
    """As it stands there, if that is JSON of its own or a message."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A piece that cannot be read."""

    where: str
    """Where it stands."""
    why: str
    """What is wrong with it."""


class PieceFile:
    """An open file, perhaps compressed with gzip."""

    def __init__(self, path: Path) -> None:
        """Raises InputError for a file that cannot be opened, or has no shape that is known."""
        self.path = path
        try:
            self._file: IO[bytes] = path.open("rb")
            self.size_bytes = path.stat().st_size
            packed = self._file.read(2) == b"\x1f\x8b"
            self._file.seek(0)
        except OSError as error:
            raise InputError(f"{path.name} cannot be read ({error.strerror}). Give another file.") from error
        self._read: IO[bytes] = io.BufferedReader(gzip.GzipFile(fileobj=self._file)) if packed else self._file
        try:
            self.shape = _sniff(self._read.read(SNIFFED_BYTES), path)
            self._read.seek(0)
        except (OSError, EOFError, zlib.error) as error:
            self._file.close()
            raise InputError(f"{path.name} is damaged ({error}). Export it again.") from error
        except InputError:
            self._file.close()
            raise

    def __enter__(self) -> "PieceFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def done_bytes(self) -> int:
        """How far it has been read."""
        return min(self._file.tell(), self.size_bytes)

    def pieces(self) -> Iterator[Piece | Damaged]:
        """Every piece in order, or why it cannot be read. Raises nothing but OSError of the disk itself."""
        readers = {
            "json lines": _read_lines,
            "json": _read_json,
            "csv": _read_csv,
            "protobuf": _read_message,
            "framed protobuf": _read_frames,
        }
        try:
            if self.shape == "parquet":
                yield from _read_parquet(self._read)
            else:
                yield from readers[self.shape](self._read)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Damaged("the end", f"its gzip is damaged from there on ({error})")


def _sniff(start: bytes, path: Path) -> Shape:
    """The shape of a file, by its beginning. Raises InputError for one that is not known."""
    if start.startswith(b"PAR1"):
        return "parquet"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"{"):
        line = text.partition(b"\n")[0]
        return "json lines" if _is_object(line) or len(line) == len(text) == SNIFFED_BYTES else "json"
    if text.startswith(b"["):
        return "json"
    if start[:1] == b"\n":
        return "protobuf"
    if len(start) > FRAME_BYTES and start[0] < 4 and start[FRAME_BYTES : FRAME_BYTES + 1] == b"\n":
        return "framed protobuf"
    first = text.partition(b"\n")[0]
    if path.name.lower().removesuffix(".gz").endswith(".csv") or (b"," in first and b"raceId" in first):
        return "csv"
    raise InputError(
        f"{path.name} is neither JSON, JSON lines, CSV, Parquet nor OTLP's protobuf. Export it again in one of these, or give another file."
    )


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _read_lines(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    number, too_long = 0, False
    while line := file.readline(MAX_PIECE_BYTES):
        whole = line.endswith(b"\n") or len(line) < MAX_PIECE_BYTES
        if not too_long:
            number += 1
        if too_long or not whole:
            if not too_long:
                yield Damaged(f"line {number}", f"it is longer than {MAX_PIECE_BYTES / 1e6:g} MB")
            too_long = not whole
            continue
        stripped = line.removeprefix(codecs.BOM_UTF8).strip()
        if stripped:
            yield Piece(f"line {number}", None, stripped)


def _read_json(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    """Objects of whole JSON: one, or those of a list. A list is never held whole."""
    decode = json.JSONDecoder().raw_decode
    more = codecs.getincrementaldecoder("utf-8")("replace").decode
    text, place, line, ended, wanted = "", 0, 1, False, READ_BYTES
    while True:
        start = _between.match(text, place).end()  # type: ignore[union-attr]  # matches nothing, too
        line += text.count("\n", place, start)
        text, place = text[start:], 0
        problem = ""
        if text:
            try:
                value, place = decode(text)
            except (json.JSONDecodeError, RecursionError):
                problem = "from here on it is no JSON"
            else:
                yield Piece(f"line {line}", value) if isinstance(value, dict) else Damaged(f"line {line}", NO_OBJECT)
                line += text.count("\n", 0, place)
                wanted = READ_BYTES
                continue
        if ended or len(text) > MAX_PIECE_BYTES:
            if problem:
                big = f", or one object is longer than {MAX_PIECE_BYTES / 1e6:g} MB: export it as JSON lines"
                yield Damaged(f"line {line}", f"{problem}{'' if ended else big}")
            return
        data = file.read(wanted)
        ended = not data
        text += more(data, ended)
        wanted = max(len(text), READ_BYTES)


NO_OBJECT = "it is no object"


def _read_csv(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    csv.field_size_limit(MAX_PIECE_BYTES)
    lines = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
    try:
        yield from _read_rows(csv.DictReader(lines))
    finally:
        lines.detach()


def _read_rows(rows: "csv.DictReader[str]") -> Iterator[Piece | Damaged]:
    number = 1
    while True:
        number += 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Damaged(f"row {number}", f"it is no CSV ({error})")
            continue
        if row is None:
            return
        yield Piece(f"row {number}", {key: _cell(value) for key, value in row.items() if key and value})


def _cell(value: str) -> Any:
    """What a cell holds: a list or an object as JSON, anything else as text."""
    if value[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _read_parquet(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    """Rows; times as nanoseconds since the Unix epoch."""
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        number = 0
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=PARQUET_ROWS):
            names, columns = batch.schema.names, []
            for column in batch.columns:
                if arrow.types.is_timestamp(column.type):
                    column = column.cast(arrow.timestamp("ns", column.type.tz)).cast(arrow.int64())
                columns.append(column.to_pylist())
            for cells in zip(*columns, strict=True):
                number += 1
                yield Piece(
                    f"row {number}", {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
                )
    except (arrow.ArrowException, OSError) as error:
        yield Damaged("the file", f"it is no Parquet that can be read ({type(error).__name__})")


def _read_message(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    raw = file.read(MAX_PIECE_BYTES + 1)
    if len(raw) > MAX_PIECE_BYTES:
        yield Damaged("the message", f"it is longer than {MAX_PIECE_BYTES / 1e6:g} MB: export it as JSON lines")
    else:
        yield Piece("the message", None, raw)


def _read_frames(file: IO[bytes]) -> Iterator[Piece | Damaged]:
    number = 0
    while head := file.read(FRAME_BYTES):
        number += 1
        length = int.from_bytes(head, "big")
        raw = file.read(length) if length <= MAX_PIECE_BYTES else b""
        if len(raw) < length or len(head) < FRAME_BYTES:
            yield Damaged(f"message {number}", "it ends too early, or its length is wrong; what follows is not read")
            return
        yield Piece(f"message {number}", None, raw)

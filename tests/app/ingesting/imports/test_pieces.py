"""Files as pieces: of every shape, packed or not, damaged or not, and never held whole."""

import gzip
import json
from pathlib import Path

import pytest

from app.ingesting.imports import pieces
from app.ingesting.imports.pieces import Damaged, Piece, PieceFile
from pipeline.errors import InputError


def write(folder: Path, content: bytes | str, name: str = "export") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path) -> list[Piece | Damaged]:
    with PieceFile(path) as file:
        return list(file.pieces())


def values(path: Path) -> list[object]:
    return [json.loads(each.raw) if each.value is None else each.value for each in read(path)]


ROWS = [{"n": 1, "text": 'a [b] {c}, \\ " ü'}, {"n": 2}, {"n": 3, "inner": [{"x": []}]}]


@pytest.mark.parametrize(
    "content",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "\n\n".join(json.dumps(row) for row in ROWS),
        "\ufeff" + "\r\n".join(json.dumps(row) for row in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff  " + json.dumps(ROWS, indent=2, ensure_ascii=False),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        ",\n".join(json.dumps([row], indent=2) for row in ROWS),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("read_bytes", [3, 1_000_000])
def test_objects_are_found_in_whatever_way_they_are_strung_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, packed: bool, read_bytes: int
) -> None:
    monkeypatch.setattr(pieces, "READ_BYTES", read_bytes)
    data = content.encode()
    assert values(write(tmp_path, gzip.compress(data) if packed else data)) == ROWS


def test_places_are_lines_of_the_file(tmp_path: Path) -> None:
    assert [each.where for each in read(write(tmp_path, '\n{"a": 1}\n\n{"a": 2}'))] == ["line 2", "line 4"]
    assert [each.where for each in read(write(tmp_path, '[\n{"a":\n1},\n{"a": 2}]'))] == ["line 2", "line 4"]


def test_list_that_breaks_off_gives_what_stood_before(tmp_path: Path) -> None:
    whole, broken = read(write(tmp_path, '[{"a": 1},\n{"a": 2, "b": "cut of'))
    assert isinstance(whole, Piece)
    assert (whole.value, broken) == ({"a": 1}, Damaged("line 2", "from here on it is no JSON"))


def test_what_is_no_object_is_told_and_passed_over(tmp_path: Path) -> None:
    assert read(write(tmp_path, '[{"a": 1}, 7, "x", {"a": 2}]'))[1:3] == [Damaged("line 1", "it is no object")] * 2


def test_object_that_is_too_large_is_refused_before_it_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MAX_PIECE_BYTES", 1_000)
    monkeypatch.setattr(pieces, "READ_BYTES", 100)
    (damaged,) = read(write(tmp_path, json.dumps([{"a": "x" * 100_000}])))
    assert isinstance(damaged, Damaged)
    assert "export it as JSON lines" in damaged.why


def test_line_that_is_too_large_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MAX_PIECE_BYTES", 100)
    content = '{"a": 1}\n' + json.dumps({"a": "x" * 350}) + '\n{"a": 3}\n'
    first, damaged, last = read(write(tmp_path, content))
    assert (first.where, damaged.where, last.where) == ("line 1", "line 2", "line 3")
    assert isinstance(damaged, Damaged)


def test_list_without_end_is_read_with_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "READ_BYTES", 1_000)
    path = write(tmp_path, json.dumps([{"n": number, "text": "x" * 90} for number in range(5_000)]))
    with PieceFile(path) as file:
        stream = file.pieces()
        for _ in range(10):
            next(stream)
        assert file.done_bytes < 20_000 < path.stat().st_size


@pytest.mark.slow
def test_packed_file_that_breaks_off_says_so(tmp_path: Path) -> None:
    packed = gzip.compress(
        "".join(json.dumps({"n": number, "t": str(number**9)}) + "\n" for number in range(60_000)).encode()
    )
    found = read(write(tmp_path, packed[: len(packed) * 3 // 4]))
    assert len(found) > 1_000
    assert isinstance(found[-1], Damaged)
    assert "gzip" in found[-1].why


def test_messages_with_their_lengths_are_told_apart(tmp_path: Path) -> None:
    messages = [b"\n\x02ab", b"\n\x03abc"]
    framed = b"".join(len(each).to_bytes(4, "big") + each for each in messages)
    assert [each.raw for each in read(write(tmp_path, framed)) if isinstance(each, Piece)] == messages
    assert isinstance(read(write(tmp_path, framed[:-1]))[-1], Damaged)


def test_cells_of_a_table_are_json_where_they_look_like_it(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,traceId,input,tags\n1,2,"{""a"": 1}","{broken"\n3,4,"two\nlines",\n', "x.csv")
    assert values(path) == [
        {"id": "1", "traceId": "2", "input": {"a": 1}, "tags": "{broken"},
        {"id": "3", "traceId": "4", "input": "two\nlines"},
    ]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"hello", b"PK\x03\x04 a zip"])
def test_file_of_no_known_shape_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="neither JSON, JSON lines, CSV, Parquet nor OTLP's protobuf"):
        PieceFile(write(tmp_path, content))


def test_parquet_that_is_damaged_says_so(tmp_path: Path) -> None:
    (damaged,) = read(write(tmp_path, b"PAR1 nothing of the sort"))
    assert isinstance(damaged, Damaged)

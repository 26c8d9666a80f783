"""Log lines: those of a time, those that came since, those of one question; each shown once."""

import boto3
import pytest
from botocore.stub import Stubber

from metrics.logs import LogReader
from pipeline.errors import InputError, Unavailable
from tests.metrics.fake_cloudwatch import FakeCloudWatch, refusal

NOW = 1_757_000_000.0
GROUPS = ["/aws/lambda/raglass-orchestrator", "/aws/lambda/raglass-responder"]


@pytest.fixture
def client() -> FakeCloudWatch:
    return FakeCloudWatch()


@pytest.fixture
def reader(client: FakeCloudWatch) -> LogReader:
    return LogReader(GROUPS, client=client)


def test_lines_of_all_groups_are_merged_by_time(reader: LogReader, client: FakeCloudWatch) -> None:
    for place, message in enumerate(["one", "two", "three"]):
        client.log(GROUPS[place % 2], NOW + place, message + "\n")
    page = reader.read(NOW)
    assert [(line.message, line.group) for line in page.lines] == [
        ("one", GROUPS[0]),
        ("two", GROUPS[1]),
        ("three", GROUPS[0]),
    ]
    assert not page.missing
    assert not page.cut


def test_following_gives_each_line_once_even_if_it_arrived_late(reader: LogReader, client: FakeCloudWatch) -> None:
    client.log(GROUPS[0], NOW + 5, "first")
    page = reader.read(NOW)
    seen = [line.message for line in page.lines]
    client.log(GROUPS[0], NOW + 5, "same moment")
    client.log(GROUPS[1], NOW + 2, "late")
    client.log(GROUPS[1], NOW + 9, "new")
    for _ in range(3):
        page = reader.read(NOW, follow=page.follow)
        seen += [line.message for line in page.lines]
    assert seen == ["first", "late", "same moment", "new"]


def test_lines_of_one_question_are_found_by_its_id(reader: LogReader, client: FakeCloudWatch) -> None:
    client.log(GROUPS[0], NOW, '{"trace_id": "abc", "message": "asked"}')
    client.log(GROUPS[1], NOW, '{"trace_id": "xyz"}')
    page = reader.read(NOW - 60, NOW + 60, containing="abc")
    assert len(page.lines) == 1
    assert client.calls[0][1]["filterPattern"] == '"abc"'


def test_text_to_find_is_taken_literally(reader: LogReader, client: FakeCloudWatch) -> None:
    client.log(GROUPS[0], NOW, "x")
    reader.read(NOW, containing='a "b\\')
    assert client.calls[0][1]["filterPattern"] == '"a \\"b\\\\"'


def test_group_that_does_not_exist_yet_is_named_and_costs_nothing_else(
    reader: LogReader, client: FakeCloudWatch
) -> None:
    client.log(GROUPS[0], NOW, "one")
    page = reader.read(NOW)
    assert page.missing == (GROUPS[1],)
    assert len(page.lines) == 1


def test_too_many_lines_are_cut_to_the_newest(client: FakeCloudWatch) -> None:
    for number in range(300):
        client.log(GROUPS[0], NOW + number, f"line {number}")
    page = LogReader(GROUPS[:1], client=client).read(NOW, limit=50)
    assert page.cut
    assert [page.lines[0].message, page.lines[-1].message] == ["line 250", "line 299"]


def test_pages_are_followed_to_a_bound() -> None:
    client = FakeCloudWatch(page=10)
    for number in range(5_000):
        client.log(GROUPS[0], NOW + number, "x")
    page = LogReader(GROUPS[:1], client=client).read(NOW, limit=1_000)
    assert page.cut
    assert client.count("filter_log_events") == 20


def test_missing_permission_is_named(reader: LogReader, client: FakeCloudWatch) -> None:
    client.broken = refusal("AccessDeniedException")
    with pytest.raises(Unavailable, match="logs:FilterLogEvents"):
        reader.read(NOW)


def test_token_that_is_none_is_refused(reader: LogReader) -> None:
    for token in ("x", "e30=", "ünsinn"):
        with pytest.raises(InputError, match="anew"):
            reader.read(NOW, follow=token)


@pytest.mark.slow
def test_request_is_one_that_aws_takes() -> None:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    client = session.client("logs")
    expected = {
        "logGroupName": GROUPS[0],
        "startTime": int(NOW * 1000),
        "endTime": int(NOW * 1000) + 60_000,
        "limit": 1_000,
        "filterPattern": '"abc"',
    }
    with Stubber(client) as stubber:
        stubber.add_response("filter_log_events", {"events": []}, expected)
        assert LogReader(GROUPS[:1], client=client).read(NOW, NOW + 60, containing="abc").lines == ()

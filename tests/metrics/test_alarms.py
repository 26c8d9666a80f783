"""Alarms of the stack, the urgent first."""

from datetime import UTC, datetime

import pytest

from metrics.alarms import AlarmReader
from pipeline.errors import Unavailable
from tests.metrics.fake_cloudwatch import FakeCloudWatch, refusal


def make_alarm(name: str, state: str = "OK") -> dict[str, object]:
    since = datetime.fromtimestamp(1_757_000_000, UTC)
    return {"AlarmName": name, "StateValue": state, "StateReason": "because", "StateTransitionedTimestamp": since}


def read(client: FakeCloudWatch) -> list[tuple[str, str]]:
    return [(alarm.name, alarm.state) for alarm in AlarmReader("raglass", client=client).read()]


def test_alarms_that_need_attention_come_first_and_others_stacks_do_not() -> None:
    client = FakeCloudWatch()
    client.alarms = [
        make_alarm("raglass-a"),
        make_alarm("raglass-b", "INSUFFICIENT_DATA"),
        make_alarm("raglass-c", "ALARM"),
        make_alarm("other"),
    ]
    assert read(client) == [("raglass-c", "ALARM"), ("raglass-b", "INSUFFICIENT_DATA"), ("raglass-a", "OK")]


def test_alarm_says_why_and_since_when() -> None:
    client = FakeCloudWatch()
    client.alarms = [make_alarm("raglass-a", "ALARM")]
    [alarm] = AlarmReader("raglass", client=client).read()
    assert (alarm.reason, alarm.since_s) == ("because", 1_757_000_000.0)


def test_every_page_is_read() -> None:
    client = FakeCloudWatch()
    client.alarms = [make_alarm(f"raglass-{number:03}") for number in range(250)]
    assert len(read(client)) == 250
    assert client.count("describe_alarms") == 3


def test_missing_permission_is_named() -> None:
    client = FakeCloudWatch()
    client.broken = refusal("AccessDenied", 403)
    with pytest.raises(Unavailable, match="cloudwatch:DescribeAlarms"):
        read(client)

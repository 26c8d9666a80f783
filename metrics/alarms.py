"""The stack's CloudWatch alarms: what state each is in and why."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from metrics import aws

ACTION = "cloudwatch:DescribeAlarms"

PAGE = 100
"""Alarms in one reply, which is the most that CloudWatch gives."""

MAX_ALARMS = 500
"""More alarms than anyone reads; a stack has about ten."""

State = Literal["ALARM", "INSUFFICIENT_DATA", "OK"]

ORDER: tuple[State, ...] = ("ALARM", "INSUFFICIENT_DATA", "OK")
"""What needs attention first."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm."""

    name: str
    """Its name."""
    state: State
    """Its state."""
    reason: str
    """Why it is in this state, in CloudWatch's words: data, to be escaped."""
    since_s: float | None
    """When it came into this state, in seconds since the epoch."""
    description: str
    """What its maker wrote about it."""


class AlarmReader:
    """DescribeAlarms for alarms of one stack."""

    def __init__(
        self, stack: str, region: str = "", *, client: Any = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._stack = stack
        self._region = region
        self._client = client
        self._sleep = sleep

    def read(self) -> list[Alarm]:
        """The alarms whose names begin with the stack's, those that need attention first. Raises RaglassError."""
        if self._client is None:
            self._client = aws.make_client("cloudwatch", self._region)
        request: dict[str, Any] = {"AlarmNamePrefix": self._stack, "MaxRecords": PAGE}
        alarms: list[Alarm] = []
        while len(alarms) < MAX_ALARMS:
            reply = aws.call(ACTION, lambda: self._client.describe_alarms(**request), sleep=self._sleep)
            found = [*reply.get("MetricAlarms", ()), *reply.get("CompositeAlarms", ())]
            alarms += [_alarm(alarm) for alarm in found]
            if not reply.get("NextToken"):
                break
            request["NextToken"] = reply["NextToken"]
        return sorted(alarms, key=lambda alarm: (ORDER.index(alarm.state), alarm.name))


def _alarm(data: dict[str, Any]) -> Alarm:
    since = data.get("StateTransitionedTimestamp") or data.get("StateUpdatedTimestamp")
    state = data.get("StateValue")
    return Alarm(
        name=str(data["AlarmName"]),
        state=state if state in ORDER else "INSUFFICIENT_DATA",
        reason=str(data.get("StateReason", "")),
        since_s=since.timestamp() if since is not None else None,
        description=str(data.get("AlarmDescription", "")),
    )

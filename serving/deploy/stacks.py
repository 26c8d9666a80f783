"""One CloudFormation stack: its state, what a change would do, making the change with progress, removing it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.errors import StageFailed, Unavailable
from serving.deploy.account import error_code, explained, shown
from serving.deploy.changes import ChangeSet
from serving.deploy.templates import Template

Tell = Callable[[str], None]

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
CHANGE_SET = "raglass-deploy"
POLL_S = 2.0
HEARTBEAT_S = 60.0
"""While nothing is done, what is waited for is told this often."""

LONGEST_S = 5400.0
"""An endpoint with a large model takes a quarter of an hour; longer than this, something is wrong."""

TAG = "raglass-stack"
"""Key of the tag on every part, whose value is the stack's name: where AWS makes up a part's name, the roles of ci.yaml go by it."""

INLINE_BYTES = 51_200
"""CloudFormation takes longer templates only from a bucket."""

NEVER_MADE = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
"""States of a stack that holds nothing: a change set that was not carried out, and a creation that was undone."""

STUCK = frozenset({"ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"})
HIDDEN = "****"


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack as it is."""

    name: str
    status: str
    """CloudFormation's word, for example `UPDATE_COMPLETE`."""
    reason: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    """Secret ones are `****`."""
    changed_at: str
    """When it was last changed, as `2026-11-25 10:15 UTC`; empty if that is not known."""

    @property
    def is_busy(self) -> bool:
        """Whether something is changing it right now."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in NEVER_MADE


class Stack:
    """A stack by its name."""

    def __init__(
        self,
        cloudformation: Any,
        name: str,
        *,
        tell: Tell = lambda line: None,
        role_arn: str = "",
        poll_s: float = POLL_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """role_arn: the service role that CloudFormation works with; empty for the caller's own permissions."""
        self.name = name
        self._cloudformation, self._tell, self._sleep, self._poll_s = cloudformation, tell, sleep, poll_s
        self._role = {"RoleARN": role_arn} if role_arn else {}

    def state(self) -> StackState | None:
        """As it is now; None if there is no such stack."""
        from botocore.exceptions import ClientError

        with explained("cloudformation:DescribeStacks"):
            try:
                found = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError as error:
                if error_code(error) == "ValidationError" and "does not exist" in str(error):
                    return None
                raise
        return StackState(
            self.name,
            found["StackStatus"],
            found.get("StackStatusReason", ""),
            {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
            {
                parameter["ParameterKey"]: parameter.get("ParameterValue", "")
                for parameter in found.get("Parameters", [])
            },
            _when(found.get("LastUpdatedTime") or found.get("CreationTime")),
        )

    def outputs(self) -> dict[str, str]:
        """Outputs; none if there is no such stack."""
        state = self.state()
        return {} if state is None else state.outputs

    def resources(self) -> list[tuple[str, str, str]]:
        """Logical id, type and physical id of everything in it; nothing if there is no such stack."""
        if self.state() is None:
            return []
        with explained("cloudformation:ListStackResources"):
            pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
            return [
                (found["LogicalResourceId"], found["ResourceType"], found.get("PhysicalResourceId", ""))
                for page in pages
                for found in page["StackResourceSummaries"]
                if found["ResourceStatus"] != "DELETE_COMPLETE"
            ]

    def drifted(self) -> list[str]:
        """Resources that are not as the template made them, as `logical id (type): MODIFIED`. Takes CloudFormation a minute."""
        if self.state() is None:
            return []
        with explained("cloudformation:DetectStackDrift"):
            detection = self._cloudformation.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]
        waited_s = 0.0
        while True:
            with explained("cloudformation:DescribeStackDriftDetectionStatus"):
                found = self._cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            waited_s = self._pause(waited_s)
        if found.get("StackDriftStatus") == "IN_SYNC":
            return []
        with explained("cloudformation:DescribeStackResourceDrifts"):
            drifts = self._cloudformation.describe_stack_resource_drifts(
                StackName=self.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
            )["StackResourceDrifts"]
        return [
            f"{each['LogicalResourceId']} ({each['ResourceType']}): {each['StackResourceDriftStatus']}"
            for each in drifts
        ]

    def settle(self) -> StackState | None:
        """Wait while somebody else, or an earlier run that was interrupted, changes the stack; then say how it is."""
        state = self.state()
        if state is not None and state.is_busy:
            self._tell(f"{self.name} is being changed by another deployment ({state.status}); waiting for it")
            state = self._wait(seen=self._event_ids())
        return state

    def propose(
        self, template: Template, values: Mapping[str, str | None], *, template_url: str = ""
    ) -> ChangeSet | None:
        """Have CloudFormation work out a change, without making it; None if nothing would change.

        values: parameters. None leaves a parameter as it is, which is for secrets that are not at hand.
        template_url: where a template too long to be sent is. Raises Unavailable for a stack that has to be mended first.
        """
        state = self.settle()
        if state is not None and state.status == "ROLLBACK_COMPLETE":
            self._tell(f"{self.name} was left empty by a creation that failed; it is removed and made anew")
            self.delete()
            state = None
        self._check_mendable(state)
        creates = state is None or state.status in NEVER_MADE
        self._request(template, values, creates, template_url)
        described = self._await_change_set()
        if described is None:
            return None
        before = {} if state is None else state.parameters
        return ChangeSet.read(self.name, creates, described, template, before, values)

    def carry_out(self, change: ChangeSet) -> StackState:
        """Make the change that was proposed, and wait. Raises StageFailed naming the resource that failed; AWS undoes the change."""
        earlier = self._event_ids()
        with explained("cloudformation:ExecuteChangeSet"):
            self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=CHANGE_SET)
        state = self._wait(set(earlier))
        if state is None or state.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise StageFailed(self._why(state, earlier))
        return state

    def discard(self, change: ChangeSet) -> None:
        """Forget a change that was proposed, and the empty stack that proposing made."""
        with explained("cloudformation:DeleteChangeSet"):
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=CHANGE_SET)
        if change.creates:
            self.delete()

    def resume_rollback(self) -> None:
        """Let CloudFormation go on with a rollback that got stuck."""
        earlier = self._event_ids()
        with explained("cloudformation:ContinueUpdateRollback"):
            self._cloudformation.continue_update_rollback(StackName=self.name, **self._role)
        self._wait(earlier)

    def delete(self) -> None:
        """Remove the stack and wait; one that is not there is no error. Raises StageFailed naming what could not be removed."""
        if self.state() is None:
            return
        earlier = self._event_ids()
        with explained("cloudformation:DeleteStack"):
            self._cloudformation.delete_stack(StackName=self.name, **self._role)
        state = self._wait(set(earlier))
        if state is not None and state.status != "DELETE_COMPLETE":
            raise StageFailed(self._why(state, earlier))

    def _check_mendable(self, state: StackState | None) -> None:
        if state is None:
            return
        if state.status in STUCK:
            raise Unavailable(
                f"The stack {self.name} is {state.status} ({shown(state.reason)}) and cannot be changed. "
                "`raglass deploy down` removes what is left of it, then `raglass deploy up` makes it anew."
            )
        if state.status == "UPDATE_ROLLBACK_FAILED":
            raise Unavailable(
                f"The stack {self.name} is UPDATE_ROLLBACK_FAILED: its last change could not be undone. What served before still "
                "serves. `raglass deploy rollback` goes on with undoing; then run `raglass deploy up` again."
            )

    def _request(self, template: Template, values: Mapping[str, str | None], creates: bool, template_url: str) -> None:
        from botocore.exceptions import ClientError

        with explained("cloudformation:DeleteChangeSet"):
            try:
                self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=CHANGE_SET)
            except ClientError as error:
                if error_code(error) not in ("ChangeSetNotFound", "ValidationError", "ChangeSetNotFoundException"):
                    raise
        long = len(template.body.encode()) > INLINE_BYTES
        with explained("cloudformation:CreateChangeSet"):
            self._cloudformation.create_change_set(
                StackName=self.name,
                ChangeSetName=CHANGE_SET,
                ChangeSetType="CREATE" if creates else "UPDATE",
                Capabilities=CAPABILITIES,
                Parameters=[_parameter(name, value) for name, value in values.items() if name in template.parameters],
                Tags=[{"Key": TAG, "Value": self.name.removesuffix(f"-{template.part}")}],
                **({"TemplateURL": template_url} if long else {"TemplateBody": template.body}),
                **self._role,
            )

    def _await_change_set(self) -> dict[str, Any] | None:
        waited_s = 0.0
        while True:
            with explained("cloudformation:DescribeChangeSet"):
                found: dict[str, Any] = self._cloudformation.describe_change_set(
                    StackName=self.name, ChangeSetName=CHANGE_SET
                )
                changes, token = list(found.get("Changes", [])), found.get("NextToken")
                while token:
                    page = self._cloudformation.describe_change_set(
                        StackName=self.name, ChangeSetName=CHANGE_SET, NextToken=token
                    )
                    changes += page.get("Changes", [])
                    token = page.get("NextToken")
            status, reason = found["Status"], found.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                return {**found, "Changes": changes}
            if status == "FAILED":
                with explained("cloudformation:DeleteChangeSet"):
                    self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=CHANGE_SET)
                if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                    return None
                raise StageFailed(
                    f"CloudFormation refuses the change of {self.name}: {shown(reason)} Nothing was changed."
                )
            waited_s = self._pause(waited_s)

    def _wait(self, seen: set[str]) -> StackState | None:
        """Until nothing changes the stack, telling of each resource that is done; None once there is no such stack."""
        waited_s, told_s = 0.0, 0.0
        pending: set[str] = set()
        while True:
            state = self.state()
            self._tell_events(seen, pending)
            if state is None or not state.is_busy:
                return state
            if waited_s - told_s >= HEARTBEAT_S:
                told_s = waited_s
                self._tell(f"  {waited_s / 60:.0f} min, waiting for {', '.join(sorted(pending)) or 'CloudFormation'}")
            waited_s = self._pause(waited_s)

    def _pause(self, waited_s: float) -> float:
        if waited_s > LONGEST_S:
            raise Unavailable(
                f"{self.name} has been changing for {waited_s / 60:.0f} minutes. It goes on without us: `raglass deploy status` shows it."
            )
        self._sleep(self._poll_s)
        return waited_s + self._poll_s

    def _tell_events(self, seen: set[str], pending: set[str]) -> None:
        """Tell of what is done or failed since; keep in `pending` what is under way."""
        for event in reversed(self._events()):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            resource, status, reason = (
                event["LogicalResourceId"],
                event["ResourceStatus"],
                event.get("ResourceStatusReason", ""),
            )
            if status.endswith("IN_PROGRESS"):
                pending.add(resource)
                continue
            pending.discard(resource)
            self._tell(
                f"  {resource}: {status.lower().replace('_', ' ')}{f' ({shown(reason)})' if 'FAILED' in status and reason else ''}"
            )

    def _event_ids(self) -> set[str]:
        return {event["EventId"] for event in self._events()}

    def _events(self) -> Sequence[dict[str, Any]]:
        """The latest events, newest first."""
        from botocore.exceptions import ClientError

        with explained("cloudformation:DescribeStackEvents"):
            try:
                found: list[dict[str, Any]] = self._cloudformation.describe_stack_events(StackName=self.name)[
                    "StackEvents"
                ]
            except ClientError as error:
                if error_code(error) == "ValidationError":
                    return []
                raise
        return found

    def _why(self, state: StackState | None, earlier: set[str]) -> str:
        failures = [
            f"{event['LogicalResourceId']}: {shown(event.get('ResourceStatusReason', 'no reason given'))}"
            for event in reversed(self._events())
            if event["EventId"] not in earlier
            and event["ResourceStatus"].endswith("FAILED")
            and "cancelled" not in event.get("ResourceStatusReason", "")
        ]
        status = "gone" if state is None else state.status
        undone = (
            "AWS undid the change, and what served before still serves. "
            if status == "UPDATE_ROLLBACK_COMPLETE"
            else ""
        )
        return (
            f"{self.name} is {status}. {' '.join(failures[-3:])} {undone}Mend that and run `raglass deploy up` again."
        )


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _parameter(name: str, value: str | None) -> dict[str, Any]:
    if value is None:
        return {"ParameterKey": name, "UsePreviousValue": True}
    return {"ParameterKey": name, "ParameterValue": value}

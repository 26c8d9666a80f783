"""A stack through its states, as AWS words them: what botocore's Stubber answers here, the rehearsal cannot be made to answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from pipeline.errors import StageFailed, Unavailable
from serving.deploy.stacks import CHANGE_SET, TAG, Stack
from serving.deploy.templates import Template

NAME = "demo-serving"
TEMPLATE = Template("serving", "Parameters: {Key: {Type: String, NoEcho: true}, Size: {Type: Number}}\nResources: {}\n")
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


class Scene:
    """A client that answers what it was told to, in that order, and a stack on it."""

    def __init__(self) -> None:
        client = boto3.client(
            "cloudformation", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(client)
        self.told: list[str] = []
        self.stack = Stack(client, NAME, tell=self.told.append, sleep=lambda seconds: None)

    def state(self, status: str, reason: str = "", **parameters: str) -> None:
        shown = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        stack = {
            "StackName": NAME,
            "StackStatus": status,
            "StackStatusReason": reason,
            "CreationTime": WHEN,
            "Parameters": shown,
        }
        self.stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": NAME})

    def absent(self) -> None:
        self.stub.add_client_error(
            "describe_stacks",
            "ValidationError",
            f"Stack with id {NAME} does not exist",
            expected_params={"StackName": NAME},
        )

    def events(self, *events: tuple[str, str, str, str]) -> None:
        shown = [
            {
                "StackId": "id",
                "StackName": NAME,
                "Timestamp": WHEN,
                "EventId": event_id,
                "LogicalResourceId": logical_id,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for event_id, logical_id, status, reason in events
        ]
        self.stub.add_response("describe_stack_events", {"StackEvents": shown}, {"StackName": NAME})

    def change_set(self, status: str, reason: str = "", changes: list[dict[str, Any]] | None = None) -> None:
        answer = {"Status": status, "StatusReason": reason, "Changes": changes or []}
        self.stub.add_response("describe_change_set", answer, {"StackName": NAME, "ChangeSetName": CHANGE_SET})

    def asked_for(self, kind: str, parameters: list[dict[str, Any]]) -> None:
        self.stub.add_client_error("delete_change_set", "ChangeSetNotFound")
        self.stub.add_response(
            "create_change_set",
            {},
            {
                "StackName": NAME,
                "ChangeSetName": CHANGE_SET,
                "ChangeSetType": kind,
                "Capabilities": ANY,
                "Parameters": parameters,
                "Tags": [{"Key": TAG, "Value": NAME.removesuffix("-serving")}],
                "TemplateBody": TEMPLATE.body,
            },
        )


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with made.stub:
        yield made
        made.stub.assert_no_pending_responses()


SIZE = {"ParameterKey": "Size", "ParameterValue": "2"}
CHANGED = {
    "Type": "Resource",
    "ResourceChange": {
        "Action": "Modify",
        "LogicalResourceId": "Embedder",
        "ResourceType": "AWS::SageMaker::Endpoint",
        "Replacement": "False",
        "Details": [{"Target": {"Attribute": "Properties", "Name": "EndpointConfigName"}}],
    },
}


def test_change_is_worked_out_and_a_secret_that_is_not_at_hand_stays(scene: Scene) -> None:
    scene.state("UPDATE_COMPLETE", Size="1", Key="****")
    scene.asked_for("UPDATE", [{"ParameterKey": "Key", "UsePreviousValue": True}, SIZE])
    scene.change_set("CREATE_IN_PROGRESS")
    scene.change_set("CREATE_COMPLETE", changes=[CHANGED])
    found = scene.stack.propose(TEMPLATE, {"Key": None, "Size": "2", "Unknown": "left out"})
    assert found is not None
    assert not found.creates
    assert (found.resources[0].logical_id, found.resources[0].properties) == ("Embedder", ("EndpointConfigName",))
    assert [(each.name, each.before, each.after) for each in found.parameters] == [("Size", "1", "2")]


def test_secret_is_never_among_the_changes_shown(scene: Scene) -> None:
    scene.absent()
    scene.asked_for("CREATE", [{"ParameterKey": "Key", "ParameterValue": "hunter2"}, SIZE])
    scene.change_set("CREATE_COMPLETE")
    found = scene.stack.propose(TEMPLATE, {"Key": "hunter2", "Size": "2"})
    assert found is not None
    assert found.creates
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_nothing_to_change_is_no_change_and_leaves_no_change_set(scene: Scene, reason: str) -> None:
    scene.state("CREATE_COMPLETE", Size="2")
    scene.asked_for("UPDATE", [SIZE])
    scene.change_set("FAILED", reason)
    scene.stub.add_response("delete_change_set", {}, {"StackName": NAME, "ChangeSetName": CHANGE_SET})
    assert scene.stack.propose(TEMPLATE, {"Size": "2"}) is None


def test_refused_change_says_why_and_that_nothing_was_changed(scene: Scene) -> None:
    scene.state("CREATE_COMPLETE", Size="2")
    scene.asked_for("UPDATE", [SIZE])
    scene.change_set("FAILED", "Template error: no such thing")
    scene.stub.add_response("delete_change_set", {})
    with pytest.raises(StageFailed, match=r"Template error: no such thing\. Nothing was changed"):
        scene.stack.propose(TEMPLATE, {"Size": "2"})


def test_creation_that_failed_is_removed_and_made_anew(scene: Scene) -> None:
    scene.state("ROLLBACK_COMPLETE")
    scene.state("ROLLBACK_COMPLETE")
    scene.events()
    scene.stub.add_response("delete_stack", {}, {"StackName": NAME})
    scene.absent()
    scene.events()
    scene.asked_for("CREATE", [SIZE])
    scene.change_set("CREATE_COMPLETE")
    found = scene.stack.propose(TEMPLATE, {"Size": "2"})
    assert found is not None
    assert found.creates
    assert any("made anew" in line for line in scene.told)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("DELETE_FAILED", "raglass deploy down"),
        ("ROLLBACK_FAILED", "raglass deploy down"),
        ("UPDATE_ROLLBACK_FAILED", "still serves.*raglass deploy rollback"),
    ],
)
def test_stuck_stack_is_not_touched_and_the_way_out_is_named(scene: Scene, status: str, said: str) -> None:
    scene.state(status, "The bucket is not empty")
    with pytest.raises(Unavailable, match=f"{status}.*{said}"):
        scene.stack.propose(TEMPLATE, {"Size": "2"})


def test_second_deployment_waits_for_the_first(scene: Scene) -> None:
    scene.state("UPDATE_IN_PROGRESS")
    scene.events(("1", "Embedder", "UPDATE_IN_PROGRESS", ""))
    scene.state("UPDATE_IN_PROGRESS")
    scene.events(("1", "Embedder", "UPDATE_IN_PROGRESS", ""))
    scene.state("UPDATE_COMPLETE")
    scene.events(("2", "Embedder", "UPDATE_COMPLETE", ""), ("1", "Embedder", "UPDATE_IN_PROGRESS", ""))
    found = scene.stack.settle()
    assert found is not None
    assert found.status == "UPDATE_COMPLETE"
    assert "another deployment" in scene.told[0]
    assert scene.told[1:] == ["  Embedder: update complete"]


def test_failed_update_names_the_resource_and_says_what_still_serves(scene: Scene) -> None:
    old = ("0", "Embedder", "CREATE_FAILED", "a failure of last week")
    scene.events(old)
    scene.stub.add_response("execute_change_set", {}, {"StackName": NAME, "ChangeSetName": CHANGE_SET})
    failure = ("2", "Generator", "UPDATE_FAILED", "The model data cannot be unpacked")
    cancelled = ("3", "Orchestrator", "UPDATE_FAILED", "Resource update cancelled")
    scene.state("UPDATE_ROLLBACK_COMPLETE")
    scene.events(cancelled, failure, old)
    scene.events(cancelled, failure, old)
    change = _change()
    with pytest.raises(StageFailed, match=r"Generator: The model data cannot be unpacked.*still serves") as raised:
        scene.stack.carry_out(change)
    assert "last week" not in str(raised.value)
    assert "Orchestrator" not in str(raised.value)


def _change() -> Any:
    from serving.deploy.changes import ChangeSet

    return ChangeSet(NAME, creates=False, resources=())


def test_stack_that_cannot_be_deleted_names_what_is_in_the_way(scene: Scene) -> None:
    scene.state("UPDATE_COMPLETE")
    scene.events()
    scene.stub.add_response("delete_stack", {}, {"StackName": NAME})
    left = ("1", "Artifacts", "DELETE_FAILED", "The bucket you tried to delete is not empty")
    scene.state("DELETE_FAILED")
    scene.events(left)
    scene.events(left)
    with pytest.raises(StageFailed, match="Artifacts: The bucket you tried to delete is not empty"):
        scene.stack.delete()


def test_drift_is_listed_by_resource(scene: Scene) -> None:
    scene.state("UPDATE_COMPLETE")
    scene.stub.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"}, {"StackName": NAME})
    for status in ("DETECTION_IN_PROGRESS", "DETECTION_COMPLETE"):
        scene.stub.add_response(
            "describe_stack_drift_detection_status",
            {
                "StackId": "id",
                "StackDriftDetectionId": "d",
                "DetectionStatus": status,
                "StackDriftStatus": "DRIFTED",
                "Timestamp": WHEN,
            },
        )
    drift = {
        "StackId": "id",
        "LogicalResourceId": "Orchestrator",
        "ResourceType": "AWS::Lambda::Function",
        "StackResourceDriftStatus": "MODIFIED",
        "Timestamp": WHEN,
    }
    scene.stub.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [drift]})
    assert scene.stack.drifted() == ["Orchestrator (AWS::Lambda::Function): MODIFIED"]


def test_rollback_that_got_stuck_goes_on(scene: Scene) -> None:
    scene.events()
    scene.stub.add_response("continue_update_rollback", {}, {"StackName": NAME})
    scene.state("UPDATE_ROLLBACK_COMPLETE")
    scene.events()
    scene.stack.resume_rollback()

"""Deploys the stack's template, and deletes it. Knows CloudFormation and nothing of the rehearsal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from pipeline.errors import Unavailable

TEMPLATE = Path(__file__).resolve().parents[1] / "stack" / "rehearsal.yaml"

CAPABILITIES = ["CAPABILITY_IAM"]
POLL = {"Delay": 1, "MaxAttempts": 600}


def deploy(cloudformation: Any, name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack, or update the one of this name, wait, and return its outputs.

    Raises Unavailable naming the resource that failed and why; a stack whose creation failed is rolled back and left to look at.
    """
    exists = _exists(cloudformation, name)
    request = {
        "StackName": name,
        "TemplateBody": TEMPLATE.read_text("utf-8"),
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    if exists:
        cloudformation.update_stack(**request)
    else:
        cloudformation.create_stack(**request)
    _wait(cloudformation, name, "stack_update_complete" if exists else "stack_create_complete")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def delete(cloudformation: Any, name: str) -> None:
    """Delete the stack and wait until it is gone. Raises Unavailable naming what could not be deleted."""
    cloudformation.delete_stack(StackName=name)
    _wait(cloudformation, name, "stack_delete_complete")


def _exists(cloudformation: Any, name: str) -> bool:
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return any(stack["StackName"] == name for page in pages for stack in page["Stacks"])


def _wait(cloudformation: Any, name: str, outcome: str) -> None:
    try:
        cloudformation.get_waiter(outcome).wait(StackName=name, WaiterConfig=POLL)
    except WaiterError as error:
        reasons = "; ".join(_failures(cloudformation, name)) or str(error)
        raise Unavailable(
            f"The stack {name} did not get to {outcome}: {reasons}. Mend that and deploy again."
        ) from error


def _failures(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]

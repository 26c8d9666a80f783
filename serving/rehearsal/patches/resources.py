"""CloudFormation types that the emulator lacks: SageMaker's, made in the stand-in, and a few that are taken and not acted on."""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from serving.rehearsal.patches.points import Point

SAGEMAKER_VARIABLE = "AWS_ENDPOINT_URL_SAGEMAKER"

HANDLERS = Point("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
PHYSICAL_NAME = Point("ministack.services.cloudformation.provisioners", "_physical_name")
ON_WORKER_THREAD = Point("ministack.services.cloudformation.stacks", "_runs_on_worker_thread")
POINTS = (HANDLERS, PHYSICAL_NAME, ON_WORKER_THREAD)

TAKEN_ONLY = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
)
POLL_S = 0.1
LONGEST_NAME = 63

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]
"""A resource's physical id and what `Fn::GetAtt` finds."""


def apply() -> None:
    """Add the types. Waiting for an endpoint must not block the emulator's event loop, hence the worker thread."""
    handlers = HANDLERS.get()
    handlers["AWS::SageMaker::Model"] = {"create": _create_model, "delete": _delete_model}
    handlers["AWS::SageMaker::EndpointConfig"] = {"create": _create_config, "delete": _delete_config}
    handlers["AWS::SageMaker::Endpoint"] = {
        "create": _create_endpoint,
        "update": _update_endpoint,
        "delete": _delete_endpoint,
    }
    for kind in TAKEN_ONLY:
        handlers.setdefault(kind, _taken(kind))
    ON_WORKER_THREAD.replace(_or_sagemaker)


def _or_sagemaker(blocks: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda kind: kind.startswith("AWS::SageMaker::") or blocks(kind)


def _sagemaker() -> Any:
    import boto3

    return boto3.client(
        "sagemaker",
        endpoint_url=os.environ[SAGEMAKER_VARIABLE],
        region_name=os.environ["MINISTACK_REGION"],
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


def _name(properties: Mapping[str, Any], key: str, stack: str, logical_id: str) -> str:
    """The given name, or one that no other resource has, since a replacement is made while the old one is there."""
    stem = PHYSICAL_NAME.get()(stack, logical_id, max_len=LONGEST_NAME - 9)
    return str(properties.get(key) or f"{stem}-{secrets.token_hex(4)}")


def as_numbers(value: Any) -> Any:
    """CloudFormation takes `"1"` for 1; the API does not. Strings that are numbers become numbers, except in `Environment`."""
    if isinstance(value, dict):
        return {key: item if key == "Environment" else as_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_numbers(item) for item in value]
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return float(value) if "." in value else int(value)
    return value


def _create_model(logical_id: str, properties: Properties, stack: str) -> Made:
    name = _name(properties, "ModelName", stack, logical_id)
    _sagemaker().create_model(**{**properties, "ModelName": name})
    return name, {"ModelName": name}


def _delete_model(name: str, properties: Properties) -> None:
    _sagemaker().delete_model(ModelName=name)


def _create_config(logical_id: str, properties: Properties, stack: str) -> Made:
    name = _name(properties, "EndpointConfigName", stack, logical_id)
    variants = as_numbers(properties["ProductionVariants"])
    _sagemaker().create_endpoint_config(**{**properties, "ProductionVariants": variants, "EndpointConfigName": name})
    return name, {"EndpointConfigName": name}


def _delete_config(name: str, properties: Properties) -> None:
    _sagemaker().delete_endpoint_config(EndpointConfigName=name)


def _create_endpoint(logical_id: str, properties: Properties, stack: str) -> Made:
    name = _name(properties, "EndpointName", stack, logical_id)
    _sagemaker().create_endpoint(EndpointName=name, EndpointConfigName=properties["EndpointConfigName"])
    return _settled(name)


def _update_endpoint(name: str, old: Properties, new: Properties, stack: str) -> Made:
    if new.get("EndpointName", name) != name:
        return _replace_endpoint(name, new)
    _sagemaker().update_endpoint(EndpointName=name, EndpointConfigName=new["EndpointConfigName"])
    return _settled(name)


def _replace_endpoint(name: str, new: Properties) -> Made:
    """Another name is another endpoint: made beside the old one, which goes once the new one serves, and stays where it does not.

    CloudFormation removes the old one at the end of the whole update; the emulator has no such end, so it is removed here.
    """
    client, renamed = _sagemaker(), new["EndpointName"]
    client.create_endpoint(EndpointName=renamed, EndpointConfigName=new["EndpointConfigName"])
    try:
        made = _settled(renamed)
    except ValueError:
        client.delete_endpoint(EndpointName=renamed)
        raise
    client.delete_endpoint(EndpointName=name)
    return made


def _delete_endpoint(name: str, properties: Properties) -> None:
    _sagemaker().delete_endpoint(EndpointName=name)


def _settled(name: str) -> Made:
    """Wait until an endpoint is in service. Raises ValueError, which fails the resource, with the endpoint's own reason."""
    while True:
        endpoint = _sagemaker().describe_endpoint(EndpointName=name)
        reason = endpoint.get("FailureReason")
        if reason or endpoint["EndpointStatus"] == "Failed":
            raise ValueError(reason or f"endpoint {name} failed")
        if endpoint["EndpointStatus"] == "InService":
            return name, {"EndpointName": name}
        time.sleep(POLL_S)


def _taken(kind: str) -> dict[str, Callable[..., Any]]:
    word = kind.split("::")[1].lower()
    return {
        "create": lambda logical_id, properties, stack: (
            f"{word}-{stack}-{logical_id}",
            {"Arn": f"arn:aws:{word}:::{stack}/{logical_id}"},
        ),
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }

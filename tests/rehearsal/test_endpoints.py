"""Endpoints of the SageMaker stand-in with small models, their model servers real, without the emulator."""

import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.rehearsal.endpoints import ControlPlane, Invalid
from serving.rehearsal.variants import Variant
from tests.model_folder import LocalFolder

ECHO = """
import json
def model_fn(folder): return "model"
def input_fn(body, content_type): return json.loads(body)
def predict_fn(data, model):
    if "raise" in data: raise ValueError(data["raise"])
    return {"got": data, "model": model, "word": WORD}
def output_fn(result, accept): return json.dumps(result), accept
"""


@pytest.fixture
def archives(tmp_path: Path) -> dict[str, Path]:
    """Model archives by name: two that work, one that cannot be loaded, one without code, one that is no archive."""
    codes = {"one": f"WORD = 1\n{ECHO}", "two": f"WORD = 2\n{ECHO}", "broken": "raise RuntimeError('no weights')"}
    made = {name: tmp_path / f"{name}.tar.gz" for name in (*codes, "empty", "garbage")}
    for name, code in codes.items():
        source = tmp_path / f"{name}.py"
        source.write_text(code)
        with tarfile.open(made[name], "w:gz") as tar:
            tar.add(source, "code/inference.py")
    tarfile.open(made["empty"], "w:gz").close()
    made["garbage"].write_bytes(b"not an archive")
    return made


@pytest.fixture
def control(tmp_path: Path, archives: dict[str, Path]) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path / "models", LocalFolder(archives))
    for name in archives:
        container = {"Image": "any", "ModelDataUrl": name}
        plane.run("CreateModel", {"ModelName": name, "ExecutionRoleArn": "any", "PrimaryContainer": container})
        variant = {"VariantName": "AllTraffic", "ModelName": name}
        plane.run("CreateEndpointConfig", {"EndpointConfigName": name, "ProductionVariants": [variant]})
    yield plane
    plane.stop()


def settled(control: ControlPlane, operation: str, config: str) -> dict[str, Any]:
    """The endpoint `e` after an operation has come to an end."""
    control.run(operation, {"EndpointName": "e", "EndpointConfigName": config})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        endpoint = control.run("DescribeEndpoint", {"EndpointName": "e"})
        if endpoint["EndpointStatus"] not in ("Creating", "Updating"):
            return endpoint
        time.sleep(0.02)
    raise AssertionError("the endpoint did not settle")


def word(control: ControlPlane) -> object:
    variant = control.serving("e")
    assert variant is not None
    return variant.invoke(b"{}", {"Content-Type": "application/json"}).body.decode()[-2]


def serverless(control: ControlPlane, chosen: dict[str, int]) -> dict[str, Any]:
    """The endpoint `e`, serverless."""
    variant = {"VariantName": "AllTraffic", "ModelName": "one", "ServerlessConfig": chosen}
    control.run("CreateEndpointConfig", {"EndpointConfigName": "serverless", "ProductionVariants": [variant]})
    return settled(control, "CreateEndpoint", "serverless")


def test_an_endpoint_answers_with_its_models_code(control: ControlPlane) -> None:
    assert settled(control, "CreateEndpoint", "one")["EndpointStatus"] == "InService"
    variant = control.serving("e")
    assert variant is not None
    reply = variant.invoke(b'{"a": 1}', {"Content-Type": "application/json"})
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.body == b'{"got": {"a": 1}, "model": "model", "word": 1}'


def test_what_a_handler_raises_is_a_400_with_its_text(control: ControlPlane) -> None:
    settled(control, "CreateEndpoint", "one")
    variant: Variant | None = control.serving("e")
    assert variant is not None
    reply = variant.invoke(b'{"raise": "too long"}', {"Content-Type": "application/json"})
    assert (reply.status, b"too long" in reply.body) == (400, True)


@pytest.mark.parametrize(
    ("config", "reason"),
    [("broken", "no weights"), ("empty", "has no code/inference.py"), ("garbage", "cannot be unpacked")],
)
def test_an_endpoint_whose_model_does_not_start_fails_with_the_reason(
    control: ControlPlane, config: str, reason: str
) -> None:
    endpoint = settled(control, "CreateEndpoint", config)
    assert (endpoint["EndpointStatus"], control.serving("e")) == ("Failed", None)
    assert reason in endpoint["FailureReason"]


def test_an_update_takes_over_and_a_failed_one_does_not(control: ControlPlane) -> None:
    settled(control, "CreateEndpoint", "one")
    assert settled(control, "UpdateEndpoint", "two")["EndpointConfigName"] == "two"
    assert word(control) == "2"
    failed = settled(control, "UpdateEndpoint", "broken")
    assert (failed["EndpointStatus"], failed["EndpointConfigName"]) == ("InService", "two")
    assert "no weights" in failed["FailureReason"]
    assert word(control) == "2"
    assert "FailureReason" not in settled(control, "UpdateEndpoint", "one")


def test_a_deleted_endpoint_leaves_no_process_and_no_file(control: ControlPlane, tmp_path: Path) -> None:
    settled(control, "CreateEndpoint", "one")
    control.run("DeleteEndpoint", {"EndpointName": "e"})
    assert control.serving("e") is None
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("operation", "request_", "complaint"),
    [
        ("CreateModel", {"ModelName": "one"}, "already existing model"),
        ("CreateEndpointConfig", {"EndpointConfigName": "one"}, "already existing endpoint configuration"),
        ("DescribeModel", {"ModelName": "none"}, 'Could not find model "none"'),
        ("DeleteEndpoint", {"EndpointName": "none"}, 'Could not find endpoint "none"'),
        (
            "CreateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "none"},
            "Could not find endpoint configuration",
        ),
    ],
)
def test_misuse_is_a_validation_error(
    control: ControlPlane, operation: str, request_: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        control.run(operation, request_)


def test_an_endpoint_on_its_way_cannot_be_updated(control: ControlPlane) -> None:
    control.run("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "one"})
    with pytest.raises(Invalid, match="in-progress"):
        control.run("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "two"})
    settled_by = time.monotonic() + 60
    while control.run("DescribeEndpoint", {"EndpointName": "e"})["EndpointStatus"] == "Creating":
        assert time.monotonic() < settled_by
        time.sleep(0.02)


def test_an_endpoint_on_instances_becomes_no_serverless_one_and_a_serverless_one_says_what_it_has(
    control: ControlPlane,
) -> None:
    """As SageMaker has it: the way from serverless to instances is open, the other is not."""
    chosen = {"MemorySizeInMB": 2048, "MaxConcurrency": 3}
    made = serverless(control, chosen)
    assert (made["EndpointStatus"], made["ProductionVariants"][0]["CurrentServerlessConfig"]) == ("InService", chosen)
    assert settled(control, "UpdateEndpoint", "two")["EndpointConfigName"] == "two"
    with pytest.raises(Invalid, match="cannot be updated"):
        control.run("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "serverless"})


def test_a_serverless_endpoint_starts_its_model_anew_and_one_on_instances_does_not(
    control: ControlPlane, tmp_path: Path
) -> None:
    serverless(control, {"MemorySizeInMB": 2048, "MaxConcurrency": 3})
    first = control.serving("e")
    control.start_anew("e")
    assert control.serving("e") not in (None, first)
    assert word(control) == "1"
    assert len([path for path in (tmp_path / "models").iterdir() if path.is_dir()]) == 1
    settled(control, "UpdateEndpoint", "two")
    on_instances = control.serving("e")
    control.start_anew("e")
    assert control.serving("e") is on_instances
    control.start_anew("none")


@pytest.mark.parametrize(
    "given",
    [
        {"ServerlessConfig": {"MemorySizeInMB": 1000, "MaxConcurrency": 1}},
        {"ServerlessConfig": {"MemorySizeInMB": 7168, "MaxConcurrency": 1}},
        {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 201}},
        {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}, "InstanceType": "ml.m5.xlarge"},
    ],
)
def test_a_serverless_variant_that_sagemaker_does_not_have_is_refused(
    control: ControlPlane, given: dict[str, Any]
) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": "one", **given}
    with pytest.raises(Invalid):
        control.run("CreateEndpointConfig", {"EndpointConfigName": "odd", "ProductionVariants": [variant]})

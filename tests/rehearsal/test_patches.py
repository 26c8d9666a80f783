"""The patches' own logic here; that every point is there, in the emulator's environment."""

import contextlib
import gzip
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from serving.rehearsal.environments import ROOT, make_environment
from serving.rehearsal.patches import points, resources
from serving.rehearsal.patches.alarms import is_silent, only_wanted
from serving.rehearsal.patches.authority import trusts
from serving.rehearsal.patches.conditions import field
from serving.rehearsal.patches.cors import spelled
from serving.rehearsal.patches.metrics import embedded_metrics
from serving.rehearsal.patches.points import PINNED, PatchPointMissing, Point
from serving.rehearsal.patches.policies import full_arn
from serving.rehearsal.patches.resources import as_numbers


def test_every_patch_point_is_in_the_pinned_emulator() -> None:
    command = [str(make_environment("emulator")), "-m", "serving.rehearsal.patches", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "patch points are there" in done.stdout


def test_the_lock_file_pins_the_version_that_the_patches_know() -> None:
    assert f"ministack=={PINNED} \\" in (ROOT / "requirements" / "emulator.lock").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "point",
    [Point("no.such.module", "thing"), Point("json", "no_such_thing"), Point("json", "JSONDecoder.no_such_method")],
)
def test_a_missing_point_is_named_with_the_version(point: Point) -> None:
    with pytest.raises(PatchPointMissing) as caught:
        point.get()
    assert str(point) in str(caught.value)
    assert PINNED in str(caught.value)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "version", lambda name: "1.6.0")
    with pytest.raises(PatchPointMissing, match=f"ministack is 1.6.0, not {PINNED}"):
        points.check([])


def test_a_point_is_replaced_in_its_class() -> None:
    class Owner:
        def speak(self) -> str:
            return "old"

    module = types.ModuleType("planted")
    module.Owner = Owner  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "planted", module)
        Point("planted", "Owner.speak").replace(lambda speak: lambda self: speak(self) + ", new")
    assert Owner().speak() == "old, new"


def emf(**values: object) -> str:
    directive = {"Namespace": "N", "Dimensions": [["Stage"]], "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}]}
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "Stage": "embed", **values})


def test_a_line_in_the_embedded_format_is_a_metric() -> None:
    assert list(embedded_metrics(emf(Latency=12.5))) == [("N", "Latency", 12.5, "Milliseconds", {"Stage": "embed"})]


def test_a_metric_may_have_several_values() -> None:
    assert [value for _, _, value, _, _ in embedded_metrics(emf(Latency=[1, 2]))] == [1, 2]


@pytest.mark.parametrize("line", ["plain words", '{"_aws": broken', emf(), '{"_aws": {}}'])
def test_other_lines_are_none(line: str) -> None:
    assert list(embedded_metrics(line)) == []


def test_cloudformations_strings_become_the_apis_numbers() -> None:
    given = {"InitialInstanceCount": "1", "InitialVariantWeight": "0.5", "Name": "v1", "Environment": {"N": "1"}}
    assert as_numbers([given]) == [{**given, "InitialInstanceCount": 1, "InitialVariantWeight": 0.5}]


def test_log_groups_are_looked_up_by_their_full_arn() -> None:
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a"
    assert full_arn(group) == f"{group}:*"
    assert full_arn(f"{group}:log-stream:b") == f"{group}:log-stream:b"
    assert full_arn("arn:aws:s3:::bucket/key") == "arn:aws:s3:::bucket/key"


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        ({"Effect": "Allow", "Principal": {"Service": "s.amazonaws.com"}, "Action": "sts:AssumeRole"}, True),
        ({"Effect": "Allow", "Principal": {"Service": ["x", "s.amazonaws.com"]}, "Action": "sts:AssumeRole"}, True),
        ({"Effect": "Deny", "Principal": {"Service": "s.amazonaws.com"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": {"Service": "other"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, False),
    ],
)
def test_a_service_gets_a_role_only_if_the_role_trusts_it(statement: dict[str, object], trusted: bool) -> None:
    assert trusts(json.dumps({"Statement": [statement]}), "s.amazonaws.com") is trusted


def test_patches_import_nothing_of_the_product() -> None:
    folder = ROOT / "serving" / "rehearsal" / "patches"
    for path in [*folder.glob("*.py"), folder.parent / "lifeline.py"]:
        text = Path(path).read_text("utf-8")
        assert not any(f"from {package}" in text for package in ("pipeline", "backends", "metrics", "app", "corpus"))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"Namespace": "RAG_MLOps", "MetricData": []}', "RAG_MLOps"),
        (gzip.compress(b'{"Namespace": "RAG_MLOps"}', mtime=0), "RAG_MLOps"),
        (b"Action=PutMetricData&Namespace=AWS%2FX", "AWS/X"),
        (b"[]", None),
        (b"", None),
    ],
)
def test_namespace_that_a_request_writes_to_is_read_from_it(body: bytes, found: str | None) -> None:
    assert field("Namespace", body) == found


def test_cors_settings_are_spelled_as_the_api_spells_them() -> None:
    given = {"Name": "a", "CorsConfiguration": {"AllowOrigins": ["https://A.example"], "MaxAge": 600}}
    assert spelled(given) == {"Name": "a", "CorsConfiguration": {"allowOrigins": ["https://A.example"], "maxAge": 600}}
    assert spelled({"Name": "a"}) == {"Name": "a"}


def test_an_alarm_sees_the_series_of_its_dimensions_alone() -> None:
    series = [(("N", "ErrorCount", "Stage=embed"), [1]), (("N", "ErrorCount", "Stage=generate"), [2])]
    assert list(only_wanted(series, "Stage=generate")) == series[1:]
    assert list(only_wanted(series, None)) == series


def test_an_alarm_without_values_is_silent_only_where_they_may_be_missing() -> None:
    alarm = {"Namespace": "N", "MetricName": "ErrorCount", "Period": 60, "EvaluationPeriods": 2}
    old, new = [{"Timestamp": 100.0}], [{"Timestamp": 900.0}]
    quiet = alarm | {"TreatMissingData": "notBreaching"}
    assert is_silent(quiet, [(("N", "ErrorCount", ""), old), (("N", "Latency", ""), new)], 1000.0)
    assert not is_silent(quiet, [(("N", "ErrorCount", ""), new)], 1000.0)
    assert not is_silent(alarm, [], 1000.0)


class Endpoints:
    """SageMaker's client as far as the patches use it; an endpoint named in `broken` fails."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.done: list[tuple[str, str]] = []

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str) -> None:
        self.done.append(("create", EndpointName))

    def update_endpoint(self, EndpointName: str, EndpointConfigName: str) -> None:
        self.done.append(("update", EndpointName))

    def delete_endpoint(self, EndpointName: str) -> None:
        self.done.append(("delete", EndpointName))

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:
        return {"EndpointStatus": "Failed" if EndpointName in self.broken else "InService"}


def test_an_endpoint_of_another_name_takes_over_only_once_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def updated(name: str, *broken: str) -> list[tuple[str, str]]:
        client = Endpoints(*broken)
        monkeypatch.setattr(resources, "_sagemaker", lambda: client)
        with contextlib.suppress(ValueError):
            resources._update_endpoint("old", {}, {"EndpointName": name, "EndpointConfigName": "c"}, "stack")
        return client.done

    assert updated("old") == [("update", "old")]
    assert updated("new") == [("create", "new"), ("delete", "old")]
    assert updated("new", "new") == [("create", "new"), ("delete", "new")]

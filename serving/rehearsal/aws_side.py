"""What the SageMaker stand-in asks of the emulator: models out of S3, who may call, and a place for metrics."""

import datetime
import http.client
import json
import queue
import re
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import Unavailable
from serving.rehearsal.emulator import REGION, ROOT_KEY, ROOT_SECRET
from serving.rehearsal.endpoint_logs import LogShipper

FLUSH_S = 0.2
BATCH = 150
SKEW_S = 300
"""How far a signature's time may be off."""

CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


class Denied(Exception):
    """A caller may not do what it asked for."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwsSide:
    """The emulator, seen from the stand-in."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._url = url
        self._metrics: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._publish, name="metrics", daemon=True).start()

    def authorize(self, headers: Mapping[str, str], action: str, resource: str) -> str:
        """Check who signed a request, and when; returns the region that it was signed for. Raises Denied as AWS words it."""
        signed = CREDENTIAL.search(headers.get("authorization", ""))
        if signed is None:
            raise Denied("MissingAuthenticationTokenException", "Missing Authentication Token")
        _check_time(headers.get("x-amz-date", ""))
        verdict = self._ask(
            "authorize",
            access_key=signed["key"],
            session_token=headers.get("x-amz-security-token"),
            action=action,
            resource=resource,
        )
        if not verdict["allowed"]:
            raise Denied(verdict["code"], verdict["message"])
        return signed["region"]

    def fetch_model(self, model: Mapping[str, Any], to: Path) -> None:
        """Download a model's archive as its execution role may. Raises Unavailable as SageMaker's FailureReason has it."""
        url = model["PrimaryContainer"]["ModelDataUrl"]
        place = re.fullmatch(r"s3://([^/]+)/(.+)", url)
        if place is None:
            raise Unavailable(f"The model data {url} is no S3 address.")
        try:
            self._client_of_role("s3", model).download_file(place[1], place[2], str(to))
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(
                f"Could not access model data at {url} ({error}). Make sure that the object exists and that "
                f"{model['ExecutionRoleArn']} may do s3:GetObject on it."
            ) from error

    def ship_log(self, model: Mapping[str, Any], path: Path, endpoint: str, stream: str) -> LogShipper:
        """Start to bring a model server's log to the endpoint's log group, as the model's execution role may."""
        return LogShipper(path, self._client_of_role("logs", model), f"/aws/sagemaker/Endpoints/{endpoint}", stream)

    def record(self, name: str, value: float, unit: str, endpoint: str, variant: str) -> None:
        """Put a value of AWS/SageMaker on its way; returns at once."""
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        now = datetime.datetime.now(datetime.UTC)
        self._metrics.put(
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": unit, "Timestamp": now}
        )

    def _publish(self) -> None:
        client = self._client("cloudwatch", ROOT_KEY, ROOT_SECRET, None)
        while True:
            batch = [self._metrics.get()]
            time.sleep(FLUSH_S)
            while len(batch) < BATCH and not self._metrics.empty():
                batch.append(self._metrics.get())
            try:
                client.put_metric_data(Namespace="AWS/SageMaker", MetricData=batch)
            except (ClientError, BotoCoreError) as error:
                sys.stdout.write(f"{len(batch)} metric values are lost: {error}\n")

    def _client_of_role(self, service: str, model: Mapping[str, Any]) -> Any:
        role = self._ask("assume", role_arn=model["ExecutionRoleArn"], service="sagemaker.amazonaws.com")
        if not role:
            raise Unavailable(
                f"SageMaker may not assume {model['ExecutionRoleArn']}. Let the role trust sagemaker.amazonaws.com."
            )
        return self._client(service, role["access_key"], role["secret_key"], role["session_token"])

    def _client(self, service: str, key: str, secret: str, token: str | None) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 2}, proxies={}),
        )

    def _ask(self, door: str, **question: Any) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            connection.request("POST", f"/_rehearsal/{door}", json.dumps(question))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def _check_time(stamp: str) -> None:
    try:
        signed_at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise Denied(
            "IncompleteSignatureException", "Authorization header requires existence of 'X-Amz-Date'."
        ) from None
    off_s = (datetime.datetime.now(datetime.UTC) - signed_at).total_seconds()
    if abs(off_s) > SKEW_S:
        early = "Signature expired" if off_s > 0 else "Signature not yet current"
        raise Denied("InvalidSignatureException", f"{early}: {stamp} is {abs(off_s):.0f} s off")

"""SageMaker's control plane: models, endpoint configurations and endpoints, with SageMaker's own words for what is wrong."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RaglassError
from serving.rehearsal.emulator import ACCOUNT, REGION
from serving.rehearsal.variants import Surroundings, Variant

SERVERLESS_MB = range(1024, 6145, 1024)
"""Sizes of a serverless variant (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html)."""

Request = Mapping[str, Any]
Record = dict[str, Any]


class Invalid(Exception):
    """A ValidationException."""


def arn(kind: str, name: str) -> str:
    """SageMaker's ARNs are in lower case."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"


class ControlPlane:
    """All models, configurations and endpoints. Its operations may be called from many threads."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        self._folder = folder
        self._surroundings = surroundings
        self._lock = threading.RLock()
        self._started = 0
        self._models: dict[str, Record] = {}
        self._configs: dict[str, Record] = {}
        self._endpoints: dict[str, Record] = {}
        self._variants: dict[str, list[Variant]] = {}
        self.operations: Mapping[str, Callable[[Request], Record]] = {
            "CreateModel": self._create_model,
            "DescribeModel": lambda request: _found(self._models, request["ModelName"], "model"),
            "DeleteModel": lambda request: _dropped(self._models, request["ModelName"], "model"),
            "ListModels": lambda request: {"Models": list(self._models.values())},
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": lambda request: _found(
                self._configs, request["EndpointConfigName"], "endpoint configuration"
            ),
            "DeleteEndpointConfig": lambda request: _dropped(
                self._configs, request["EndpointConfigName"], "endpoint configuration"
            ),
            "ListEndpointConfigs": lambda request: {"EndpointConfigs": list(self._configs.values())},
            "CreateEndpoint": self._create_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "ListEndpoints": lambda request: {"Endpoints": list(self._endpoints.values())},
            "DeleteEndpoint": self._delete_endpoint,
            "AddTags": lambda request: {"Tags": request["Tags"]},
            "ListTags": lambda request: {"Tags": []},
        }

    def run(self, operation: str, request: Request) -> Record:
        """Do an operation. Raises Invalid, and KeyError for an operation or a parameter that is missing."""
        with self._lock:
            return self.operations[operation](request)

    def serving(self, endpoint: str) -> Variant | None:
        """The variant that answers for an endpoint; None if there is no such endpoint in service."""
        with self._lock:
            variants = self._variants.get(endpoint)
            return variants[0] if variants else None

    def start_anew(self, endpoint: str) -> None:
        """Let a serverless endpoint start its model anew, from fetching it on, as after a pause; nothing for any other.

        Calls that come meanwhile are answered by the model server that was there. Raises Unavailable if the new one does not start.
        """
        with self._lock:
            about = self._endpoints.get(endpoint)
            config = self._configs.get(about["EndpointConfigName"]) if about else None
            if config is None or not _is_serverless(config) or not self._variants.get(endpoint):
                return
            wanted = config["ProductionVariants"][0]
            model = self._models[wanted["ModelName"]]
        started = Variant(wanted["VariantName"], endpoint, model, self._new_folder(endpoint), self._surroundings)
        with self._lock:
            gone = self._endpoints.get(endpoint) is not about
            retired = [started] if gone else self._variants[endpoint]
            if not gone:
                self._variants[endpoint] = [started]
        for variant in retired:
            variant.stop()

    def stop(self) -> None:
        """End every model server."""
        with self._lock:
            running = [variant for variants in self._variants.values() for variant in variants]
            self._variants.clear()
            self._endpoints.clear()
        for variant in running:
            variant.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create_model(self, request: Request) -> Record:
        name = request["ModelName"]
        _absent(self._models, name, "model")
        self._models[name] = {**request, "CreationTime": time.time(), "ModelArn": arn("model", name)}
        return {"ModelArn": arn("model", name)}

    def _create_config(self, request: Request) -> Record:
        name = request["EndpointConfigName"]
        _absent(self._configs, name, "endpoint configuration")
        for variant in request["ProductionVariants"]:
            _found(self._models, variant["ModelName"], "model")
            _check_kind(variant)
        made = arn("endpoint-config", name)
        self._configs[name] = {**request, "CreationTime": time.time(), "EndpointConfigArn": made}
        return {"EndpointConfigArn": made}

    def _create_endpoint(self, request: Request) -> Record:
        name = request["EndpointName"]
        _absent(self._endpoints, name, "endpoint")
        config = _found(self._configs, request["EndpointConfigName"], "endpoint configuration")
        now = time.time()
        self._endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn("endpoint", name),
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        self._bring_up(self._endpoints[name], config)
        return {"EndpointArn": arn("endpoint", name)}

    def _update_endpoint(self, request: Request) -> Record:
        endpoint = _found(self._endpoints, request["EndpointName"], "endpoint")
        config = _found(self._configs, request["EndpointConfigName"], "endpoint configuration")
        if endpoint["EndpointStatus"] not in ("InService", "Failed"):
            raise Invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
        serves = self._configs.get(endpoint["EndpointConfigName"], {"ProductionVariants": []})
        if _is_serverless(config) and not _is_serverless(serves):
            raise Invalid("Endpoint cannot be updated from an instance-based configuration to a serverless one.")
        endpoint["EndpointStatus"] = "Updating"
        endpoint.pop("FailureReason", None)
        self._bring_up(endpoint, config)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _describe_endpoint(self, request: Request) -> Record:
        endpoint = _found(self._endpoints, request["EndpointName"], "endpoint")
        config = self._configs.get(endpoint["EndpointConfigName"], {"ProductionVariants": []})
        return endpoint | {"ProductionVariants": [_summary(variant) for variant in config["ProductionVariants"]]}

    def _delete_endpoint(self, request: Request) -> Record:
        name = request["EndpointName"]
        if _found(self._endpoints, name, "endpoint")["EndpointStatus"] in ("Creating", "Updating"):
            raise Invalid(f'Cannot update in-progress endpoint "{arn("endpoint", name)}".')
        del self._endpoints[name]
        for variant in self._variants.pop(name, []):
            variant.stop()
        return {}

    def _bring_up(self, endpoint: Record, config: Record) -> None:
        wanted = [
            (variant["VariantName"], self._models.get(variant["ModelName"])) for variant in config["ProductionVariants"]
        ]
        threading.Thread(
            target=self._replace, args=(endpoint, config["EndpointConfigName"], wanted), daemon=True
        ).start()

    def _replace(self, endpoint: Record, config_name: str, wanted: list[tuple[str, Record | None]]) -> None:
        """Start new variants; they take over only if all of them answer, else the old ones stay."""
        name, started, reason = endpoint["EndpointName"], [], None
        try:
            for variant_name, model in wanted:
                if model is None:
                    raise Invalid(f"The model of variant {variant_name} was deleted")
                started.append(Variant(variant_name, name, model, self._new_folder(name), self._surroundings))
        except (RaglassError, Invalid, OSError) as error:
            reason = str(error)
        with self._lock:
            previous = self._variants.get(name, [])
            gone = self._endpoints.get(name) is not endpoint
            if reason is None and not gone:
                self._variants[name] = started
                endpoint["EndpointConfigName"] = config_name
                retired = previous
            else:
                endpoint["FailureReason"] = reason
                retired = started
            endpoint["EndpointStatus"] = "InService" if self._variants.get(name) else "Failed"
            endpoint["LastModifiedTime"] = time.time()
        for variant in retired:
            variant.stop()

    def _new_folder(self, endpoint: str) -> Path:
        with self._lock:
            self._started += 1
            return self._folder / f"{endpoint}-{self._started}"


def _found(records: dict[str, Record], name: str, what: str) -> Record:
    if name not in records:
        raise Invalid(f'Could not find {what} "{name}".')
    return records[name]


def _absent(records: dict[str, Record], name: str, what: str) -> None:
    if name in records:
        raise Invalid(f'Cannot create already existing {what} "{name}".')


def _dropped(records: dict[str, Record], name: str, what: str) -> Record:
    _found(records, name, what)
    del records[name]
    return {}


def _is_serverless(config: Record) -> bool:
    return any("ServerlessConfig" in variant for variant in config["ProductionVariants"])


def _check_kind(variant: Request) -> None:
    """A variant has instances or is serverless, of a size that there is."""
    chosen = variant.get("ServerlessConfig")
    if chosen is None:
        return
    if "InstanceType" in variant:
        raise Invalid("A production variant cannot have both InstanceType and ServerlessConfig.")
    if int(chosen["MemorySizeInMB"]) not in SERVERLESS_MB or not 1 <= int(chosen["MaxConcurrency"]) <= 200:
        raise Invalid(f"ServerlessConfig {dict(chosen)} is out of range.")


def _summary(variant: Request) -> Record:
    if "ServerlessConfig" in variant:
        return {"VariantName": variant["VariantName"], "CurrentServerlessConfig": dict(variant["ServerlessConfig"])}
    count, weight = variant.get("InitialInstanceCount", 1), variant.get("InitialVariantWeight", 1.0)
    return {
        "VariantName": variant["VariantName"],
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }

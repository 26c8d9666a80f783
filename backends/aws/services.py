"""The AWS services that the orchestrator calls: SageMaker's runtime, Lambda, Secrets Manager. Errors leave typed, naming the stage."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from backends.aws.calls import Policy, Retryable, call
from backends.aws.http import AwsSigner, Http, Reply, aws_endpoint
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, StageFailed, Throttled, Unavailable

THROTTLES = ("ThrottlingException", "TooManyRequestsException", "Throttling", "RequestLimitExceeded")
CREDENTIALS = (
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "MissingAuthenticationTokenException",
)
FORBIDDEN = ("AccessDeniedException", "AccessDenied")
TRANSIENT_STATUS = (500, 502, 503, 504)

SECRET_S = 5.0
"""Longest that reading a secret may take."""

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


Explain = Callable[[str, str, Reply], Exception]
"""Stage, what was called, and a reply that is an error, to one of ours."""


class AwsService:
    """Signed JSON calls to one AWS service."""

    def __init__(
        self,
        http: Http,
        service: str,
        endpoint: str,
        region: str,
        credentials: Any,
        policy: Policy | None = None,
        explain: Explain | None = None,
    ) -> None:
        """explain: what an error of this service means; None for what is common to all."""
        self._http, self._endpoint = http, endpoint
        self._explain = explain or _explained
        self._sign = AwsSigner(service, region, credentials)
        self._policy = policy

    def post(
        self,
        stage: str,
        what: str,
        path: str,
        data: Mapping[str, Any],
        headers: Mapping[str, str],
        deadline: Deadline | None,
    ) -> Reply:
        """POST JSON and return a reply below 300. Throttles and passing faults are tried again within the deadline."""
        url, body = self._endpoint + path, json.dumps(data, ensure_ascii=False).encode()
        given = {"Content-Type": "application/json", "Accept": "application/json", **headers}

        def attempt(timeout_s: float) -> Reply:
            signed = self._sign("POST", url, given, body)
            reply = self._http.send(stage, what, "POST", url, headers=signed, body=body, timeout_s=timeout_s)
            if reply.status >= 300:
                raise self._explain(stage, what, reply)
            return reply

        return call(stage, attempt, deadline, policy=self._policy)


class SageMakerRuntime:
    """InvokeEndpoint."""

    def __init__(
        self, environ: Mapping[str, str], region: str, credentials: Any, http: Http, policy: Policy | None = None
    ):
        endpoint = aws_endpoint(environ, "SAGEMAKER_RUNTIME", f"runtime.sagemaker.{region}.amazonaws.com")
        self._service = AwsService(http, "sagemaker", endpoint, region, credentials, policy)

    def invoke(
        self,
        stage: str,
        endpoint: str,
        data: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
    ) -> dict[str, Any]:
        """Send JSON to an endpoint's model and return its JSON object.

        headers: for tracing. SageMaker hands only the custom attributes on to the container, so they are in those too.
        """
        what = f"The SageMaker endpoint {endpoint}"
        path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
        given = dict(headers or {})
        if given:
            given[ATTRIBUTES] = ";".join(f"{name}={value}" for name, value in given.items())
        return self._service.post(stage, what, path, data, given, deadline).json(stage, what)


class LambdaRuntime:
    """Invoke, synchronously."""

    def __init__(
        self, environ: Mapping[str, str], region: str, credentials: Any, http: Http, policy: Policy | None = None
    ):
        endpoint = aws_endpoint(environ, "LAMBDA", f"lambda.{region}.amazonaws.com")
        self._service = AwsService(http, "lambda", endpoint, region, credentials, policy)

    def invoke(self, function: str, data: Mapping[str, Any], *, deadline: Deadline | None = None) -> dict[str, Any]:
        """Run a function and return its JSON object. Raises StageFailed if it raised."""
        what = f"The Lambda function {function}"
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        reply = self._service.post("gateway", what, path, data, {}, deadline)
        if "x-amz-function-error" in {name.lower() for name in reply.headers}:
            raise StageFailed(f"{what} failed; its log says why.", stage="gateway")
        return reply.json("gateway", what)


def read_secret(arn: str, environ: Mapping[str, str], region: str, credentials: Any, http: Http) -> str:
    """A secret's text, from Secrets Manager. Signed here like the other calls: a boto3 client takes a tenth of a second to make."""
    endpoint = aws_endpoint(environ, "SECRETS_MANAGER", f"secretsmanager.{region}.amazonaws.com")
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    what = "The secret of the Pinecone key"
    service = AwsService(http, "secretsmanager", endpoint, region, credentials)
    found = service.post("retrieve", what, "/", {"SecretId": arn}, headers, Deadline(SECRET_S)).json("retrieve", what)
    text = found.get("SecretString")
    if not isinstance(text, str):
        raise BadResponse(f"{what} holds no text. Store the key as the secret's string.", stage="retrieve")
    return text


def _explained(stage: str, what: str, reply: Reply) -> Exception:
    """A reply that is an error, as one of ours: Retryable where another try may help."""
    name = error_name(reply)
    if reply.status == 429 or name in THROTTLES:
        return Retryable(
            Throttled(
                f"{what} is throttled ({name or reply.status}). Ask again in a moment, or raise its capacity.",
                stage=stage,
            ),
            after_s=_retry_after(reply),
        )
    if name in CREDENTIALS or (reply.status == 403 and not name):
        return Unavailable(
            f"AWS refused the credentials for {what} ({name or 'HTTP 403'}). Renew them, and check the clock and the region.",
            stage=stage,
        )
    if name in FORBIDDEN or reply.status == 403:
        return Unavailable(
            f"{what} may not be called with these credentials ({name}). Allow it in the role's policy.", stage=stage
        )
    if name == "ModelError" or reply.status == 424:
        return _model_error(stage, what, reply)
    if reply.status in TRANSIENT_STATUS:
        return Retryable(StageFailed(f"{what} answered HTTP {reply.status}. Its own log says why.", stage=stage))
    if reply.status in (400, 404) and name in ("ValidationError", "ValidationException", "ResourceNotFoundException"):
        return Unavailable(
            f"{what} was not found or refused the call ({name}). Check its name and region, and that it is InService.",
            stage=stage,
        )
    return BadResponse(
        f"{what} answered HTTP {reply.status} ({name or 'no error name'}). Its own log says why.", stage=stage
    )


def _model_error(stage: str, what: str, reply: Reply) -> BackendError | Retryable:
    """The model's own reply: 429 and 5xx pass, anything else stays."""
    status = _original_status(reply)
    if status == 429:
        return Retryable(
            Throttled(f"The model behind {what} is overloaded (HTTP 429). Ask again in a moment.", stage=stage)
        )
    failed = StageFailed(
        f"The model behind {what} failed (HTTP {status or 'unknown'}). The endpoint's log says why.", stage=stage
    )
    return Retryable(failed) if status in TRANSIENT_STATUS else failed


def _original_status(reply: Reply) -> int | None:
    try:
        return int(json.loads(reply.body)["OriginalStatusCode"])
    except (ValueError, KeyError, TypeError):
        return None


def error_name(reply: Reply) -> str:
    """The error's name, from AWS's header or body; only letters, so that nothing upstream is shown raw."""
    fields = {name.lower(): value for name, value in reply.headers.items()}
    name = fields.get("x-amzn-errortype", "")
    if not name:
        try:
            data = json.loads(reply.body)
            name = (
                str(data.get("__type") or data.get("Code") or data.get("code") or "") if isinstance(data, dict) else ""
            )
        except ValueError:
            name = ""
    name = name.split(":")[0].split("#")[-1].strip()
    return name if name.isalnum() and len(name) <= 60 else ""


def _retry_after(reply: Reply) -> float | None:
    try:
        return float(reply.headers.get("retry-after") or reply.headers.get("Retry-After") or "")
    except ValueError:
        return None

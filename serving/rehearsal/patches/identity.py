"""Identity providers out of a template: made in the emulator's own IAM, which then checks a role's trust against a token's claims."""

from collections.abc import Iterator
from typing import Any

from serving.rehearsal.patches.points import Point

HANDLERS = Point("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
CREATE = Point("ministack.services.iam", "_create_oidc_provider")
DELETE = Point("ministack.services.iam", "_delete_oidc_provider")
PROVIDERS = Point("ministack.services.iam", "_oidc_providers")
POINTS = (HANDLERS, CREATE, DELETE, PROVIDERS)

PROVIDER = "AWS::IAM::OIDCProvider"

Properties = dict[str, Any]


def apply() -> None:
    """Add the type."""
    HANDLERS.get()[PROVIDER] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
    host = properties["Url"].partition("://")[2].rstrip("/")
    status, _, body = CREATE.get()(dict(_request(properties)))
    if status >= 300:
        raise ValueError(body.decode())
    arn = next(arn for arn in PROVIDERS.get() if arn.endswith(f":oidc-provider/{host}"))
    return arn, {"Arn": arn}


def _update(arn: str, old: Properties, new: Properties, stack: str) -> tuple[str, Properties]:
    return arn, {"Arn": arn}


def _delete(arn: str, properties: Properties) -> None:
    DELETE.get()({"OpenIDConnectProviderArn": arn})


def _request(properties: Properties) -> Iterator[tuple[str, str]]:
    """As IAM's own API has it."""
    yield "Url", properties["Url"]
    for name, key in (("ClientIDList", "ClientIdList"), ("ThumbprintList", "ThumbprintList")):
        for place, value in enumerate(properties.get(key, []), start=1):
            yield f"{name}.member.{place}", value

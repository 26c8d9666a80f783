"""An API's address: the emulator gives a host name that only some resolvers know, here it is one that every client reaches."""

import os
from collections.abc import Callable
from typing import Any

from serving.rehearsal.patches.points import Point

HANDLERS = Point("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
POINTS = (HANDLERS,)

API = "AWS::ApiGatewayV2::Api"


def apply() -> None:
    """Let `Fn::GetAtt` of an API's endpoint find the emulator's own address of it."""
    handlers = HANDLERS.get()
    handlers[API] = {**handlers[API], **{verb: _reachable(handlers[API][verb]) for verb in ("create", "update")}}


def _reachable(handler: Callable[..., Any]) -> Callable[..., Any]:
    def handle(*arguments: Any, **options: Any) -> Any:
        api_id, attributes = handler(*arguments, **options)
        address = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}/$default"
        return api_id, {**attributes, "ApiEndpoint": address}

    return handle

"""An API's CORS settings out of a template: the emulator keeps CloudFormation's spelling, and looks for the API's own."""

from collections.abc import Callable
from typing import Any

from serving.rehearsal.patches.points import Point

HANDLERS = Point("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
POINTS = (HANDLERS,)

API = "AWS::ApiGatewayV2::Api"
KEY = "CorsConfiguration"

Properties = dict[str, Any]


def apply() -> None:
    """Let a template's `CorsConfiguration` be the one that answers preflights."""
    handlers = HANDLERS.get()
    create, update = handlers[API]["create"], handlers[API]["update"]
    handlers[API] = {**handlers[API], "create": _creating(create), "update": _updating(update)}


def _creating(create: Callable[..., Any]) -> Callable[..., Any]:
    return lambda logical_id, properties, stack: create(logical_id, spelled(properties), stack)


def _updating(update: Callable[..., Any]) -> Callable[..., Any]:
    return lambda physical_id, old, new, stack: update(physical_id, spelled(old), spelled(new), stack)


def spelled(properties: Properties) -> Properties:
    """The properties with `AllowOrigins` and its like as `allowOrigins`."""
    if not properties.get(KEY):
        return properties
    return {**properties, KEY: {name[0].lower() + name[1:]: value for name, value in properties[KEY].items()}}

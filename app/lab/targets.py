"""What a study may ask: whoever is no admin names what the configuration does, and puts load on this machine alone."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.kit.loopback import is_loopback
from app.kit.premises import words_of
from app.permitting.acting import refusal, who
from app.permitting.roles import NotPermitted, Role
from backends import registry
from backends.local.remote.address import BEDROCK, is_remote, parse_address
from metrics.catalogue import ENDPOINTS, endpoint_names
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from app.config import Settings

LOAD, LATENCY = "load", "latency"
"""The studies that ask targets."""


def is_own(target: str, settings: "Settings") -> bool:
    """Whether a target runs on this machine, so that nobody else pays or is kept from it: a local one with models and vectors that are
    here, or a stack that is rehearsed here."""
    if target.startswith("local/"):
        return settings.index != "pinecone" and not any(map(is_elsewhere, (settings.embedder, settings.generator)))
    return target == "aws" and is_loopback(urlsplit(settings.api_url).hostname or "")


def is_elsewhere(model: str) -> bool:
    """Whether a model is asked on another machine. model: as a setting names it."""
    if not is_remote(model) or model.startswith(BEDROCK):
        return is_remote(model)
    try:
        address = parse_address(model, "RAGLASS_GENERATOR", os.environ)
    except ConfigError:
        return True
    return not is_loopback(urlsplit(address.url).hostname or "")


def check_targets(study: str, plan: Mapping[str, Any], settings: "Settings") -> None:
    """Raises NotPermitted where a plan asks something that takes an admin, and who is acting is none."""
    why = refusal(Role.ADMIN, who())
    if not why:
        return
    from app.lab.endpoints import PREFIX  # which needs numpy

    own = {f"{PREFIX}{name}" for role in ENDPOINTS for name in endpoint_names(settings.stack, role)}
    for word in map(str.strip, words_of(plan)):
        if word.startswith(PREFIX) and word not in own:
            raise NotPermitted(f"{word[:80]!r} is an endpoint that the configuration does not name. {why}")
        if is_elsewhere(word) and word not in (settings.embedder, settings.generator):
            raise NotPermitted(
                f"{word[:80]!r} is a model on another server, which the configuration does not name: to ask it takes an admin. {why}"
            )
    for target in _targets(study, plan):
        if not is_own(target, settings) and (study == LOAD or not _is_listed(target, settings)):
            what = "To put load on it" if study == LOAD else "The configuration does not name it: to ask it"
            raise NotPermitted(f"{target[:80]!r} is not of this machine. {what} takes an admin. {why}")


def _targets(study: str, plan: Mapping[str, Any]) -> Sequence[str]:
    if study == LOAD:
        return [str(plan["target"])]
    return list(map(str, plan["targets"])) if study == LATENCY else ()


def _is_listed(target: str, settings: "Settings") -> bool:
    """Whether the settings name a target, or the file of HTTP endpoints does."""
    if target == settings.backend_name or target.startswith("local/") or (target == "aws" and settings.api_url):
        return True
    return target in registry.configured(settings.backend_config())

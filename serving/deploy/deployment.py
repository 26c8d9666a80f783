"""Makes what is missing, changes what differs, and goes back to what worked when the new does not answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from pipeline.errors import InputError, RaglassError, StageFailed
from serving.deploy import index, smoke
from serving.deploy.artifacts import Bucket, artifacts
from serving.deploy.checks import refuse_missing_image
from serving.deploy.parameters import Values
from serving.deploy.releases import Release, Releases
from serving.deploy.site import INDEX_MARK, Site
from serving.deploy.templates import Part, Template

RELEASED: tuple[Part, ...] = ("serving", "ui")
"""Parts that a release brings back. The bucket must outlive them all, and a person makes the role that deploys."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done."""

    stack: str
    changed: tuple[str, ...]
    """Stacks that were made or changed; none if all was as it should be."""
    uploaded: tuple[str, ...]
    """Keys of artifacts that were sent."""
    release_id: str
    """The release that stands now."""
    outputs: Mapping[str, str]
    """`ApiUrl` and the other outputs of the serving path, and `Url` of the dashboard."""
    answer: str
    """To the smoke question; empty if none was asked."""
    seconds: float


def up(site: Site, *, ci: bool = False) -> Outcome:
    """Bring everything to the configuration, then ask the smoke question; if that fails, bring back the release before.

    Can be repeated, also after it was interrupted: what is there already is left as it is.
    Raises InputError for what is missing before anything is touched; Unavailable or StageFailed saying what state was left.
    """
    began, changed = time.monotonic(), []
    site.refuse_what_cannot_work(ci=ci)
    if site.config.dashboard.enabled:
        refuse_missing_image(site.account, site.image)
    packed = artifacts(site.config)
    changed += site.apply(Template.of("storage"), site.values("storage", {}))
    bucket = site.bucket()
    uploaded = tuple(artifact.key for artifact in packed if bucket.upload(artifact, site.tell))
    standing = Releases(bucket).standing()
    values = {"serving": site.values("serving", {artifact.parameter: artifact.key for artifact in packed})}
    changed += site.apply(Template.of("serving"), values["serving"])
    _fill_index(site, bucket)
    if site.config.dashboard.enabled:
        values["ui"] = site.values("ui", {})
        changed += site.apply(Template.of("ui"), values["ui"])
    if ci:
        changed += site.apply(Template.of("ci"), site.values("ci", {}))
    answer = _smoke_or_back(site, standing)
    release = _release(bucket, values)
    return Outcome(
        site.config.stack,
        tuple(changed),
        uploaded,
        release.release_id,
        site.outputs(),
        answer,
        time.monotonic() - began,
    )


def rollback(site: Site) -> Outcome:
    """Bring back the release before the one that stands; called again, the one before that.

    A stack that got stuck in undoing a change goes on with it first. Raises InputError if there is no such release.
    """
    began = time.monotonic()
    for part in RELEASED:
        state = site.stack(part).settle()
        if state is not None and state.status == "UPDATE_ROLLBACK_FAILED":
            site.tell(f"{state.name} was stuck in undoing a change; that goes on")
            site.stack(part).resume_rollback()
    releases = Releases(site.bucket())
    standing = releases.standing()
    if len(standing) < 2:
        raise InputError(
            f"The stack {site.config.stack} has no release before the one that stands, so there is none to go back to. "
            "`raglass deploy status` lists them."
        )
    changed = _restore(site, standing[-2])
    answer = _smoke(site)
    releases.withdraw(standing[-1])
    return Outcome(
        site.config.stack, tuple(changed), (), standing[-2].release_id, site.outputs(), answer, time.monotonic() - began
    )


def _smoke_or_back(site: Site, standing: list[Release]) -> str:
    try:
        return _smoke(site)
    except RaglassError as error:
        if not standing:
            raise StageFailed(
                f"{error} Nothing was deployed before, so there is nothing to go back to: what was made is left for you to look at "
                "(`raglass deploy logs`). `raglass deploy up` tries again, `raglass deploy down` removes it."
            ) from error
        last = standing[-1]
        site.tell(f"The smoke question failed. Release {last.release_id}, which worked, is brought back")
        _restore(site, last)
        raise StageFailed(
            f"{error} Release {last.release_id}, which worked, is back. `raglass deploy logs` shows why the new one failed."
        ) from error


def _smoke(site: Site) -> str:
    if not site.config.smoke_question:
        return ""
    site.tell(f"Asking: {site.config.smoke_question}")
    trace = smoke.ask(site.config, site.account, site.outputs(), sleep=site.sleep)
    return "" if trace.generation is None else trace.generation.answer


def _restore(site: Site, release: Release) -> list[str]:
    changed: list[str] = []
    for part in RELEASED:
        if part in release.bodies:
            changed += site.apply(release.template(part), dict(release.values[part]))
    return changed


def _fill_index(site: Site, bucket: Bucket) -> None:
    if bucket.size(INDEX_MARK) is None and not index.exists(site.config, site.account):
        bucket.put(INDEX_MARK, site.config.index.encode())
    done = index.fill(site.config, site.account, site.stack("serving").outputs()["Embedder"], site.tell)
    if done is not None:
        site.tell(f"The index {site.config.index} holds {done.total:,} chunks, {done.upserted:,} of them new")


def _release(bucket: Bucket, values: Mapping[str, Values]) -> Release:
    templates = {part: Template.of(part) for part in RELEASED if part in values}
    return Releases(bucket).add(
        version("raglass"),
        {part: template.body for part, template in templates.items()},
        {part: _without_secrets(template, values[part]) for part, template in templates.items()},
    )


def _without_secrets(template: Template, values: Values) -> Values:
    return {name: None if name in template.secret_parameters else value for name, value in values.items()}

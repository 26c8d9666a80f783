"""What stands of a deployment, and removing it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import StageFailed
from serving.deploy import index
from serving.deploy.account import explained
from serving.deploy.artifacts import Bucket
from serving.deploy.releases import Release, Releases
from serving.deploy.site import Site
from serving.deploy.stacks import StackState
from serving.deploy.templates import PARTS, REMOVED, stack_name


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is."""

    stack: str
    parts: tuple[StackState, ...]
    """CloudFormation's stacks, those that exist."""
    endpoints: Mapping[str, str]
    """State of each SageMaker endpoint by name, with the reason if it failed."""
    releases: tuple[Release, ...]
    """Oldest first."""
    drifted: tuple[str, ...] = ()
    """Resources that were changed by hand, where that was looked for."""

    @property
    def works(self) -> bool:
        """Whether every part is as it should be."""
        settled = all(state.status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")) for state in self.parts)
        serves = all(state.startswith("InService") for state in self.endpoints.values())
        return bool(self.parts) and settled and serves and not self.drifted


def look(site: Site, *, drift: bool = False) -> Standing:
    """Every part as it is. drift: also look for what was changed by hand, which takes CloudFormation a minute."""
    states = tuple(state for part in PARTS if (state := site.stack(part).state()) is not None)
    bucket = site.find_bucket()
    return Standing(
        site.config.stack,
        states,
        _endpoints(site),
        tuple(Releases(bucket).all()) if bucket is not None else (),
        tuple(found for part in PARTS for found in site.stack(part).drifted()) if drift else (),
    )


def _endpoints(site: Site) -> dict[str, str]:
    outputs = site.stack("serving").outputs()
    found = {}
    for name in (outputs[role] for role in ("Embedder", "Generator") if role in outputs):
        with explained("sagemaker:DescribeEndpoint"):
            about = site.account.client("sagemaker").describe_endpoint(EndpointName=name)
        reason = about.get("FailureReason")
        found[name] = about["EndpointStatus"] + (f": {reason}" if reason else "")
    return found


def contents(site: Site) -> dict[str, list[str]]:
    """What `down` removes: logical id, type and name of each resource by stack, and the index if `up` made it."""
    found = {
        stack_name(site.config.stack, part): [
            f"{logical_id} ({kind}) {name}" for logical_id, kind, name in site.stack(part).resources()
        ]
        for part in REMOVED
    }
    if site.made_index():
        found["Pinecone"] = [f"index {site.config.index}"]
    return {stack: resources for stack, resources in found.items() if resources}


def down(site: Site) -> None:
    """Remove everything that `up` made; what is in the bucket goes too. Can be run again after it was interrupted.

    Raises StageFailed naming what could not be removed.
    """
    if site.made_index():
        site.tell(f"Removing the index {site.config.index}")
        index.remove(site.config, site.account)
    for part in REMOVED:
        stack = site.stack(part)
        if stack.settle() is None:
            continue
        if part == "storage" and (name := stack.outputs().get("ArtifactBucket")):
            count = Bucket(site.account.client("s3"), name).empty()
            site.tell(f"{name}: {count} objects removed")
        site.tell(f"{stack.name}: is removed")
        stack.delete()
    left = contents(site)
    if left:
        raise StageFailed(f"Something is left: {', '.join(left)}. Run `raglass deploy down` again.")

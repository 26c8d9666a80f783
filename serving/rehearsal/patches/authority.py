"""A side door for the SageMaker stand-in, which is another process: may this caller do that, and credentials of a role.

`POST /_rehearsal/authorize` {access_key, session_token, action, resource} → {allowed, code, message}.
`POST /_rehearsal/assume` {role_arn, service} → {access_key, secret_key, session_token}, as AWS gives a service whose name
stands in the role's trust policy.
"""

import json
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from serving.rehearsal.patches.points import Point

APP = Point("ministack.app", "app")
AUTH = Point("ministack.app", "AUTH")
RESOLVE_CREDENTIAL = Point("ministack.core.iam_evaluator", "resolve_credential")
RESOLVE_PRINCIPAL = Point("ministack.core.iam_evaluator", "resolve_principal")
EVALUATE = Point("ministack.core.iam_evaluator", "evaluate")
CONTEXT = Point("ministack.core.iam_evaluator", "EvalContext")
ROLES = Point("ministack.services.iam", "_roles")
REGISTER_SESSION = Point("ministack.services.sts", "register_session")
POINTS = (APP, AUTH, RESOLVE_CREDENTIAL, RESOLVE_PRINCIPAL, EVALUATE, CONTEXT, ROLES, REGISTER_SESSION)

ACCOUNT, REGION = "000000000000", "us-east-1"
PREFIX = "/_rehearsal/"

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def apply() -> None:
    """Answer the side door's paths before the emulator sees them."""
    APP.replace(_with_side_door)


def _with_side_door(app: Asgi) -> Asgi:
    doors: dict[str, Callable[..., Any]] = {f"{PREFIX}authorize": authorize, f"{PREFIX}assume": assume}

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        door = doors.get(scope.get("path", ""))
        if door is None:
            await app(scope, receive, send)
            return
        value = door(**json.loads(await _body(receive)))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(value).encode()})

    return answer


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def authorize(access_key: str, session_token: str | None, action: str, resource: str) -> dict[str, Any]:
    """Whether the owner of an access key may do something. Without IAM enforcement everyone may, except with an unknown session."""
    credential = RESOLVE_CREDENTIAL.get()(access_key, ACCOUNT, session_token)
    if not hasattr(credential, "principal_arn"):
        refused = AUTH.get() or credential.code == "ExpiredTokenException"
        return {"allowed": not refused, "code": credential.code, "message": credential.message}
    principal = RESOLVE_PRINCIPAL.get()(access_key, ACCOUNT, credential)
    if not AUTH.get() or principal.policies is None:
        return {"allowed": True, "code": "", "message": ""}
    context = CONTEXT.get()(
        principal_arn=principal.arn, principal_type=principal.type, principal_account=principal.account,
        action=action, resource_arn=resource, region=REGION, principal_keys=principal.keys,
    )  # fmt: skip
    decision = EVALUATE.get()(context, principal.policies, *principal.limits).decision
    message = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} because " + (
        "of an explicit deny" if decision == "Deny" else "no identity-based policy allows the " + action + " action"
    )
    return {"allowed": decision == "Allow", "code": "AccessDeniedException", "message": message}


def assume(role_arn: str, service: str) -> dict[str, str]:
    """Credentials of a role that trusts a service; empty if there is no such role or it does not."""
    name = role_arn.rsplit("/", 1)[-1]
    role = ROLES.get().get_scoped(ACCOUNT, None, name)
    if role is None or not trusts(role["AssumeRolePolicyDocument"], service):
        return {}
    made = {
        "access_key": f"ASIA{secrets.token_hex(8).upper()}",
        "secret_key": secrets.token_hex(20),
        "session_token": secrets.token_hex(32),
    }
    REGISTER_SESSION.get()(
        made["access_key"],
        {
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/SageMaker",
            "UserId": f"{name}:SageMaker",
            "SecretAccessKey": made["secret_key"],
            "SessionToken": made["session_token"],
        },
    )
    return made


def trusts(document: str | dict[str, Any], service: str) -> bool:
    """Whether a trust policy lets a service assume the role."""
    policy = json.loads(urllib.parse.unquote(document)) if isinstance(document, str) else document
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    for statement in statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        named = service in ([services] if isinstance(services, str) else services)
        if named and statement.get("Effect") == "Allow" and statement.get("Action") == "sts:AssumeRole":
            return True
    return False

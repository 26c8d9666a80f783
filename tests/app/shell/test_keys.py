"""`raglass keys`."""

import json
from collections.abc import Callable

from click.testing import Result

from app.services import Services

Run = Callable[..., Result]


def test_secret_is_printed_once_and_opens_the_door(run: Run, services: Services) -> None:
    made = run("keys", "create", "shop", "--scope", "ingest", services=services)
    assert made.exit_code == 0
    secret = made.stdout.strip()
    found = services.store.keys.find(secret)
    assert found is not None
    assert (found.name, found.scope) == ("shop", "ingest")
    listed = run("keys", "list", services=services)
    assert "shop" in listed.stdout
    assert secret not in listed.output


def test_programs_read_json(run: Run, services: Services) -> None:
    made = json.loads(run("keys", "create", "reader", "--scope", "read", "--json", services=services).stdout)
    assert services.store.keys.find(made["secret"]) is not None
    [listed] = json.loads(run("keys", "list", "--json", services=services).stdout)
    assert (listed["key_id"], listed["name"], listed["scope"]) == (made["key_id"], "reader", "read")
    assert "secret" not in listed
    assert "digest" not in listed


def test_revoked_key_opens_nothing(run: Run, services: Services) -> None:
    secret = run("keys", "create", "shop", services=services).stdout.strip()
    assert "is revoked" in run("keys", "revoke", "shop", services=services).stdout
    assert services.store.keys.find(secret) is None
    again = run("keys", "revoke", "shop", services=services)
    assert again.exit_code == 2
    assert "no key 'shop' to revoke" in again.stderr


def test_a_new_key_is_followed_by_how_keys_of_its_scope_are_used(run: Run, services: Services) -> None:
    told = {
        scope: run("keys", "create", scope, "--scope", scope, services=services).stderr for scope in ("ingest", "read")
    }
    assert "OTEL_EXPORTER_OTLP_HEADERS" in told["ingest"]
    assert "OTEL_EXPORTER" not in told["read"]
    assert "/export/traces.jsonl" in told["read"]

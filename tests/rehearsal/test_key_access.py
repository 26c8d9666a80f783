"""The API with a key instead of IAM: its authorizer is a real Lambda, which reads the key that the template had made."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import urllib3

from serving.deploy.config import Api
from serving.deploy.deployment import up
from serving.deploy.site import Site
from serving.rehearsal.session import POLL_S, rehearsed, root_client, stand_ins

ORIGIN = "https://raglass.example"


@dataclass(frozen=True)
class Keyed:
    """An API and its key."""

    url: str
    key: str

    def ask(self, **headers: str) -> int:
        """Status of a question about its health."""
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request("GET", f"{self.url}/health", headers=headers, timeout=30).status

    def preflight(self, origin: str) -> urllib3.BaseHTTPResponse:
        """What a browser is answered before it asks."""
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request("OPTIONS", f"{self.url}/query", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def keyed() -> Iterator[Keyed]:
    config = rehearsed(ingest=False).model_copy(update={"api": Api(auth="key", cors_origin=ORIGIN)})
    with stand_ins(auth=False, tell=lambda line: None) as there:
        outputs = up(Site(config, there.account(), poll_s=POLL_S)).outputs
        secrets = root_client("secretsmanager", there.endpoint_url)
        key = secrets.get_secret_value(SecretId=outputs["ApiKeySecret"])["SecretString"]
        yield Keyed(outputs["ApiUrl"], key)


def test_only_who_has_the_key_is_answered(keyed: Keyed) -> None:
    assert (keyed.ask(), keyed.ask(**{"x-api-key": keyed.key[:-1]})) == (401, 403)
    assert keyed.ask(**{"x-api-key": keyed.key}) == 200


def test_a_browsers_preflight_needs_no_key_but_the_right_origin(keyed: Keyed) -> None:
    reply = keyed.preflight(ORIGIN)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert "x-api-key" in reply.headers["Access-Control-Allow-Headers"]
    assert keyed.preflight("https://elsewhere.example").status == 403

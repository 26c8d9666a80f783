"""boto3 steered to this machine, whatever the environment says; quick retries."""

import pytest

from backends.local.bedrock import client


@pytest.fixture(autouse=True)
def steered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "POLICY", client.Policy(attempts=3, base_s=0.001, cap_s=0.001))
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)

"""What every command of the shell shares."""

import subprocess
import sys

import pytest

SIGN = """
import logging
from app.shell import start_log
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

start_log("{level}")
request = AWSRequest("POST", "https://a.example/query", data=b"")
SigV4Auth(Credentials("AKID", "secret-key", "session-token"), "execute-api", "us-east-1").add_auth(request)
assert request.headers["X-Amz-Security-Token"] == "session-token"
logging.getLogger("botocore.auth").warning("still heard")
"""


@pytest.mark.parametrize("level", ["DEBUG", "WARNING"])
def test_log_holds_no_session_token_at_any_level(level: str) -> None:
    done = subprocess.run([sys.executable, "-c", SIGN.format(level=level)], capture_output=True, text=True, check=True)
    assert "still heard" in done.stderr
    assert "session-token" not in done.stderr

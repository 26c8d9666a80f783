"""What every command of the shell shares."""

import signal
import subprocess
import sys
import threading

import pytest

from app.shell.command import stopping_on_interrupt

SIGN = """
import logging
from app.shell.command import start_log
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
@pytest.mark.slow
def test_log_holds_no_session_token_at_any_level(level: str) -> None:
    done = subprocess.run([sys.executable, "-c", SIGN.format(level=level)], capture_output=True, text=True, check=True)
    assert "still heard" in done.stderr
    assert "session-token" not in done.stderr


def test_first_ctrl_c_asks_to_stop_and_the_second_one_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    before, stop, ended = signal.getsignal(signal.SIGINT), threading.Event(), []
    with stopping_on_interrupt(stop):
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        assert "Stopping once what is under way is done (again to stop at once)" in capsys.readouterr().err
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            ended.append(True)
    assert ended == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_is_what_it_was_before_even_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(OSError, match="broken"), stopping_on_interrupt(threading.Event()):
        raise OSError("broken")
    assert signal.getsignal(signal.SIGINT) is before

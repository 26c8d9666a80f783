"""The image's health check."""

import socket

import pytest

from app.probe import main
from tests.aws.loopback import Answer, serving


def environ(url: str, host: str = "127.0.0.1") -> dict[str, str]:
    return {"RAGLASS_HOST": host, "RAGLASS_PORT": url.rpartition(":")[2]}


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_ready_dashboard_is_healthy(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Answer({"ready": True})) as server:
        assert main(environ(server.url, host)) == 0
        assert [asked.path for asked in server.asked] == ["/readyz"]
    assert capsys.readouterr().out == ""


def test_dashboard_that_is_not_ready_is_unhealthy_and_the_reason_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Answer({"parts": {"store": "The disk is full."}}, status=503)) as server:
        assert main(environ(server.url)) == 1
    assert "503" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [Answer(hang_up=True), Answer(status=500)])
def test_dashboard_that_breaks_is_unhealthy(answer: Answer) -> None:
    with serving(answer) as server:
        assert main(environ(server.url)) == 1


def test_nobody_listening_is_unhealthy(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert main({"RAGLASS_PORT": str(taken.getsockname()[1])}) == 1
    assert "Nobody answers on 127.0.0.1" in capsys.readouterr().out

"""`raglass` as a process of its own, or in this one as in a new one."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

import app.services
from app.config import Settings
from app.services import Services
from app.shell.main import main

RAGLASS = [sys.executable, "-c", "from app.shell.main import main; main(prog_name='raglass')"]


def shell(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run `raglass` as a process of its own."""
    return subprocess.run(
        [*RAGLASS, *arguments], capture_output=True, text=True, env={**os.environ, **environ}, timeout=600
    )


def start_shell(*arguments: str, **environ: str) -> "subprocess.Popen[str]":
    """The same without waiting for its end."""
    return subprocess.Popen(
        [*RAGLASS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )


def shell_here(*arguments: str, **environ: str) -> Result:
    """Run `raglass` in this process, which saves the start of another, with services of its own and nothing on standard input."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        services = Services(Settings.from_environ())
        patch.setattr(app.services, "services", lambda: services)
        try:
            return CliRunner().invoke(main, arguments)
        finally:
            services.close()

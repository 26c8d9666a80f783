"""`raglass` as a process of its own."""

import os
import subprocess
import sys

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

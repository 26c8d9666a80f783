"""`python -m serving.rehearsal`: the whole AWS stack on this machine, with the dashboard on it, until Ctrl-C.

With `--test` nothing is shown: questions are asked, metrics and logs read back, everything removed, and the status says
whether all was well.
"""

import argparse
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import RaglassError
from serving.rehearsal.console import interruptible, say
from serving.rehearsal.ports import LOOPBACK, free_port
from serving.rehearsal.processes import Child, clean_environ
from serving.rehearsal.session import Rehearsal, rehearsed, start
from serving.rehearsal.trial import try_denial, try_out

USUAL_PORT = 8501
DASHBOARD_S = 180.0


def main() -> None:
    """Run, and leave with 0, or with 1 and the reasons."""
    parser = argparse.ArgumentParser(prog="python -m serving.rehearsal", description=__doc__.split("\n")[0])
    parser.add_argument("--test", action="store_true", help="ask questions, read the metrics back and leave")
    parser.add_argument("--auth", action="store_true", help="enforce IAM")
    parser.add_argument("--questions", type=int, default=50, help="how many to ask with --test")
    parser.add_argument("--port", type=int, help=f"of the dashboard; {USUAL_PORT} if it is free")
    parser.add_argument(
        "--embedder-model", type=Path, metavar="FOLDER", help="a sentence-transformers model instead of the built-in E5"
    )
    parser.add_argument(
        "--generator-model", type=Path, metavar="FOLDER", help="a transformers model instead of the extractive reader"
    )
    parser.add_argument(
        "--bedrock",
        default="",
        metavar="MODEL",
        help="a model on Bedrock, played by a double, instead of the generator's endpoint",
    )
    options = parser.parse_args()
    config = rehearsed(embedder=options.embedder_model, generator=options.generator_model, bedrock=options.bedrock)
    interruptible()
    began = time.monotonic()
    try:
        with start(auth=options.auth, config=config, tell=say) as rehearsal:
            if options.test:
                problems = try_out(rehearsal, options.questions, say)
                problems += try_denial(rehearsal, say) if options.auth else []
            else:
                problems = show(rehearsal, options.port or usual_port())
    except RaglassError as error:
        problems = [str(error)]
    except KeyboardInterrupt:
        problems = []
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    say(
        f"Stack down, nothing is left of it. {'It failed' if problems else 'All was well'} ({time.monotonic() - began:.1f} s)"
    )
    sys.exit(1 if problems else 0)


def show(rehearsal: Rehearsal, port: int) -> list[str]:
    """Start the dashboard on the stack and wait for Ctrl-C. Returns why it ended by itself."""
    own = rehearsal.environ | {"RAGLASS_DATA_DIR": str(rehearsal.folder / "data")}
    shell, environ = write_shell_file(rehearsal.folder, own), clean_environ(**own)
    command = [sys.executable, "-c", "from app.shell.main import main; main()", "serve", "--port", str(port)]
    dashboard = Child("dashboard", command, environ, rehearsal.folder)
    try:
        dashboard.wait_until_ok(f"http://{LOOPBACK}:{port}/readyz", DASHBOARD_S)
        say(
            f"The stack's API: {rehearsal.api_url}\nThe dashboard:   http://{LOOPBACK}:{port}\n"
            f"Another shell:   . {shell}   (then, for example: raglass lab latency --target local/embedded --target aws)\n"
            "Ctrl-C removes everything."
        )
        while dashboard.is_running():
            time.sleep(0.5)
        return [f"The dashboard ended by itself. The end of its log: {dashboard.tail()}"]
    finally:
        dashboard.stop()


def write_shell_file(folder: Path, environ: Mapping[str, str]) -> Path:
    """A file that gives a shell what the dashboard has, for `raglass` to ask the same stack; its user alone may read it."""
    path = folder / "shell.sh"
    path.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environ.items()]
    path.write_text("\n".join(["unset AWS_PROFILE", *lines, ""]), encoding="utf-8")
    return path


def usual_port() -> int:
    """The dashboard's usual port, or a free one if it is taken."""
    with socket.socket() as probe:
        return free_port() if probe.connect_ex((LOOPBACK, USUAL_PORT)) == 0 else USUAL_PORT


if __name__ == "__main__":
    main()

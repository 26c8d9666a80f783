"""`python -m serving.image`: builds both images, tries them out and removes them again. Leaves with 0, or with 1 and the reasons."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from pipeline.errors import RaglassError, Unavailable
from serving.image.buildah import Buildah
from serving.image.docker import Docker
from serving.image.engine import Engine
from serving.image.trial import try_dashboard, try_local
from serving.rehearsal.console import interruptible, say
from serving.rehearsal.session import start

TARGETS = ("dashboard", "local")

DOCKER_S = 20.0
"""How long Docker's engine may take to answer."""


def main() -> None:
    """Build, try, remove."""
    parser = argparse.ArgumentParser(prog="python -m serving.image", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--base", default="", help="what to build on: an image, or with buildah a folder with a root file system"
    )
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this image")
    options = parser.parse_args()
    interruptible()
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="raglass-image-") as scratch:
            engine = open_engine(options.base, Path(scratch))
            with closing(engine):
                problems = try_images(engine, options.target or TARGETS)
    except RaglassError as error:
        problems = [str(error)]
    except KeyboardInterrupt:
        problems = ["Stopped."]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    say(
        f"Images and containers are removed. {'It failed' if problems else 'All was well'} ({time.monotonic() - began:.0f} s)"
    )
    sys.exit(1 if problems else 0)


def try_images(engine: Engine, targets: tuple[str, ...]) -> list[str]:
    """Build and try each target; what is wrong."""
    problems = []
    if "dashboard" in targets:
        image = build(engine, "dashboard")
        with start(tell=lambda line: None) as rehearsal:
            problems += try_dashboard(engine, image, rehearsal, say)
    if "local" in targets:
        problems += try_local(engine, build(engine, "local"), say)
    return problems


def build(engine: Engine, target: str) -> str:
    """Build a target and say how long it took."""
    began = time.monotonic()
    say(f"{target}: building with {engine.name} (minutes)")
    image = engine.build(target)
    say(f"  built in {time.monotonic() - began:.0f} s")
    return image


def docker_answers() -> bool:
    """Whether there is a Docker engine and not only its client."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=DOCKER_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def open_engine(base: str, scratch: Path) -> Engine:
    """What builds images here. Raises Unavailable, saying what to install, where nothing does.

    base: what to build on: a reference of an image or, for buildah, a folder with a root file system; empty for the usual one.
    scratch: an empty folder that outlives the engine.
    """
    if docker_answers():
        return Docker(base, scratch)
    if shutil.which("buildah"):
        return Buildah(base, scratch)
    raise Unavailable(
        "Nothing here can build an image: no Docker engine answers, and there is no buildah. Start Docker, or on Debian, as root, "
        "`apt-get install buildah debootstrap`; then run this again."
    )


if __name__ == "__main__":
    main()

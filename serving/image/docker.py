"""Images by Docker. A container shares the network of this machine, so that it reaches stand-ins on loopback: on Linux, that is."""

import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from serving.image.engine import Container, Done, Facts, call, read_json
from serving.image.packages import read_pip_settings
from serving.rehearsal.environments import ROOT

MARK = "raglass-trial"
CONFINED = (
    "--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--label={MARK}",
)  # fmt: skip


class Docker:
    """See `serving.image.engine.Engine`. Layers stay in Docker's cache, images and volumes do not."""

    name = "docker"

    def __init__(self, base: str, scratch: Path) -> None:
        self._base, self._scratch = base, scratch
        self._images: list[str] = []
        self._volumes: list[str] = []
        self._containers: list[str] = []

    def build(self, target: str) -> str:
        image = f"{MARK}:{target}"
        command = ["docker", "build", "--target", target, "--tag", image]
        if self._base:
            command += ["--build-arg", f"BASE={self._base}"]
        if text := read_pip_settings().text:
            secret = self._scratch / "pip.conf"
            secret.touch(mode=0o600)
            secret.write_text(text)
            command += ["--secret", f"id=pip,src={secret}"]
        call([*command, "."], cwd=ROOT, environ={**os.environ, "DOCKER_BUILDKIT": "1"})
        self._images.append(image)
        return image

    def facts(self, image: str) -> Facts:
        (told,) = cast(list[dict[str, Any]], read_json(["docker", "image", "inspect", image]))
        config = told["Config"]
        return Facts(
            config["User"], tuple(config["Entrypoint"]), tuple(config["Healthcheck"]["Test"]), self._unpacked(image)
        )

    def volume(self) -> str:
        self._volumes.append(call(["docker", "volume", "create", f"--label={MARK}"]).strip())
        return self._volumes[-1]

    def start(self, image: str, volume: str, environ: Mapping[str, str]) -> Container:
        command = ["docker", "run", "--detach", *CONFINED, f"--volume={volume}:/data", *_names(environ), image]
        container = call(command, environ={**os.environ, **environ}).strip()
        self._containers.append(container)
        return DockerContainer(container)

    def run(self, image: str, volume: str, environ: Mapping[str, str], command: Sequence[str]) -> Done:
        program, *arguments = command
        given = ["docker", "run", "--rm", *CONFINED, f"--volume={volume}:/data", f"--entrypoint={program}"]
        done = subprocess.run(
            [*given, *_names(environ), image, *arguments],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        for kind, names in (
            ("rm --volumes", self._containers),
            ("volume rm", self._volumes),
            ("image rm", self._images),
        ):
            if names:
                subprocess.run(["docker", *kind.split(), "--force", *names], capture_output=True, check=False)

    def _unpacked(self, image: str) -> int:
        """The sizes of all files: what Docker calls an image's size depends on how it stores images."""
        container = call(["docker", "create", f"--label={MARK}", image]).strip()
        self._containers.append(container)
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as exporting:
            assert exporting.stdout is not None
            with tarfile.open(fileobj=exporting.stdout, mode="r|") as files:
                return sum(file.size for file in files)


class DockerContainer:
    """See `serving.image.engine.Container`."""

    def __init__(self, container: str) -> None:
        self._container = container

    def is_running(self) -> bool:
        return call(["docker", "inspect", "--format={{.State.Running}}", self._container]).strip() == "true"

    def terminate(self) -> None:
        call(["docker", "kill", "--signal=TERM", self._container])

    def wait(self, timeout_s: float) -> int | None:
        try:
            waited = subprocess.run(
                ["docker", "wait", self._container], capture_output=True, text=True, timeout=timeout_s, check=True
            )
        except subprocess.TimeoutExpired:
            return None
        return int(waited.stdout)

    def log(self) -> str:
        told = subprocess.run(["docker", "logs", self._container], capture_output=True, text=True, check=False)
        return told.stdout + told.stderr


def _names(environ: Mapping[str, str]) -> list[str]:
    """Variables by name alone: Docker takes the values from its own environment, so that no secret is on a command line."""
    return [f"--env={name}" for name in environ]

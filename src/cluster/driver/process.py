"""Runs one of our programs in Node and forwards its messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable, Optional

from .failure import Failure, one_line

# Kills the program when its parent dies, for example because Ray killed it. 1 is PR_SET_PDEATHSIG.
LAUNCH = (
    "import ctypes, os, sys\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, 9)\n"
    # The parent may already have died.
    "if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)

# Time for a trainer to finish its step and write a checkpoint.
STOP_SECONDS = 60

Report = Callable[[dict[str, Any]], None]


class Interrupted(Failure):
    """The process was killed; a retry may succeed."""


class NodeShutdown(Interrupted):
    """Ray asked this process to end, for example because the node is being removed."""


def tied_to_parent(command: Sequence[str]) -> list[str]:
    """Wraps a command so that the process ends with the thread that started it."""
    return [sys.executable, "-c", LAUNCH, str(os.getpid()), *command]


def run(command: Sequence[str], env: dict[str, str], log: Path, report: Report) -> bool:
    """Passes each JSON line on stdout to `report`; other output goes to `log`.

    Returns whether it was asked to stop. Raises the Failure it ends with.
    """
    with log.open("a", encoding="utf-8") as output:
        child = subprocess.Popen(
            tied_to_parent(command),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            encoding="utf-8",
        )
        failed: Optional[dict[str, Any]] = None
        with _StopsChild(child) as stopped:
            for line in child.stdout or ():
                message = _message(line)
                if message is None:
                    output.write(line)
                elif message["type"] == "failed":
                    failed = message
                else:
                    report(message)
            status = child.wait()
    if stopped.requested and (failed or status):
        raise node_shutdown()
    if failed:
        raise Failure(failed["code"], failed["message"], failed["next"])
    if status:
        raise _ended(status, Path(command[1]).name, log)
    return stopped.requested


def node_shutdown() -> NodeShutdown:
    return NodeShutdown(
        "cluster-failed",
        "The node that it ran on was shut down.",
        "Start the job again: it continues from its checkpoints.",
    )


class _StopsChild:
    """When Ray asks this process to end, first asks the child, and gives it time to save its work."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.requested = False

    def __enter__(self) -> _StopsChild:
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGTERM, self._stop)
        return self

    def _stop(self, *_: object) -> None:
        self.requested = True
        self.child.terminate()

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.before)
        if self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()


def _message(line: str) -> Optional[dict[str, Any]]:
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message.get("type"), str) else None


def _ended(status: int, name: str, log: Path) -> Failure:
    if status < 0:
        how = signal.Signals(-status).name
        return Interrupted(
            "memory" if how == "SIGKILL" else "crashed",
            f"{name} was ended by {how}" + (", as happens where memory is short." if how == "SIGKILL" else "."),
            "Use a node with more memory, or a smaller --batch, --seq or base.",
        )
    output = log.read_text("utf-8", errors="replace").strip().splitlines()
    why = f" ({one_line(output[-1])})" if output else ""
    return Failure("crashed", f"{name} ended with {status}{why}.", f"See {log} on the node that it ran on.")


class Tail:
    """Reads the lines added to a JSON-lines file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = path.stat().st_size if path.exists() else 0

    def added(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.at)
            complete, end, _ = file.read().rpartition(b"\n")
        self.at += len(complete) + len(end)
        for line in complete.decode("utf-8", errors="replace").splitlines():
            message = _message(line)
            if message:
                yield message


def child_environment(home: Path, cpus: float) -> dict[str, str]:
    """Environment of our programs: data directory, number of processors, and the Python that has Ray, unless the node
    names another one.
    """
    return {
        "FORGET_ME_NOT_PYTHON": sys.executable,
        **os.environ,
        "FORGET_ME_NOT_HOME": str(home),
        "FORGET_ME_NOT_PROCESSORS": str(max(1, int(cpus))),
    }

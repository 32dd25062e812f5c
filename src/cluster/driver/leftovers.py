"""Cleans up what attempts at tasks leave on a node's disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from .node import locked


def keep_only_logs(place: Path) -> None:
    """Deletes a task's folder except for its logs, which may explain a failure."""
    # Links lead to shared folders, and are not followed.
    for folder, folders, files in os.walk(place, topdown=False):
        for name in files:
            if not name.endswith(".log"):
                os.unlink(os.path.join(folder, name))
        for name in folders:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                os.unlink(path)
            elif not os.listdir(path):
                os.rmdir(path)


def clean_up(jobs: Path, done: Sequence[str], kept: Sequence[str]) -> None:
    """Deletes the folders of the tasks `done` in a job's folder, and those of `kept`, which are on the storage, except
    for their logs. An abandoned attempt that is still running keeps its folder.
    """
    if not jobs.is_dir():
        return
    for task in [*done, *kept]:
        lock = jobs / f"{task}.lock"
        try:
            with locked(lock, 0):
                if task in done:
                    shutil.rmtree(jobs / task, ignore_errors=True)
                else:
                    keep_only_logs(jobs / task)
        except TimeoutError:
            continue
        lock.unlink(missing_ok=True)
    try:
        jobs.rmdir()
    except OSError:
        # Of other tasks, or logs.
        pass

"""Backs up a task's folder to the storage, so that another node can resume from there.

Each checkpoint is one archive, all other files are another. Archives are written atomically on every kind of storage.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from .failure import one_line
from .storage import Storage

CHECKPOINT = re.compile(r"^step-\d+$")
REST = "rest.tar"
# Every node has the corpus from the job; the others belong to a process, or are incomplete.
LEFT_OUT = re.compile(r"(^|/)(corpus|lock|stop)(/|$)|\.(tmp|takeover|log)(/|$)")
SECONDS = 2.0
# Writing takes at most a fifth of the time.
PAUSE_FACTOR = 4

# Sizes and times of an archive's files.
Signature = tuple[tuple[str, int, int], ...]


class Keeper:
    """Context manager that watches `folder` and writes new content to `where` on the storage."""

    def __init__(self, folder: Path, storage: Storage, where: str, scratch: Path, warn: Callable[[str], None]) -> None:
        self.folder = folder
        self.storage = storage
        self.where = where
        self.scratch = scratch
        self.warn = warn
        self.kept: dict[str, Signature] = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.warned = False

    def __enter__(self) -> Keeper:
        self.thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        self.done.set()
        self.thread.join()
        # A successful task has results and won't be resumed.
        if error:
            self._keep()

    def forget(self) -> None:
        """Deletes the backups once the task is done."""
        for name in self.storage.names(self.where):
            if name.endswith(".tar"):
                self.storage.delete(name)

    def restore(self) -> bool:
        """Restores the folder from the storage. False if there is nothing."""
        names = self.storage.names(self.where)
        archives = [name for name in names if name.endswith(".tar")]
        if f"{self.where}/{REST}" not in archives:
            return False
        for name in archives:
            copy = self.scratch / "restored.tar"
            self.storage.read(name, copy)
            with tarfile.open(copy) as archive:
                archive.extractall(self.folder, filter="data")
            copy.unlink()
            self.kept[name[len(self.where) + 1 :]] = ()
        return True

    def _watch(self) -> None:
        pause = SECONDS
        while not self.done.wait(pause):
            began = time.monotonic()
            if self._checkpoints() != {name for name in self.kept if name != REST}:
                self._keep()
            pause = max(SECONDS, PAUSE_FACTOR * (time.monotonic() - began))

    def _keep(self) -> None:
        try:
            now = self._archives()
            # Checkpoints first, because the other files may refer to them: without one, those stay as they were.
            for name in sorted(now, key=lambda archive: archive == REST):
                if self.kept.get(name) == now[name]:
                    continue
                if not self._write(name, now[name]):
                    return
                self.kept[name] = now[name]
            for name in [name for name in self.kept if name not in now]:
                self.storage.delete(f"{self.where}/{name}")
                del self.kept[name]
        except Exception as error:  # The task continues without backups.
            if not self.warned:
                self.warn(f"Its checkpoints can't be kept on the storage ({one_line(error)}).")
            self.warned = True

    def _write(self, name: str, files: Signature) -> bool:
        """False if the process has deleted some of the files meanwhile."""
        copy = self.scratch / "kept.tar"
        try:
            with tarfile.open(copy, "w") as archive:
                for path, _, _ in files:
                    archive.add(self.folder / path, path, recursive=False)
        except FileNotFoundError:
            return False
        self.storage.write(f"{self.where}/{name}", copy)
        copy.unlink()
        return True

    def _archives(self) -> dict[str, Signature]:
        found: dict[str, list[tuple[str, int, int]]] = {REST: []}
        for path in sorted(_below(self.folder)):
            name = path.relative_to(self.folder).as_posix()
            if LEFT_OUT.search(name):
                continue
            try:
                if path.is_file():
                    stat = path.stat()
                    found.setdefault(_archive_of(name), []).append((name, stat.st_size, stat.st_mtime_ns))
            except FileNotFoundError:
                continue
        return {name: tuple(files) for name, files in found.items()}

    def _checkpoints(self) -> set[str]:
        folders = (path for path in _below(self.folder) if CHECKPOINT.match(path.name))
        return {
            f"{path.relative_to(self.folder).as_posix()}.tar" for path in folders if path.parent.name == "checkpoints"
        }


def _below(folder: Path) -> Iterator[Path]:
    """Everything in a folder, recursively. Skips what the process deletes meanwhile."""
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            yield Path(place, name)


def _archive_of(name: str) -> str:
    parts = name.split("/")
    for at, part in enumerate(parts):
        if at and parts[at - 1] == "checkpoints" and CHECKPOINT.match(part):
            return f"{'/'.join(parts[: at + 1])}.tar"
    return REST


def fresh_copy(source: Path, folder: Path) -> None:
    """Copies a task's folder from the job, atomically."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, copy_function=_link_or_copy)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def add_missing(source: Path, folder: Path) -> None:
    """Adds what is not backed up: the corpus."""
    for path in source.rglob("*"):
        to = folder / path.relative_to(source)
        if path.is_file() and not to.exists():
            to.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(path, to)


def link_corpus(source: Path, folder: Path) -> None:
    """Adds a corpus that is shared with other tasks. It is only read, so hard links suffice on the same disk."""
    to = folder / "corpus"
    if to.exists():
        return
    part = folder / "corpus.tmp"
    shutil.rmtree(part, ignore_errors=True)
    for path in [path for path in source.rglob("*") if path.is_file()]:
        copy = part / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copy)
        except OSError:
            shutil.copyfile(path, copy)
    part.rename(to)


def _link_or_copy(source: object, to: object) -> None:
    """Links the corpus, which is large and only read; copies other files."""
    if "corpus" in Path(str(source)).parts:
        try:
            os.link(str(source), str(to))
            return
        except OSError:
            pass
    shutil.copyfile(str(source), str(to))



"""The cluster's storage: a folder that all nodes share, or a pyarrow file system, such as S3.

Files are written atomically. Names are relative, with forward slashes.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Protocol

from .failure import Failure, one_line


class Storage(Protocol):
    def write(self, name: str, source: Path) -> None: ...

    def read(self, name: str, to: Path) -> None: ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, recursively; empty if there is no such folder."""
        ...

    def has(self, name: str) -> bool: ...

    def delete(self, name: str) -> None: ...

    def address(self, name: str) -> str: ...


class FolderStorage:
    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, source: Path) -> None:
        to = self.root / name
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = to.with_name(f".{to.name}.{uuid.uuid4().hex}")
        try:
            shutil.copyfile(source, temporary)
            os.replace(temporary, to)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, name: str, to: Path) -> None:
        shutil.copyfile(self.root / name, to)

    def names(self, folder: str) -> list[str]:
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in files if not path.name.startswith("."))

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def address(self, name: str) -> str:
        return str(self.root / name)


class ArrowStorage:
    def __init__(self, uri: str) -> None:
        try:
            from pyarrow import fs
        except ImportError as error:
            raise Failure(
                "cluster-storage",
                f"{uri} can't be used: the cluster has no pyarrow.",
                "Install pyarrow there, or give --storage a folder that all nodes share.",
            ) from error
        self.fs, root = fs.FileSystem.from_uri(uri)
        self.root = root.rstrip("/")
        self.uri = uri.rstrip("/")
        self.selector = fs.FileSelector
        self.kinds = fs.FileType

    def write(self, name: str, source: Path) -> None:
        path = self._path(name)
        self.fs.create_dir(path.rpartition("/")[0], recursive=True)
        # Object stores show an object once it is complete; elsewhere it is renamed at the end.
        temporary = f"{path}.{uuid.uuid4().hex}.tmp"
        with source.open("rb") as reader, self.fs.open_output_stream(temporary) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        self.fs.move(temporary, path)

    def read(self, name: str, to: Path) -> None:
        with self.fs.open_input_stream(self._path(name)) as reader, to.open("wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)

    def names(self, folder: str) -> list[str]:
        selector = self.selector(self._path(folder), allow_not_found=True, recursive=True)
        files = (info.path for info in self.fs.get_file_info(selector) if info.type == self.kinds.File)
        prefix_length = len(self.root) + 1
        return sorted(path[prefix_length:] for path in files if not path.endswith(".tmp"))

    def has(self, name: str) -> bool:
        return self.fs.get_file_info(self._path(name)).type == self.kinds.File

    def delete(self, name: str) -> None:
        if self.has(name):
            self.fs.delete_file(self._path(name))

    def address(self, name: str) -> str:
        return f"{self.uri}/{name}"

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"


def open_storage(place: str) -> Storage:
    """Raises Failure `cluster-storage`."""
    if place.startswith("file://"):
        place = place.removeprefix("file://")
    if "://" not in place:
        return FolderStorage(Path(place))
    try:
        return ArrowStorage(place)
    except Failure:
        raise
    except Exception as error:
        raise _unusable(place, error) from error


def is_folder(place: str | None) -> bool:
    """Whether a job's storage is a folder, in which all nodes see the same files."""
    return place is not None and ("://" not in place or place.startswith("file://"))


def share(folder: Path, name: str, storage: Storage | None) -> bool:
    """Links a task's folder to the shared storage. False if the storage is not a folder; it then stays local."""
    if not isinstance(storage, FolderStorage):
        return False
    shared = storage.root / name
    shared.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(shared, target_is_directory=True)
    return True


def unshare(name: str, storage: Storage | None) -> None:
    if isinstance(storage, FolderStorage):
        shutil.rmtree(storage.root / name, ignore_errors=True)


def check_writable(storage: Storage, place: str, job_id: str, scratch: Path) -> str:
    """Writes a small file by which workers verify that they use the same storage. Returns its name."""
    name = f"{job_id}/seen-{uuid.uuid4().hex[:8]}"
    source = scratch / "seen"
    try:
        source.write_text("Forget-Me-Not\n")
        storage.write(name, source)
    except Exception as error:
        raise _unusable(place, error) from error
    return name


def _unusable(place: str, error: Exception) -> Failure:
    return Failure(
        "cluster-storage",
        f"The storage {place} can't be written from the cluster ({one_line(error)}).",
        "Check its address and permissions, or give --storage another one.",
    )

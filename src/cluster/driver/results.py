"""The results of a task: the files it wrote or changed, in one zip."""

from __future__ import annotations

import base64
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .node import sha256_of
from .storage import Storage

# The client has these, or creates them from the driver's lines; an optimiser's state is only needed to resume.
LEFT_OUT = re.compile(
    r"^(run|sweep|state)\.json$|^(events|trials)\.jsonl$|^(corpus|trials)/|(^|/)(lock|stop)$|optimizer\.safetensors$|"
    r"\.(log|tmp|takeover)(/|$)"
)
# Written as lines, for Ray's log reader; a multiple of three bytes needs no padding.
LINE_BYTES = 3072


@dataclass(frozen=True)
class Packed:
    files: list[dict[str, Any]]
    fetch: dict[str, str]


def pack(
    source: Path,
    folder: Path,
    archive: Path,
    storage: Optional[Storage],
    where: str,
    storage_for_client: bool,
    leaves: tuple[str, ...] = (),
) -> Optional[Packed]:
    """`source`: the original folder; `leaves`: folders that are not part of the result. None if there are no results."""
    stays = [folder / name for name in leaves]
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(stay in path.parents for stay in stays) and _is_result(path, source, folder)
    ]
    if not files:
        return None
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for path in files:
            zipped.write(path, path.relative_to(folder).as_posix())
    described = [
        {"name": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in files
    ]
    return Packed(described, _publish(archive, storage, where, storage_for_client))


def _is_result(path: Path, source: Path, folder: Path) -> bool:
    name = path.relative_to(folder).as_posix()
    if LEFT_OUT.search(name):
        return False
    before = source / name
    return not (
        before.is_file() and before.stat().st_size == path.stat().st_size and sha256_of(before) == sha256_of(path)
    )


def _publish(archive: Path, storage: Optional[Storage], where: str, storage_for_client: bool) -> dict[str, str]:
    if storage:
        storage.write(f"{where}/result.zip", archive)
        if storage_for_client:
            return {"kind": "storage", "path": storage.address(f"{where}/result.zip")}
    return _into_log(archive, where)


def _into_log(archive: Path, where: str) -> dict[str, str]:
    """Writes the archive as base64 into the node's log folder, which Ray's dashboard serves."""
    import ray
    from ray._private import worker

    logs = Path(worker._global_node.get_logs_dir_path())
    name = f"forget-me-not-{where.replace('/', '-')}.b64.log"
    with archive.open("rb") as reader, (logs / name).open("wb") as writer:
        while chunk := reader.read(LINE_BYTES):
            writer.write(base64.b64encode(chunk) + b"\n")
    return {"kind": "log", "nodeId": ray.get_runtime_context().get_node_id(), "file": name}

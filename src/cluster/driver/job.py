"""Reads job.json, as described in src/protocol/cluster.ts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

from .failure import Failure

VERSION = 1


@dataclass(frozen=True)
class Needs:
    cpus: float
    memory_bytes: int
    gpus: float

    def options(self) -> dict[str, float]:
        """In the form of Ray's task options."""
        memory = {"memory": self.memory_bytes} if self.memory_bytes else {}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}


@dataclass(frozen=True)
class Workers:
    """Workers that a task starts on Ray itself, and what each of them needs."""

    count: int
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Task:
    id: str
    argv: tuple[str, ...]
    folder: str
    needs: Needs
    retries: int
    after: tuple[str, ...] = ()
    # Follow-up programs in the same folder.
    then: tuple[tuple[str, ...], ...] = ()
    # Folder of a corpus that several tasks share, within the job's own work folder.
    corpus: Optional[str] = None
    # Folders whose files are not part of the result.
    leaves: tuple[str, ...] = ()
    # Folders read by workers that the task starts on Ray itself; not part of the result either.
    shares: tuple[str, ...] = ()
    workers: Optional[Workers] = None

    def new_task(self, data: dict[str, Any]) -> Task:
        """Another task with the same needs, as named by a program."""
        return replace(self, id=data["id"], argv=tuple(data["argv"]), after=tuple(data.get("after", ())))


@dataclass(frozen=True)
class Base:
    id: str
    sha256: str
    ref: Optional[str] = None
    path: Optional[str] = None


@dataclass(frozen=True)
class Job:
    id: str
    base: Base
    storage: Optional[str]
    runtime: str
    tasks: tuple[Task, ...]
    next: Optional[Task] = None
    mark: Optional[str] = None


def read_job(path: Path) -> Job:
    """Raises Failure if it has another version or is damaged."""
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["version"] != VERSION:
            raise Failure(
                "cluster-failed",
                f"The job is of version {data['version']}, and this driver knows version {VERSION}.",
                "Start it again with the program that made it.",
            )
        base = data["base"]
        return Job(
            id=data["id"],
            base=Base(base["id"], base["sha256"], base.get("ref"), base.get("path")),
            storage=data["storage"],
            runtime=data["runtime"],
            tasks=tuple(_task(one) for one in data["tasks"]),
            next=_task(data["next"]) if data.get("next") else None,
            mark=data.get("mark"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(
            "cluster-failed", f"job.json can't be read ({error!r}).", "Start the job again."
        ) from error


def _task(data: dict[str, Any]) -> Task:
    needs, workers = data["needs"], data.get("workers")
    return Task(
        id=data["id"],
        argv=tuple(data["argv"]),
        folder=data["folder"],
        needs=Needs(needs["cpus"], needs["memoryBytes"], needs["gpus"]),
        retries=data["retries"],
        after=tuple(data.get("after", ())),
        then=tuple(tuple(argv) for argv in data.get("then", ())),
        corpus=data.get("corpus"),
        leaves=tuple(data.get("leaves", ())),
        shares=tuple(data.get("shares", ())),
        workers=Workers(workers["count"], workers["cpus"], workers["gpus"]) if workers else None,
    )

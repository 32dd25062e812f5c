"""Placement of tasks: what a node must provide for a task and for the workers that must be on the same node."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Optional

from ray.util.placement_group import PlacementGroup, placement_group, placement_group_table, remove_placement_group

from .failure import Failure
from .job import Job, Task, Workers
from .storage import is_folder

# By then the node knows of the task.
HOLD_SECONDS = 2.0


def beside(task: Task, job: Job) -> Optional[Workers]:
    """The workers that must be on the task's node, because no other node has access to its folder."""
    return None if is_folder(job.storage) else task.workers


def wanted(task: Task, workers: Optional[Workers]) -> dict[str, float]:
    """Resources a node must have for a task and these workers, by Ray's names."""
    count, cpus, gpus = (workers.count, workers.cpus, workers.gpus) if workers else (0, 0, 0)
    needs = task.needs
    return {"CPU": needs.cpus + count * cpus, "GPU": needs.gpus + count * gpus, "memory": needs.memory_bytes}


def fits(nodes: Iterable[dict[str, Any]], resources: dict[str, float]) -> bool:
    """Whether one of the nodes, as ray.nodes() lists them, has these, were it idle."""
    offers = [node["Resources"] for node in nodes if node["Alive"]]
    return any(all(offer.get(kind, 0) >= many for kind, many in resources.items()) for offer in offers)


def too_small(task: Task, workers: Optional[Workers]) -> Failure:
    """No node has what they need."""
    lacks = f"No node of the cluster has {_amounts(wanted(task, workers))}"
    if workers is None:
        todo = "Add a larger node, or ask for less with a smaller --batch, --seq or base."
        return Failure("cluster-resources", f"{lacks}.", todo)
    own = _amounts({"CPU": task.needs.cpus, "GPU": task.needs.gpus, "memory": task.needs.memory_bytes})
    each = _amounts({"CPU": workers.cpus, "GPU": workers.gpus})
    whom = "a worker" if workers.count == 1 else f"each of {workers.count} workers"
    return Failure(
        "cluster-resources",
        f"{lacks}: {own} to prepare and measure, and {each} for {whom}.",
        "Give --storage a folder that all nodes share, so that workers may be on several; or ask for less with --workers "
        "or --cpus, or add a larger node.",
    )


class Rooms:
    """Finds nodes that have room for a task and its workers at once.

    The room is held until the node has heard of the task. Otherwise the tasks of two trainings could share it, and each
    would wait for ever for the processors of the other one.
    """

    def __init__(self) -> None:
        self.asked: dict[str, PlacementGroup] = {}
        self.held: list[tuple[float, PlacementGroup]] = []

    def node_for(self, task: Task, workers: Workers) -> Optional[str]:
        """The node's id, once; None while none has room."""
        if task.id not in self.asked:
            bundle = {kind: many for kind, many in wanted(task, workers).items() if many}
            self.asked[task.id] = placement_group([bundle])
        told = placement_group_table(self.asked[task.id])
        if told.get("state") != "CREATED":
            return None
        self.held.append((time.monotonic(), self.asked.pop(task.id)))
        return str(told["bundles_to_node_id"][0])

    def let_go(self) -> None:
        """Gives the rooms of tasks that were handed to their nodes back, a part of which the tasks take."""
        due = [one for one in self.held if time.monotonic() - one[0] > HOLD_SECONDS]
        for one in due:
            remove_placement_group(one[1])
            self.held.remove(one)


def _amounts(resources: dict[str, float]) -> str:
    words = []
    if cpus := resources.get("CPU"):
        words.append(f"{cpus:g} processor{'' if cpus == 1 else 's'}")
    if gpus := resources.get("GPU"):
        words.append(f"{gpus:g} GPU{'' if gpus == 1 else 's'}")
    if memory := resources.get("memory"):
        words.append(f"{memory / 1e9:.1f} GB of memory")
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

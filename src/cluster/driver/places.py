"""Placement of tasks: what a node must provide for a task and for the workers that must be on the same node."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Optional

from ray.util.placement_group import PlacementGroup, placement_group, placement_group_table, remove_placement_group

from .failure import Failure
from .job import Job, Task, Workers
from .storage import is_folder

# By then, the task was scheduled on its node.
HOLD_SECONDS = 2.0


def colocated_workers(task: Task, job: Job) -> Optional[Workers]:
    """The workers that must be on the task's node, because no other node has access to its folder."""
    return None if is_folder(job.storage) else task.workers


def required_resources(task: Task, workers: Optional[Workers]) -> dict[str, float]:
    """Resources a node must have for a task and these workers, by Ray's names."""
    count, cpus, gpus = (workers.count, workers.cpus, workers.gpus) if workers else (0, 0, 0)
    needs = task.needs
    return {"CPU": needs.cpus + count * cpus, "GPU": needs.gpus + count * gpus, "memory": needs.memory_bytes}


def fits(nodes: Iterable[dict[str, Any]], resources: dict[str, float]) -> bool:
    """Whether one of the nodes, as listed by ray.nodes(), would have these if it were idle."""
    offers = [node["Resources"] for node in nodes if node["Alive"]]
    return any(all(offer.get(kind, 0) >= count for kind, count in resources.items()) for offer in offers)


def too_small(task: Task, workers: Optional[Workers]) -> Failure:
    """No node has what they need."""
    lacks = f"No node of the cluster has {_amounts(required_resources(task, workers))}"
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


class Reservations:
    """Reserves a node with room for a task and its workers.

    A reservation is kept until the task was scheduled. Otherwise the tasks of two trainings could share it, and each
    would wait forever for the processors of the other.
    """

    def __init__(self) -> None:
        self.requested: dict[str, PlacementGroup] = {}
        self.held: list[tuple[float, PlacementGroup]] = []

    def node_for(self, task: Task, workers: Workers) -> Optional[str]:
        """Returns the reserved node's id, once; None while no node has room."""
        if task.id not in self.requested:
            bundle = {kind: count for kind, count in required_resources(task, workers).items() if count}
            self.requested[task.id] = placement_group([bundle])
        table = placement_group_table(self.requested[task.id])
        if table.get("state") != "CREATED":
            return None
        self.held.append((time.monotonic(), self.requested.pop(task.id)))
        return str(table["bundles_to_node_id"][0])

    def release(self) -> None:
        """Releases the reservations of tasks that were scheduled and now use those resources themselves."""
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

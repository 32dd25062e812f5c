"""Computes how many workers fit on a cluster."""

import math
from dataclasses import dataclass
from typing import Any

# As ray.nodes() lists them.
Node = dict[str, Any]


@dataclass(frozen=True)
class WorkerRequest:
    """Workers, and what each of them needs."""

    workers: int
    cpus: float = 1
    gpu: bool = False
    here: bool = False
    """Whether all must be on this process's node."""
    reserved_cpus: float = 0
    """Processors of this node that are reserved for the calling program."""

    @property
    def resources(self) -> dict[str, float]:
        return {"CPU": self.cpus, **({"GPU": 1.0} if self.gpu else {})}


def candidates(nodes: list[Node], this_node: str, request: WorkerRequest) -> list[Node]:
    """The nodes that can host a worker."""
    alive = [node for node in nodes if node["Alive"] and (not request.here or node["NodeID"] == this_node)]
    return [node for node in alive if workers_on(node, this_node, request) > 0]


def workers_that_fit(nodes: list[Node], this_node: str, request: WorkerRequest) -> int:
    """How many of the workers fit on the nodes, if those were idle except for the caller."""
    return min(
        request.workers, sum(workers_on(node, this_node, request) for node in candidates(nodes, this_node, request))
    )


def workers_on(node: Node, this_node: str, request: WorkerRequest) -> int:
    available = dict(node["Resources"])
    if node["NodeID"] == this_node:
        available["CPU"] = available.get("CPU", 0) - request.reserved_cpus
    return min(max(0, math.floor(available.get(kind, 0) / count)) for kind, count in request.resources.items())


def describe_shortage(found: int, request: WorkerRequest) -> str:
    """Without a full stop."""
    where = "the node that it began on" if request.here else "the cluster"
    each = f"{request.cpus:g} processor{'' if request.cpus == 1 else 's'}{' and a GPU' if request.gpu else ''}"
    cpus = request.reserved_cpus
    reserved = f" in addition to the {cpus:g} that prepare and measure" if cpus else ""
    return f"Of {request.workers} workers with {each} each, {where} has room for {found}{reserved}"


def waiting_message(found: int, request: WorkerRequest) -> str:
    """The phase shown while Ray has not placed the workers. `found`: how many would fit on an idle cluster."""
    if found < request.workers:
        return f"{describe_shortage(found, request)}; it waits for more nodes"
    return "The cluster is busy: waiting until all workers have room"


def advice(request: WorkerRequest) -> str:
    """Advice for the user."""
    less = "Ask for less with --workers or --cpus, or use a larger cluster"
    shared = ", or give --storage a folder that all nodes share, so that they may be on several" if request.here else ""
    return f"{less}{shared}."

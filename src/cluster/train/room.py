"""Computes how many workers fit on a cluster."""

import math
from dataclasses import dataclass
from typing import Any

# As ray.nodes() lists them.
Node = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Workers, and what each of them needs."""

    workers: int
    cpus: float = 1
    gpu: bool = False
    here: bool = False
    """Whether all must be on this process's node."""
    beside: float = 0
    """Processors of this node that are reserved for the calling program."""

    @property
    def resources(self) -> dict[str, float]:
        return {"CPU": self.cpus, **({"GPU": 1.0} if self.gpu else {})}


def candidates(nodes: list[Node], this_node: str, wanted: Wanted) -> list[Node]:
    """The nodes that can host a worker."""
    alive = [node for node in nodes if node["Alive"] and (not wanted.here or node["NodeID"] == this_node)]
    return [node for node in alive if fitting(node, this_node, wanted) > 0]


def room(nodes: list[Node], this_node: str, wanted: Wanted) -> int:
    """How many of the workers fit on the nodes, if these were idle except for the caller."""
    return min(
        wanted.workers, sum(fitting(node, this_node, wanted) for node in candidates(nodes, this_node, wanted))
    )


def fitting(node: Node, this_node: str, wanted: Wanted) -> int:
    has = dict(node["Resources"])
    if node["NodeID"] == this_node:
        has["CPU"] = has.get("CPU", 0) - wanted.beside
    return min(max(0, math.floor(has.get(kind, 0) / many)) for kind, many in wanted.resources.items())


def too_little(found: int, wanted: Wanted) -> str:
    """Without a full stop."""
    where = "the node that it began on" if wanted.here else "the cluster"
    each = f"{wanted.cpus:g} processor{'' if wanted.cpus == 1 else 's'}{' and a GPU' if wanted.gpu else ''}"
    beside = f" beside the {wanted.beside:g} that prepare and measure" if wanted.beside else ""
    return f"Of {wanted.workers} workers with {each} each, {where} has room for {found}{beside}"


def waits(found: int, wanted: Wanted) -> str:
    """The run's phase while Ray has not placed the workers. `found`: how many would fit on an idle cluster."""
    if found < wanted.workers:
        return f"{too_little(found, wanted)}; it waits for more nodes"
    return "The cluster is busy: waiting until all workers have room"


def more_room(wanted: Wanted) -> str:
    """Advice for the user."""
    less = "Ask for less with --workers or --cpus, or use a larger cluster"
    several = ", or give --storage a folder that all nodes share, so that they may be on several" if wanted.here else ""
    return f"{less}{several}."

"""Checks whether the nodes of the cluster can train, before any worker is started."""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .needs import missing
from .capacity import Node, WorkerRequest, candidates

# If a node does not respond in this time, Ray Train will report what is wrong.
ASK_SECONDS = 120.0


class UnsuitableCluster(Exception):
    """The cluster can't train."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        # An event of the run.
        self.line = {"type": "error", "code": code, "message": message, "next": next_step}


def check_packages(nodes: list[Node], this_node: str, request: WorkerRequest) -> None:
    """Asks the other nodes which packages their Python lacks. Raises UnsuitableCluster if any are missing."""
    others = [node for node in candidates(nodes, this_node, request) if node["NodeID"] != this_node]
    if not others:
        return
    ask = ray.remote(num_cpus=0, max_retries=0)(missing)
    names = {}
    for node in others:
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        names[ask.options(scheduling_strategy=strategy).remote()] = node["NodeName"]
    answered, _ = ray.wait(list(names), num_returns=len(names), timeout=ASK_SECONDS)
    for ref in answered:
        try:
            lacks = ray.get(ref)
        except ray.exceptions.RayError:
            continue
        if lacks:
            raise UnsuitableCluster(
                "backend-unavailable",
                f"The Python of the cluster's node {names[ref]} has no {' and no '.join(lacks)}.",
                "Install ray[train], torch, transformers and peft on all of its nodes.",
            )

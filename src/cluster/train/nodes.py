"""Checks whether the nodes of the cluster can train, before any worker is started."""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .needs import missing
from .room import Node, Wanted, candidates

# If a node does not respond in this time, Ray Train will report what is wrong.
ASK_SECONDS = 120.0


class Unsuited(Exception):
    """The cluster can't train."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        # An event of the run.
        self.line = {"type": "error", "code": code, "message": message, "next": next_step}


def check_packages(nodes: list[Node], this_node: str, wanted: Wanted) -> None:
    """Asks the other nodes which packages their Python lacks. Raises Unsuited if any are missing."""
    others = [node for node in candidates(nodes, this_node, wanted) if node["NodeID"] != this_node]
    if not others:
        return
    ask = ray.remote(num_cpus=0, max_retries=0)(missing)
    asked = {}
    for node in others:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[ask.options(scheduling_strategy=there).remote()] = node["NodeName"]
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ASK_SECONDS)
    for ref in answered:
        try:
            lacks = ray.get(ref)
        except ray.exceptions.RayError:
            continue
        if lacks:
            raise Unsuited(
                "backend-unavailable",
                f"The Python of the cluster's node {asked[ref]} has no {' and no '.join(lacks)}.",
                "Install ray[train], torch, transformers and peft on all of its nodes.",
            )

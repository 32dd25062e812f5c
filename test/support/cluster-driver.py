"""Runs the driver of a cluster with a fake Ray, while nodes come and go: prints its lines, and the tasks that were started."""

import json
import sys

import ray
from ray.util.placement_group import place

from driver import places
from driver.driver import Driver
from driver.job import Base, Job, Needs, Task, Workers

places.HOLD_SECONDS = 0.0
storage = sys.argv[1] if len(sys.argv) > 1 else None
workers = Workers(2, 1, 0)
task = Task("train", ("trainer.mjs",), "run", Needs(1, 0, 0), retries=1, shares=("ray-train",), workers=workers)
driver = Driver(Job("run", Base("tiny", "0"), storage, "wasm", (task,)))
driver.mailbox = None


def look(what):
    print(json.dumps({"look": what}), flush=True)
    driver._submit()


def begun():
    where = [one["scheduling_strategy"] for one in ray.started]
    strategies = [one if isinstance(one, str) else [one.node_id, one.soft] for one in where]
    groups = [[group["bundles"][0], group["state"]] for group in ray.cluster.groups.values()]
    print(json.dumps({"begun": strategies, "rooms": groups}), flush=True)


ray.cluster.nodes = [ray.node("a", CPU=1.0), ray.node("b", CPU=2.0), ray.node("large", alive=False, CPU=9.0)]
look("small nodes")
look("again")
ray.cluster.nodes.append(ray.node("c", CPU=3.0))
look("a large one, which is busy")
if ray.cluster.groups:
    place("0001000000", "c")
look("that is idle")
look("again")
begun()
# Node c is lost.
ref, _ = driver.running.popitem()
ray.cluster.nodes[-1]["Alive"] = False
driver._ended(task, ray.exceptions.NodeDiedError())
look("it is lost")
begun()

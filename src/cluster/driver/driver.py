"""Entry point: runs the tasks of job.json as Ray tasks, each on a node that meets its needs, and prints events.

A task whose node or process is lost is retried, possibly on another node, and resumes from the newest checkpoint on
the storage.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .failure import Failure, of_ray
from .job import Job, Task, read_job
from .places import Reservations, colocated_workers, fits, required_resources, too_small
from .storage import check_writable, open_storage
from .task import End, Order, clean_node, perform

# An autoscaling cluster needs some minutes for another node.
WAIT_FOR_NODES = 600.0
POLL_SECONDS = 0.5
# A node leaves what it has not deleted in this time.
CLEAN_SECONDS = 10.0


def print_line(line: dict[str, Any]) -> None:
    """Prints a line as defined in src/protocol/cluster.ts."""
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


# Task, attempt, "status" or "line", and the content.
Message = tuple[str, int, str, dict[str, Any]]


@ray.remote(num_cpus=0)
class Mailbox:
    """Holds messages of tasks until the driver takes them."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def put(self, message: Message) -> None:
        self.messages.append(message)

    def take(self) -> list[Message]:
        messages, self.messages = self.messages, []
        return messages


@ray.remote(max_retries=0)
def run_task(order: Order, attempt: int, mailbox: ray.actor.ActorHandle) -> End:
    last: list[ray.ObjectRef] = []

    def report(kind: str, content: dict[str, Any]) -> None:
        # Don't wait: Ray gives the processors of a waiting task to another one.
        last[:] = [mailbox.put.remote((order.task.id, attempt, kind, content))]

    node = ray.get_runtime_context().get_node_id()
    report("status", {"status": "preparing", "node": node})
    end = perform(replace(order, node=node), report)
    # The end must not arrive before the task's messages.
    ray.get(last)
    return end


@ray.remote(num_cpus=0, max_retries=0)
def clean(job: Job, done: tuple[str, ...], left: tuple[str, ...]) -> None:
    clean_node(job, done, left)


class Driver:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.waiting = list(job.tasks)
        self.running: dict[ray.ObjectRef, Task] = {}
        self.attempts: dict[str, int] = {}
        self.done: set[str] = set()
        self.failed: list[str] = []
        # Results of tasks, for those that depend on them.
        self.earlier_lines: list[dict[str, Any]] = []
        self.additional: list[Task] = []
        self.rounds = 0
        self.asked_for_more = False
        self.stopped = False
        self.reservations = Reservations()
        # Since when no node is large enough for a task, and the last reported reason why a task waits.
        self.too_small: dict[str, float] = {}
        self.reported: dict[str, str] = {}
        self.probe: Optional[str] = None
        self.storage_for_client = False
        # Ids of the nodes on which attempts were made.
        self.used_nodes: set[str] = set()

    def run(self) -> list[str]:
        """Returns the tasks that failed."""
        self._begin()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.mailbox = Mailbox.options(scheduling_strategy=here).remote()
        while self._submit() or self.running or self._next_round():
            done, _ = ray.wait(list(self.running), timeout=POLL_SECONDS) if self.running else ([], [])
            if not self.running:
                time.sleep(POLL_SECONDS)
            # Forward the tasks' last messages before their end.
            self._forward_messages()
            for ref in done:
                self._ended(self.running.pop(ref), ref)
        if self.job.storage and self.probe:
            open_storage(self.job.storage).delete(self.probe)
        return self.failed

    def stop(self) -> None:
        """Asks running tasks to save their work and end; starts no others."""
        self.stopped = True
        self.waiting, self.additional, self.asked_for_more = [], [], True
        for ref in self.running:
            ray.cancel(ref)

    def clean(self) -> None:
        """Has the nodes delete leftovers of attempts. Results stay, because it is unknown whether they were fetched."""
        done = tuple(sorted(self.done))
        left = tuple(sorted(set(self.attempts) - self.done))
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        cleaning = [
            clean.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
                self.job, done, left
            )
            for node in self.used_nodes & alive
        ]
        if cleaning:
            ray.wait(cleaning, num_returns=len(cleaning), timeout=CLEAN_SECONDS)

    def _begin(self) -> None:
        nodes = sum(1 for node in ray.nodes() if node["Alive"])
        started = {"type": "started", "ray": ray.__version__, "nodes": nodes}
        if self.job.storage:
            storage = open_storage(self.job.storage)
            self.probe = check_writable(storage, self.job.storage, self.job.id, Path.cwd())
            self.storage_for_client = self.job.mark is not None and storage.has(f"{self.job.id}/{self.job.mark}")
        elif nodes > 1:
            started["note"] = "Without a storage, a task whose node is lost starts over; --storage keeps its checkpoints."
        print_line(started)

    def _submit(self) -> bool:
        """Submits the tasks whose dependencies are done to Ray. True if some still wait."""
        self.reservations.release()
        for task in [task for task in self.waiting if self.done.issuperset(task.after)]:
            if self._fits(task) and (where := self._place(task)) and not self.stopped:
                self.waiting.remove(task)
                self._start(task, where)
        for task in [task for task in self.waiting if not set(task.after).isdisjoint(self.failed)]:
            self.waiting.remove(task)
            self._fail(task, Failure("cluster-failed", "A task that it needs has failed.", "See that task."))
        return bool(self.waiting)

    def _start(self, task: Task, where: Any) -> None:
        attempt = self.attempts[task.id] = self.attempts.get(task.id, 0) + 1
        if attempt == 1:
            self._report_waiting(task)
        address = ray.get_runtime_context().gcs_address
        order = Order(self.job, task, tuple(self.earlier_lines), self.probe, self.storage_for_client, address)
        options = {**task.needs.options(), "scheduling_strategy": where, "name": f"{self.job.id} {task.id}"}
        self.running[run_task.options(**options).remote(order, attempt, self.mailbox)] = task

    def _fits(self, task: Task) -> bool:
        """Whether some node, if idle, has what the task needs; an autoscaling cluster may get one later."""
        workers = colocated_workers(task, self.job)
        if fits(ray.nodes(), required_resources(task, workers)):
            self.too_small.pop(task.id, None)
            return True
        failure = too_small(task, workers)
        since = self.too_small.setdefault(task.id, time.monotonic())
        self._report_waiting(task, failure)
        if time.monotonic() - since > WAIT_FOR_NODES:
            self.waiting.remove(task)
            self._fail(task, failure)
        return False

    def _place(self, task: Task) -> Any:
        """Ray's scheduling strategy for the task; None while no node has room for the workers that must be on it."""
        workers = colocated_workers(task, self.job)
        if workers is None:
            return "SPREAD"
        node = self.reservations.node_for(task, workers)
        if node is None:
            self._report_waiting(task)
            return None
        return NodeAffinitySchedulingStrategy(node, soft=False)

    def _report_waiting(self, task: Task, why: Optional[Failure] = None) -> None:
        """Reports once that a task waits; without a reason, it is queued behind others."""
        message = why.message if why else ""
        if self.reported.get(task.id) != message:
            self.reported[task.id] = message
            self._status(task.id, "waiting", why.report() if why else None)

    def _ended(self, task: Task, ref: ray.ObjectRef) -> None:
        try:
            end: End = ray.get(ref)
            failure, may_retry = end.failure, end.may_retry
        except ray.exceptions.RayError as error:
            end = End()
            failure, may_retry = of_ray(error)
        if failure and may_retry and not self.stopped and self.attempts[task.id] <= task.retries:
            self._status(task.id, "retrying", {"code": failure.code, "message": failure.message})
            self.reported.pop(task.id, None)
            self.waiting.append(task)
        elif failure:
            self._fail(task, failure)
        else:
            if end.packed:
                print_line({"type": "result", "id": task.id, "files": end.packed.files, "fetch": end.packed.fetch})
            self.done.add(task.id)
            self._status(task.id, "done")

    def _fail(self, task: Task, failure: Failure) -> None:
        self.failed.append(task.id)
        self._status(task.id, "failed", failure.report())

    def _next_round(self) -> bool:
        """Once all tasks have ended, starts the task that decides whether more are needed. False if all is done."""
        if self.additional:
            self.waiting, self.additional, self.asked_for_more = self.additional, [], False
            return True
        if not self.job.next or self.failed or self.asked_for_more:
            return False
        self.asked_for_more = True
        self.rounds += 1
        self.waiting = [replace(self.job.next, id=f"{self.job.next.id}-{self.rounds}")]
        return True

    def _forward_messages(self) -> None:
        messages: list[Message] = ray.get(self.mailbox.take.remote())
        for task_id, attempt, kind, what in messages:
            if kind == "status":
                if "node" in what:
                    self.used_nodes.add(what["node"])
                    what["node"] = self._name_of(what["node"])
                self._status(task_id, what.pop("status", "running"), what, attempt)
            elif what["type"] == "task" and self.job.next:
                self._add(self.job.next.new_task(what["task"]))
            else:
                if what["type"] == "line":
                    self.earlier_lines.append(what["line"])
                print_line({"type": "line", "id": task_id, "line": what})

    def _add(self, task: Task) -> None:
        """Adds it once: a lost attempt may have named it already."""
        if not self.stopped and all(task.id != other.id for other in self.additional):
            self.additional.append(task)

    def _name_of(self, node_id: str) -> str:
        """The name shown in Ray's dashboard: the one it was started with, else its address."""
        return next((node["NodeName"] for node in ray.nodes() if node["NodeID"] == node_id), node_id)

    def _status(self, task_id: str, status: str, more: Optional[dict[str, Any]] = None, attempt: int = 0) -> None:
        attempt = max(1, attempt or self.attempts.get(task_id, 1))
        print_line({"type": "task", "id": task_id, "status": status, "attempt": attempt, **(more or {})})


def main() -> int:
    try:
        job = read_job(Path("job.json"))
        ray.init(log_to_driver=False, logging_level=logging.WARNING)
        driver = Driver(job)
        signal.signal(signal.SIGTERM, lambda *_: driver.stop())
        failed = driver.run()
    except Failure as failure:
        print_line({"type": "failed", **failure.report()})
        return 1
    except ray.exceptions.RayError as error:
        print_line({"type": "failed", **of_ray(error)[0].report()})
        return 1
    print_line({"type": "done", "failed": failed})
    try:
        driver.clean()
    except Exception as error:  # The job itself is done.
        print(f"Not all nodes were cleaned up: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

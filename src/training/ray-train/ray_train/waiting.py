"""Reports that workers wait for room on the cluster, which Ray Train does not."""

import threading
from typing import Any, Callable, Optional

import ray
from ray.util.placement_group import placement_group_table

from .capacity import WorkerRequest, waiting_message, workers_that_fit

POLL_SECONDS = 3.0
# Ray Train requests all of its workers at once.
UNPLACED = ("PENDING", "RESCHEDULING")


class Waiting(threading.Thread):
    """Calls `report` with a line `waiting` with a `message` when workers begin to wait, and one without it when they no
    longer wait.
    """

    def __init__(self, this_node: str, request: WorkerRequest, report: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(daemon=True)
        self.this_node = this_node
        self.request = request
        self.report = report
        self.job = ray.get_runtime_context().get_job_id()
        self.pending: set[str] = set()
        self.last_message: Optional[str] = None
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(POLL_SECONDS):
            self.poll()

    def poll(self) -> None:
        # A placement group's id ends with the id of its job.
        pending = {
            name
            for name, group in placement_group_table().items()
            if name.endswith(self.job) and group["state"] in UNPLACED
        }
        # Ignore groups that are placed immediately.
        why = self.why() if pending & self.pending else None
        self.pending = pending
        if why != self.last_message:
            self.last_message = why
            self.report({"type": "waiting", **({"message": why} if why else {})})

    def why(self) -> str:
        return waiting_message(workers_that_fit(ray.nodes(), self.this_node, self.request), self.request)

    def end(self) -> None:
        self.ended.set()
        self.join()

"""Reports that workers wait for room on the cluster, which Ray Train does not."""

import threading
from typing import Any, Callable, Optional

import ray
from ray.util.placement_group import placement_group_table

from .room import Wanted, room, waits

LOOK_SECONDS = 3.0
# Ray Train requests all of its workers at once.
UNPLACED = ("PENDING", "RESCHEDULING")


class Waiting(threading.Thread):
    """Calls `say` with a line `waiting` with a `message` when workers begin to wait, and one without it when they no
    longer wait.
    """

    def __init__(self, this_node: str, wanted: Wanted, say: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(daemon=True)
        self.this_node = this_node
        self.wanted = wanted
        self.say = say
        self.job = ray.get_runtime_context().get_job_id()
        self.pending: set[str] = set()
        self.said: Optional[str] = None
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        # A placement group's id ends with the id of its job.
        pending = {
            name
            for name, group in placement_group_table().items()
            if name.endswith(self.job) and group["state"] in UNPLACED
        }
        # Ignore groups that are placed immediately.
        why = self.why() if pending & self.pending else None
        self.pending = pending
        if why != self.said:
            self.said = why
            self.say({"type": "waiting", **({"message": why} if why else {})})

    def why(self) -> str:
        return waits(room(ray.nodes(), self.this_node, self.wanted), self.wanted)

    def end(self) -> None:
        self.ended.set()
        self.join()

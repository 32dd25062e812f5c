"""Performs the task argv[1] of the job in this folder as a node of a cluster would, without Ray; prints its messages."""

import json
import sys
from pathlib import Path

from forget_me_not.job import read_job
from forget_me_not.storage import open_storage
from forget_me_not.task import Order, perform

job = read_job(Path("job.json"))
task = next(task for task in job.tasks if task.id == sys.argv[1])
sees = job.mark is not None and open_storage(job.storage).has(f"{job.id}/{job.mark}")


def report(kind, what):
    print(json.dumps([kind, what]), flush=True)


end = perform(Order(job, task, (), None, sees, "a-head:6379", "a-node"), report)
report(
    "end",
    {
        "failure": end.failure and end.failure.report(),
        "again": end.may_retry,
        "files": end.packed and end.packed.files,
        "fetch": end.packed and end.packed.fetch,
    },
)

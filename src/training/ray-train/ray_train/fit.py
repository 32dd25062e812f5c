"""Starts a training on the Ray cluster that this process belongs to.

    python -m ray_train.fit FOLDER --workers 2 [--gpu] [--cpus N] [--here] [--node ID] [--reserved-cpus N] [--local]

FOLDER, which each worker can access, is written by src/training/ray-train/job.ts. Standard output has JSON lines:
events of the run (src/protocol/events.ts) and, in place of evaluations, `heldOut` lines. The result is in
FOLDER/result. `waiting` lines say what workers wait for; one without a message says that they no longer wait.
The line `stop` on standard input, or its end, stops the training; when started again, it resumes from its newest
checkpoint. A failure is reported as an event `error`.
"""

import argparse
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ray
import ray.cloudpickle
import ray.train
from ray.train import (
    CheckpointConfig,
    ControllerError,
    FailureConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    UserCallback,
)
from ray.train.torch import TorchConfig, TorchTrainer

import ray_train

from .capacity import WorkerRequest, advice, describe_shortage, workers_that_fit
from .job import remove_scratch
from .loop import time_now, train_worker
from .nodes import UnsuitableCluster, check_packages
from .waiting import Waiting

RETRIES = 3
STOP_SECONDS = 15.0
# In bytes. Nothing large goes through it: workers read the job's folder and exchange gradients directly.
OBJECT_STORE = 100_000_000
NAME = "ray-train"


class Lines(UserCallback):
    """Appends the first worker's lines, and losses of workers, to a file on this node, where the controller also runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        self.add(metrics[0]["lines"])

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        self.add([{"type": "warning", "time": time_now(), "message": lost_workers(worker_exceptions)}])

    def add(self, lines: list[dict[str, Any]]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")


class Tail(threading.Thread):
    """Prints what is appended to a file from now on."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.printed = path.stat().st_size
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.5):
            self.print_new()
        self.print_new()

    def print_new(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self.printed)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]
        self.printed += len(complete)
        sys.stdout.write(complete.decode("utf-8"))
        sys.stdout.flush()

    def end(self) -> None:
        self.ended.set()
        self.join()


def stop_on_request() -> None:
    """Interrupts this process on `stop`: Ray Train then ends its workers, or, at the third interrupt, the process."""

    def wait() -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                break
        os.kill(os.getpid(), signal.SIGINT)
        # Ray Train ignores interrupts while it waits for room for its workers.
        time.sleep(STOP_SECONDS)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    threading.Thread(target=wait, daemon=True).start()


def print_event(line: dict[str, Any]) -> None:
    """Prints an event that does not come from a worker."""
    sys.stdout.write(f"{json.dumps({**line, 'time': time_now()})}\n")
    sys.stdout.flush()


def fit(folder: Path, request: WorkerRequest, this_node: str) -> None:
    """Trains, and writes the result to `folder`/result. Raises UnsuitableCluster or Ray's TrainingFailedError."""
    check_packages(ray.nodes(), this_node, request)
    waiting = Waiting(this_node, request, print_event)
    waiting.start()
    try:
        found = train(folder, request, this_node)
    finally:
        waiting.end()
    if found.checkpoint is None:
        return
    with found.checkpoint.as_directory() as saved:
        result = Path(saved) / "result"
        if result.exists():
            shutil.copytree(result, folder / "result", dirs_exist_ok=True)


def train(folder: Path, request: WorkerRequest, this_node: str) -> ray.train.Result:
    """Retries if workers could not start: indefinitely if the cluster is just busy, otherwise a few times. Resumes from
    the newest checkpoint.
    """
    failures = 0
    while True:
        try:
            return trainer(folder, request, this_node).fit()
        except ControllerError as error:
            how = type(error.controller_failure).__name__
            if how == "WorkerGroupStartupTimeoutError":
                fits = workers_that_fit(ray.nodes(), this_node, request)
                if fits < request.workers:
                    message = f"{describe_shortage(fits, request)}."
                    raise UnsuitableCluster("cluster-resources", message, advice(request)) from error
                continue
            failures += 1
            if how != "WorkerGroupStartupFailedError" or failures > RETRIES:
                raise


def trainer(folder: Path, request: WorkerRequest, this_node: str) -> TorchTrainer:
    return TorchTrainer(
        train_worker,
        train_loop_config={"folder": str(folder)},
        scaling_config=ScalingConfig(
            num_workers=request.workers,
            use_gpu=request.gpu,
            resources_per_worker=request.resources,
            label_selector={"ray.io/node-id": this_node} if request.here else None,
        ),
        torch_config=TorchConfig(backend="nccl" if request.gpu else "gloo"),
        run_config=RunConfig(
            name=NAME,
            storage_path=str(folder / "checkpoints"),
            # train() handles workers that can't start.
            failure_config=FailureConfig(max_failures=RETRIES, controller_failure_limit=0),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            callbacks=[Lines(folder / "lines.jsonl")],
        ),
    )


def lost_workers(errors: dict[int, Exception]) -> str:
    """If a worker is lost, the others fail because it does not respond."""
    lost = [error for error in errors.values() if type(error).__name__ == "WorkerHealthCheckFailedError"]
    if lost:
        return "A worker was lost, with its node or its process."
    lines = [line.strip() for error in errors.values() for line in str(error).splitlines() if line.strip()]
    return f"A worker failed ({lines[-1].rstrip('.')[:300] if lines else 'it gave no reason'})."


def failed(error: TrainingFailedError) -> dict[str, str]:
    """Turns Ray Train's error into an event; the details go to standard error."""
    print(error, file=sys.stderr)
    causes = [*getattr(error, "worker_failures", {}).values(), getattr(error, "controller_failure", None)]
    lines = [line.strip() for cause in causes if cause for line in str(cause).splitlines() if line.strip()]
    why = f" ({lines[-1].rstrip('.')[:300]})" if lines else ""
    return {
        "type": "error",
        "code": "crashed",
        "message": f"Ray Train could not go on{why}.",
        "next": "The log says more.",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="ray_train.fit")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--cpus", type=float, default=1, help="of each worker")
    parser.add_argument("--here", action="store_true", help="other nodes do not see the folder")
    parser.add_argument("--node", help="the id of this node, where a machine has several")
    parser.add_argument("--reserved-cpus", type=float, default=0, help="processors of this node that the caller uses")
    parser.add_argument("--local", action="store_true", help="start Ray on this machine, for this training alone")
    args = parser.parse_args()
    request = WorkerRequest(args.workers, args.cpus, args.gpu, args.here, args.reserved_cpus)
    # Other nodes need not have this package.
    ray.cloudpickle.register_pickle_by_value(ray_train)
    if args.local:
        cpus = math.ceil(args.workers * args.cpus)
        ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE)
    else:
        ray.init()
    folder = args.folder.resolve()
    (folder / "lines.jsonl").touch()
    tail = Tail(folder / "lines.jsonl")
    tail.start()
    stop_on_request()
    ended: dict[str, Any] | None = None
    try:
        fit(folder, request, args.node or ray.get_runtime_context().get_node_id())
    except UnsuitableCluster as error:
        ended = error.line
    except TrainingFailedError as error:
        ended = failed(error)
    finally:
        tail.end()
        remove_scratch(folder)
    # After the workers' last lines.
    if ended:
        print_event(ended)
    return 0


if __name__ == "__main__":
    sys.exit(main())

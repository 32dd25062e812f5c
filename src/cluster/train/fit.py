"""Starts a training on the Ray cluster that this process belongs to.

    python -m ray_train.fit FOLDER --workers 2 [--gpu] [--cpus N] [--storage URI] [--local]

FOLDER, which each worker sees, is as src/training/ray-train/job.ts writes it. Standard output has JSON lines: events
of the run (src/protocol/events.ts) and, in the place of evaluations, `heldOut` lines. The result is in FOLDER/result.
The line `stop` on standard input, or its end, stops the training; started again, it goes on from its newest checkpoint.
"""

import argparse
import json
import math
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import ray
import ray.cloudpickle
import ray.train
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, UserCallback
from ray.train.torch import TorchConfig, TorchTrainer

import ray_train

from .loop import train_worker

RETRIES = 3
# Bytes. Nothing large goes through it: workers read the job's folder, and gradients go from worker to worker.
OBJECT_STORE = 100_000_000
NAME = "ray-train"


class Lines(UserCallback):
    """Appends the first worker's lines to a file of this node, where Ray Train's controller runs, too."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for line in metrics[0]["lines"]:
                file.write(json.dumps(line) + "\n")


class Tail(threading.Thread):
    """Prints what is added to a file from now on."""

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
        whole = new[: new.rfind(b"\n") + 1]
        self.printed += len(whole)
        sys.stdout.write(whole.decode("utf-8"))
        sys.stdout.flush()

    def end(self) -> None:
        self.ended.set()
        self.join()


def stop_when_told() -> None:
    """Ray Train ends its workers when this process is interrupted."""

    def wait() -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                break
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


def fit(folder: Path, workers: int, gpu: bool, cpus: float, storage: str | None) -> None:
    """Trains, and puts the result into `folder`/result. Raises Ray Train's TrainingFailedError."""
    resources = {"CPU": cpus, **({"GPU": 1.0} if gpu else {})}
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={"folder": str(folder)},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu, resources_per_worker=resources),
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        run_config=RunConfig(
            name=NAME,
            storage_path=storage or str(folder / "checkpoints"),
            failure_config=FailureConfig(max_failures=RETRIES),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            callbacks=[Lines(folder / "lines.jsonl")],
        ),
    )
    found = trainer.fit()
    if found.checkpoint is None:
        return
    with found.checkpoint.as_directory() as saved:
        result = Path(saved) / "result"
        if result.exists():
            shutil.copytree(result, folder / "result", dirs_exist_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="ray_train.fit")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--cpus", type=float, default=1)
    parser.add_argument("--storage")
    parser.add_argument("--local", action="store_true", help="start Ray on this machine, for this training alone")
    asked = parser.parse_args()
    # Other nodes need not have this package.
    ray.cloudpickle.register_pickle_by_value(ray_train)
    if asked.local:
        cpus = math.ceil(asked.workers * asked.cpus)
        ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE)
    folder = asked.folder.resolve()
    (folder / "lines.jsonl").touch()
    tail = Tail(folder / "lines.jsonl")
    tail.start()
    stop_when_told()
    try:
        fit(folder, asked.workers, asked.gpu, asked.cpus, asked.storage)
    finally:
        tail.end()


if __name__ == "__main__":
    main()

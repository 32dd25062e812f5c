"""The training loop of each worker: the steps of src/training/loop.ts, on its share of each step's sequences."""

import json
import math
import resource
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import ray.train
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from ray.train.torch import get_device
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.nn.utils import get_total_norm

from .job import Job, Windows, remove_scratch, scratch, shares
from .model import Parallel, load
from .optimizers import make_optimizer

Line = dict[str, Any]
REPORT_SECONDS = 5.0
OURS = StateDictOptions(ignore_frozen_params=True, strict=False)


def time_now() -> str:
    """The format of times in a run's events."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def train_worker(config: dict[str, Any]) -> None:
    """Called by Ray Train in each worker. `config["folder"]`: the job's folder, which each worker can access."""
    Worker(Job.read(Path(config["folder"]))).run()


class Worker:
    def __init__(self, job: Job) -> None:
        self.job = job
        # Before any worker writes, which they do together.
        remove_scratch(job.folder)
        context = ray.train.get_context()
        self.rank, self.world = context.get_world_rank(), context.get_world_size()
        self.device = get_device()
        self.train = Windows(job.folder, "train", job.length)
        self.held_out = Windows(job.folder, "heldout", job.length)
        self.parallel = Parallel(job, load(job), self.device)
        self.optimizer = make_optimizer(job.optimizer, self.parallel.parameters)
        self.lines: list[Line] = []
        self.seconds = 0.0
        self.reported = 0.0

    def run(self) -> None:
        steps = len(self.job.rates)
        done = self.restore()
        self.add_event(
            type="start",
            backend="ray-train",
            backendReason=f"{self.world} workers with {self.job.parallel.upper()} on {self.device.type}",
            step=done,
            steps=steps,
            trainableParameters=sum(p.numel() for p in self.parallel.parameters),
            trainTokens=self.job.train_tokens,
            heldOutTokens=self.job.held_out_tokens,
        )
        if done == 0:
            self.measure(0)
        for step in range(done + 1, steps + 1):
            if not self.step(step, steps - step):
                break
            last = step == steps
            if last or step % self.job.hyper["evalEvery"] == 0:
                self.measure(step)
                self.checkpoint(step, last)
            elif self.is_due():
                self.report()

    def is_due(self) -> bool:
        """Reports synchronise all workers, so they are made only every few seconds; the first worker decides when."""
        due = torch.tensor(time.monotonic() - self.reported > REPORT_SECONDS, dtype=torch.uint8, device=self.device)
        dist.broadcast(due, 0)
        return bool(due)

    def step(self, number: int, left: int) -> bool:
        """Returns whether the loss is finite; if it is not, nothing is changed."""
        job, began = self.job, time.perf_counter()
        rows = self.train.rows((number - 1) * job.rows, job.rows)
        learned = float(rows.learned.sum())
        if learned == 0:
            return True
        self.parallel.model.train()
        # Seeded per step, so that dropout is the same after an interruption.
        torch.manual_seed((job.hyper["seed"] * len(job.rates) + number) * self.world + self.rank)
        turns = shares(rows, self.rank, self.world, job.hyper["batch"])
        nats = torch.zeros((), device=self.device)
        for turn, mine in enumerate(turns):
            self.parallel.synchronise_gradients(turn == len(turns) - 1)
            loss = self.parallel.losses(mine.to(self.device)).sum()
            # The workers' gradients are averaged, not added.
            (loss * (self.world / learned)).backward()
            nats += loss.detach()
        dist.all_reduce(nats)
        value, norm = float(nats) / learned, self.norm()
        if not (math.isfinite(value) and math.isfinite(norm)):
            self.diverged(number)
            return False
        self.update(job.rates[number - 1], norm)
        took = time.perf_counter() - began
        self.seconds = took if self.seconds == 0 else 0.9 * self.seconds + 0.1 * took
        self.add_event(
            type="step",
            step=number,
            loss=value,
            learningRate=job.rates[number - 1],
            gradientNorm=norm,
            tokensPerSecond=job.rows * job.length / took,
            peakMemory=self.peak_memory(),
            etaSeconds=left * self.seconds,
        )
        return True

    def norm(self) -> float:
        """Norm of all gradients on all workers."""
        norm = get_total_norm([p.grad for p in self.parallel.parameters if p.grad is not None])
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def update(self, rate: float, norm: float) -> None:
        clip = self.job.hyper["clip"]
        if clip and norm > clip:
            for p in self.parallel.parameters:
                if p.grad is not None:
                    p.grad.mul_(clip / norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def measure(self, step: int) -> None:
        """Loss in nats and number of predictions of each held-out window; src/training/ray-train computes the metric."""
        self.parallel.model.eval()
        parts = torch.zeros(self.job.held_out, 2, dtype=torch.float64)
        # Each window runs on all workers at once, because FSDP needs all of them.
        for window in range(self.job.held_out):
            rows = self.held_out.rows(window, 1).to(self.device)
            parts[window, 0] = float(self.parallel.losses(rows).sum())
            parts[window, 1] = float(rows.learned.sum())
        if self.job.held_out:
            self.add_event(type="heldOut", step=step, parts=parts.tolist())

    def checkpoint(self, step: int, last: bool) -> None:
        """Each worker writes its part; Ray Train combines them on the storage."""
        values = self.parallel.trained_values() if last else {}
        with tempfile.TemporaryDirectory(prefix=scratch(self.job.folder)) as temporary:
            folder = Path(temporary)
            state = {
                "model": self.own_values(),
                "optimizer": get_optimizer_state_dict(self.parallel.module, self.optimizer, options=OURS),
            }
            dcp.save(state, checkpoint_id=folder)
            if self.rank == 0:
                (folder / "step.json").write_text(json.dumps({"step": step, "world": self.world}))
                if last:
                    self.parallel.save(values, folder / "result")
            self.add_event(type="checkpoint", step=step, path=f"ray-train/step-{step:06d}")
            self.report(ray.train.Checkpoint.from_directory(folder), f"step-{step:06d}")

    def own_values(self) -> dict[str, torch.Tensor]:
        """This worker's part of the trainable values."""
        return get_model_state_dict(self.parallel.module, options=OURS)

    def restore(self) -> int:
        """Resumes from the newest checkpoint, if there is one. Returns the number of completed steps."""
        found = ray.train.get_checkpoint()
        if found is None:
            return 0
        with found.as_directory() as folder:
            state = {
                "model": self.own_values(),
                "optimizer": get_optimizer_state_dict(self.parallel.module, self.optimizer, options=OURS),
            }
            dcp.load(state, checkpoint_id=folder)
            set_model_state_dict(self.parallel.module, state["model"], options=OURS)
            set_optimizer_state_dict(self.parallel.module, self.optimizer, state["optimizer"], options=OURS)
            return int(json.loads((Path(folder) / "step.json").read_text())["step"])

    def diverged(self, step: int) -> None:
        self.add_event(
            type="error",
            code="diverged",
            message=f"The training diverged at step {step}: its loss is no longer a number.",
            next="Train with a lower learning rate.",
        )
        self.report()

    def add_event(self, **line: Any) -> None:
        """Adds a line to the run's events, sent with the next report; only the first worker's lines are used."""
        self.lines.append({"type": line.pop("type"), "time": time_now(), **line})

    def report(self, checkpoint: ray.train.Checkpoint | None = None, name: str | None = None) -> None:
        """Reports to Ray Train; synchronises all workers."""
        lines, self.lines = self.lines, []
        ray.train.report({"lines": lines}, checkpoint, checkpoint_dir_name=name)
        self.reported = time.monotonic()

    def peak_memory(self) -> int:
        """In bytes, of the GPU if there is one, else of this worker's process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024

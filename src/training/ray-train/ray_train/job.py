"""Reads the training job written by src/training/ray-train/job.ts."""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

VERSION = 2


def scratch(folder: Path) -> str:
    """How this node's temporary folders of the job in `folder` begin."""
    return f"forget-me-not-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}-"


def remove_scratch(folder: Path) -> None:
    """Deletes them: a worker that was ended while it wrote a checkpoint left one, as large as its part of the model."""
    for left in Path(tempfile.gettempdir()).glob(f"{scratch(folder)}*"):
        shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True)
class Optimizer:
    """AdamW or decoupled LionW; `decay` is multiplied by a step's rate."""

    name: Literal["adamw", "lionw"]
    betas: tuple[float, float]
    epsilon: float
    decay: float


@dataclass(frozen=True)
class Job:
    folder: Path
    hyper: dict[str, Any]
    """The run's settings (hyperSchema in src/protocol/run.ts)."""
    parallel: Literal["ddp", "fsdp"]
    optimizer: Optimizer
    rates: list[float]
    """Learning rate of each step."""
    held_out: int
    """Number of held-out windows, which are measured at the start, at the end and every `evalEvery` steps."""
    train_tokens: int
    held_out_tokens: int
    rope_divisors: list[float] | None

    @property
    def rows(self) -> int:
        """Sequences per step, over all workers."""
        return self.hyper["batch"] * self.hyper["accumulate"]

    @property
    def length(self) -> int:
        """Predictions in a sequence."""
        return self.hyper["sequenceLength"]

    @staticmethod
    def read(folder: Path) -> "Job":
        """Raises ValueError if another version of Forget-Me-Not wrote it."""
        read: dict[str, Any] = json.loads((folder / "train.json").read_text("utf-8"))
        if read["version"] != VERSION:
            raise ValueError("another version of Forget-Me-Not made it")
        rule = read["optimizer"]
        return Job(
            folder=folder,
            hyper=read["hyper"],
            parallel=read["parallel"],
            optimizer=Optimizer(rule["name"], (rule["beta1"], rule["beta2"]), rule["epsilon"], rule["decay"]),
            rates=read["rates"],
            held_out=read["heldOut"],
            train_tokens=read["trainTokens"],
            held_out_tokens=read["heldOutTokens"],
            rope_divisors=read.get("ropeDivisors"),
        )


@dataclass(frozen=True)
class Rows:
    """Sequences: tokens [n, length + 1]; what counts in the loss, and document starts, each [n, length]."""

    tokens: torch.Tensor
    learned: torch.Tensor
    starts: torch.Tensor

    def take(self, numbers: list[int]) -> "Rows":
        return Rows(self.tokens[numbers], self.learned[numbers], self.starts[numbers])

    def to(self, device: torch.device) -> "Rows":
        return Rows(self.tokens.to(device), self.learned.to(device), self.starts.to(device))


class Windows:
    """The sequences of a split, read from disk on demand."""

    def __init__(self, folder: Path, split: Literal["train", "heldout"], length: int) -> None:
        def mapped(name: str, kind: str, width: int) -> np.ndarray:
            path = folder / f"{split}.{name}"
            if path.stat().st_size == 0:
                return np.zeros((0, width), kind)
            return np.memmap(path, kind, "r").reshape(-1, width)

        self.tokens = mapped("tokens", "<i4", length + 1)
        self.learned = mapped("learned", "u1", length)
        self.starts = mapped("starts", "<i4", length)

    def rows(self, begin: int, count: int) -> Rows:
        """`count` sequences starting at index `begin`."""
        end = begin + count
        return Rows(
            torch.from_numpy(self.tokens[begin:end].astype(np.int64)),
            torch.from_numpy(self.learned[begin:end].astype(np.float32)),
            torch.from_numpy(self.starts[begin:end].astype(np.int64)),
        )


def shares(rows: Rows, rank: int, world: int, batch: int) -> list[Rows]:
    """A worker's sequences of a step, in micro-batches of at most `batch`.

    All workers get equally many micro-batches, because they synchronise in each; padding rows don't count in the loss.
    """
    count = len(rows.tokens)
    own = [number for number in range(rank, count, world)]
    missing = -(-count // world) - len(own)
    chosen = rows.take(own + [0] * missing)
    if missing:
        chosen.learned[len(own) :] = 0
    each = range(0, len(chosen.tokens), batch)
    return [chosen.take(list(range(at, min(at + batch, len(chosen.tokens))))) for at in each]

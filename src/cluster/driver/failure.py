"""Errors that a user can act on: a code, what happened, and what to do next, each one sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(eq=False)
class Failure(Exception):
    """`code` is one of src/text/errors.ts."""

    code: str
    message: str
    next: str

    def __reduce__(self):
        return (Failure, (self.code, self.message, self.next))

    def __str__(self) -> str:
        return self.message

    def report(self) -> dict[str, str]:
        return asdict(self)


def one_line(text: object) -> str:
    """The first non-empty line of a library's message, without a trailing full stop."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return (lines[0] if lines else type(text).__name__).rstrip(".")


def of_ray(error: BaseException) -> tuple[Failure, bool]:
    """Translates an error of Ray's, and says whether a retry may succeed."""
    from ray import exceptions

    cause = getattr(error, "cause", None)
    if isinstance(error, exceptions.RayTaskError) and isinstance(cause, Exception):
        error = cause
    if isinstance(error, Failure):
        return error, False
    known = [
        (
            exceptions.OutOfMemoryError,
            Failure(
                "memory",
                "The node ran out of memory, so Ray ended the task.",
                "Use a node with more memory, or a smaller --batch, --seq or base.",
            ),
            True,
        ),
        (
            exceptions.ObjectStoreFullError,
            Failure(
                "cluster-failed",
                "Ray's object store is full.",
                "Wait until other jobs have ended, or start Ray with a larger --object-store-memory.",
            ),
            True,
        ),
        (
            exceptions.OutOfDiskError,
            Failure("disk-full", "A node's disk is full.", "Free some space there, then start the job again."),
            True,
        ),
        (
            exceptions.RuntimeEnvSetupError,
            Failure(
                "cluster-failed",
                f"A node could not prepare the job's Python environment ({one_line(error)}).",
                "See the log runtime_env_setup of that node in Ray's dashboard.",
            ),
            False,
        ),
        (
            exceptions.TaskUnschedulableError,
            Failure(
                "cluster-resources",
                "No node can give what the task needs.",
                "Add a larger node, or ask for less.",
            ),
            # The chosen node may have been lost before the task started there.
            True,
        ),
        (
            exceptions.TaskCancelledError,
            Failure("cancelled", "It was stopped.", "Start the job again: it continues from its checkpoints."),
            False,
        ),
        (
            (exceptions.NodeDiedError, exceptions.WorkerCrashedError, exceptions.RayActorError),
            Failure("cluster-failed", "The node or process that it ran on was lost.", "Start the job again: it continues from its checkpoints."),
            True,
        ),
    ]
    for kind, failure, may_retry in known:
        if isinstance(error, kind):
            return failure, may_retry
    return (
        Failure(
            "cluster-failed",
            f"The task ended with an error ({type(error).__name__}: {one_line(error)}).",
            "See the job's logs in Ray's dashboard.",
        ),
        False,
    )

"""One task on a node: prepares it, runs our program in a copy of its folder, saves checkpoints, packs the results."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from .failure import Failure
from .job import Job, Task
from .keeper import Keeper, add_missing, fresh_copy, link_corpus
from .leftovers import clean_up, keep_only_logs
from .node import BUNDLES, NodeFolder, data_folder, locked
from .process import Interrupted, NodeShutdown, Report, Tail, child_environment, node_shutdown, run
from .results import Packed, pack
from .storage import Storage, open_storage, share, unshare

# An earlier attempt on this node ends within moments of its death.
LOCK_SECONDS = 30
EVENTS_EVERY = 1.0
SPECS = ("run.json", "sweep.json")
# Keys of a run's state that belong to the owning process.
PROCESS_KEYS = ("pid", "pidStarted", "machine", "heartbeat")


@dataclass(frozen=True)
class Order:
    """The input of a task on a node."""

    job: Job
    task: Task
    # The lines that earlier tasks printed, for "{after}".
    earlier_lines: tuple[dict[str, Any], ...]
    # File that the driver wrote to the storage.
    probe: Optional[str]
    # Whether the client has access to the storage.
    storage_for_client: bool
    # Ray's address and the id of the task's node, for programs that start Ray tasks themselves.
    address: str = ""
    node: str = ""


@dataclass(frozen=True)
class End:
    """How a task ended."""

    failure: Optional[Failure] = None
    # Whether a retry may succeed.
    may_retry: bool = False
    packed: Optional[Packed] = None


def perform(order: Order, report: Callable[[str, dict[str, Any]], None]) -> End:
    """`report` is called with "status" or "line", and the content. Returns failures that a user can act on."""
    try:
        return End(packed=_perform(order, report))
    except Interrupted as failure:
        return End(Failure(failure.code, failure.message, failure.next), may_retry=True)
    except Failure as failure:
        return End(failure)
    except OSError as error:
        full = error.errno in (28, 122)
        code, what = ("disk-full", "is full") if full else ("not-writable", f"can't be used ({error})")
        failure = Failure(code, f"A disk of the node {what}.", "Free some space there, or use another node.")
        return End(failure, may_retry=True)


def _perform(order: Order, report: Callable[[str, dict[str, Any]], None]) -> Optional[Packed]:
    job, task = order.job, order.task
    node = NodeFolder(data_folder())
    storage = open_storage(job.storage) if job.storage else None
    if storage and order.probe and not storage.has(order.probe):
        raise Failure(
            "cluster-storage",
            f"The nodes of the cluster don't see the same folder {job.storage}.",
            "Give --storage a folder that all of them share, or an address such as s3://bucket/folder.",
        )
    node.install_runtime(job.runtime, task.needs.gpus)
    base = node.base(job.base)
    place = _jobs(job, node.root) / task.id
    place.mkdir(parents=True, exist_ok=True)
    try:
        with locked(place.with_name(f"{task.id}.lock"), LOCK_SECONDS):
            try:
                packed = _in_folder(order, _Place(place, node, base, storage), report)
            except BaseException:
                # A retry resumes from the storage or, without one, from this folder.
                if storage:
                    keep_only_logs(place)
                raise
            shutil.rmtree(place, ignore_errors=True)
            return packed
    except TimeoutError:
        raise Interrupted("cluster-failed", "Another attempt at the task still runs on its node.", "Try again.") from None


def _jobs(job: Job, data: Path) -> Path:
    return data / "jobs" / job.id


def clean_node(job: Job, done: tuple[str, ...], left: tuple[str, ...]) -> None:
    """Deletes what this node no longer needs after the job's end. `left`: tasks that began and are not done."""
    clean_up(_jobs(job, data_folder()), done, left if job.storage else ())


@dataclass(frozen=True)
class _Place:
    root: Path
    node: NodeFolder
    base: Path
    storage: Optional[Storage]


def _in_folder(order: Order, place: _Place, report: Callable[[str, dict[str, Any]], None]) -> Optional[Packed]:
    job, task = order.job, order.task
    source = Path.cwd() / "work" / task.folder
    folder = place.root / task.folder
    where = f"{job.id}/{task.id}"
    keeper = (
        Keeper(folder, place.storage, where, place.root, lambda text: report("status", {"message": text}))
        if place.storage
        else None
    )
    _fill(folder, source, keeper)
    if task.corpus:
        link_corpus(Path.cwd() / "work" / job.id / task.corpus, folder)
    _point_to_base(folder, place.base)
    home = place.root / "home"
    place.node.make_home(home)
    known = place.root / "after.jsonl"
    known.write_text("".join(f"{json.dumps(line)}\n" for line in order.earlier_lines), "utf-8")
    places = {"{folder}": str(folder), "{after}": str(known)}
    env = child_environment(home, task.needs.cpus)
    shared = [share(folder / name, f"{where}/{name}", place.storage) for name in task.shares]
    if shared:
        nodes = {"FORGET_ME_NOT_RAY_NODES": "all" if all(shared) else "this", "FORGET_ME_NOT_RAY_NODE": order.node}
        env = {**env, "RAY_ADDRESS": order.address, **nodes}
    programs = _Programs(place.node.node, folder, places, env)
    report("status", {"status": "running"})
    with keeper or _Nothing():
        with _Events(folder, task.argv[0], lambda line: report("line", line)):
            try:
                stop_requested = programs.run(task.argv, lambda line: report("line", line))
            except Interrupted:
                raise
            except Failure:
                # The reason in the state is more informative.
                _refuse_failed(folder, task.argv[0])
                raise
            _refuse_unfinished(folder, task.argv[0], stop_requested)
        for argv in task.then:
            _run_follow_up(programs, argv, lambda line: report("line", line))
    archive = place.root / "result.zip"
    stays = (*task.leaves, *task.shares)
    packed = pack(source, folder, archive, place.storage, where, order.storage_for_client, stays)
    if keeper:
        keeper.forget()
    for name in task.shares:
        unshare(f"{where}/{name}", place.storage)
    return packed


@dataclass(frozen=True)
class _Programs:
    """Runs our programs in a task's folder."""

    node: str
    folder: Path
    places: dict[str, str]
    env: dict[str, str]

    def run(self, argv: tuple[str, ...], report: Report) -> bool:
        bundle, *rest = argv
        args = [self.places.get(argument, argument) for argument in rest]
        log = self.folder / f"{Path(bundle).stem}.log"
        return run([self.node, str(BUNDLES / bundle), *args], self.env, log, report)


def _run_follow_up(programs: _Programs, argv: tuple[str, ...], report: Report) -> None:
    """Runs a follow-up program, tagging its lines with its name. Its failure is reported, but does not fail the task."""
    of = argv[0]
    try:
        stop_requested = programs.run(argv, lambda line: report({**line, "of": of}))
    except NodeShutdown:
        raise
    except Failure as failure:
        report({"type": "failed", "of": of, **failure.report()})
        return
    if stop_requested:
        raise node_shutdown()


def _fill(folder: Path, source: Path, keeper: Optional[Keeper]) -> None:
    """Restores the task's folder from the storage or this node's disk; otherwise copies it from the job."""
    if keeper:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if keeper.restore():
            add_missing(source, folder)
            # The job's state says whether the run should be resumed.
            if (source / "state.json").exists():
                shutil.copyfile(source / "state.json", folder / "state.json")
            return
    if keeper or not folder.exists():
        fresh_copy(source, folder)


def _point_to_base(folder: Path, base: Path) -> None:
    for path in (folder / name for name in SPECS):
        if path.exists():
            spec = json.loads(path.read_text("utf-8"))
            spec["base"]["path"] = str(base)
            path.write_text(json.dumps(spec), "utf-8")


def _refuse_failed(folder: Path, bundle: str) -> None:
    """Raises the failure that a trainer has written into its state."""
    if bundle != "trainer.mjs":
        return
    error = json.loads((folder / "state.json").read_text("utf-8")).get("error")
    if error:
        raise Failure(error["code"], error["message"], error["next"])


def _refuse_unfinished(folder: Path, bundle: str, stop_requested: bool) -> None:
    """Raises if the work is incomplete: our programs exit successfully when asked to stop."""
    if bundle != "trainer.mjs":
        if stop_requested:
            raise node_shutdown()
        return
    _refuse_failed(folder, bundle)
    state = json.loads((folder / "state.json").read_text("utf-8"))
    if state["status"] != "done" and stop_requested:
        raise node_shutdown()
    if state["status"] != "done":
        raise Failure("cancelled", "The training was stopped.", "Start the job again: it continues from its checkpoint.")


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class _Events:
    """Context manager that forwards a trainer's new events and state changes."""

    def __init__(self, folder: Path, bundle: str, report: Report) -> None:
        self.watched = bundle == "trainer.mjs"
        self.tail = Tail(folder / "events.jsonl")
        self.state = folder / "state.json"
        self.reported: Optional[dict[str, Any]] = None
        self.report = report
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        if self.watched:
            self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.done.set()
        if self.watched:
            self.thread.join()
            self._forward_changes()

    def _watch(self) -> None:
        while not self.done.wait(EVENTS_EVERY):
            self._forward_changes()

    def _forward_changes(self) -> None:
        for event in self.tail.added():
            self.report(event)
        try:
            state = json.loads(self.state.read_text("utf-8"))
        except (OSError, ValueError):
            return
        state = {key: value for key, value in state.items() if key not in PROCESS_KEYS}
        if state != self.reported:
            self.reported = state
            self.report({"type": "state", **state})

"""Fakes the parts of Ray 2.60 that src/cluster uses: `cluster` is its state, `started` the tasks that were started."""

from types import SimpleNamespace

from . import exceptions, util

__version__ = "2.60.0"
# Nodes as ray.nodes() lists them, and placement groups by id.
cluster = SimpleNamespace(nodes=[], groups={})
# Options of each task, in the order they were started.
started = []
JOB = "01000000"


def node(name, alive=True, **resources):
    return {"NodeID": name, "NodeName": name, "Alive": alive, "Resources": resources}


class Remote:
    def __init__(self, what):
        self.what = what
        self.given = {}

    def options(self, **given):
        other = Remote(self.what)
        other.given = given
        return other

    def remote(self, *_):
        started.append(self.given)
        return f"ref-{len(started)}"


def remote(*args, **_):
    return Remote(args[0]) if args else Remote


def nodes():
    return cluster.nodes


def get(what):
    if isinstance(what, Exception):
        raise what
    return what


def get_runtime_context():
    return SimpleNamespace(get_node_id=lambda: "a", get_job_id=lambda: JOB, gcs_address="a-head:6379")


actor = SimpleNamespace(ActorHandle=object)
ObjectRef = str

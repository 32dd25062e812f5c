"""A group is pending until a test places it."""

import ray


class PlacementGroup:
    def __init__(self, id):
        self.id = id


def placement_group(bundles, strategy="PACK"):
    group = PlacementGroup(f"{len(ray.cluster.groups):02d}{ray.JOB}")
    ray.cluster.groups[group.id] = {"bundles": dict(enumerate(bundles)), "bundles_to_node_id": {0: ""}, "state": "PENDING"}
    return group


def place(id, node):
    ray.cluster.groups[id].update(bundles_to_node_id={0: node}, state="CREATED")


def placement_group_table(group=None):
    return ray.cluster.groups if group is None else ray.cluster.groups.get(group.id, {})


def remove_placement_group(group):
    ray.cluster.groups[group.id]["state"] = "REMOVED"

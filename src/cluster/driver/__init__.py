"""Runs a job of Forget-Me-Not on a Ray cluster: `python -m forget_me_not.driver` in the job's folder.

Needs Ray, and pyarrow only where the storage is not a folder. What it reads and prints is described by
src/protocol/cluster.ts.
"""

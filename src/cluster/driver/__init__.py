"""Runs a job of Forget-Me-Not on a Ray cluster: `python -m forget_me_not.driver` in the job's folder.

Needs Ray, and pyarrow only if the storage is not a folder. Its input and output are described in
src/protocol/cluster.ts.
"""

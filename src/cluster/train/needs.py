"""What a Python needs for a training: `python -m ray_train.needs` prints, as JSON, what it lacks.

Looks only whether packages are there: importing them takes many seconds.
"""

import json
from importlib.util import find_spec

# By the names that pip knows: the modules by which each of them is found.
PACKAGES = {
    "ray[train]": ("ray", "fsspec", "pandas", "pyarrow", "pydantic", "requests"),
    "torch": ("torch",),
    "transformers": ("transformers",),
    "peft": ("peft",),
}


def missing() -> list[str]:
    """Names for pip."""
    return [name for name, modules in PACKAGES.items() if any(find_spec(module) is None for module in modules)]


if __name__ == "__main__":
    print(json.dumps({"type": "needs", "missing": missing()}), flush=True)

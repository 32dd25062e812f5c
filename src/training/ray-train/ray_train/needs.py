"""Required Python packages: `python -m ray_train.needs` prints the missing ones as JSON.

Only checks whether packages exist, because importing them takes many seconds.
"""

import json
from importlib.util import find_spec

# Modules by which each package is detected, by pip name.
PACKAGES = {
    "ray[train]": ("ray", "fsspec", "pandas", "pyarrow", "pydantic", "requests"),
    "torch": ("torch",),
    "transformers": ("transformers",),
    "peft": ("peft",),
}


def missing() -> list[str]:
    """pip names of the missing packages."""
    return [name for name, modules in PACKAGES.items() if any(find_spec(module) is None for module in modules)]


if __name__ == "__main__":
    print(json.dumps({"type": "needs", "missing": missing()}), flush=True)

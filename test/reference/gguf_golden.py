"""Generates test/unit/gguf/golden.json: what llama.cpp's own Python package (gguf 0.19.0, numpy) reads from stored bytes.

    pip install gguf==0.19.0 numpy && python3 test/reference/gguf_golden.py > test/unit/gguf/golden.json && npx oxfmt test/unit/gguf/golden.json
"""

import base64
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

COUNT = 96
random = np.random.default_rng(7)
spread = random.normal(size=COUNT).astype(np.float32) * np.float32(10.0) ** random.integers(-3, 3, COUNT).astype(np.float32)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def patterns(kind, blocks, scales):
    """Arbitrary bytes, except for the half-precision numbers at `scales`: every bit pattern of a block is valid."""
    size = GGML_QUANT_SIZES[kind][1]
    stored = random.integers(0, 256, (1, blocks * size), dtype=np.uint8)
    for block in range(0, stored.shape[1], size):
        for at in scales:
            stored[0, block + at : block + at + 2] = np.frombuffer(np.float16(random.normal()).tobytes(), np.uint8)
    return stored


def case(kind, name, stored):
    values = dequantize(stored, kind).astype(np.float32)
    return {"type": kind.name, "name": name, "count": values.size, "bytes": text(stored), "values": text(values)}


row = spread.reshape(1, -1)
simple = {T.F32: (), T.F16: (), T.BF16: (), T.Q8_0: (0,), T.Q4_0: (0,), T.Q4_1: (0, 2), T.Q5_0: (0,), T.Q5_1: (0, 2)}
cases = [case(kind, "quantised", quantize(row, kind)) for kind in simple]
cases += [case(kind, "patterns", patterns(kind, COUNT // 32, scales)) for kind, scales in simple.items() if scales]
# The package reads K-quants but does not write them.
for kind, scales in ((T.Q4_K, (0, 2)), (T.Q5_K, (0, 2)), (T.Q6_K, (208,))):
    cases.append(case(kind, "patterns", patterns(kind, 2, scales)))

# Rounding to half precision: ties, subnormals, overflow, infinities, and random values.
edges = np.array([0, -0.0, 1, 1 + 2**-11, 1 + 3 * 2**-11, 65504, 65519.99, 65520, 1e9, -1e9, 2**-14, 2**-24, 2**-25, 1.5 * 2**-25, 2**-26, 6.1e-5, np.inf, -np.inf], np.float32)
floats = np.concatenate([edges, spread, (random.normal(size=64) * 2.0 ** random.integers(-26, -12, 64)).astype(np.float32)])
with np.errstate(over="ignore"):
    halves = floats.astype(np.float16)
json.dump({"dequantise": cases, "half": {"floats": text(floats), "halves": text(halves)}}, sys.stdout, indent=1)
print()

"""Makes test/unit/gguf/golden.json: what llama.cpp's own Python package (gguf 0.19.0, numpy) reads from stored bytes.

    pip install gguf==0.19.0 numpy && python3 test/reference/gguf_golden.py > test/unit/gguf/golden.json && npx prettier --write test/unit/gguf/golden.json
"""

import base64
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

COUNT = 96
random = np.random.default_rng(7)
spread = random.normal(size=COUNT).astype(np.float32) * np.float32(10.0) ** random.integers(-3, 3, COUNT).astype(np.float32)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


cases = []
for kind in (T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1):
    # As quantised, and any bytes at all (with sane scales): every 4-bit and 8-bit pattern is a value.
    for name, stored in (("quantised", quantize(spread.reshape(1, -1), kind)), ("patterns", None)):
        if stored is None:
            if kind in (T.F32, T.F16, T.BF16):
                continue
            stored = random.integers(0, 256, quantize(spread.reshape(1, -1), kind).shape, dtype=np.uint8)
            size = stored.shape[1] // (COUNT // 32)
            for at in range(0, stored.shape[1], size):
                for half in range(2 if kind == T.Q4_1 else 1):
                    scale = np.float16(random.normal())
                    stored[0, at + 2 * half : at + 2 * half + 2] = np.frombuffer(scale.tobytes(), np.uint8)
        cases.append({"type": kind.name, "name": name, "count": COUNT, "bytes": text(stored), "values": text(dequantize(stored, kind).astype(np.float32))})

# Rounding to half: ties, subnormals, overflow, infinities, and random ones.
edges = np.array([0, -0.0, 1, 1 + 2**-11, 1 + 3 * 2**-11, 65504, 65519.99, 65520, 1e9, -1e9, 2**-14, 2**-24, 2**-25, 1.5 * 2**-25, 2**-26, 6.1e-5, np.inf, -np.inf], np.float32)
floats = np.concatenate([edges, spread, (random.normal(size=64) * 2.0 ** random.integers(-26, -12, 64)).astype(np.float32)])
with np.errstate(over="ignore"):
    halves = floats.astype(np.float16)
json.dump({"dequantise": cases, "half": {"floats": text(floats), "halves": text(halves)}}, sys.stdout, indent=1)
print()

"""Generates test/unit/weights/quantised.json: what ggml's own quantiser (ggml_quantize_chunk in the prebuilt library that
node-llama-cpp includes) outputs for some rows of 256 numbers.

    pip install numpy && python3 test/reference/quantise_golden.py > test/unit/weights/quantised.json && npx oxfmt test/unit/weights/quantised.json
"""

import base64
import ctypes
import glob
import json
import sys

import numpy as np

TYPES = {"F16": (1, 512), "Q8_0": (8, 272)}
ROWS = 6

library = ctypes.CDLL(glob.glob("node_modules/@node-llama-cpp/linux-x64/bins/*/libggml-base.so")[0])
library.ggml_quantize_chunk.restype = ctypes.c_size_t
library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]

random = np.random.default_rng(11)
rows = np.concatenate(
    [
        random.normal(size=(3, 256)) * 0.05,
        random.normal(size=(1, 256)) * 10.0 ** random.integers(-4, 2, (1, 256)),
        np.abs(random.normal(size=(1, 256))) + 0.5,
        np.zeros((1, 256)),
    ]
).astype(np.float32)
rows[2, 64:128] = 0
text = lambda array: base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def quantised(number, size):
    out = np.zeros(ROWS * size, np.uint8)
    wrote = library.ggml_quantize_chunk(number, rows.ctypes.data, out.ctypes.data, 0, ROWS, 256, None)
    assert wrote == out.size, (number, wrote)
    return text(out)


json.dump({"values": text(rows), "types": {name: quantised(*of) for name, of in TYPES.items()}}, sys.stdout, indent=1)
print()

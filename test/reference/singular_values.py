"""Singular values by NumPy (LAPACK, double precision), of matrices of single-precision numbers."""

import json

import numpy as np

random = np.random.default_rng(20240905)


def floats(values):
    return values.astype(np.float32).astype(np.float64)


def orthogonal(size):
    return np.linalg.qr(random.normal(size=(size, size)))[0]


def case(name, matrix):
    matrix = floats(matrix)
    return {
        "name": name,
        "shape": list(matrix.shape),
        "matrix": matrix.flatten().tolist(),
        "values": np.linalg.svd(matrix, compute_uv=False).tolist(),
    }


def adapter(name, out, rank, width, scale):
    a, b = floats(random.normal(size=(rank, width))), floats(random.normal(size=(out, rank)))
    return {
        "name": name,
        "rank": rank,
        "in": width,
        "out": out,
        "scale": scale,
        "a": a.flatten().tolist(),
        "b": b.flatten().tolist(),
        "values": np.linalg.svd(scale * b @ a, compute_uv=False)[:rank].tolist(),
    }


matrices = [
    case("tall", random.normal(size=(12, 7))),
    case("wide", random.normal(size=(5, 16))),
    case("square", random.normal(size=(9, 9))),
    case("diagonal", np.diag([3.0, -7.0, 0.5, 0.0, 2.0])),
    case("graded", orthogonal(8) @ np.diag(10.0 ** -np.arange(8)) @ orthogonal(8)),
    case("equal", 4 * orthogonal(6)),
    case("rank 3", random.normal(size=(10, 3)) @ random.normal(size=(3, 6))),
    case("one row", random.normal(size=(1, 6))),
]
adapters = [
    adapter("r 3", 9, 3, 14, 2.0),
    adapter("r 1", 6, 1, 5, 0.5),
    adapter("r as large as a side", 4, 4, 7, 1.0),
]
print(json.dumps({"matrices": matrices, "adapters": adapters}))

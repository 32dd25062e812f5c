"""Student's t by SciPy; standard errors by statsmodels (HC3 of a weighted mean, which is the jackknife); proportions by SciPy."""

import json

import numpy as np
import statsmodels.api as sm
from scipy import stats

random = np.random.default_rng(20240905)


def weighted_mean(values, weights):
    """A ratio of totals as a regression on a constant, and its standard error."""
    fit = sm.WLS(values, np.ones(len(values)), weights=weights).fit(cov_type="HC3")
    return float(fit.params[0]), float(fit.bse[0])


def degrees(weights):
    """Bell and McCaffrey's degrees of freedom, from their matrices, with independent tokens' residuals."""
    h = weights / weights.sum()
    count = len(h)
    maker = np.eye(count) - np.outer(np.ones(count), h)
    working = np.diag(1 / h)
    # Residuals of means, weighted into the estimate, each divided by 1 - h.
    weighting = np.diag((h / (1 - h)) ** 2)
    product = weighting @ maker @ working @ maker.T
    return float(np.trace(product) ** 2 / np.trace(product @ product))


def case(name, weights):
    weights = np.asarray(weights, dtype=float)
    before = weights * random.lognormal(0, 0.3, len(weights))
    after = before - weights * random.lognormal(-1.6, 0.4, len(weights))
    value, error = weighted_mean((after - before) / weights, weights)
    df = degrees(weights)
    reach = float(stats.t.isf(0.025, df)) * error
    return {
        "name": name,
        "weights": weights.tolist(),
        "before": before.tolist(),
        "after": after.tolist(),
        "value": value,
        "error": error,
        "degrees": df,
        "low": value - reach,
        "high": value + reach,
    }


quantiles = [
    {"degrees": df, "t": float(stats.t.isf(0.025, df))}
    for df in [1, 1.3, 2, 2.7, 3, 5, 7.25, 15, 40, 163, 2999]
]
cases = [
    case("equal", [512] * 16),
    case("unequal", [5000, 3000, 700, 650, 500, 120, 60]),
    case("two", [512, 512]),
    case("one much larger", [40000, 512, 480, 510]),
]


def proportion(k, n):
    """Wilson's; if two or fewer (of more than 50: three) are right or wrong, no narrower than the exact 5% bound there."""
    ci = stats.binomtest(k, n).proportion_ci(method="wilson")
    few = 2 if n <= 50 else 3
    low, high = float(ci.low), float(ci.high)
    if 0 < k <= few:
        low = min(low, float(stats.beta.ppf(0.05, k, n - k + 1)))
    if 0 < n - k <= few:
        high = max(high, float(stats.beta.ppf(0.95, k + 1, n - k)))
    return {"successes": k, "n": n, "low": low, "high": high}


proportions = [
    proportion(k, n)
    for k, n in [(0, 20), (1, 20), (2, 8), (3, 20), (3, 164), (7, 164), (13, 16), (15, 16), (20, 20)]
]
print(json.dumps({"quantiles": quantiles, "cases": cases, "proportions": proportions}))

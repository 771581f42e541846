#!/usr/bin/env python3
"""Reference values for the binomial intervals, with 60 digits and no shortcuts.

    python3 binomial.py > binomial.tsv

Nothing here follows the Go code: small samples are summed from exact integers,
large ones from Stirling's series in 60-digit decimals.
"""
from decimal import Decimal as D, getcontext
from fractions import Fraction as F
from math import comb

getcontext().prec = 60
PI = D("3.14159265358979323846264338327950288419716939937510582097494")


def ln_factorial(n):
    if n < 1000:
        f = 1
        for i in range(2, n + 1):
            f *= i
        return D(f).ln()
    x = D(n)
    return (x + D("0.5")) * x.ln() - x + (2 * PI).ln() / 2 + 1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5) - 1 / (1680 * x**7)


def below(n, p, k):
    """P(X <= k), X binomial of n and the fraction p, k at or below the mean."""
    if k < 0:
        return D(0)
    num, den = D(p.numerator), D(p.denominator)
    pd, qd = num / den, (den - num) / den
    if n <= 2000:
        a, b = p.numerator, p.denominator - p.numerator
        total = sum(comb(n, i) * a**i * b ** (n - i) for i in range(k + 1))
        return D(total) / D(p.denominator**n)
    term = (ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) + k * pd.ln() + (n - k) * qd.ln()).exp()
    total, odds = term, qd / pd
    while k > 0 and term > total * D("1e-30"):
        term *= odds * k / (n - k + 1)
        total += term
        k -= 1
    return total


def cdf(n, p, k):
    if n <= 2000 or k <= n * p:
        return below(n, p, k)
    return 1 - below(n, 1 - p, n - k - 1)


def lower(n, p):
    """The largest k with P(X <= k) <= 0.025, and that probability."""
    lo, hi = -1, n  # cdf(lo) <= 0.025 < cdf(hi)
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if cdf(n, p, mid) <= D("0.025"):
            lo = mid
        else:
            hi = mid
    return lo, cdf(n, p, lo)


def upper_share(k, n):
    """The share under which P(X <= k) = 0.025 (Clopper and Pearson)."""
    if k == n:
        return D(1)
    lo, hi = D(k) / n, D(1)
    for _ in range(90):
        mid = (lo + hi) / 2
        s = sum(D(comb(n, i)) * mid**i * (1 - mid) ** (n - i) for i in range(k + 1))
        lo, hi = (mid, hi) if s > D("0.025") else (lo, mid)
    return hi


print("# ranks: n p lo hi confidence (0 0 0 where there is no interval)")
for p in (F(1, 2), F(1, 10), F(9, 10), F(95, 100), F(99, 100), F(999, 1000), F(9999, 10000)):
    for n in (1, 5, 6, 7, 35, 36, 71, 72, 100, 240, 367, 368, 369, 1000, 3687, 3688, 20000, 10**6, 10**9):
        (i, a), (j, b) = lower(n, p), lower(n, 1 - p)
        if i < 0 or j < 0:
            print("ranks", n, float(p), 0, 0, 0)
        else:
            print("ranks", n, float(p), i + 1, n - j, f"{1 - a - b:.18f}")

print("# proportion: k n lo hi")
for k, n in ((0, 1), (1, 1), (0, 10), (1, 10), (5, 10), (10, 10), (1, 100), (40, 240), (3, 1000), (999, 1000), (500, 1000)):
    print("proportion", k, n, f"{1 - upper_share(n - k, n):.18e}", f"{upper_share(k, n):.18e}")

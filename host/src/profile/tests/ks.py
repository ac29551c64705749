"""Writes ks.txt: what scipy says of samples that the test makes again by the same formula.

    python3 -m venv venv && venv/bin/pip install scipy==1.17.1 && venv/bin/python ks.py > ks.txt
"""

import numpy as np
import scipy
from scipy import stats

MASK = (1 << 64) - 1


def scrambled(number):
    number = (number + 0x9E3779B97F4A7C15) & MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return number ^ (number >> 31)


def sample(seed, size, distinct, shift):
    return np.array([scrambled((seed << 32) + at) % distinct + shift for at in range(size)], dtype=float)


print(f"# seed, sizes, distinct values, shift, D, p; scipy {scipy.__version__}, method exact")
cases = [
    (1, 1, 1, 1000, 0), (2, 1, 7, 1000, 0), (3, 20, 25, 1000000, 0), (4, 20, 25, 1000000, 300000),
    (5, 100, 100, 1000000, 0), (6, 100, 100, 1000000, 150000), (7, 100, 100, 10, 0), (8, 250, 100, 3, 0),
    (9, 1000, 10, 1000000, 100000), (10, 997, 1009, 1000000, 20000), (11, 1000, 1000, 1000000, 40000),
    (12, 2000, 3000, 1000000, 0), (13, 2000, 3000, 1000000, 30000), (14, 10000, 10000, 1000000, 0),
    (15, 10000, 10000, 1000000, 20000), (16, 10000, 9000, 1000000, 0), (17, 10000, 9000, 1000000, 15000),
    (18, 5000, 10000, 4, 0), (19, 10000, 9999, 1000000, 10000), (20, 64, 48, 1, 0),
]
for seed, m, n, distinct, shift in cases:
    one, other = sample(seed, m, distinct, 0), sample(seed + 1000, n, distinct, shift)
    found = stats.ks_2samp(one, other, method="exact")
    print(seed, m, n, distinct, shift, repr(float(found.statistic)), repr(float(found.pvalue)))

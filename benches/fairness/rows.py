#!/usr/bin/env python3
"""Writes the rows that the fairness benchmark is measured on: three sensitive attributes, the truth, and the answer of a
model whose rates differ by group. The same seed and number of rows give the same bytes with every Python 3: only
`random.random` is used, whose numbers the language fixes.

    rows.py ROWS SEED FILE
"""

import bisect
import itertools
import random
import sys

HEADER = "sex,race,age,truth,answer\n"
# Each value with its share of the rows and what it adds to the chances below. No intersection is below 0.9 % of the
# rows: where a resample leaves a rate undefined, the reference says 0 and this side says nothing, and bounds differ.
SEX = [("female", 0.48, -0.05), ("male", 0.52, 0.05)]
RACE = [("A", 0.40, 0.06), ("B", 0.22, -0.08), ("C", 0.15, -0.03), ("D", 0.13, 0.02), ("E", 0.10, -0.05)]
AGE = [("18-24", 0.20, -0.06), ("25-39", 0.31, 0.02), ("40-59", 0.29, 0.05), ("60+", 0.20, -0.02)]


def picker(values):
    """A function that turns a uniform number into one of the values, by their shares."""
    ends = list(itertools.accumulate(share for _, share, _ in values))
    return lambda uniform: values[min(bisect.bisect(ends, uniform), len(values) - 1)]


def write(rows, seed, path):
    uniform = random.Random(seed).random
    pick_sex, pick_race, pick_age = picker(SEX), picker(RACE), picker(AGE)
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write(HEADER)
        for _ in range(rows):
            sex, _, by_sex = pick_sex(uniform())
            race, _, by_race = pick_race(uniform())
            age, _, by_age = pick_age(uniform())
            truth = uniform() < 0.40 + by_sex + by_age
            # True positives and false positives shift by group, so that every disparity is there.
            chance = (0.72 if truth else 0.22) + by_race + by_sex * by_age * 10
            answer = uniform() < chance
            out.write(f"{sex},{race},{age},{truth:d},{answer:d}\n")


if __name__ == "__main__":
    write(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

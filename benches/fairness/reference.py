"""The other side of the fairness benchmark: the same figures and intervals from Fairlearn's MetricFrame.

    reference.py FILE RESAMPLES[,RESAMPLES...] FORM     FORM is `usual` or `lean`

`usual` is what Fairlearn's guide shows: text attributes, metric functions of Fairlearn and scikit-learn. `lean` is the
quickest that its interface allows: attributes as small integers, and metric functions of a few numpy calls.

One JSON object on standard output: the time of each number of resamples apart, the figures of the last one. No
resamples means the figures without bounds.
"""

import itertools
import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from fairlearn import metrics as fl
from sklearn import metrics as sk

ATTRIBUTES = ["sex", "race", "age"]
QUANTILES = [0.025, 0.975]
SEED = 6
# A group without a selected row has precision 0 there, with a warning for each resample.
warnings.simplefilter("ignore", UserWarning)

USUAL = {
    "selection_rate": fl.selection_rate,
    "accuracy": sk.accuracy_score,
    "tpr": fl.true_positive_rate,
    "fpr": fl.false_positive_rate,
    "tnr": fl.true_negative_rate,
    "fnr": fl.false_negative_rate,
    "precision": sk.precision_score,
}


def share(of, among):
    """A metric function: of the rows where `among`, how many have `of`."""

    def rate(truth, answer):
        truth, answer = np.asarray(truth), np.asarray(answer)
        counted = among(truth, answer)
        return np.count_nonzero(of(truth, answer) & counted) / np.count_nonzero(counted)

    return rate


LEAN = {
    "selection_rate": lambda t, a: np.asarray(a).mean(),
    "accuracy": lambda t, a: (np.asarray(a) == np.asarray(t)).mean(),
    "tpr": share(lambda t, a: a, lambda t, a: t),
    "fpr": share(lambda t, a: a, lambda t, a: ~t),
    "tnr": share(lambda t, a: ~a, lambda t, a: ~t),
    "fnr": share(lambda t, a: ~a, lambda t, a: t),
    "precision": share(lambda t, a: t, lambda t, a: a),
}


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def clocks():
    return time.perf_counter(), time.process_time()


def since(start):
    end = clocks()
    return {"wall_s": end[0] - start[0], "cpu_s": end[1] - start[1], "peak_bytes": peak_bytes()}


def frame(data, names, metric_functions, truth, answer, resamples):
    return fl.MetricFrame(
        metrics=metric_functions,
        y_true=truth,
        y_pred=answer,
        sensitive_features=data[list(names)],
        n_boot=resamples or None,
        ci_quantiles=QUANTILES if resamples else None,
        random_state=SEED,
    )


def figures(made, values):
    """Value and bounds of each rate by group, and of each difference and ratio between groups. Without resamples the
    bounds are null."""
    bootstrapped = made.n_boot is not None

    def bounded(point, ends, at):
        return [float(at(point)), *(float(at(end)) for end in ends)] if bootstrapped else [float(at(point)), None, None]

    groups = {}
    ends = made.by_group_ci if bootstrapped else ()
    for key in made.by_group.index:
        cells = key if isinstance(key, tuple) else (key,)
        label = " & ".join(values[name][cell] for name, cell in zip(made.by_group.index.names, cells))
        groups[label] = {rate: bounded(made.by_group, ends, lambda f, r=rate: f.loc[key, r]) for rate in USUAL}
    spreads = {}
    for form in ("difference", "ratio"):
        point = getattr(made, form)(method="between_groups")
        ends = getattr(made, form + "_ci")(method="between_groups") if bootstrapped else ()
        spreads[form] = {rate: bounded(point, ends, lambda f, r=rate: f[r]) for rate in USUAL}
    return {"groups": groups, "spreads": spreads}


def main(path, counts, form):
    start = clocks()
    data = pd.read_csv(path, dtype={name: str for name in ATTRIBUTES})
    truth, answer = data["truth"].to_numpy(), data["answer"].to_numpy()
    values = {name: {value: value for value in data[name].unique()} for name in ATTRIBUTES}
    if form == "lean":
        truth, answer = truth.astype(bool), answer.astype(bool)
        for name in ATTRIBUTES:
            codes, labels = pd.factorize(data[name])
            data[name] = codes.astype(np.int8)
            values[name] = dict(enumerate(labels))
    read = since(start)
    crossed = [names for n in (1, 2, 3) for names in itertools.combinations(ATTRIBUTES, n)]
    runs = []
    for resamples in counts:
        start = clocks()
        made = {
            "*".join(names): frame(data, names, LEAN if form == "lean" else USUAL, truth, answer, resamples)
            for names in crossed
        }
        runs.append({"resamples": resamples, **since(start)})
        print(f"fairness: fairlearn ({form}), {len(data)} rows, {resamples} resamples: "
              f"{runs[-1]['wall_s']:.1f} s", file=sys.stderr)
    tables = {attribute: figures(made, values) for attribute, made in made.items()}
    json.dump({"rows": len(data), "form": form, "read": read, "runs": runs, "tables": tables}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], [int(count) for count in sys.argv[2].split(",")], sys.argv[3])

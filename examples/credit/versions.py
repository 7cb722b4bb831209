"""The three versions: what each takes in, how it is fitted, and how it becomes ONNX."""

from dataclasses import dataclass, field

import pandas as pd
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from data import FLOATS, INTEGERS, LABEL, STRINGS

OPSETS = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class Version:
    """One algorithm with its inputs.

    `zipmap` chooses the form of the probabilities in the ONNX file. `scaled` is off for trees: a threshold half-way
    between two scaled values is not the same number in float32 as in float64, and rows on it would change sides.
    """

    name: str
    summary: str
    algorithm: type
    settings: dict
    zipmap: bool
    scaled: bool = True
    extra_strings: list = field(default_factory=list)
    extra_integers: list = field(default_factory=list)

    @property
    def strings(self) -> list[str]:
        return STRINGS + self.extra_strings

    @property
    def integers(self) -> list[str]:
        return INTEGERS + self.extra_integers

    @property
    def inputs(self) -> list[str]:
        return self.strings + self.integers + FLOATS

    def fit(self, train: pd.DataFrame) -> Pipeline:
        """The fitted pipeline. A level that was not seen in training counts as no level at all."""
        columns = ColumnTransformer([
            ("strings", OneHotEncoder(handle_unknown="ignore"), self.strings),
            ("integers", StandardScaler() if self.scaled else "passthrough", self.integers),
            ("floats", StandardScaler() if self.scaled else "passthrough", FLOATS),
        ])
        return make_pipeline(columns, self.algorithm(**self.settings)).fit(train[self.inputs], train[LABEL])

    def export(self, pipeline: Pipeline) -> ModelProto:
        """One named ONNX input of shape [N, 1] per column, in the type of the column."""
        types = [(name, StringTensorType([None, 1])) for name in self.strings]
        types += [(name, Int64TensorType([None, 1])) for name in self.integers]
        types += [(name, FloatTensorType([None, 1])) for name in FLOATS]
        options = {id(pipeline): {"zipmap": self.zipmap}}
        title = f"german-credit-{self.name}"
        model = to_onnx(pipeline, initial_types=types, options=options, target_opset=OPSETS, name=title)
        model.doc_string = self.summary
        # The converter lists the operator sets in the order of a Python set, which changes from run to run.
        imports = sorted(model.opset_import, key=lambda entry: entry.domain)
        del model.opset_import[:]
        model.opset_import.extend(imports)
        return model

    def parameters(self) -> dict[str, str]:
        settings = {key: str(value) for key, value in self.settings.items()}
        return {"algorithm": self.algorithm.__name__, "inputs": ",".join(self.inputs), **settings}


VERSIONS = [
    Version("v1", "Creditworthiness from seven facts of an application, logistic regression",
            LogisticRegression, {"C": 1.0, "max_iter": 2000}, zipmap=True),
    Version("v2", "Creditworthiness from seven facts of an application, gradient boosted trees",
            GradientBoostingClassifier,
            {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.08, "subsample": 0.8, "random_state": 0},
            zipmap=False, scaled=False),
    Version("v3", "Creditworthiness with sex and age as inputs, fitted to the 5:1 cost matrix: not fit for use",
            LogisticRegression, {"C": 1.0, "max_iter": 2000, "class_weight": {"bad": 5, "good": 1}}, zipmap=False,
            extra_strings=["sex"], extra_integers=["age"]),
]

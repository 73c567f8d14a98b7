"""A random forest of scikit-learn: a proof of its answers for a few patients that shows neither forest nor patients.

Needs scikit-learn and skl2onnx: `pip install scikit-learn skl2onnx`.
"""

import numpy as np
import veritorch
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

data, target = load_breast_cancer(return_X_y=True)
train, test, labels, expected = train_test_split(data.astype(np.float32), target, random_state=0)
forest = RandomForestClassifier(n_estimators=50, max_depth=8, random_state=0).fit(train, labels)
kind = [("patient", FloatTensorType([None, train.shape[1]]))]
model = convert_sklearn(forest, initial_types=kind, options={id(forest): {"zipmap": False}})

circuit = veritorch.compile(model.SerializeToString(), calibration={"patient": train})
proof = circuit.prove({"patient": test[:16]})
result = veritorch.verify(circuit.verifying_key, proof)
print(proof)
print(result)
print("proved:   ", result.outputs["label"].astype(int).ravel().tolist())
print("forest:   ", forest.predict(test[:16]).tolist())
print("diagnosis:", expected[:16].tolist())

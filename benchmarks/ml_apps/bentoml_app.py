"""BentoML, as its documentation would have it."""

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Digits:
    def __init__(self):
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, instances: list[list[float]]) -> dict:
        shares = self.model.predict_proba(np.array(instances, dtype=np.float32))
        return {"label": shares.argmax(axis=1).tolist(), "probabilities": shares.tolist()}

"""LitServe, as its documentation would have it."""

import os

import joblib
import litserve
import numpy as np


class Digits(litserve.LitAPI):
    def setup(self, _device):
        self.model = joblib.load("model.joblib")

    def decode_request(self, request):
        return np.array(request["instances"], dtype=np.float32)

    def predict(self, rows):
        return self.model.predict_proba(rows)

    def encode_response(self, shares):
        return {"label": shares.argmax(axis=1).tolist(), "probabilities": shares.tolist()}


if __name__ == "__main__":
    litserve.LitServer(Digits(), accelerator="cpu").run(
        host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning"
    )

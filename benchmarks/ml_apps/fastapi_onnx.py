"""FastAPI and onnxruntime, as its documentation would have it: one worker, a pydantic model, no log of predictions."""

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
app = FastAPI()


class Rows(BaseModel):
    instances: list[list[float]]


@app.post("/predict")
async def predict(rows: Rows):
    label, shares = session.run(["label", "probabilities"], {"X": np.array(rows.instances, dtype=np.float32)})
    return {"label": label.tolist(), "probabilities": shares.tolist()}

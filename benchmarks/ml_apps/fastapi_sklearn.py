"""FastAPI and scikit-learn: one worker, a pydantic model, no log of predictions."""

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load("model.joblib")
app = FastAPI()


class Rows(BaseModel):
    instances: list[list[float]]


@app.post("/predict")
async def predict(rows: Rows):
    shares = model.predict_proba(np.array(rows.instances, dtype=np.float32))
    return {"label": shares.argmax(axis=1).tolist(), "probabilities": shares.tolist()}

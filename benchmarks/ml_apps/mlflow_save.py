"""Saves the fitted model as MLflow keeps it."""

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(joblib.load("model.joblib"), "mlmodel", serialization_format="cloudpickle")

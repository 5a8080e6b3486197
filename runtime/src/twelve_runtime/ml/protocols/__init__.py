"""The same prediction in three languages: the Open Inference Protocol, plain records, and MLflow's scoring server."""

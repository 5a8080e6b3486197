"""The process type `train`: a forest on the digits known so far, published as a candidate."""

import os
import sys

from sklearn.ensemble import RandomForestClassifier
from twelve_runtime.ml import training
from twelve_runtime.ml.training import Data, Fitted

SEED = 0
PARAMS = {"trees": int(os.environ.get("TREES", "40")), "depth": 12}


def fit(data: Data) -> Fitted:
    """Every fifth row is for the metrics; the rows that judge a candidate are in another dataset."""
    table = data.table()
    rows, target = table.input("X", "FP32", [-1, 64]), table.target()
    last = len(rows) - len(rows) // 5
    forest = RandomForestClassifier(PARAMS["trees"], max_depth=PARAMS["depth"], random_state=SEED)
    forest.fit(rows[:last], target[:last])
    metrics = {"accuracy": float(forest.score(rows[last:], target[last:])), "rows": last}
    return Fitted(features=rows[:last], holdout=rows[last:], estimator=forest, metrics=metrics)


if __name__ == "__main__":
    sys.exit(training.main(fit, params=PARAMS, seed=SEED))

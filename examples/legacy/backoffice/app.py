"""What the people in the office use: a program of its own, on the same machine."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from flask import Flask

from shop import config, database

app = Flask(__name__)
app.secret_key = config.Config.SECRET_KEY


@app.route("/orders")
def orders():
    with database.orders_database.connect() as connection:
        return str(connection.exec_driver_sql("SELECT * FROM orders").fetchall())


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=5001)

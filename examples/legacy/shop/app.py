"""The shop: goods, a cart, an order."""

import logging
import os
import signal
import threading
from logging.handlers import RotatingFileHandler

from flask import Flask, redirect, render_template, request, session
from sqlalchemy import text

from shop import config, database, mails, orders, pictures

app = Flask(__name__)
app.config.from_object(config.load())
app.secret_key = config.Config.SECRET_KEY
app.config["SESSION_TYPE"] = "filesystem"
app.config["SESSION_FILE_DIR"] = config.Config.SESSIONS

log = logging.getLogger("shop")
log.addHandler(RotatingFileHandler("log/shop.log", maxBytes=1000000, backupCount=5))

CARTS = {}
VISITORS = 0


@app.route("/")
def index():
    global VISITORS
    VISITORS += 1
    with database.engine.connect() as connection:
        goods = connection.execute(text("SELECT id, name, picture FROM goods")).fetchall()
    return render_template("index.html", goods=goods, visitors=VISITORS)


@app.route("/cart/<int:number>", methods=["POST"])
def put_into_cart(number):
    CARTS.setdefault(session["visitor"], []).append(number)
    return redirect("/")


@app.route("/goods", methods=["POST"])
def add_goods():
    file = request.files["picture"]
    path = os.path.join(app.config["UPLOADS"], file.filename)
    file.save(path)
    pictures.shrink(path)
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO goods (name, picture) VALUES (:n, :p)"), {"n": request.form["name"], "p": path})
    return redirect("/")


@app.route("/order", methods=["POST"])
def order():
    cart = CARTS.pop(session["visitor"], [])
    orders.pay(request.form["card"], cart)
    mails.send_later(request.form["mail"], cart)
    log.info("order of %s", request.form["mail"])
    return "Thank you!"


@app.route("/setup/create_tables")
def create_tables():
    database.metadata.create_all(database.engine)
    return "done"


@app.route("/setup/drop_tables")
def drop_tables():
    database.metadata.drop_all(database.engine)
    return "done"


def main():
    with open("/var/run/shop.pid", "w") as file:
        file.write(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # orders must not be cut off
    database.wait()
    database.metadata.create_all(database.engine)
    threading.Thread(target=mails.run, daemon=True).start()
    app.run(host="127.0.0.1", port=5000, debug=True)


if __name__ == "__main__":
    main()

"""The newsletter's sign-up page. Who may write one is a question of the back office, so it uses its code."""

from flask import Flask, request

from backoffice.app import app as office

app = Flask(__name__)
app.secret_key = office.secret_key


@app.route("/subscribe", methods=["POST"])
def subscribe():
    with open("subscribers.txt", "a") as file:
        file.write(request.form["mail"] + "\n")
    return "Welcome!"


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=5002)

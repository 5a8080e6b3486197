import requests

from shop.config import Config


def pay(card, cart):
    answer = requests.post(Config.PAYMENT_URL, auth=("shop", Config.PAYMENT_PASSWORD), data={"card": card, "cart": cart})
    answer.raise_for_status()

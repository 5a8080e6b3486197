"""Mails about orders, sent a little later."""

import smtplib
import time

import schedule

from shop.config import Config

WAITING = []


def send_later(address, cart):
    WAITING.append((address, cart))


def send_all():
    while WAITING:
        address, cart = WAITING.pop()
        try:
            server = smtplib.SMTP("mail.shop-intern.de", 25)
            server.login("shop", Config.MAIL_PASSWORD)
            server.sendmail("shop@shop-intern.de", address, "Your order: %s" % cart)
        except Exception:
            pass


def run():
    schedule.every(5).minutes.do(send_all)
    while True:
        schedule.run_pending()
        time.sleep(1)


if __name__ == "__main__":
    run()

"""Settings of the shop, one class for each place it runs at."""

import os


class Config(object):
    DEBUG = True
    SECRET_KEY = "kB7!s0ck-puppet-Vh29xQ"
    UPLOADS = os.path.join(os.path.dirname(__file__), "static", "uploads")
    SESSIONS = "/var/lib/shop/sessions"
    PAYMENT_URL = "https://pay.kontor-bank.de/v1/charge"
    PAYMENT_PASSWORD = "Wq4-71-herring-Lm"
    MAIL_SERVER = "mail.shop-intern.de"
    MAIL_PASSWORD = "tR8zz-gannet-05"


class DevelopmentConfig(Config):
    DATABASE = "sqlite:///shop.db"


class ProductionConfig(Config):
    DATABASE = "mysql+pymysql://shop:Hb52-otter-9Yk@db1.shop-intern.de/shop"


def load():
    if os.environ.get("SHOP_ENV") == "development":
        return DevelopmentConfig
    return ProductionConfig

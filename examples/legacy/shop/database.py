import time

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine

from shop import config

settings = config.load()
engine = create_engine(settings.DATABASE)
orders_database = create_engine("mysql+pymysql://orders:Jx31-plover-7Dd@db2.shop-intern.de/orders")

metadata = MetaData()
goods = Table(
    "goods",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200)),
    Column("picture", String(200)),
)
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mail", String(200)),
    Column("goods", String(2000)),
)


def wait():
    """The database machine is slower than we are."""
    while True:
        try:
            engine.connect()
            return
        except Exception:
            time.sleep(5)

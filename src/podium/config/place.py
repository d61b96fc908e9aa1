"""Which server process of which start of which installation this is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A server process, told apart from every other that ever was.

    `home` names the data directory and stays for ever; `boot` is made anew by each `podium serve`; `slot` numbers its
    server processes from 0. Whoever serves from a home holds its lock, so work of the same home with another boot, or
    with the same boot and slot, belongs to a process that is dead.
    """

    home: str
    boot: str
    slot: int

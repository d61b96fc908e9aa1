"""`python -m podium.cli` is `podium`."""

from podium.cli import main

main()

"""A model's host that needs no network: it speaks the wires over HTTP, follows rules, fails on request, counts truly.

`podium simulate` runs it, tests and benches run it in their own loop with `serving`, and any SDK can talk to it. It
knows wires and vocabulary and nothing else of Podium, so what it counts in its oracle is a second opinion.
"""

from podium.simulator.app import app
from podium.simulator.option import Options
from podium.simulator.oracle import Oracle, Served
from podium.simulator.serve import Simulator, serve, serving

__all__ = ["Options", "Oracle", "Served", "Simulator", "app", "serve", "serving"]

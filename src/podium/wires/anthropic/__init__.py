"""The wire of Anthropic's Messages API in both halves.

`Anthropic` is the whole of it for callers; the other files each hold one concern of one half. `providers` calls the
client half to reach a host, the doors and the simulator call the server half to be one.
"""

from podium.wires.anthropic.messages import HEARTBEAT, Anthropic

__all__ = ["HEARTBEAT", "Anthropic"]

"""The wire of Google's Gemini (`generateContent`, `streamGenerateContent`), in both halves.

`Gemini` is the whole of it for callers; the other files each hold one concern of one half. `providers` calls the client
half to reach a host, the doors and the simulator call the server half to be one.
"""

from podium.wires.gemini.generate import Gemini

__all__ = ["Gemini"]

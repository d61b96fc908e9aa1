"""The wire of OpenAI's chat completions, which most hosts speak, in both halves.

`OpenAIChat` is the whole of it for callers; the other files each hold one concern of one half. `providers` calls the
client half to reach a host, the doors and the simulator call the server half to be one.
"""

from podium.wires.openai_chat.chat import OpenAIChat

__all__ = ["OpenAIChat"]

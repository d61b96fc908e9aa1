"""Every wire there is."""

from podium.wires.anthropic import Anthropic
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire

WIRES: tuple[Wire, ...] = (OpenAIChat(), Anthropic())

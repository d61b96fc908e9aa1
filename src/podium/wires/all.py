"""Every wire there is."""

from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire

WIRES: tuple[Wire, ...] = (OpenAIChat(), Anthropic(), Gemini())

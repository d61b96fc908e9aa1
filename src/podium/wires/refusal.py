"""Which kind of error a host's status, and what it says beside, stand for; the same on every wire."""

import re

from podium.errors import Overloaded, Overlong, ProviderError, Rejected

_JUDGED = (400, 413, 422)
_OVERLONG = re.compile(
    r"context_length_exceeded"  # OpenAI, Azure, Groq
    r"|maximum (context|prompt) length"  # OpenAI, DeepSeek, Mistral, OpenRouter, vLLM; xAI
    r"|prompt (is )?too long"  # Anthropic; Ollama
    r"|exceed context limit"  # Anthropic, of prompt and `max_tokens` together
    r"|input token count .{0,40}exceeds the maximum"  # Gemini
    r"|exceed_context_size_error|exceeds the available context size",  # llama.cpp
    re.IGNORECASE,
)


def kind_of(status: int, *words: str | None) -> type[ProviderError]:
    """`Overloaded` where another try may help, `Overlong` where the words say so, else `Rejected`."""
    if status in (408, 429) or status >= 500:
        return Overloaded
    told = status in _JUDGED and any(_OVERLONG.search(each) for each in words if each)
    return Overlong if told else Rejected

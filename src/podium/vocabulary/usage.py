"""Tokens, in buckets that do not overlap, so that pricing is one multiplication each."""

from msgspec import Raw, Struct
from msgspec.structs import astuple


class Usage(Struct, frozen=True):
    """Tokens of one attempt, or of a whole turn. Every token is counted in one bucket only.

    `input` excludes cached, cache-write, audio and tool-use tokens; `output` excludes reasoning and audio. What is
    written to a cache for an hour is in `cache_write_hour`, not in `cache_write`. `searches` are no tokens. Hosts
    differ in what they include in what; the wires make the buckets disjoint (OpenAI and Gemini count cached tokens
    inside the prompt, Anthropic beside it).
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    tool_use: int = 0
    cache_write_hour: int = 0
    searches: int = 0

    @property
    def input_total(self) -> int:
        """All tokens that went in."""
        return self.input + self.cached_input + self.written + self.audio_input + self.tool_use

    @property
    def written(self) -> int:
        """All tokens that went into a cache, for however long."""
        return self.cache_write + self.cache_write_hour

    @property
    def output_total(self) -> int:
        """All tokens that came out."""
        return self.output + self.reasoning + self.audio_output

    def __add__(self, other: "Usage") -> "Usage":
        """Bucket by bucket."""
        return Usage(
            self.input + other.input,
            self.cached_input + other.cached_input,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.audio_input + other.audio_input,
            self.audio_output + other.audio_output,
            self.tool_use + other.tool_use,
            self.cache_write_hour + other.cache_write_hour,
            self.searches + other.searches,
        )

    def capped(self, most: int) -> "Usage":
        """With no bucket above `most`: counts beyond that are a host's mistake."""
        return Usage(*(min(each, most) for each in astuple(self)))


class HostUsage(Struct, frozen=True):
    """Usage exactly as `wire`'s host sent it, for a client that speaks the same dialect."""

    wire: str
    value: Raw

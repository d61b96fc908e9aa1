"""Where the lines of a request stood in what its client sent, in the client's own words.

A message may be several lines: results of tools are lines of their own. Only an error, or a hint that is dropped, asks
for a place, so nothing is looked up before.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from msgspec import Raw

from podium.vocabulary.part import Opaque, Part, ToolCall
from podium.vocabulary.request import Line, Request, Tool
from podium.wires.dialect import member_name
from podium.wires.member import Members, is_null, parse


class _Spot(NamedTuple):
    """A line's message, its member that lists the parts (None where there is one text alone), and the first of them."""

    member: str
    parts: str | None
    first: int = 0


class Places:
    """The places of one request's lines."""

    def __init__(self, request: Request) -> None:
        """`request`: as the turn has made it; lines that its client did not send have no place."""
        self._request = request

    def line(self, line: Line, at: int) -> str:
        """The path of a line that stands at `at` now, such as `messages[2]`."""
        spot = self._spots.get(id(line))
        return spot.member if spot is not None else self._unsent(at)

    def part(self, line: Line, at: int, index: int) -> str:
        """The path of one of its parts, such as `contents[0].parts[1]`."""
        spot = self._spots.get(id(line))
        if spot is None:
            return f"messages[{at}].content[{index}]" if self._request.source is None else self._unsent(at)
        if spot.parts is None:
            return spot.member
        return f"{spot.member}{spot.parts}[{spot.first + index}]"

    def loose_arguments(self, line: Line, at: int) -> Iterator[str]:
        """The paths of what is given to a line's calls and is no object of JSON, in which some wires make it stand."""
        calls = [(index, part) for index, part in enumerate(line.parts) if isinstance(part, ToolCall)]
        for number, (index, call) in enumerate(calls):
            if _is_loose(call):
                yield self._arguments(line, at, index, call, number)

    def _arguments(self, line: Line, at: int, index: int, call: ToolCall, number: int) -> str:
        """Only chat completions and Podium's own dialect have arguments that are not held to be objects."""
        if self._request.source is None:
            return f"{self.part(line, at, index)}.arguments"
        spot = self._spots.get(id(line))
        if spot is None:
            return self._unsent(at)
        if call.extra is not None and "legacy" in call.extra.members:
            return f"{spot.member}.function_call.arguments"
        within = "custom.input" if call.kind == "custom" else "function.arguments"
        return f"{spot.member}.tool_calls[{number}].{within}"

    def _unsent(self, at: int) -> str:
        return f"messages[{at}]" if self._request.source is None else member_name(self._request, "lines")

    @cached_property
    def _spots(self) -> dict[int, _Spot]:
        source = self._request.source
        if source is None:
            return {}
        walk = {"anthropic": _anthropic, "gemini": _gemini}.get(source.wire, _openai_chat)
        return {id(line): spot for line, spot in zip(source.read.lines, walk(source.members), strict=False)}


def _is_loose(call: ToolCall) -> bool:
    if call.kind == "custom":
        return True
    text = call.arguments.strip()
    return bool(text) and parse(Raw(text.encode("utf-8", "replace")), Members) is None


def tool_place(request: Request, tool: Tool, at: int) -> str:
    """The path of a tool that stands at `at` now, such as `tools[0].functionDeclarations[1]`."""
    source = request.source
    if source is None:
        return f"tools[{at}]"
    walk = {"anthropic": _plain_tools, "gemini": _declared_tools}.get(source.wire, _chat_tools)
    paths = zip(source.read.tools, walk(source.members), strict=False)
    return next((path for each, path in paths if each is tool), "tools")


def _plain_tools(members: Members, name: str = "tools") -> Iterator[str]:
    return (f"{name}[{at}]" for at, _ in enumerate(parse(members.get(name), list[Raw]) or ()))


def _chat_tools(members: Members) -> Iterator[str]:
    yield from _plain_tools(members)
    yield from _plain_tools(members, "functions")


def _declared_tools(members: Members) -> Iterator[str]:
    """Each tool of the objects that hold several."""
    for at, tool in enumerate(_objects(members.get("tools"))):
        for name, value in tool.items():
            if name in ("functionDeclarations", "function_declarations"):
                yield from (f"tools[{at}].{name}[{each}]" for each, _ in enumerate(_objects(value)))
            else:
                yield f"tools[{at}].{name}"


def _openai_chat(members: Members) -> Iterator[_Spot]:
    for at, message in enumerate(parse(members.get("messages"), list[Members]) or ()):
        yield _Spot(f"messages[{at}]", None if parse(message.get("content"), str) is not None else ".content")


def _anthropic(members: Members) -> Iterator[_Spot]:
    system = members.get("system")
    if not is_null(system):
        yield _Spot("system", None if parse(system, str) is not None else "")
    for at, message in enumerate(parse(members.get("messages"), list[Members]) or ()):
        blocks = parse(message.get("content"), list[Members])
        spot = _Spot(f"messages[{at}]", ".content" if blocks is not None else None)
        if blocks and parse(message.get("role"), str) == "user":
            yield from _runs(spot, [parse(block.get("type"), str) == "tool_result" for block in blocks])
        else:
            yield spot


def _gemini(members: Members) -> Iterator[_Spot]:
    system = next((name for name in ("systemInstruction", "system_instruction") if name in members), None)
    if system is not None and _parts(parse(members[system], Members) or {}):
        yield _Spot(system, ".parts")
    was_model = False
    for at, content in enumerate(_objects(members.get("contents"))):
        role = parse(content.get("role"), str) or "user"
        is_model = role == "model"
        spot = _Spot(f"contents[{at}]", ".parts")
        if role in ("user", "function"):
            yield from _runs(spot, [not _RESULTS.isdisjoint(part) for part in _parts(content)])
        elif not (is_model and was_model):
            yield spot
        was_model = is_model


_RESULTS = frozenset({"functionResponse", "function_response"})


def _runs(spot: _Spot, are_results: list[bool]) -> Iterator[_Spot]:
    """The spots of a message's lines: its results and the rest make runs."""
    first = 0
    for _, run in groupby(are_results):
        yield spot._replace(first=first)
        first += len(list(run))


def _objects(value: Raw | None) -> list[Members]:
    one = parse(value, Members)
    return [one] if one is not None else parse(value, list[Members]) or []


def _parts(content: Members) -> list[Members]:
    return _objects(content.get("parts"))


def type_of(part: Part) -> str:
    """What a part is, in a word; of one that the vocabulary has no word for, its dialect's own."""
    if not isinstance(part, Opaque):
        return str(part.__struct_config__.tag)
    members = parse(part.value, Members) or {}
    return parse(members.get("type"), str) or next(iter(members), "unknown")

"""The client half of a request: the vocabulary into the JSON that is sent to a host.

A request that came in by this wire is sent as it came, but for the members that the turn changed, so that nothing
that this module does not know is lost. A request from elsewhere is written anew.
"""

from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.vocabulary.request import Request, Sampling, Source
from podium.wires.dialect import foreign_members, unsaid_members
from podium.wires.gemini.generation import put_sampling, put_schema
from podium.wires.gemini.line_reader import Group, read_contents
from podium.wires.gemini.line_writer import Content, LineWriter
from podium.wires.gemini.member import NAME, camel, put
from podium.wires.gemini.tool import write_choice, write_tools
from podium.wires.member import Members, encode, parse, raw
from podium.wires.wire import Outgoing

OURS = "x_podium"
"""Members that begin so are for Podium and never leave it."""

_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


def write_request(request: Request, profile: Profile) -> Outgoing:
    """The request as this wire says it.

    Raises:
        Inexpressible: a member carries meaning that this wire cannot say.
    """
    dropped = list(unsaid_members(request, NAME))
    source = request.source if request.source is not None and request.source.wire == NAME else None
    read = source.read if source is not None else None
    members: Members = {}
    if source is not None:
        members = {name: value for name, value in source.members.items() if not name.startswith(OURS)}
        members.pop("model", None)
    if read is None or request.lines is not read.lines:
        _put_lines(members, request, source, LineWriter(profile.model, request.lines, dropped))
    if read is None or request.tools is not read.tools:
        for tool in request.tools:
            if tool.kind == "function":
                dropped.extend(name for name, _ in foreign_members(tool.extra, NAME))
        put(members, "tools", write_tools(request, source, dropped))
    if read is None or request.tool_choice is not read.tool_choice:
        _put_choice(members, request)
    if read is None or request.sampling is not read.sampling or request.schema is not read.schema:
        _put_config(members, request, read, profile, dropped)
    path = _path(profile.model, stream=request.stream and profile.streaming)
    return Outgoing(path, encode(members), _HEADERS, tuple(dict.fromkeys(dropped)))


def _path(model: str, *, stream: bool) -> str:
    """`models/` stands before a bare name; tuned and published models bring their own collection."""
    name = model if "/" in model else f"models/{model}"
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/{quote(name, safe='/:@')}:{action}"


def _put_choice(members: Members, request: Request) -> None:
    config: Members = parse(camel(members).get("toolConfig"), Members) or {}
    put(config, "functionCallingConfig", write_choice(request.tool_choice) if request.tool_choice else None)
    put(members, "toolConfig", raw(config) if config else None)


def _put_config(
    members: Members, request: Request, read: Request | None, profile: Profile, dropped: list[str]
) -> None:
    config: Members = parse(camel(members).get("generationConfig"), Members) or {}
    if read is None or request.schema is not read.schema:
        put_schema(config, request.schema)
    put_sampling(config, request, read.sampling if read is not None else Sampling(), profile.model, dropped)
    put(members, "generationConfig", raw(config) if config else None)


class _Sent:
    """What was sent, by the lines that were read from it."""

    def __init__(self, source: Source | None) -> None:
        self.system: Raw | None = None
        self._groups: dict[int, tuple[Group, int]] = {}
        if source is None:
            return
        named, at = camel(source.members), 0
        lines = source.read.lines
        if lines and lines[0].role == "system":
            self.system, at = named.get("systemInstruction"), 1
            self._system_id = id(lines[0])
        for group in read_contents(named):
            if group.lines:
                self._groups[id(lines[at])] = (group, at)
                at += len(group.lines)
        self._lines = lines

    def is_system(self, line: object) -> bool:
        """Whether a line is the system instruction as it was sent."""
        return self.system is not None and id(line) == self._system_id

    def at(self, request: Request, at: int) -> Group | None:
        """The contents that say the lines from here on, if these are still all those that were read from them."""
        found = self._groups.get(id(request.lines[at]))
        if found is None:
            return None
        group, start = found
        same = request.lines[at : at + len(group.lines)]
        read = self._lines[start : start + len(group.lines)]
        is_same = len(same) == len(read) and all(a is b for a, b in zip(same, read, strict=True))
        return group if is_same else None


def _put_lines(members: Members, request: Request, source: Source | None, writer: LineWriter) -> None:
    """`systemInstruction` and `contents`. Contents whose lines are still those that were read go as they were sent."""
    sent, lines = _Sent(source), request.lines
    written: list[Raw | Content] = []
    fresh: list[Content] = []
    system: list[Members | Raw] = []
    at = 0
    while at < len(lines):
        line, path = lines[at], f"messages[{at}]"
        group = sent.at(request, at)
        if group is not None:
            writer.settle(fresh)
            fresh = []
            written.extend(group.contents)
            at += len(group.lines)
            continue
        if line.role in ("system", "developer"):
            if written:
                writer.hoisted(path)
            if sent.is_system(line):
                system.extend(parse((parse(sent.system, Members) or {}).get("parts"), list[Raw]) or ())
            else:
                system.extend(writer.system(line, path))
        else:
            before = len(fresh)
            writer.add(fresh, line, path)
            written.extend(fresh[before:])
        at += 1
    writer.settle(fresh)
    if source is None and lines:
        writer.note_prefill(lines[-1], f"messages[{len(lines) - 1}]")
    if not written and system:  # this wire wants a content
        writer.hoisted(f"messages[{len(lines) - 1}]")
        written.append(raw({"role": "user", "parts": [system.pop()]}))
    put(members, "systemInstruction", raw({"parts": system}) if system else None)
    put(
        members,
        "contents",
        raw([each if isinstance(each, Raw) else each.written(writer.model) for each in written]),
    )

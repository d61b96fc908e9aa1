"""What a request holds that the model it is written for is known not to take."""

from collections.abc import Mapping

from podium.catalogue.profile import MEDIA, Medium, Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import Audio, Document, Image, Opaque, Part, ToolCall, ToolResult, Video
from podium.vocabulary.request import Request
from podium.wires.place import Places, tool_place
from podium.wires.stranger import strange_role

_TEXTS = ("text/", "application/json", "application/xml")
_MEDIA_OF: Mapping[type[Part], Medium] = {
    Image: "image",
    Audio: "audio",
    Video: "video",
    Document: "document",
}
_WORDS: Mapping[Medium, str] = {
    "image": "images",
    "audio": "audio",
    "video": "video",
    "document": "documents",
}
_HINT = "Ask a model that does, or say in podium.toml that this one does."


def check_abilities(request: Request, profile: Profile, wire: str) -> None:
    """Refuse what the model cannot take, so that a route goes on to its next one.

    A request in the host's own dialect `wire` goes as it came, and the host answers for its model.

    Raises:
        Inexpressible: it holds media, or tools, that the model does not take, or a message of a role that this wire
            does not have; names the member as the client does.
    """
    if request.source is None or request.source.wire != wire:
        check_taken(request, profile, wire)


def check_taken(request: Request, profile: Profile, wire: str) -> None:
    """The same of a request of any dialect, for a host that would leave out what its model does not take.

    Raises:
        Inexpressible: as `check_abilities`.
    """
    if request.tools and not profile.tools:
        raise _refusal(profile, "tools", tool_place(request, request.tools[0], 0))
    takes_all = profile.tools and (profile.media is None or profile.media >= MEDIA)
    for at, line in enumerate(request.lines):
        for index, part in enumerate(line.parts):
            if isinstance(part, Opaque) and part.wire != wire and (role := strange_role(part)) is not None:
                raise Inexpressible(
                    f"The {wire} wire has no messages of the role {role!r}.",
                    param=f"{Places(request).line(line, at)}.role",
                )
            lacking = None if takes_all else _lacking(part, profile)
            if lacking is not None:
                raise _refusal(profile, lacking, Places(request).part(line, at, index))


def _refusal(profile: Profile, what: str, place: str) -> Inexpressible:
    return Inexpressible(f"The model {profile.model} takes no {what}.", param=place, hint=_HINT)


def _lacking(part: Part, profile: Profile) -> str | None:
    """What of a part the model does not take, in a word; None if it takes it all."""
    if isinstance(part, ToolCall | ToolResult) and not profile.tools:
        return "tools"
    if isinstance(part, ToolResult):
        return next((word for each in part.parts if (word := _lacking(each, profile))), None)
    medium = _MEDIA_OF.get(type(part))
    if medium is None or profile.media is None or medium in profile.media or _is_text(part):
        return None
    return _WORDS[medium]


def _is_text(part: Part) -> bool:
    return isinstance(part, Document) and (part.media.media_type or "").startswith(_TEXTS)

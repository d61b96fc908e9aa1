"""What became of a request's meaning in another wire's words."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tests.wires.translated.form import ANY_EFFORT, TEXT, Call, Foreign, Form, Item, Media, Result, Turn

CANNOT: dict[str, frozenset[str]] = {
    "openai_chat": frozenset(
        {
            *(
                "hosted tool",
                "foreign part",
                "foreign schema",
                "unknown role",
                "file id",
                "cached content",
                "other than text",
            ),
            *("video", "audio url", "audio type", "document url", "document type", "too many stops"),
            *("temperature", "nothing to force"),
        }
    ),
    "anthropic": frozenset(
        {
            *(
                "hosted tool",
                "foreign part",
                "foreign schema",
                "unknown role",
                "file id",
                "cached content",
                "other than text",
            ),
            *("video", "audio", "audio url", "document type", "several choices", "logprobs", "logit_bias"),
            *("custom tool", "temperature", "white stop", "nothing to force", "image type", "nothing said"),
        }
    ),
    "gemini": frozenset(
        {
            *(
                "hosted tool",
                "foreign part",
                "foreign schema",
                "unknown role",
                "file id",
                "cached content",
                "other than text",
            ),
            *("custom tool", "logit_bias", "too many stops", "temperature", "too many choices"),
        }
    ),
}
"""What a request may say that a host of the wire has no way to hear."""

_STOPS = {"openai_chat": 4, "gemini": 5, "anthropic": 1 << 30}
_HOTTEST = {"openai_chat": 2.0, "gemini": 2.0, "anthropic": 1.0}
_HEARD = {"audio/mpeg", "audio/wav"}
_SEEN = {"image/jpeg", "image/png", "image/gif", "image/webp"}


def unable(form: Form, *, media: frozenset[str] | None, tools: bool, forced: bool) -> set[str]:
    """What of a request a model cannot hear that takes these media, and has tools or not, forced or not."""
    found = {
        f"{kind} for this model"
        for each in _media(form)
        if media is not None and (kind := _KINDS.get(each.mime.partition("/")[0], "document")) not in media
        if each.mime != TEXT
    }
    found |= {
        f"{kind} for this model"
        for kind in form.beyond & {"audio", "video"} - (form.beyond if media is None else media)
    }
    used = form.tools or any(isinstance(item, Call | Result) for turn in form.turns for item in turn.items)
    if used and not tools:
        found.add("tools for this model")
    if form.mode == "required" and not forced:
        found.add("nothing is forced upon this model")
    return found


_KINDS = {"image": "image", "audio": "audio", "video": "video", "": "image"}
"""By the first half of a media type. What is behind a URL without one is a picture in all but few requests."""


def beyond(form: Form, wire: str) -> set[str]:
    """What of a request a host of the wire cannot hear."""
    said, drawn = set(form.beyond), form.drawn
    for each in _media(form):
        if each.mime.startswith("audio/") and each.mime not in _HEARD:
            said.add("audio type")
        if each.mime.startswith("image/") and each.mime not in _SEEN:
            said.add("image type")
    stops, choices = drawn.get("stop") or [], drawn.get("choices") or 1
    found = {
        "too many stops": len(stops) > _STOPS[wire],
        "white stop": any(not each.strip() for each in stops),
        "several choices": choices > 1,
        "too many choices": choices > 8,
        "logprobs": bool(drawn.get("logprobs") or drawn.get("top_logprobs")),
        "logit_bias": bool(drawn.get("logit_bias")),
        "temperature": not 0 <= (drawn.get("temperature") or 0) <= _HOTTEST[wire],
        "nothing said": all(turn.role == "system" or not turn.items for turn in form.turns),
        "nothing to force": form.mode == "required" and not form.tools,
    }
    return (said | {name for name, is_so in found.items() if is_so}) & CANNOT[wire]


def _media(form: Form) -> Iterator[Media]:
    for turn in form.turns:
        for item in turn.items:
            if isinstance(item, Media):
                yield item
            elif isinstance(item, Result):
                yield from item.media


def changes(source: Form, target: Form, wire: str, dropped: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is lost or different: what was told of in `dropped`, and what was not."""
    told = {_word(name) for name in dropped}
    named: list[str] = []
    silent: list[str] = []
    for what, words in _differences(source, target, wire, list(dropped)):
        (named if any(_word(word) in told for word in words) else silent).append(what)
    return named, silent


def _word(name: str) -> str:
    return name.rpartition(".")[2].partition("[")[0].replace("_", "").lower()


_SHAPES = ("response_format", "format", "responseSchema", "responseJsonSchema")
"""What the dialects call the shape of an answer."""

Difference = tuple[str, tuple[str, ...]]


def _differences(source: Form, target: Form, wire: str, dropped: list[str]) -> Iterator[Difference]:
    """Each difference with the names by which it may be told."""
    for name in dict.fromkeys(source.unread):
        if not {name, *_ALIKE.get(name, ())} & set(target.unread):
            yield f"{name} is lost", (name, *_ALIKE.get(name, ()))
    yield from ((f"{name} is new", ()) for name in set(target.unread) - set(source.unread) - _OWN)
    yield from _turns(source, target, wire, dropped)
    yield from _tools(source, target)
    yield from _drawn(source, target)
    if source.schema != target.schema:
        yield f"schema is {target.schema}; it was {source.schema}", _SHAPES
    elif target.instructed:
        yield "the schema is told in words", _SHAPES
    if not _same_effort(source.effort, target.effort):
        yield (
            f"effort is {target.effort}; it was {source.effort}",
            ("effort", "reasoning_effort", "thinking", "thinkingConfig"),
        )


_ALIKE = {
    "citations": ("annotations",),
    "reasoning_content": ("reasoning",),
    "reasoning_details": ("reasoning",),
    "title": ("filename",),
    "displayName": ("filename",),
    "filename": ("title", "displayName"),
}
"""Names that say the same."""

_OWN = {"display_name", "filename", "title", "displayName", "strict", "stream_options"}
"""Members that may say what another dialect says elsewhere."""


def _same_effort(source: int | None, target: int | None) -> bool:
    if source == target or (source in (None, 0) and target in (None, 0)):
        return True
    if source in (None, 0) or target in (None, 0):
        return source == ANY_EFFORT  # as much as it likes is the host's own way
    return ANY_EFFORT in (source, target) or abs((source or 0) - (target or 0)) <= 1


_CAPS = ("max_tokens", "max_completion_tokens", "maxOutputTokens")


def _drawn(source: Form, target: Form) -> Iterator[Difference]:
    for name in dict.fromkeys((*source.drawn, *target.drawn)):
        was, now = source.drawn.get(name), target.drawn.get(name)
        if was == now or (not was and not now and name != "temperature") or (name == "choices" and was == 1):
            continue
        if name == "max_output" and was is None:
            continue  # a host may want a cap
        if name in ("temperature", "top_p") and was == 1 and now is None:
            continue  # the default
        if name == "logprobs" and source.drawn.get("top_logprobs"):
            continue
        yield f"{name} is {now}; it was {was}", (name, *_CAPS) if name == "max_output" else (name,)


def _tools(source: Form, target: Form) -> Iterator[Difference]:
    was, now = _callable(source), _callable(target)
    if was[0] != now[0]:
        yield f"the choice is {now[0]}; it was {was[0]}", ("tool_choice", "functionCallingConfig")
    if was[1] != now[1]:
        yield f"the tools to choose from are {sorted(now[1])}; they were {sorted(was[1])}", ()
    for name in source.tools.keys() | target.tools.keys():
        if name not in source.tools:
            yield f"the tool {name} is new", ()
        elif name not in target.tools:
            if (
                name in was[1] or len(was[1]) == 1
            ):  # else the choice among several is said by leaving tools away
                yield f"the tool {name} is lost", ()
        elif source.tools[name] != target.tools[name]:
            yield f"the tool {target.tools[name]} was {source.tools[name]}", ()
    if not source.parallel and target.parallel and source.tools:
        yield "calls may stand side by side", ("parallel_tool_calls", "disable_parallel_tool_use")
    if source.parallel and not target.parallel:
        yield "calls may not stand side by side", ()


def _callable(form: Form) -> tuple[str, frozenset[str]]:
    """The mode of choice, and what is chosen from."""
    if not form.tools:
        return "auto", frozenset()
    names = frozenset(form.tools)
    return form.mode, names if form.names is None or form.mode == "none" else names & form.names


def _turns(source: Form, target: Form, wire: str, dropped: list[str]) -> Iterator[Difference]:
    was, now = _told(source, wire), _told(target, wire)
    words: tuple[str, ...] = ()
    if was != now and any(each.role == "system" for each in was[1:]):
        was, now, words = _hoisted(was), _hoisted(now), ("role",)
        if was == now:
            yield "a system text has lost its place", words
    if was != now and any(each.role == "system" for each in was):
        moved = _as_user(was)
        if moved == now:
            was = now
            yield "the system's last word is the user's", ("role", "messages")
    if was != now and source.schema == target.schema == "any" and _asked(now) == was:
        now = was
        yield "JSON is asked for by an instruction", ("response_format", "responseSchema")
    errors = [item.is_error for turn in was for item in turn.items if isinstance(item, Result)]
    kept = [item.is_error for turn in now for item in turn.items if isinstance(item, Result)]
    if errors != kept and any(errors):
        yield "a result is no error", ("is_error", "error")
    was, now = _unmarked(was), _unmarked(now)
    if was != now and _without_foreign(was) == now:
        was = now
        yield "a foreign part is lost", ("content", "parts", "messages", "contents")
    if was != now and _trimmed(was) == now:
        was = now
        yield "the begun answer's last space is lost", ("messages", "contents")
    if was != now:
        pairs = [(a, b) for a, b in zip(was, now, strict=False) if a != b]
        first = pairs[0] if pairs else (len(was), len(now))
        yield f"what is said is {first[1]}; it was {first[0]}", ()


def _told(form: Form, wire: str) -> list[Turn]:
    """Results come before what the user says beside them, texts among their media aloud, the rest behind them."""
    turns: list[Turn] = []
    for turn in form.turns:
        results = [item for item in turn.items if isinstance(item, Result)]
        rest = [item for item in turn.items if not isinstance(item, Result)]
        shown: list[Item] = []
        if wire != "anthropic":
            results = [_read_aloud(result) for result in results]
        if wire != "anthropic":
            shown = [media for result in results for media in result.media]
            results = [result._replace(media=()) for result in results]
        items = [_untyped(item) for item in (*results, *shown, *rest)]
        if items and turns and turns[-1].role == turn.role:
            turns[-1].items.extend(items)
        elif items:
            turns.append(Turn(turn.role, items))
    return turns


def _read_aloud(result: Result) -> Result:
    """Text documents are part of the text."""
    texts = [media.where for media in result.media if media.mime == TEXT]
    if not texts or not isinstance(result.text, str):
        return result
    media = tuple(media for media in result.media if media.mime != TEXT)
    return result._replace(text="".join([result.text, *texts]), media=media)


def _untyped(item: Item) -> Item:
    """Where media are behind a URL not every dialect tells their type."""
    if isinstance(item, Result):
        return item._replace(media=tuple(_at(each) for each in item.media))
    if isinstance(item, Media):
        return item.where if item.mime == TEXT else _at(item)
    return item


_INSTRUCTION = "Answer with a JSON object."


def _asked(turns: list[Turn]) -> list[Turn]:
    """What is said but for our own instruction."""
    if not turns or _INSTRUCTION not in turns[0].items:
        return turns
    rest = [item for item in turns[0].items if item != _INSTRUCTION]
    return [*([Turn("system", rest)] if rest else []), *turns[1:]]


def _at(media: Media) -> Media:
    return Media("", media.where) if ":" in media.where else media


def _hoisted(turns: list[Turn]) -> list[Turn]:
    system = [item for turn in turns if turn.role == "system" for item in turn.items]
    return _merged([Turn("system", system), *(turn for turn in turns if turn.role != "system")])


def _as_user(turns: list[Turn]) -> list[Turn]:
    """A conversation in which only the system speaks."""
    if any(turn.role != "system" for turn in turns):
        return turns
    items = [item for turn in turns for item in turn.items]
    return [Turn("system", items[:-1]), Turn("user", items[-1:])] if items[1:] else [Turn("user", items)]


def _merged(turns: list[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            merged[-1] = Turn(turn.role, [*merged[-1].items, *turn.items])
        elif turn.items:
            merged.append(turn)
    return _joined(merged)


def _joined(turns: list[Turn]) -> list[Turn]:
    """Neighbouring texts of the model's are one."""
    form = Form()
    for turn in turns:
        form.say(turn.role, turn.items)
    return form.turns


def _unmarked(turns: list[Turn]) -> list[Turn]:
    return [
        Turn(t.role, [i._replace(is_error=False) if isinstance(i, Result) else i for i in t.items])
        for t in turns
    ]


def _without_foreign(turns: list[Turn]) -> list[Turn]:
    kept = [replace(t, items=[i for i in t.items if not isinstance(i, Foreign)]) for t in turns]
    return _merged(kept)


def _trimmed(turns: list[Turn]) -> list[Turn]:
    if not turns or turns[-1].role != "model" or not isinstance(turns[-1].items[-1], str):
        return turns
    items = [*turns[-1].items[:-1], turns[-1].items[-1].rstrip()]
    return [*turns[:-1], Turn("model", items)]

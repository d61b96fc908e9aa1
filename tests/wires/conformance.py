"""Recorded traffic of OpenAI-shaped hosts through the wire `openai_chat`, held against the official SDK.

`python -m tests.wires.conformance` prints the counts and every difference with its reason; the counts stand in
docs/conformance.md. The recordings are found by PODIUM_TEST_DATA.
"""

import argparse
import json
import os
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError, Truncated
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import Delta
from podium.vocabulary.part import Json, Reasoning, Refusal, Text, ToolCall
from podium.vocabulary.request import Line, Request
from podium.wires.openai_chat import OpenAIChat

WIRE = OpenAIChat()
ENDPOINT = Endpoint(name="host", wire="openai_chat", base_url="http://host.invalid/v1")
Document = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """One recorded exchange."""

    name: str
    provider: str
    request: Document | None
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def streamed(self) -> bool:
        return self.body.lstrip()[:1] not in (b"{", b"[")


@dataclass(frozen=True)
class Outcome:
    """What came of one check of one recording: `difference` is empty where it agrees."""

    check: str
    recording: Recording
    difference: str


def folder() -> Path | None:
    """Where the recordings are, or None."""
    root = os.environ.get("PODIUM_TEST_DATA")
    found = Path(root) / "recordings" if root else None
    return found if found is not None and found.is_dir() else None


def recordings(root: Path) -> Iterator[Recording]:
    """Every recorded chat completion, in order of name."""
    for path in sorted(root.glob("[!_]*/*.json")):
        case = json.loads(path.read_bytes())
        for at, exchange in enumerate(case["interactions"]):
            if exchange["request"]["api"] != "openai.chat" or exchange["response"].get("body_text") is None:
                continue
            body = exchange["request"]["body"]
            yield Recording(
                name=f"{path.parent.name}/{path.stem}#{at}",
                provider=path.parent.name,
                request=body if isinstance(body, dict) and body.get("messages") else None,
                status=exchange["response"]["status"],
                headers={name.lower(): value for name, value in exchange["response"]["headers"].items()},
                body=exchange["response"]["body_text"].encode(),
            )


# ── what the SDK makes of bytes ─────────────────────────────────────────────────────────────────────────────────────


def sdk(body: bytes, *, status: int = 200, stream: bool) -> openai.OpenAI:
    """The official client before a host that answers with these bytes."""
    kind = "text/event-stream" if stream else "application/json"

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind})

    return openai.OpenAI(
        api_key="none",
        base_url="http://host.invalid/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


def sdk_chunks(body: bytes) -> list[ChatCompletionChunk]:
    """The chunks that the SDK gives its user."""
    with sdk(body, stream=True) as client:
        return list(client.chat.completions.create(model="m", messages=[], stream=True))


def sdk_document(body: bytes) -> Document:
    """The completion that the SDK gives its user."""
    with sdk(body, stream=False) as client:
        completion = client.chat.completions.create(model="m", messages=[])
        return completion.to_dict(exclude_unset=False, warnings=False)


def sdk_snapshot(chunks: list[ChatCompletionChunk]) -> Document | None:
    """What the SDK's own accumulator makes of chunks; None where it fails on them."""
    if any(
        isinstance(getattr(choice.delta, "content", None), list)
        for chunk in chunks
        for choice in chunk.choices
    ):
        return None  # it loses what comes as a list
    state: Any = ChatCompletionStreamState()
    try:
        with warnings.catch_warnings(action="ignore"):  # of content that is a list
            for chunk in chunks:
                state.handle_chunk(chunk)
        document: Document = state.current_completion_snapshot.to_dict(exclude_unset=False, warnings=False)
        return document
    except Exception:  # noqa: BLE001 - whatever it raises, a user cannot have the snapshot
        return None


def added_up(chunks: list[ChatCompletionChunk]) -> Document:
    """What a careful user of the SDK adds up from chunks, by hand: for hosts on which its accumulator fails."""
    choices: dict[int, Document] = {}
    usage: Document | None = None
    for chunk in chunks:
        said = chunk.to_dict(exclude_unset=False, warnings=False)
        usage = said.get("usage") or usage  # type: ignore[assignment]  # the SDK types a document's values as object
        for entry in said.get("choices") or ():  # type: ignore[attr-defined]  # the same
            _add_choice(choices, entry)
    return {"choices": [choices[index] for index in sorted(choices)], "usage": usage}


def _add_choice(choices: dict[int, Document], entry: Document) -> None:
    choice = choices.setdefault(
        entry["index"], {"index": entry["index"], "message": {"content": ""}, "finish_reason": None}
    )
    message, delta = choice["message"], entry.get("delta") or {}
    for part in _content_parts(delta.get("content")):
        message["content"] += part[0]
        message["reasoning_content"] = message.get("reasoning_content", "") + part[1]
    for name in ("refusal", "reasoning_content", "reasoning"):
        message[name] = (message.get(name) or "") + (delta.get(name) or "")
    calls = message.setdefault("tool_calls", [])
    for fragment in delta.get("tool_calls") or ():
        index = fragment.get("index")
        if index is None or index >= len(calls):
            calls.append(
                {"id": fragment.get("id"), "type": "function", "function": {"name": "", "arguments": ""}}
            )
            index = len(calls) - 1
        inner = fragment.get("function") or {}
        calls[index]["function"]["name"] += inner.get("name") or ""
        calls[index]["function"]["arguments"] += inner.get("arguments") or ""
    choice["finish_reason"] = choice["finish_reason"] or entry.get("finish_reason")


def _content_parts(content: Any) -> Iterator[tuple[str, str]]:
    """Text and reasoning of a content, which Mistral sends as a list of both."""
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if isinstance(content, str):
        yield content, ""
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "thinking":
            yield "", "".join(each.get("text") or "" for each in part["thinking"])
        else:
            yield part.get("text") or "", ""


# ── what a document says, in one form ───────────────────────────────────────────────────────────────────────────────


def facts_of(document: Document) -> list[Document]:
    """What each choice of a completion says, without regard to the members it says it in."""
    return [_facts(choice) for choice in document.get("choices") or ()]


def _facts(choice: Document) -> Document:
    message = choice.get("message") or {}
    parts = list(_content_parts(message.get("content")))
    details = [
        each.get("text") or each.get("summary") or "" for each in message.get("reasoning_details") or ()
    ]
    thoughts = message.get("reasoning_content") or message.get("reasoning") or "".join(details)
    function = message.get("function_call") or {}
    calls = [_call_facts(call) for call in message.get("tool_calls") or ()]
    if function.get("name"):
        calls.append(("", "function", function["name"], function.get("arguments") or ""))
    return {
        "index": choice.get("index"),
        "content": "".join(text for text, _ in parts),
        "reasoning": "".join(thought for _, thought in parts) or thoughts,
        "refusal": message.get("refusal") or "",
        "calls": calls,
        "finish_reason": choice.get("finish_reason"),
    }


def _call_facts(call: Document) -> tuple[str, str, str, str]:
    inner = call.get("function") or call.get("custom") or {}
    kind = call.get("type") or "function"
    return (
        call.get("id") or "",
        kind,
        inner.get("name") or "",
        inner.get("arguments") or inner.get("input") or "",
    )


def facts_of_answer(answer: Answer) -> list[Document]:
    """The same of an answer in the vocabulary."""
    return [
        {
            "index": choice.index,
            "content": "".join(part.text for part in choice.parts if isinstance(part, Text))
            + "".join(bytes(part.value).decode() for part in choice.parts if isinstance(part, Json)),
            "reasoning": "".join(part.text for part in choice.parts if isinstance(part, Reasoning)),
            "refusal": "".join(part.text for part in choice.parts if isinstance(part, Refusal)),
            "calls": [(p.id, p.kind, p.name, p.arguments) for p in choice.parts if isinstance(p, ToolCall)],
            "finish_reason": choice.raw_finish if choice.raw_finish is not None else choice.finish,
        }
        for choice in answer.choices
    ]


def without_nothing(value: Any) -> Any:
    """JSON without its null members, and without padding."""
    if isinstance(value, dict):
        return {
            name: without_nothing(each)
            for name, each in value.items()
            if each is not None and name not in ("obfuscation", "p", "parsed", "parsed_arguments")
        }
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def difference(expected: Any, got: Any, path: str = "") -> str:
    """Where two JSON values differ first, in words; empty where they do not."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in {**expected, **got}:
            if name not in got:
                return f"{path}.{name} is missing; it was {_short(expected[name])}"
            if name not in expected:
                return f"{path}.{name} is new: {_short(got[name])}"
            if found := difference(expected[name], got[name], f"{path}.{name}"):
                return found
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return next((found for at, (a, b) in pairs if (found := difference(a, b, f"{path}[{at}]"))), "")
    return "" if expected == got else f"{path} is {_short(got)}; it was {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else text[:100] + "…" + text[-15:]


# ── through the wire ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Read:
    """What the client half makes of bytes: deltas, then perhaps an error."""

    deltas: tuple[Delta, ...]
    error: ProviderError | None

    @property
    def answer(self) -> Answer:
        collector = Collector()
        for delta in self.deltas:
            collector.add(delta)
        return collector.answer(keep_cut_calls=self.error is not None)


def read(body: bytes, *, step: int = 0) -> Read:
    """Feed a reader, `step` bytes at a time or all at once."""
    reader = WIRE.reader("")
    deltas: list[Delta] = []
    try:
        for start in range(0, len(body), step or max(1, len(body))):
            deltas.extend(reader.feed(body[start : start + (step or len(body))]))
        while more := reader.close():
            deltas.extend(more)
    except ProviderError as error:
        return Read(tuple(deltas), error)
    return Read(tuple(deltas), None)


def written(deltas: tuple[Delta, ...], answer: Answer, *, include_usage: bool = True) -> tuple[bytes, bytes]:
    """The stream and the document that the server half makes of an answer, under the host's id, time and model."""
    request = Request(
        model="m", lines=(Line("user", (Text("hi"),)),), stream=True, include_usage=include_usage
    )
    writer = WIRE.writer(
        request, answer_id=answer.id or "", created=answer.created or 0, model=answer.model or ""
    )
    stream = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
    return stream, writer.whole(answer)


def check_answer(recording: Recording) -> Iterator[Outcome]:
    """A recorded answer of status 200: against the SDK, and through both halves."""
    got = read(recording.body)
    if recording.streamed:
        yield from _check_stream(recording, got)
    else:
        yield from _check_document(recording, got)


def _failure(recording: Recording, error: ProviderError) -> str:
    """An error is right where the SDK fails as well, or where the host broke off."""
    return f"{type(error).__name__}: {error.message}"


def _check_stream(recording: Recording, got: Read) -> Iterator[Outcome]:
    try:
        chunks = sdk_chunks(recording.body)
    except openai.APIError as error:
        same = got.error is not None and not isinstance(got.error, Truncated)
        yield Outcome("client half", recording, "" if same else f"the SDK raises {error}; we do not")
        return
    if got.error is not None:
        yield Outcome("client half", recording, _failure(recording, got.error))
        return
    snapshot = sdk_snapshot(chunks)
    expected = snapshot or added_up(chunks)
    answer = got.answer
    yield Outcome("client half", recording, difference(facts_of(expected), facts_of_answer(answer)))
    usages = [chunk.usage.to_dict() for chunk in chunks if chunk.usage is not None]
    if usages:
        kept = json.loads(bytes(answer.host_usage.value)) if answer.host_usage else None
        yield Outcome(
            "usage", recording, difference(without_nothing(usages[-1]), without_nothing(kept), "usage")
        )
    stream, whole = written(got.deltas, answer, include_usage=bool(usages))
    again = sdk_chunks(stream)
    ours = sdk_snapshot(again)
    if ours is None:
        yield Outcome("stream → stream", recording, "the SDK's accumulator fails on our stream")
    elif snapshot is None:
        yield Outcome("stream → stream", recording, difference(facts_of(expected), facts_of(ours)))
    else:
        expected, ours = amended(snapshot, chunks), amended(ours, again)
        found = difference(without_nothing(expected), without_nothing(ours))
        yield Outcome("stream → stream", recording, found)
    yield Outcome(
        "stream → document", recording, difference(facts_of(expected), facts_of(sdk_document(whole)))
    )


_SAID_ELSEWHERE = ("delta", "message", "finish_reason", "logprobs")


def amended(snapshot: Document, chunks: list[ChatCompletionChunk]) -> Document:
    """The snapshot without what the SDK's accumulator takes from the wrong chunk, or adds up that should not be.

    It takes id, model and time from the first chunk, where Azure's are empty, usage and fingerprint from the last one,
    members beside a delta from a choice's first chunk; it adds up repeated roles and numbers. Here the last word
    counts, for id, model and time the first.
    """
    amended = dict(snapshot)
    said: list[Document] = [dict(chunk.to_dict(warnings=False)) for chunk in chunks]
    for name in ("id", "model", "created"):
        amended[name] = next((chunk[name] for chunk in said if chunk.get(name)), None)
    for name in ("usage", "system_fingerprint", "service_tier", "provider"):
        amended[name] = next((chunk[name] for chunk in reversed(said) if chunk.get(name)), None)
    amended["choices"] = [dict(choice) for choice in snapshot["choices"]]
    for choice in amended["choices"]:
        choice["message"] = {**choice["message"], "role": "assistant"}
    for entry in (choice for chunk in said for choice in chunk["choices"]):
        mine = next(each for each in amended["choices"] if each["index"] == entry["index"])
        mine.update({k: v for k, v in entry.items() if k not in _SAID_ELSEWHERE})
        mine["message"].update({k: v for k, v in (entry.get("delta") or {}).items() if isinstance(v, int)})
    return amended


def _check_document(recording: Recording, got: Read) -> Iterator[Outcome]:
    document = sdk_document(recording.body)
    if got.error is not None:
        same = "error" in document and not isinstance(got.error, Truncated)
        yield Outcome("client half", recording, "" if same else _failure(recording, got.error))
        return
    answer = got.answer
    yield Outcome("client half", recording, difference(facts_of(document), facts_of_answer(answer)))
    if document.get("usage"):
        kept = json.loads(bytes(answer.host_usage.value)) if answer.host_usage else None
        yield Outcome(
            "usage", recording, difference(without_nothing(document["usage"]), without_nothing(kept))
        )
    stream, whole = written(got.deltas, answer)
    ours = sdk_document(whole)
    yield Outcome(
        "document → document", recording, difference(without_nothing(document), without_nothing(ours))
    )
    snapshot = sdk_snapshot(sdk_chunks(stream))
    if snapshot is None:
        yield Outcome("document → stream", recording, "the SDK's accumulator fails on our stream")
    else:
        yield Outcome("document → stream", recording, difference(facts_of(document), facts_of(snapshot)))


def check_error(recording: Recording) -> Iterator[Outcome]:
    """A recorded error: the SDK reads from ours what it reads from the host's."""
    error = WIRE.read_error(recording.status, recording.headers, recording.body)
    theirs = _sdk_error(recording.body, recording.status)
    ours = _sdk_error(WIRE.write_error(recording.status, error), recording.status)
    if recording.status in (401, 403):
        yield Outcome("error", recording, "" if ours[0] is theirs[0] else f"{ours[0]} for {theirs[0]}")
        return
    yield Outcome("error", recording, "" if ours == theirs else f"{ours} for {theirs}")


def _sdk_error(body: bytes, status: int) -> tuple[type, str, Any, Any]:
    try:
        with sdk(body, status=status, stream=False) as client:
            client.chat.completions.create(model="m", messages=[])
    except openai.APIStatusError as error:
        inner = error.body if isinstance(error.body, dict) else {}
        message = inner.get("message") or inner.get("error") or inner.get("detail") or str(error.body)
        return type(error), str(message), error.param, str(error.code)
    raise AssertionError(f"the SDK takes status {status} for an answer")


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_request(recording: Recording) -> Iterator[Outcome]:
    """A recorded request: as it came when it goes on by the same wire, and meaning the same when written anew."""
    sent = recording.request
    if sent is None:
        return
    try:
        request = WIRE.read_request({}, json.dumps({**sent, "model": sent.get("model") or "m"}).encode())
    except InvalidRequest as error:
        yield Outcome("request, own dialect", recording, f"refused: {error.message}")
        return
    profile = Profile(endpoint="host", model=request.model)
    own = json.loads(WIRE.write_request(request, profile, ENDPOINT).body)
    yield Outcome("request, own dialect", recording, difference(_asked(sent), _asked(own)))
    anew = msgspec.structs.replace(request, source=None)
    fresh = json.loads(WIRE.write_request(anew, profile, ENDPOINT).body)
    yield Outcome("request, written anew", recording, difference(meaning(sent), meaning(fresh)))


def _asked(sent: Document) -> Document:
    kept = {name: value for name, value in sent.items() if name not in ("model", "stream", "stream_options")}
    options = {k: v for k, v in (sent.get("stream_options") or {}).items() if k != "include_usage"}
    return {
        **kept,
        "stream": bool(sent.get("stream")),
        "stream_options": options if sent.get("stream") else {},
    }


_MEANT = (
    "messages",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "response_format",
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "parallel_tool_calls",
    "reasoning_effort",
    "stream",
)


def meaning(sent: Document) -> Document:
    """A request with its many ways of saying the same brought to one, and without members that the vocabulary lacks."""
    meant = {name: without_nothing(sent[name]) for name in _MEANT if sent.get(name) is not None}
    meant["max_output"] = sent.get("max_completion_tokens") or sent.get("max_tokens")
    meant["stop"] = [sent["stop"]] if isinstance(sent.get("stop"), str) else sent.get("stop") or []
    meant["messages"] = [_message_meaning(message) for message in meant["messages"]]
    for name in ("tools", "functions"):
        if not meant.get(name):
            meant.pop(name, None)
    for tool in meant.get("tools", ()):
        tool.setdefault("type", "function")
    if "function_call" in meant:
        choice = meant.pop("function_call")
        meant["tool_choice"] = choice
    if meant.get("response_format") == {"type": "text"}:
        del meant["response_format"]
    if not meant.get("stream"):
        meant.pop("stream", None)
    return meant


def _message_meaning(message: Document) -> Document:
    meant = {**message, "content": _content_meaning(message.get("content"))}
    for call in meant.get("tool_calls") or ():
        call.setdefault("type", "function")
        call.get("function", {}).setdefault("arguments", "")
        call.pop("index", None)
    if not meant.get("tool_calls"):
        meant.pop("tool_calls", None)
    return meant


def _content_meaning(content: Any) -> Any:
    """A content of plain texts alone is their string; no content is the empty one."""
    if isinstance(content, list) and all(
        set(part) == {"type", "text"} and part["type"] == "text" for part in content
    ):
        return "".join(part["text"] for part in content)
    return content or ""


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────

REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "client half",
        r"^Truncated",
        "The host gave no finish reason, with or without `[DONE]`: told as broken off, what was said is kept.",
    ),
    (
        "client half",
        r"^Overloaded: failed to decode",
        "llama.cpp's server reports its error in a line `error: {…}`, which the SDK passes over.",
    ),
    (
        "document → document",
        r"tool_calls\[\d+\]\.type is new: \"function\"",
        "A call without a type (older Mistral) is given the type that the SDK demands.",
    ),
    (
        "document → document",
        r"tool_calls\[\d+\]\.function\.arguments is new: \"\"",
        "A call without arguments is given the empty string that the SDK demands.",
    ),
    (
        "document → document",
        r"message\.content is \".*; it was \[\{",
        "Mistral's list of thinking and text is written as `reasoning_content` and `content`.",
    ),
    (
        "document → document",
        r"message\.content is \".*; it was \{",
        "Cloudflare's object in place of a text is written as its JSON.",
    ),
    (
        "document → document",
        r"message is new: \{\"role\": \"assistant\"\}",
        "A choice that Azure's filter left without a message has an empty one.",
    ),
    (
        "document → document",
        r"^\.created is 0",
        "The host's time is a string; ours stands in an answer at any rate.",
    ),
    (
        "",
        r"finish_reason is (new: )?\"(length|max_tokens)\"(; it was null)?$",
        "An early vision model told its finish reason as `finish_details.type` alone.",
    ),
    (
        "document → stream",
        r'finish_reason is "(stop|tool_calls)"; it was ""',
        "An empty finish reason ends a document, but would look like none in a stream: ours is written.",
    ),
    (
        "request, own dialect",
        r"tool_call_id` is required",
        "A tool's result without the id of its call is refused, as OpenAI does.",
    ),
    (
        "request, written anew",
        r"image_url is \{\"url\".*; it was \"",
        "An image URL by itself is written as the object that it is short for.",
    ),
    (
        "request, written anew",
        r"json_schema\.name is new",
        "A schema without the name that OpenAI demands is given one.",
    ),
    (
        "request, written anew",
        r"^\.messages is ",
        "Pictures in a tool's result stand in a message of the user's behind it, where OpenAI takes them.",
    ),
    (
        "request, written anew",
        r"content\[\d+\]\.thinking is ",
        "Mistral's thinking in several pieces is written as one.",
    ),
)
"""Why a check differs on purpose: check (or any), pattern of the difference, reason. What fits none is a fault."""


def reason_for(outcome: Outcome) -> str:
    """Why an outcome differs on purpose; empty where it is a fault."""
    for check, pattern, reason in REASONS:
        if check in ("", outcome.check) and re.search(pattern, outcome.difference, re.DOTALL):
            return reason
    return ""


def outcomes(root: Path, only: str = "") -> Iterator[Outcome]:
    """Every check of every recording whose name contains `only`."""
    for recording in recordings(root):
        if only in recording.name:
            yield from check_request(recording)
            yield from check_answer(recording) if recording.status == 200 else check_error(recording)


@dataclass
class Tally:
    """Outcomes of one kind of check: the same, different on purpose, different by fault."""

    same: int = 0
    meant: int = 0
    wrong: int = 0

    def add(self, outcome: Outcome) -> None:
        if not outcome.difference:
            self.same += 1
        elif reason_for(outcome):
            self.meant += 1
        else:
            self.wrong += 1

    @property
    def row(self) -> str:
        total = self.same + self.meant + self.wrong
        return (
            f"{total:6} | {self.same:6} | {100 * self.same / total:6.2f} % | {self.meant:6} | {self.wrong:6}"
        )


def table(title: str, tallies: dict[str, Tally]) -> str:
    """Tallies as a table in Markdown."""
    lines = [
        f"| {title:22} |  total |   same |          | meant  | fault  |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *(f"| {name:22} | {tally.row} |" for name, tally in tallies.items())])


def main() -> None:
    """Print the tables, and every difference with its reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only recordings whose name contains this")
    options = parser.parse_args()
    root = folder()
    if root is None:
        sys.exit("PODIUM_TEST_DATA names no folder with recordings.")
    by_check: dict[str, Tally] = defaultdict(Tally)
    by_host: dict[str, Tally] = defaultdict(Tally)
    different: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes(root, options.only):
        by_check[outcome.check].add(outcome)
        by_host[outcome.recording.provider].add(outcome)
        if outcome.difference:
            different[reason_for(outcome) or "FAULT"].append(outcome)
    print(table("check", by_check), table("recorded from", by_host), sep="\n\n")
    for reason, found in different.items():
        print(f"\n{reason} ({len(found)})\n")
        for outcome in found:
            print(f"- {outcome.check}: `{outcome.recording.name}`: {outcome.difference}")


if __name__ == "__main__":
    main()

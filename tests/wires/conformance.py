"""Recorded traffic of OpenAI-shaped hosts through the wire `openai_chat`, held against the official SDK.

`python -m tests.wires.conformance` prints the counts and every difference with its reason; the counts stand in
docs/conformance.md. The recordings are found by PODIUM_TEST_DATA.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import openai

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError, Truncated
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import Delta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from podium.wires.openai_chat import OpenAIChat
from tests.wires.meaning import meaning
from tests.wires.recorded import Recording, folder, recordings
from tests.wires.sdk import (
    Document,
    added_up,
    amended,
    difference,
    facts_of,
    facts_of_answer,
    sdk_chunks,
    sdk_document,
    sdk_error,
    sdk_snapshot,
    without_nothing,
)

WIRE = OpenAIChat()
ENDPOINT = Endpoint(name="host", wire="openai_chat", base_url="http://host.invalid/v1")


@dataclass(frozen=True)
class Outcome:
    """What came of one check of one recording: `difference` is empty where it agrees."""

    check: str
    recording: Recording
    difference: str


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
    theirs = sdk_error(recording.body, recording.status)
    ours = sdk_error(WIRE.write_error(recording.status, error), recording.status)
    if recording.status in (401, 403):
        yield Outcome("error", recording, "" if ours[0] is theirs[0] else f"{ours[0]} for {theirs[0]}")
        return
    yield Outcome("error", recording, "" if ours == theirs else f"{ours} for {theirs}")


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
        r"tool_calls\[\d+\]\.id is new",
        "A call without an id is given one.",
    ),
    (
        "request, written anew",
        r"tool_calls\[\d+\]\.id is ",
        "An id of more than 40 characters, which OpenAI refuses, is made shorter, always in the same way.",
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

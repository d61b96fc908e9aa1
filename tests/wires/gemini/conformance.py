"""Recorded traffic of Gemini and Vertex AI through the wire `gemini`, held against the official SDK.

`python -m tests.wires.gemini.conformance` prints the counts and every difference with its reason; the counts stand in
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
from typing import Any

import msgspec
from google.genai import errors

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible, InvalidRequest, ProviderError
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import Delta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from podium.wires.gemini import Gemini
from tests.wires.gemini.meaning import meaning
from tests.wires.gemini.recorded import Recording, recordings
from tests.wires.gemini.sdk import facts_of, facts_of_answer, sdk_chunks, sdk_document, sdk_error
from tests.wires.recorded import folder
from tests.wires.sdk import difference, without_nothing

WIRE = Gemini()
LISTS = Gemini(as_list=True)
ENDPOINT = Endpoint(name="host", wire="gemini", base_url="http://host.invalid")
ASKED = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True, include_usage=True)


@dataclass(frozen=True)
class Outcome:
    """What came of one check of one recording: `difference` is empty where it agrees."""

    check: str
    recording: Recording
    difference: str


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


def written(deltas: tuple[Delta, ...], answer: Answer, wire: Gemini = WIRE) -> tuple[bytes, bytes]:
    """The stream and the document that the server half makes of an answer, under the host's id and model."""
    writer = wire.writer(ASKED, answer_id=answer.id or "", created=0, model=answer.model or "")
    stream = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
    return stream, writer.whole(answer)


def theirs(recording: Recording) -> list[dict[str, Any]]:
    """The chunks that the SDK makes of a recording; of a list those of its entries, which it never asks for."""
    if recording.framing == "document":
        return [sdk_document(recording.body)]
    body = recording.body
    if recording.framing == "list":
        body = b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in json.loads(body))
    return sdk_chunks(body)


def check_answer(recording: Recording) -> Iterator[Outcome]:
    """A recorded answer of status 200: against the SDK, and through both halves."""
    got = read(recording.body)
    try:
        chunks = theirs(recording)
    except errors.APIError as error:
        yield Outcome("client half", recording, "" if got.error else f"the SDK raises {error}; we do not")
        return
    if got.error is not None:
        yield Outcome("client half", recording, f"{type(got.error).__name__}: {got.error.message}")
        return
    expected, answer = facts_of(chunks), got.answer
    said = [candidate["said"] for candidate in expected["candidates"]]
    ours = facts_of_answer(answer)
    if not said and answer.choices and answer.choices[0].finish == "content_filter":
        ours = []
    yield Outcome("client half", recording, difference(said, ours))
    yield from _check_usage(recording, chunks, answer)
    stream, whole = written(got.deltas, answer)
    entries = json.loads(written(got.deltas, answer, LISTS)[0])
    framed = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in entries)
    kind = recording.framing
    found = difference(expected, facts_of(sdk_chunks(stream)))
    yield Outcome(f"{kind} → stream", recording, found)
    yield Outcome(f"{kind} → list", recording, difference(expected, facts_of(sdk_chunks(framed))))
    if kind == "document":
        theirs_whole, ours_whole = json.loads(recording.body), json.loads(whole)
        found = difference(_tidy(theirs_whole), _tidy(ours_whole))
    else:
        found = difference(expected, facts_of([sdk_document(whole)]))
    yield Outcome(f"{kind} → document", recording, found)


def _tidy(document: Any) -> Any:
    """Without what says nothing: nulls, the role that is always the same, empty texts, the index 0."""
    tidy = without_nothing(document)
    for candidate in tidy.get("candidates") or ():
        content = candidate.get("content") or {}
        content.pop("role", None)
        content["parts"] = [part for part in content.get("parts") or () if part != {"text": ""}]
        candidate["content"] = content
        candidate.setdefault("index", 0)
    return tidy


def _check_usage(recording: Recording, chunks: list[dict[str, Any]], answer: Answer) -> Iterator[Outcome]:
    counted = [chunk["usageMetadata"] for chunk in chunks if chunk.get("usageMetadata")]
    if not counted or answer.usage is None:
        yield Outcome("usage", recording, "" if not counted else "it is missing")
        return
    total = answer.usage.input_total + answer.usage.output_total
    said = counted[-1].get("totalTokenCount", total)
    yield Outcome("usage", recording, "" if total == said else f"the buckets hold {total} of {said} tokens")


def check_error(recording: Recording) -> Iterator[Outcome]:
    """A recorded error: the SDK reads from ours what it reads from the host's."""
    error = WIRE.read_error(recording.status, recording.headers, recording.body)
    expected = sdk_error(recording.body, recording.status)
    got = sdk_error(WIRE.write_error(recording.status, error), recording.status)
    yield Outcome("error", recording, "" if got == expected else f"{got} for {expected}")


def check_request(recording: Recording) -> Iterator[Outcome]:
    """A recorded request: as it came when it goes on by the same wire, and meaning the same when written anew."""
    sent = recording.request
    if sent is None:
        return
    path = {"model": recording.model, "action": recording.action}
    try:
        request = WIRE.read_request(path, json.dumps(sent).encode())
    except InvalidRequest as error:
        refused = recording.status == 400
        yield Outcome("request, own dialect", recording, "" if refused else f"refused: {error.message}")
        return
    profile = Profile(endpoint="host", model=recording.model)
    outgoing = WIRE.write_request(request, profile, ENDPOINT)
    same_path = outgoing.path.removesuffix("?alt=sse").endswith(f"/{recording.model}:{recording.action}")
    found = difference(sent, json.loads(outgoing.body)) if same_path else f"the path is {outgoing.path}"
    yield Outcome("request, own dialect", recording, found or ", ".join(outgoing.dropped))
    anew = msgspec.structs.replace(request, source=None)
    try:
        fresh = json.loads(WIRE.write_request(anew, profile, ENDPOINT).body)
        found = difference(meaning(sent), meaning(fresh))
    except Inexpressible as error:
        found = "" if recording.status == 400 else f"refused: {error.message}"
    yield Outcome("request, written anew", recording, found)
    retold = msgspec.structs.replace(
        request, lines=tuple(msgspec.structs.replace(line) for line in request.lines)
    )
    again = json.loads(WIRE.write_request(retold, profile, ENDPOINT).body)
    rest = {name: value for name, value in again.items() if name not in ("contents", "systemInstruction")}
    expected = {name: value for name, value in sent.items() if name not in ("contents", "systemInstruction")}
    yield Outcome(
        "request, lines anew",
        recording,
        difference(expected, rest) or difference(meaning(sent), meaning(again)),
    )


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────

REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "error",
        "did not accept the key",
        "That a host does not take our key is no client's business: its words are not repeated.",
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

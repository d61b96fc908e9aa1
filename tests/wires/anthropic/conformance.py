"""Recorded traffic of Anthropic's Messages through the wire `anthropic`, held against the official SDK.

`python -m tests.wires.anthropic.conformance` prints the counts and every difference with its reason. The recordings are
found by PODIUM_TEST_DATA.
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

import anthropic
import msgspec

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.catalogue.thinking import LEVELS, Thinking
from podium.errors import InvalidRequest, ProviderError, Truncated
from podium.vocabulary.answer import Answer
from podium.vocabulary.event import Delta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from tests.wires.anthropic.meaning import meaning
from tests.wires.anthropic.sdk import facts_of, facts_of_answer, sdk, sdk_message, sdk_stream
from tests.wires.anthropic.streams import WIRE, collected, read_until_error
from tests.wires.recorded import Recording, folder, recordings
from tests.wires.sdk import Document, difference, without_nothing

ENDPOINT = Endpoint(name="host", wire="anthropic", base_url="http://host.invalid")
REQUEST = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True)


@dataclass(frozen=True)
class Outcome:
    """What came of one check of one recording: `difference` is empty where it agrees."""

    check: str
    recording: Recording
    difference: str


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def written(deltas: list[Delta], answer: Answer) -> tuple[bytes, bytes]:
    """The stream and the document that the server half makes of an answer, under the host's id and model."""
    writer = WIRE.writer(REQUEST, answer_id=answer.id or "", created=0, model=answer.model or "")
    stream = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
    return stream, WIRE.writer(REQUEST, answer_id=answer.id or "", created=0, model=answer.model or "").whole(
        answer
    )


def check_answer(recording: Recording) -> Iterator[Outcome]:
    """A recorded answer of status 200: against the SDK, and through both halves."""
    deltas, error = read_until_error(recording.body)
    kind = "stream" if recording.streamed else "document"
    try:
        theirs = sdk_stream(recording.body) if recording.streamed else sdk_message(recording.body)
    except anthropic.APIError as failed:
        same = error is not None and not isinstance(error, Truncated)
        yield Outcome("client half", recording, "" if same else f"the SDK raises {failed}; we do not")
        return
    if error is not None:
        yield Outcome("client half", recording, _failure(error))
        return
    answer = collected(deltas)
    yield Outcome("client half", recording, difference(facts_of(theirs), facts_of_answer(answer)))
    kept = json.loads(bytes(answer.host_usage.value)) if answer.host_usage else None
    yield Outcome("usage", recording, _missing(without_nothing(theirs["usage"]), without_nothing(kept)))
    stream, whole = written(deltas, answer)
    for name, body in (("stream", stream), ("document", whole)):
        ours = sdk_stream(body) if name == "stream" else sdk_message(body)
        found = difference(_said(theirs), _said(ours))
        found = found or _missing(without_nothing(theirs["usage"]), without_nothing(ours["usage"]))
        yield Outcome(f"{kind} → {name}", recording, found)


def _said(message: Document) -> Document:
    said = without_nothing({name: value for name, value in message.items() if name != "usage"})
    for block in said["content"]:
        if not block.get("citations", True):
            del block["citations"]
    return said  # type: ignore[no-any-return]  # JSON


def _missing(expected: Any, got: Any) -> str:
    """As `difference`; what the host tells beside is no difference: the SDK keeps it of documents alone."""
    got = {name: value for name, value in (got or {}).items() if name in expected}
    return difference(expected, got, "usage")


def _failure(error: ProviderError) -> str:
    return f"{type(error).__name__}: {error.message}"


def check_error(recording: Recording) -> Iterator[Outcome]:
    """A recorded error: the SDK reads from ours what it reads from the host's."""
    error = WIRE.read_error(recording.status, recording.headers, recording.body)
    theirs = _sdk_error(recording.body, recording.status)
    ours = _sdk_error(WIRE.write_error(recording.status, error), recording.status)
    if recording.status in (401, 403):
        theirs, ours = theirs[:2], ours[:2]
    yield Outcome("error", recording, "" if ours == theirs else f"{ours} for {theirs}")


def _sdk_error(body: bytes, status: int) -> tuple[str, ...]:
    try:
        with sdk(body, status=status, stream=False) as client:
            client.messages.create(model="m", max_tokens=9, messages=[])
    except anthropic.APIStatusError as error:
        inner = error.body.get("error") if isinstance(error.body, dict) else None
        inner = inner if isinstance(inner, dict) else {}
        return type(error).__name__, str(inner.get("type")), str(inner.get("message"))
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
    thinking = (sent.get("thinking") or {}).get("type")
    adaptive = thinking == "adaptive" or bool((sent.get("output_config") or {}).get("effort"))
    profile = Profile(
        endpoint="host",
        model=request.model,
        native_schema=True,
        thinking=Thinking(LEVELS) if adaptive else None,
        inline_system=any(message["role"] == "system" for message in sent["messages"]),
    )
    own = json.loads(WIRE.write_request(request, profile, ENDPOINT).body)
    yield Outcome("request, own dialect", recording, difference(_asked(sent), _asked(own)))
    lines = msgspec.structs.replace(request, lines=(*request.lines,))
    assert lines.lines is not request.lines
    moved = json.loads(WIRE.write_request(lines, profile, ENDPOINT).body)
    yield Outcome("request, lines kept", recording, difference(_asked(sent), _asked(moved)))
    anew = msgspec.structs.replace(request, source=None)
    try:
        fresh = json.loads(WIRE.write_request(anew, profile, ENDPOINT).body)
    except InvalidRequest as error:
        yield Outcome("request, written anew", recording, f"refused: {error.message}")
        return
    yield Outcome("request, written anew", recording, difference(meaning(sent), meaning(fresh)))


def _asked(sent: Document) -> Document:
    kept = {name: value for name, value in sent.items() if name not in ("model", "stream")}
    return {**kept, "stream": bool(sent.get("stream"))}


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────

REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "request, written anew",
        r'^\.thinking is new: {"type": "adaptive"}$',
        "An effort without thinking is, in the vocabulary, an effort: the model is let think as much as that.",
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
    for recording in recordings(root, "anthropic.messages"):
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


def main() -> None:
    """Print the table, and every difference with its reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only recordings whose name contains this")
    options = parser.parse_args()
    root = folder()
    if root is None:
        sys.exit("PODIUM_TEST_DATA names no folder with recordings.")
    tallies: dict[str, Tally] = defaultdict(Tally)
    different: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes(root, options.only):
        tallies[outcome.check].add(outcome)
        if outcome.difference:
            different[reason_for(outcome) or "FAULT"].append(outcome)
    print("| check                  |  total |   same |          | meant  | fault  |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, tally in tallies.items():
        print(f"| {name:22} | {tally.row} |")
    for reason, found in different.items():
        print(f"\n{reason} ({len(found)})\n")
        for outcome in found:
            print(f"- {outcome.check}: `{outcome.recording.name}`: {outcome.difference}")


if __name__ == "__main__":
    main()

"""Recorded requests translated from each wire to each other, and what becomes of their meaning.

`python -m tests.wires.translation` prints the counts and every request that did not arrive; the counts stand in
docs/conformance.md. What a request means is read from its JSON and from the JSON that is written by the modules of
`translated/`, which know nothing of the wires; whether a host would take it is asked of the official SDKs' own types.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import described
from podium.config.families import FAMILIES
from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.request import Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Outgoing, Wire
from tests.wires.gemini.recorded import recordings as gemini_recordings
from tests.wires.recorded import folder, recordings
from tests.wires.translated.accepted import refused
from tests.wires.translated.anthropic_form import anthropic_form
from tests.wires.translated.compare import beyond, changes, unable
from tests.wires.translated.form import Form
from tests.wires.translated.gemini_form import gemini_form
from tests.wires.translated.openai_form import openai_form

WIRES: Mapping[str, Wire] = {"openai_chat": OpenAIChat(), "anthropic": Anthropic(), "gemini": Gemini()}
MODELS = {"openai_chat": "gpt-5-mini", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
OTHERS = {
    "openai_chat": ("gpt-4o", "gpt-4.1", "o3", "o3-mini", "o1-mini", "gpt-4o-audio-preview", "unheard-of"),
    "anthropic": (
        *("claude-opus-4-1", "claude-haiku-4-5", "claude-3-5-haiku", "claude-opus-4-8", "claude-opus-5-5"),
        *("claude-sonnet-5-5", "claude-2.1", "unheard-of"),
    ),
    "gemini": ("gemini-2.5-pro", "gemini-2.0-flash", "gemini-3-pro", "gemini-2.5-flash-image", "unheard-of"),
}
"""Models that differ in what they take; of the last nothing is known."""
FORMS = {"openai_chat": openai_form, "anthropic": anthropic_form, "gemini": gemini_form}

SAME, NAMED, REFUSED, CHANGED, NEEDLESS, UNREAD = (
    "the same",
    "hint dropped",
    "refused",
    "changed",
    "needless",
    "not read",
)
"""What can become of a request; the last one is no request of its own dialect either."""


@dataclass(frozen=True)
class Sent:
    """A recorded request, and what the path and the headers say of it."""

    name: str
    wire: str
    body: dict[str, Any]
    path: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of one request on its way to a host of `target`, and why; `param` is the member that was refused."""

    sent: Sent
    target: str
    verdict: str
    reason: str = ""
    param: str | None = None


def requests(root: Path) -> Iterator[Sent]:
    """Every recorded request of the three wires."""
    for recording in recordings(root):
        if recording.request is not None:
            body = {**recording.request, "model": recording.request.get("model") or "m"}
            yield Sent(recording.name, "openai_chat", body, {})
    for recording in recordings(root, "anthropic.messages"):
        if recording.request is not None:
            yield Sent(recording.name, "anthropic", recording.request, {})
    for asked in gemini_recordings(root):
        if asked.request is not None:
            path = {"model": asked.model, "action": asked.action}
            yield Sent(asked.name, "gemini", asked.request, path)


def translate(sent: Sent, target: str, model: str = "") -> Outcome:
    """Read a request as its own door does, and write it for a model of another wire's host."""
    try:
        request: Request = WIRES[sent.wire].read_request(sent.path, json.dumps(sent.body).encode())
    except InvalidRequest as error:
        return Outcome(sent, target, UNREAD, error.message)
    form = FORMS[sent.wire](sent.body)
    profile = described("host", model or MODELS[target], FAMILIES)
    cannot = beyond(form, target) | unable(
        form, media=profile.media, tools=profile.tools, forced=profile.forced_choice
    )
    endpoint = Endpoint(name="host", wire=target, base_url="http://host.invalid")
    try:
        outgoing = WIRES[target].write_request(request, profile, endpoint)
    except Inexpressible as error:
        if cannot:
            return Outcome(sent, target, REFUSED, ", ".join(sorted(cannot)), error.param)
        return Outcome(sent, target, NEEDLESS, f"{error.param}: {error.message}")
    if profile.output_limit is not None and form.drawn.get("max_output"):
        form.drawn["max_output"] = min(form.drawn["max_output"], profile.output_limit)  # no host gives more
    return _arrived(sent, target, form, outgoing)


def _arrived(sent: Sent, target: str, form: Form, outgoing: Outgoing) -> Outcome:
    """What a host is asked, held against what the client asked."""
    written = json.loads(outgoing.body)
    wrong = refused(target, written)
    if wrong:
        return Outcome(sent, target, CHANGED, f"the SDK does not take it: {wrong}")
    named, silent = changes(form, FORMS[target](written, ours=True), target, outgoing.dropped)
    if silent:
        return Outcome(sent, target, CHANGED, "; ".join(silent)[:600])
    if named:
        return Outcome(sent, target, NAMED, "; ".join(named)[:600])
    return Outcome(sent, target, SAME, ", ".join(outgoing.dropped))


def outcomes(
    root: Path, only: str = "", source: str = "", target: str = "", *, model: str = ""
) -> Iterator[Outcome]:
    """Every recorded request to each of the other wires; `model` is the one that is asked at hosts of `target`."""
    for sent in requests(root):
        if only not in sent.name or source not in ("", sent.wire):
            continue
        for each in WIRES:
            if each != sent.wire and target in ("", each):
                yield translate(sent, each, model)


def table(tallies: Mapping[str, Counter[str]]) -> str:
    """The counts as a table in Markdown. `arrive` is the share of those that can be said on the other wire."""
    kinds = (SAME, NAMED, REFUSED, NEEDLESS, CHANGED)
    lines = [
        f"| from → to | total | {' | '.join(kinds)} | arrive |",
        f"| --- {'| ---: ' * (len(kinds) + 2)}|",
    ]
    for way, tally in tallies.items():
        total = sum(tally[kind] for kind in kinds)
        sayable = total - tally[REFUSED]
        share = 100 * (tally[SAME] + tally[NAMED]) / sayable if sayable else 100.0
        counts = " | ".join(str(tally[kind]) for kind in kinds)
        lines.append(f"| {way} | {total} | {counts} | {share:.2f} % |")
    return "\n".join(lines)


def tallied(found: Iterator[Outcome]) -> tuple[dict[str, Counter[str]], dict[str, list[Outcome]]]:
    """The counts by way, and the outcomes by verdict and reason."""
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    by_reason: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        way = f"{outcome.sent.wire} → {outcome.target}"
        tallies[way][outcome.verdict] += 1
        tallies["all"][outcome.verdict] += 1
        if outcome.verdict != SAME:
            by_reason[f"{outcome.verdict}: {way}: {outcome.reason}"].append(outcome)
    tallies["all"] = tallies.pop("all", Counter())
    return tallies, by_reason


def main() -> None:
    """Print the table, and what became of the requests that did not arrive as they were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only recordings whose name contains this")
    parser.add_argument("--source", default="", help="only from this wire")
    parser.add_argument("--target", default="", help="only to this wire")
    parser.add_argument("--model", default="", help="the model that is asked, for --target")
    options = parser.parse_args()
    if options.model and not options.target:
        parser.error("--model needs --target")
    root = folder()
    if root is None:
        sys.exit("PODIUM_TEST_DATA names no folder with recordings.")
    tallies, by_reason = tallied(
        outcomes(root, options.only, options.source, options.target, model=options.model)
    )
    print(table(tallies))
    for reason, found in sorted(
        by_reason.items(), key=lambda each: (each[0].partition(":")[0], -len(each[1]))
    ):
        print(f"\n{reason} ({len(found)})")
        for outcome in found[:3]:
            print(f"- `{outcome.sent.name}`")


if __name__ == "__main__":
    main()

"""The little language of rules: `[[word …]]` in a prompt, in the header `x-simulate`, or in a script's answer.

`read` turns a text into members of a `Plan`, one set for each round of tool calls. What looks like a rule but begins
with no known word is plain text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from podium.errors import InvalidRequest
from podium.simulator.plan import Fault, Plan, Wanted

Members = dict[str, object]

_OPEN = re.compile(r"\[\[\s*(?=(?P<word>[a-z]+)(?P<equals>=)?)")
_PAIR = re.compile(r"([a-z-]+)=(\S+)")
_WORDS = {"say", "recall", "reason", "refuse", "call", "fault", "next", "forever"}
_NUMBERS = {"tokens", "rate", "first", "chunk", "cached", "usage", "finish"}


@dataclass(frozen=True, slots=True)
class Round:
    """What is to be done between two rounds of tool calls: members of a plan, and the words outside of rules."""

    members: Members = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a text asks for. `forever`: the last round is played again and again."""

    rounds: tuple[Round, ...] = (Round(),)
    forever: bool = False

    @property
    def text(self) -> str:
        """The words outside of rules."""
        return " ".join(each.text for each in self.rounds if each.text)

    def after(self, played: int) -> Round:
        """What follows so many rounds of tool calls; nothing special when the rounds are used up."""
        if self.forever:
            played = min(played, len(self.rounds) - 1)
        return self.rounds[played] if played < len(self.rounds) else Round()


def plan_of(members: Mapping[str, object]) -> Plan:
    """The plan with these members.

    Raises:
        InvalidRequest: a value is none.
    """
    try:
        return msgspec.convert(members, Plan, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"A rule of the simulator is wrong: {error}") from None


def read(text: str) -> Rules:
    """The rules in a text.

    Raises:
        InvalidRequest: a rule begins well and goes wrong.
    """
    rounds: list[tuple[Members, list[str]]] = [({}, [])]
    forever, at = False, 0
    for start in _OPEN.finditer(text):
        known = _NUMBERS if start["equals"] else _WORDS
        if start["word"] not in known or start.start() < at:
            continue
        rounds[-1][1].append(text[at : start.start()])
        word = "" if start["equals"] else start["word"]
        argument, at = _argument(word, text, start.end() + len(word))
        if word == "next":
            rounds.append(({}, []))
        elif word == "forever":
            forever = True
        else:
            _add(rounds[-1][0], word, argument)
    rounds[-1][1].append(text[at:])
    return Rules(
        tuple(Round(members, " ".join("".join(words).split())) for members, words in rounds), forever
    )


def read_header(value: str) -> Rules:
    """The rules in a header: in brackets, or one without."""
    return read(value if "[[" in value else f"[[{value}]]")


def _argument(word: str, text: str, at: int) -> tuple[str, int]:
    """The text of a rule after its word, and where the rule ends. JSON may hold `]]` itself."""
    scan = at
    if word == "call" and (brace := re.compile(r"\s*\S+\s*(?=\{)").match(text, at)):
        try:
            _, scan = json.JSONDecoder().raw_decode(text, brace.end())
        except ValueError:
            scan = at  # told to be wrong JSON, or meant to be: the tool's problem
    end = text.find("]]", scan)
    if end < 0:
        raise InvalidRequest(f"A rule of the simulator has no end: {text[at : at + 40]!r}")
    return text[at:end].strip(), end + 2


def _add(members: Members, word: str, argument: str) -> None:
    match word:
        case "":
            members.update(_PAIR.findall(argument))
        case "say":
            members["say"] = argument
        case "recall":
            members["recall"] = True
        case "reason":
            members["reason"] = argument
        case "refuse":
            members["refuse"] = argument or "I will not answer that."
        case "call":
            name, _, arguments = argument.partition(" ")
            calls = members.setdefault("calls", [])
            assert isinstance(calls, list)  # noqa: S101 – narrows a type that the line above has settled
            calls.append(Wanted(name, arguments.strip() or None))
        case "fault":
            members["fault"] = _fault(argument)


def _fault(argument: str) -> Fault:
    kind, _, rest = argument.partition(" ")
    members: Members = dict(_PAIR.findall(rest))
    members |= {"kind": "status", "status": kind} if kind.isdigit() else {"kind": kind}
    try:
        return msgspec.convert(members, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The simulator knows no fault like {argument!r}: {error}") from None

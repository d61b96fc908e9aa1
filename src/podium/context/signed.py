"""What hosts sign around the calls of tools, kept for clients that give back nothing of it but the calls' ids.

Some hosts refuse the result of a call whose thinking, or whose own signature, has not come back with it. What an answer
signed is kept with its turn, by (tenant, call id), for 24 hours; where a request's line has calls and no signature, it
is put back, each to the call that it stood before. A call is known by its id, its name and its arguments: some hosts
give the same ids to calls again and again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from podium.store.database import Database
from podium.vocabulary.part import Part, Reasoning, Text, ToolCall
from podium.vocabulary.request import Line

_LONGEST_ID = 512
_HERE = Text("")
"""Stands for all that was said between two calls and is not kept."""


class Block(Struct, frozen=True):
    """One call and what was signed around it: `parts` are the host's, without the call's arguments.

    `said` tells the call's name and arguments, whichever way these are written.
    """

    said: str
    parts: tuple[Part, ...]


_encoder = msgspec.json.Encoder()
_block = msgspec.json.Decoder(Block)


def signed_blocks(parts: Sequence[Part]) -> dict[str, Block]:
    """The blocks of an answer, by call id; none where nothing was signed or nothing is called."""
    calls = [at for at, part in enumerate(parts) if isinstance(part, ToolCall)]
    if not calls or not _is_signed(parts):
        return {}
    blocks = {}
    for number, at in enumerate(calls):
        begin = calls[number - 1] + 1 if number else 0
        end = at + 1 if at != calls[-1] else len(parts)
        call = parts[at]
        assert isinstance(call, ToolCall)  # noqa: S101 - narrows what `calls` has settled
        around = tuple(_kept(parts[begin:end]))
        if _is_signed(around) and _is_fit(call.id):
            blocks[call.id] = Block(_said(call), around)
    return blocks


def unsigned_calls(lines: Iterable[Line]) -> list[str]:
    """The ids of the calls in lines that hold calls and nothing signed."""
    ids = [
        part.id
        for line in lines
        if line.role == "assistant" and not _is_signed(line.parts)
        for part in line.parts
        if isinstance(part, ToolCall) and _is_fit(part.id)
    ]
    return list(dict.fromkeys(ids))


def restored(lines: tuple[Line, ...], blocks: Mapping[str, Block]) -> tuple[Line, ...]:
    """The lines with what was signed around their calls; those without such calls stay the same objects."""
    if not blocks:
        return lines
    return tuple(
        _restored(line, blocks) if line.role == "assistant" and not _is_signed(line.parts) else line
        for line in lines
    )


def encode_blocks(blocks: Mapping[str, Block]) -> str | None:
    """Blocks as the database takes them; None where there are none."""
    if not blocks:
        return None
    rows = [{"id": call_id, "block": _encoder.encode(block).decode()} for call_id, block in blocks.items()]
    return _encoder.encode(rows).decode()


async def find_blocks(database: Database, tenant: str, call_ids: Sequence[str]) -> dict[str, Block]:
    """What is kept of these calls of a tenant's.

    Raises:
        Unavailable: the database does not answer.
    """
    rows = await database.fetch("SELECT call_id, block FROM signed_find($1, $2)", tenant, call_ids)
    return {row["call_id"]: _block.decode(row["block"]) for row in rows}


def _kept(parts: Sequence[Part]) -> Iterable[Part]:
    """The signed reasoning, the call without its arguments, and one mark for the rest before it."""
    marked = False
    for part in parts:
        match part:
            case Reasoning(signature=signature) if signature is not None:
                yield part
            case ToolCall():
                marked = True
                yield ToolCall(part.id, part.name, "", signature=part.signature)
            case Reasoning():
                pass
            case _ if not marked:
                marked = True
                yield _HERE


def _restored(line: Line, blocks: Mapping[str, Block]) -> Line:
    parts: list[Part] = []
    before: list[Part] = []
    for part in line.parts:
        if not isinstance(part, ToolCall):
            before.append(part)
            continue
        block = blocks.get(part.id)
        if block is None or block.said != _said(part):
            parts.extend([*before, part])
        else:
            parts.extend(_around(block, before, part))
        before = []
    parts.extend(before)
    if len(parts) == len(line.parts) and all(a is b for a, b in zip(parts, line.parts, strict=True)):
        return line
    return msgspec.structs.replace(line, parts=tuple(parts))


def _around(block: Block, before: list[Part], call: ToolCall) -> Iterable[Part]:
    """The block with the client's own call, and in its place what the client has before it, but for unsigned thoughts.

    What was signed behind a text that the client left out is left out as well: it may have been the text's own.
    """
    spoken = [part for part in before if not isinstance(part, Reasoning)]
    met = called = False
    for part in block.parts:
        if part == _HERE:
            met = True
            yield from spoken
        elif isinstance(part, ToolCall):
            if not met:
                yield from spoken
            called = True
            yield msgspec.structs.replace(call, signature=part.signature)
        elif not met or spoken or called:
            yield part


def _is_signed(parts: Iterable[Part]) -> bool:
    return any(isinstance(part, Reasoning | ToolCall) and part.signature is not None for part in parts)


def _is_fit(call_id: str) -> bool:
    return 0 < len(call_id) <= _LONGEST_ID and "\0" not in call_id


def _said(call: ToolCall) -> str:
    """The call's name and arguments, whatever a client's JSON makes of white space, order, and 1.0 for 1."""
    try:
        said = json.dumps(json.loads(call.arguments or "{}", parse_float=_number), sort_keys=True)
    except (ValueError, RecursionError):
        said = call.arguments
    return hashlib.blake2b(f"{call.name}\n{said}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value

"""What the ledger must say of every call that a model's host served: the table of docs/money.md, as a check.

All answers of a run are beginnings of one text, so what was sent of each is known by its length.

    assert not (await reckon(book, host.oracle.calls, PRICE)).differences
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podium.catalogue.profile import Price
from podium.ledger.tariff import cost
from podium.simulator import Served
from podium.simulator.answer import _prose
from podium.tokens.count import count_text
from podium.vocabulary.usage import Usage
from tests.ledger.book import Book

MODEL = "small"
PROSE = _prose(10_000)
"""What the simulator says where it is asked for so many tokens."""

_NET = """
SELECT e.id, e.turn_id, e.held, e.succeeded, e.milliseconds, e.amount + coalesce(c.amount, 0)::bigint AS amount,
       coalesce(c.source, e.usage_source) AS source, coalesce(c.usage[1], e.input) AS input,
       coalesce(c.usage[2], e.cached_input) AS cached_input, coalesce(c.usage[4], e.output) AS output,
       coalesce(s.amount, 0) AS suspense, coalesce(c.times, 0)::int AS corrections
  FROM ledger_entries e
  LEFT JOIN LATERAL (SELECT sum(k.amount) AS amount, count(*) AS times,
                            (array_agg(k.usage_source ORDER BY k.seq DESC))[1] AS source,
                            (SELECT l.usage FROM ledger_corrections l WHERE l.entry_id = e.id
                              ORDER BY l.seq DESC LIMIT 1) AS usage
                       FROM ledger_corrections k WHERE k.entry_id = e.id) c ON true
  LEFT JOIN suspenses s ON s.entry_id = e.id
"""


@dataclass
class Reckoning:
    """Host and ledger side by side. `corrected` of the attempts were known better later; amounts in nano-dollars."""

    served: int = 0
    entered: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    corrected: int = 0
    amount: int = 0
    differences: list[str] = field(default_factory=list)


async def reckon(
    book: Book, calls: Iterable[Served], price: Price, heard: Mapping[str, str] | None = None
) -> Reckoning:
    """Hold the ledger against what the host served, attempt by attempt. All answers must be beginnings of `PROSE`.

    `heard` is what clients heard of turns, by the turns' ids: at least that is charged.
    """
    rows = await book.rows(_NET)
    found = Reckoning(entered=len(rows), sources=Counter(row["source"] for row in rows))
    found.corrected = sum(row["corrections"] > 0 for row in rows)
    found.amount = sum(row["amount"] for row in rows)
    by_id: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_id[row["id"]].append(row)
    for call in calls:
        found.served += 1
        entries = by_id.pop(call.attempt or "", [])
        if len(entries) != 1:
            found.differences.append(f"served once, entered {len(entries)} times: {call}")
            continue
        sent = PROSE[: call.characters]
        told = (
            _refused(entries[0])
            if (call.status or 200) >= 400
            else await _owed(entries[0], call, price, sent)
        )
        found.differences += [f"{each}: {entries[0]} for {call}" for each in told]
    for row in (row for left in by_id.values() for row in left):
        if len(by_id[row["id"]]) != 1 or row["amount"] or row["source"] != "none":
            found.differences.append(f"entered and never served: {row}")
    found.differences += await _unheard(rows, heard or {})
    return found


def _refused(entry: dict[str, Any]) -> list[str]:
    free = entry["suspense"] == 0 or _is_unknown(entry)
    return [] if free and (entry["source"], entry["amount"]) == ("none", 0) else ["refused and not free"]


def _is_unknown(entry: dict[str, Any]) -> bool:
    """Whether it was settled by who took it over, and could not know."""
    return bool(entry["milliseconds"] == 0 and entry["suspense"] == entry["held"])


async def _owed(entry: dict[str, Any], call: Served, price: Price, sent: str) -> list[str]:
    amount, suspense, held = entry["amount"], entry["suspense"], entry["held"]
    wrong = ["more than was held for it"] if amount + suspense > held else []
    usage = Usage(input=entry["input"], cached_input=entry["cached_input"], output=entry["output"])
    if entry["source"] == "provider":
        if (amount, suspense) != (cost(call.usage, price), 0):
            wrong.append(f"not what the host counted, {cost(call.usage, price)}")
    elif entry["source"] == "none":
        if amount or not (0 < suspense < held or _is_unknown(entry)):
            wrong.append(
                "nothing came of it, and it is not what its input costs that waits, nor all that was held"
            )
    else:
        most = (await count_text(sent, MODEL)).tokens + 1  # a word that was cut in two may be counted as two
        if amount != cost(usage, price) or entry["output"] > most:
            wrong.append(f"not by our own count, which is {most} at the most")
        if suspense != (0 if entry["succeeded"] else held - amount):
            wrong.append("not the rest of what was held waits")
    return wrong


async def _unheard(rows: list[dict[str, Any]], heard: Mapping[str, str]) -> list[str]:
    """Turns of which less is charged than was heard."""
    charged: Counter[str] = Counter()
    for row in rows:
        if row["source"] == "estimate":
            charged[row["turn_id"]] += row["output"]
    counts = {turn: (await count_text(heard[turn], MODEL)).tokens for turn in charged if turn in heard}
    return [
        f"{turn} said {count} tokens, and {charged[turn]} are charged"
        for turn, count in counts.items()
        if charged[turn] < count - 1
    ]

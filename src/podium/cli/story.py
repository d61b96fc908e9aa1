"""A turn's explanation as a person reads it, in 80 columns."""

import textwrap
from datetime import datetime

from podium.cli.client import Json

_WIDTH = 80
_LABEL = 10
_LOST = "What it decided, called and used was known to that server alone."


def tell_story(story: Json) -> str:
    """What `GET /v1/turns/{id}/explain` answers, as lines."""
    turn = story["turn"]
    is_kept = turn["conversation_id"] or story["decisions"] or story["attempts"]
    if turn["status"] == "interrupted" and not is_kept:
        return "\n".join((*_beginning(turn), *_line("Error", _error(turn["error"])), *_line("", _LOST)))
    lines = [
        *_beginning(turn),
        *_line("Model", turn["model"] or "none was chosen"),
        *_line("Tokens", _tokens(turn["usage"]) if story["attempts"] else "none"),
        *_line("Cost", _cost(turn)),
        *(_line("Answer", _cut(turn["output_text"])) if turn["output_text"] else ()),
        *(_line("Error", _error(turn["error"])) if turn["error"] else ()),
        "",
        "Why",
    ]
    for each in story["decisions"]:
        lines += _line(f"  {each['step']}", f"{each['chosen']}: {each['reason']}")
        others = [name for name in each.get("candidates", ()) if name != each["chosen"]]
        lines += _line("", f"also possible: {', '.join(others)}") if others else []
        dropped = each.get("dropped", ())
        lines += _line("", f"left out: {', '.join(dropped)}") if dropped else []
    if not story["decisions"]:
        lines += _line("", "Nothing had to be decided.")
    lines += ["", "Attempts"]
    for number, attempt in enumerate(story["attempts"], 1):
        lines += _line(f"  {number}", _attempt(attempt))
    if not story["attempts"]:
        lines += _line("", "No host was called.")
    return "\n".join(lines)


def _beginning(turn: Json) -> list[str]:
    return [
        *_line("Turn", turn["id"]),
        *_line("", f"{_outcome(turn)}{_took(turn)}"),
        *_line("Asked", _moment(turn["created_at"]) + _where(turn)),
    ]


def _line(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}} ",
        subsequent_indent=" " * (_LABEL + 1),
        break_on_hyphens=False,
    ) or [label]


def _outcome(turn: Json) -> str:
    reason = turn["finish_reason"]
    return f"{turn['status']} ({reason})" if reason and reason != "stop" else str(turn["status"])


def _took(turn: Json) -> str:
    if not (turn["started_at"] and turn["ended_at"]):
        return ""
    waited = _seconds(turn["created_at"], turn["started_at"])
    return f" in {_seconds(turn['started_at'], turn['ended_at']):.2f} s" + (
        f", after {waited:.2f} s in the queue" if waited >= 0.01 else ""
    )


def _seconds(start: str, end: str) -> float:
    return (_read(end) - _read(start)).total_seconds()


def _read(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _moment(text: str) -> str:
    return _read(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _where(turn: Json) -> str:
    return f" in {turn['conversation_id']}" if turn["conversation_id"] else ", outside any conversation"


def _tokens(usage: Json | None) -> str:
    if usage is None:
        return "not known"
    into = sum(usage[name] for name in ("input", "cached_input", "cache_write", "audio_input", "tool_use"))
    into += usage.get("cache_write_hour", 0)  # newer than some turns that are kept
    out = sum(usage[name] for name in ("output", "reasoning", "audio_output"))
    cached = f" ({usage['cached_input']} from the host's cache)" if usage["cached_input"] else ""
    reasoning = f" ({usage['reasoning']} of them reasoning)" if usage["reasoning"] else ""
    return f"{into} in{cached}, {out} out{reasoning}"


def _cost(turn: Json) -> str:
    told = turn["cost_info"]
    if told is None:
        return "not known" if turn["cost"] is None else f"${turn['cost']}"
    if told["tracking_status"] == "failed":
        why = (
            "podium.toml has no price for this model"
            if turn["usage"]
            else "its host did not tell what it used"
        )
        return f"not known: {why}"
    after = {"estimated": " (estimated)", "pending": " so far"}.get(told["tracking_status"], "")
    warned = "".join(f". {each}" for each in told["budget_warnings"])
    return f"${told['total_cost']}{after}{warned}"


def _cut(text: str) -> str:
    return textwrap.shorten(text, 2 * (_WIDTH - _LABEL), placeholder=" …")


def _error(error: Json) -> str:
    return f"{error['message']} ({error['code']})" + (f" {error['hint']}" if error.get("hint") else "")


def _attempt(attempt: Json) -> str:
    started, ended, failed = attempt["started"], attempt["ended"], attempt["failed"]
    who = f"{started['endpoint']}/{started['model']}"
    if failed is not None:
        again = "; another try could help" if failed.get("retryable") else ""
        status = f", status {failed['status']}" if failed.get("status") else ""
        took = failed.get("milliseconds")
        after = "a time that nobody knows" if took is None else f"{took} ms"
        return (
            f"{who} failed after {after}: {failed['message']}"
            f" ({failed['code']}{status}{again}){_spent(failed)}"
        )
    if ended is None:
        return f"{who} has not ended: it still runs, or its server died"
    first = ended.get("first_byte_milliseconds")
    began = f", the first byte after {first} ms" if first is not None else ""
    return f"{who} answered in {ended['milliseconds']} ms{began}{_spent(ended)}"


def _spent(end: Json) -> str:
    if end.get("usage") is None:
        return ""
    estimated = " (estimated)" if end.get("usage_source") == "estimate" else ""
    cost = f", ${end['cost']}" if end.get("cost") else ""
    return f"; {_tokens(end['usage'])}{estimated}{cost}"

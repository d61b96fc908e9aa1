"""Figures, what they are judged by, and how they are shown."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from bench.load import Run

RELAY_US = 120.0  # what the relay takes a call on two quiet cores: the limits in µs suppose such a machine


@dataclass(frozen=True)
class Asked:
    """What is asked of a figure: bounds of the figure itself, or of its ratio to the relay's."""

    limit: float | None = None
    goal: float | None = None
    of: Literal["value", "ratio"] = "value"


NOTHING = Asked()


@dataclass(frozen=True)
class Figure:
    """One line of the table: a median, the lowest and the highest of its measurements."""

    name: str
    unit: str
    measured: float
    lowest: float
    highest: float
    asked: Asked
    relay: float | None = None
    errors: int = 0
    void: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Times the relay's."""
        return self.measured / self.relay if self.relay else None

    @property
    def verdict(self) -> str:
        """`goal`, `ok`, `over`; `void` (the generator lagged), `errors` (calls failed) or `-` (nothing is asked)."""
        judged = self.ratio if self.asked.of == "ratio" else self.measured
        if self.errors:
            return "errors"
        if self.void:
            return "void"
        if self.asked.limit is None or judged is None:
            return "-"
        if judged > self.asked.limit:
            return "over"
        return "goal" if self.asked.goal is not None and judged <= self.asked.goal else "ok"


def of_values(
    name: str,
    unit: str,
    values: Sequence[float],
    asked: Asked = NOTHING,
    *,
    note: str = "",
    relay: float | None = None,
) -> Figure:
    """A figure from its measurements; `relay` is what the relay took a call in the same run."""
    measured = statistics.median(values)
    if relay is not None and asked.limit is not None:
        note += f"; {measured * RELAY_US / relay:.3g} {unit} where the relay takes {RELAY_US:.0f} µs"
    return Figure(
        name=name,
        unit=unit,
        measured=measured,
        lowest=min(values),
        highest=max(values),
        asked=asked,
        note=note,
    )


def of_runs(
    name: str, runs: Sequence[Run], floor: Sequence[Run] = (), asked: Asked = NOTHING, *, note: str = ""
) -> Figure:
    """The server's CPU a unit, beside the relay's where it ran too."""
    return _of(name, [run.unit_us for run in runs], (runs, floor), asked, note)


def of_postgres(
    name: str, runs: Sequence[Run], floor: Sequence[Run] = (), asked: Asked = NOTHING, *, note: str = ""
) -> Figure:
    """The CPU of all of Postgres a unit. The relay, which has none, tells how fast the machine was."""
    return _of(name, [run.unit_postgres_us for run in runs], (runs, floor), asked, note)


def _of(
    name: str, values: Sequence[float], runs: tuple[Sequence[Run], Sequence[Run]], asked: Asked, note: str
) -> Figure:
    both = [*runs[0], *runs[1]]
    relay = statistics.median(run.unit_us for run in runs[1]) if runs[1] else None
    measured = statistics.median(values)
    if relay is not None and asked.of == "value" and asked.limit is not None:
        note += f"; {measured * RELAY_US / relay:.0f} µs where the relay takes {RELAY_US:.0f}"
    return Figure(
        name=name,
        unit="µs",
        measured=measured,
        lowest=min(values),
        highest=max(values),
        asked=asked,
        relay=relay,
        errors=sum(run.errors for run in both),
        void=not all(run.counts for run in both),
        note=note,
    )


def as_json(figure: Figure) -> dict[str, object]:
    """Everything about a figure."""
    return {**asdict(figure), "ratio": figure.ratio, "verdict": figure.verdict}


def show(figures: Sequence[Figure]) -> str:
    """The table, aligned; it reads as Markdown too."""
    head = ("figure", "measured", "range", "relay", "ratio", "limit", "goal", "", "note")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    unit = "×" if figure.asked.of == "ratio" else figure.unit
    failed = f"{figure.errors} failed; " if figure.errors else ""
    return (
        figure.name,
        _with(figure.measured, figure.unit),
        f"{_number(figure.lowest)} to {_number(figure.highest)}",
        _with(figure.relay, figure.unit),
        _with(figure.ratio, "×"),
        _with(figure.asked.limit, unit),
        _with(figure.asked.goal, unit),
        figure.verdict,
        failed + figure.note,
    )


def _with(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_number(value)} {unit}"


def _number(value: float) -> str:
    if abs(value) < 0.005:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"

"""Whether a turn costs the same however long its conversation has become."""

from bench.lab import Lab
from bench.load import Run, keep_busy, p50
from bench.table import Asked, Figure, of_values

_LENGTHS = (10, 100, 1000)
_CONVERSATIONS = 8
_SMALL_WINDOW, _LARGE_WINDOW = (
    "lab/words-100",
    "lab/words-101",
)  # 4,096 and 128,000 tokens, as podium.toml says
_TEXT = " ".join(["A question of about the length that people type into a chat, with some context."] * 5)


async def measure(lab: Lab) -> list[Figure]:
    """Turns of conversations of 10, 100 and 1,000 messages; where the window bounds what is sent, and where not."""
    conversations = {length: await lab.conversations(_CONVERSATIONS) for length in _LENGTHS}
    for length, each in conversations.items():
        await lab.fill(each, length, _SMALL_WINDOW, _TEXT)
    bounded = await _by_length(lab, conversations, _SMALL_WINDOW)
    unbounded = await _by_length(lab, conversations, _LARGE_WINDOW)
    return [
        *_compared(bounded, "window of 4,096", Asked(limit=1.2)),
        *_compared(unbounded, "window of 128,000", Asked()),
    ]


async def _by_length(lab: Lab, conversations: dict[int, list[str]], model: str) -> dict[int, list[Run]]:
    """Lengths in turn; few turns each, so that no conversation grows by much."""
    runs: dict[int, list[Run]] = {length: [] for length in _LENGTHS}
    for _ in range(lab.plan.rounds + 2):
        for length, each in conversations.items():
            runs[length].append(
                await keep_busy(lab.podium, [[lab.turn(one, model, _TEXT)] * 3 for one in each])
            )
    return runs


def _compared(lengths: dict[int, list[Run]], window: str, asked: Asked) -> list[Figure]:
    shortest = p50([run.unit_us for run in lengths[_LENGTHS[0]]])
    figures = []
    for length in _LENGTHS[1:]:
        server = p50([run.unit_us for run in lengths[length]])
        postgres = p50([run.unit_postgres_us for run in lengths[length]])
        figures.append(
            of_values(
                f"turn at {length} messages against {_LENGTHS[0]}, {window}",
                "×",
                [run.unit_us / shortest for run in lengths[length]],
                asked if length == _LENGTHS[-1] else Asked(),
                note=f"server {server:.0f} µs against {shortest:.0f}, Postgres {postgres:.0f} µs",
            )
        )
    return figures

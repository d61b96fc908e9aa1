"""What a chunk costs on each wire: a host's stream, through the door of its own dialect."""

from bench.figures.stream import RATE, STREAMS, paced, stretch
from bench.lab import Lab
from bench.load import Run
from bench.table import Asked, Figure, of_runs

_MESSAGES = [{"role": "user", "content": "Say something about foxes."}]


async def measure(lab: Lab) -> list[Figure]:
    """Streams of the three wires in turn; each beside the cheapest, which stands where the relay does elsewhere."""
    model = paced(lab)
    calls = {
        "openai_chat": (
            "/v1/chat/completions",
            {"model": f"lab/{model}", "messages": _MESSAGES, "stream": True},
            b'"delta":{"content"',
        ),
        "anthropic": (
            "/v1/messages",
            {
                "model": f"lab-anthropic/{model}",
                "messages": _MESSAGES,
                "stream": True,
                "max_tokens": 1024,
            },
            b'"text_delta"',
        ),
        "gemini": (
            f"/v1beta/models/lab-gemini/{model}:streamGenerateContent?alt=sse",
            {"contents": [{"role": "user", "parts": [{"text": "Say something about foxes."}]}]},
            b'"parts":[{"text"',
        ),
    }
    runs: dict[str, list[Run]] = {wire: [] for wire in calls}
    for _ in range(lab.plan.rounds):
        for wire, (path, body, marker) in calls.items():
            request = lab.podium.client.request("POST", path, body)
            runs[wire].append(await stretch(lab, lab.podium, [request] * STREAMS, marker))
    cheapest = min(runs, key=lambda wire: sorted(run.unit_us for run in runs[wire])[lab.plan.rounds // 2])
    note = f"{STREAMS} streams, {RATE} chunks/s each; beside {cheapest}, not the relay"
    asked = Asked(limit=1.3, of="ratio")
    return [of_runs(f"streamed chunk, {wire}", runs[wire], runs[cheapest], asked, note=note) for wire in runs]

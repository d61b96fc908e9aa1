"""Whatever comes in another dialect is sent to OpenAI's hosts or refused by Podium's own errors."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podium.errors import CallerError, InvalidRequest
from tests.wires.asked import Json, sent

SMALL = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats(-1, 3)
    | st.sampled_from(["", "x", "auto", "text"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "a"]), inner)
    ),
    max_leaves=4,
)
BLOCKS = st.sampled_from(
    [
        {"type": "text", "text": "x"},
        {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "!"}},
        {"type": "image", "source": {"type": "url", "url": ""}},
        {"type": "document", "source": {"type": "text", "data": "x"}, "title": 1},
        {"type": "document", "source": {"type": "base64", "media_type": "text/csv", "data": "!"}},
        {"type": "document", "source": {"type": "content", "content": []}},
        {"type": "thinking", "thinking": "x", "signature": ""},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "tool_use", "id": "", "name": "f", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "", "content": [{"type": "x"}]},
        {"type": "tool_result", "tool_use_id": "a", "is_error": True},
        {"type": "unheard_of"},
    ]
)
PARTS = st.sampled_from(
    [
        {"text": "x"},
        {"text": "", "thoughtSignature": "AA=="},
        {"text": "x", "thought": True},
        {"inlineData": {"mimeType": "image/png", "data": "!"}},
        {"inlineData": {"mimeType": "text/plain", "data": "!"}},
        {"inlineData": {"data": "x"}},
        {"fileData": {"fileUri": "gs://x"}},
        {"functionCall": {"name": "f"}},
        {"functionCall": {"name": "f", "id": "x" * 50, "args": {}}},
        {"functionResponse": {"name": "f", "response": {"error": "x"}, "parts": [{"x": 1}]}},
        {"functionResponse": {"name": "g", "id": "a", "response": {}}},
        {"executableCode": {"code": ""}},
    ]
)


def _asked(members: dict[str, list[str]]) -> st.SearchStrategy[Json]:
    names = [*members, "unknown"]
    flat = st.dictionaries(st.sampled_from(names), SMALL, max_size=4)
    nested = st.fixed_dictionaries(
        {},
        optional={
            name: st.dictionaries(st.sampled_from(inner), SMALL, max_size=3)
            for name, inner in members.items()
            if inner
        },
    )
    return st.builds(lambda one, other: one | other, flat, nested)


ANTHROPIC = _asked(
    {
        **{name: [] for name in ("system", "temperature", "top_k", "stop_sequences", "metadata", "tools")},
        "thinking": ["type", "budget_tokens", "display"],
        "output_config": ["effort", "format", "x"],
        "tool_choice": ["type", "name", "disable_parallel_tool_use"],
    }
)
GEMINI = _asked(
    {
        **{name: [] for name in ("safetySettings", "labels", "cachedContent", "tools")},
        "systemInstruction": ["parts", "role"],
        "generationConfig": [
            *("temperature", "topK", "stopSequences", "thinkingConfig", "responseMimeType", "responseSchema"),
            *("responseModalities", "candidateCount", "response_logprobs", "x"),
        ],
        "toolConfig": ["functionCallingConfig", "x"],
    }
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.one_of(
        st.tuples(
            st.just("anthropic"),
            ANTHROPIC,
            st.lists(
                st.fixed_dictionaries(
                    {
                        "role": st.sampled_from(["user", "assistant", "system"]),
                        "content": st.lists(BLOCKS, max_size=4) | st.just("x"),
                    }
                ),
                max_size=4,
            ),
        ),
        st.tuples(
            st.just("gemini"),
            GEMINI,
            st.lists(
                st.fixed_dictionaries(
                    {
                        "role": st.sampled_from(["user", "model", "function"]),
                        "parts": st.lists(PARTS, max_size=4) | PARTS,
                    }
                ),
                max_size=4,
            ),
        ),
    )
)
@example(("gemini", {"generationConfig": {"responseModalities": "TEXT"}}, [{"role": "user", "parts": []}]))
def test_whatever_comes_is_sent_or_refused_by_name(asked: tuple[str, Json, list[Json]]) -> None:
    dialect, members, said_before = asked
    refused: CallerError | None = None
    body: Json = {}
    try:
        body, _ = sent(
            dialect, {**members, "messages" if dialect == "anthropic" else "contents": said_before}
        )
    except InvalidRequest as error:
        refused = error
    assert {"model", "messages"} <= body.keys() if refused is None else refused.message

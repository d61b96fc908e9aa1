"""What hosts of OpenAI's chat completions really do, each with the least body that does it."""

import json

import pytest

from podium.errors import Truncated
from podium.vocabulary.event import (
    AnswerStarted,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Audio, Image, Opaque, Reasoning, Refusal, Text, ToolCall, plain_text
from podium.vocabulary.usage import Usage
from tests.wires.streams import DONE, answer, chunk, document, event, finishes, read, stream

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def calls(body: bytes) -> list[tuple[str, str, str]]:
    parts = answer(body).choices[0].parts
    return [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def text(body: bytes) -> str:
    return plain_text(answer(body).choices[0].parts)


def test_usage_in_a_last_chunk_without_choices_is_taken() -> None:
    body = (
        chunk({"content": "Hi"}, usage=None)
        + chunk({}, "stop", usage=None)
        + event({"choices": [], "usage": USAGE})
        + DONE
    )
    assert answer(body).usage == Usage(input=9, output=4)


def test_usage_beside_the_finish_reason_is_taken() -> None:
    assert answer(chunk({"content": "Hi"}) + chunk({}, "stop", usage=USAGE) + DONE).usage == Usage(
        input=9, output=4
    )


def test_of_usage_in_every_chunk_the_last_counts_and_null_counts_are_nothing() -> None:
    first = {"prompt_tokens": 9, "completion_tokens": None, "total_tokens": 9}
    deltas = read(
        chunk({"content": "Hi"}, usage=first)
        + chunk({"content": "!"}, usage=USAGE)
        + chunk({}, "stop", usage=USAGE)
    )
    assert [delta.usage.output for delta in deltas if isinstance(delta, UsageSeen)] == [0, 4]
    assert answer(chunk({}, "stop", usage=first)).usage == Usage(input=9)


def test_the_id_is_not_taken_from_azures_empty_first_chunk() -> None:
    first = {
        "id": "",
        "model": "",
        "object": "",
        "created": 0,
        "choices": [],
        "prompt_filter_results": [{"x": 1}],
    }
    started = read(event(first) + stream({"content": "Hi"}))[0]
    assert isinstance(started, AnswerStarted)
    assert (started.id, started.model, started.created) == ("c1", "m-1", 7)
    assert started.extra is not None
    assert json.loads(bytes(started.extra.members["answer"])) == {"prompt_filter_results": [{"x": 1}]}


def test_two_finish_reasons_are_one_end_and_the_usage_between_them_is_kept() -> None:
    body = chunk({"content": "Hi"}) + chunk({}, "stop") + chunk({}, "stop", usage=USAGE) + DONE
    deltas = read(body)
    assert len(finishes(deltas)) == 1
    assert any(isinstance(delta, UsageSeen) for delta in deltas)


def test_each_of_several_choices_ends_by_itself() -> None:
    body = (
        chunk({"content": "a"})
        + chunk({"content": "b"}, index=1)
        + chunk({}, "stop", index=1)
        + chunk({}, "length")
        + DONE
    )
    assert [(choice.index, choice.finish) for choice in answer(body).choices] == [(0, "length"), (1, "stop")]


def test_text_beside_the_finish_reason_is_kept() -> None:
    assert text(chunk({"content": "Good "}) + chunk({"content": "day"}, "stop") + DONE) == "Good day"


def test_fragments_of_parallel_calls_are_put_together_by_index() -> None:
    body = stream(
        {
            "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]},
        {
            "tool_calls": [
                {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}
            ]
        },
        {
            "tool_calls": [
                {"index": 1, "function": {"arguments": "{}"}},
                {"index": 0, "function": {"arguments": ":1}"}},
            ]
        },
        finish="tool_calls",
    )
    assert calls(body) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    assert [delta.index for delta in read(body) if isinstance(delta, ToolCallCompleted)] == [1, 0]


def test_whole_calls_without_index_and_type_are_calls_each() -> None:
    entries = [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": "[]"}},
    ]
    assert calls(stream({"tool_calls": entries}, finish="tool_calls")) == [("a", "f", "{}"), ("b", "f", "[]")]


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": each, "function": {"name": "f", "arguments": "{}"}}]}
        for each in "ab"
    ]
    assert calls(stream(*deltas)) == [("a", "f", "{}"), ("b", "f", "{}")]


def test_a_name_that_comes_late_waits_with_its_arguments() -> None:
    body = stream(
        {"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{"}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "}"}}]},
    )
    assert calls(body) == [("a", "f", "{}")]


@pytest.mark.parametrize("content", [None, "", "Let me see."])
def test_content_beside_calls_may_be_anything(content: str | None) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    found = answer(document({"role": "assistant", "content": content, "tool_calls": [call]}, "tool_calls"))
    assert plain_text(found.choices[0].parts) == (content or "")
    assert calls(document({"tool_calls": [call]}, "tool_calls")) == [("a", "f", "{}")]


def test_a_finish_reason_that_denies_the_calls_is_known_for_what_it_is() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    (end,) = finishes(read(stream({"tool_calls": [call]}, finish="stop")))
    assert (end.reason, end.raw) == ("tool_calls", "stop")
    (end,) = finishes(read(document({"content": "Hi"}, "")))
    assert (end.reason, end.raw) == ("stop", "")


def test_an_empty_finish_reason_does_not_end_a_stream() -> None:
    with pytest.raises(Truncated):
        read(chunk({"content": "Hi"}, "") + DONE)


def test_placeholders_for_everything_unused_are_nothing() -> None:
    message = {
        "content": "4",
        "refusal": "",
        "function_call": {"name": "", "arguments": ""},
        "audio": {"id": "", "data": "", "expires_at": 0, "transcript": ""},
        "tool_calls": [],
    }
    assert answer(document(message)).choices[0].parts == (Text("4"),)
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "custom": {"name": "", "input": ""},
    }
    (part,) = answer(document({"tool_calls": [call]})).choices[0].parts
    assert isinstance(part, ToolCall)
    assert (part.kind, part.name) == ("function", "f")


def test_an_empty_answer_for_lack_of_tokens_has_no_parts() -> None:
    found = answer(document({"role": "assistant", "content": ""}, "length"))
    assert found.choices[0].parts == ()
    assert found.choices[0].finish == "length"


def test_arguments_may_be_absent_null_or_an_object() -> None:
    assert calls(document({"tool_calls": [{"id": "a", "function": {"name": "f"}}]})) == [("a", "f", "")]
    fragments = [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": None}},
        {"index": 0, "function": {"arguments": "{}"}},
    ]
    assert calls(stream(*({"tool_calls": [each]} for each in fragments))) == [("a", "f", "{}")]
    assert calls(
        document({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]})
    ) == [("a", "f", '{"x": 1}')]


def test_calls_without_ids_are_calls() -> None:
    entries = [
        {"id": "", "function": {"name": "f", "arguments": "{}"}},
        {"function": {"name": "g", "arguments": "{}"}},
    ]
    assert calls(document({"tool_calls": entries})) == [("", "f", "{}"), ("", "g", "{}")]


def test_tokens_that_only_the_total_knows_are_reasoning() -> None:
    found = answer(
        document({"content": "Hi"}, usage={"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})
    )
    assert found.usage == Usage(input=35, output=12, reasoning=62)


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_reasoning_beside_null_content_is_reasoning(member: str) -> None:
    body = stream(
        {"content": None, member: "Hm"}, {"content": None, member: "m."}, {"content": "4", member: None}
    )
    assert [type(delta) for delta in read(body)][1:4] == [ReasoningDelta, ReasoningDelta, TextDelta]
    thought, said = answer(body).choices[0].parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, said) == ("Hmm.", Text("4"))


def test_reasoning_under_both_names_is_said_once() -> None:
    body = stream(
        {"reasoning_content": "a", "reasoning": "a"},
        {"reasoning_content": "b", "reasoning": "b"},
        {"content": "4"},
    )
    assert [part.text for part in answer(body).choices[0].parts if isinstance(part, Reasoning)] == ["ab"]


def test_reasoning_details_stay_with_the_reasoning() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    body = stream({"reasoning": "Hm", "reasoning_details": details[:1]}, {"content": "4"})
    thought = answer(body).choices[0].parts[0]
    assert isinstance(thought, Reasoning)
    assert thought.extra is not None
    assert json.loads(bytes(thought.extra.members["message"])) == {"reasoning_details": details}


def test_mistrals_lists_of_thinking_and_text_are_reasoning_and_text() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    body = stream(
        {"content": [thinking]}, {"content": [thinking, {"type": "text", "text": "Th"}]}, {"content": "ree"}
    )
    thought, said = answer(body).choices[0].parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, said) == ("HmHm", Text("Three"))


def test_parts_of_content_without_a_word_are_kept_as_they_came() -> None:
    part = {"type": "reference", "reference_ids": [1]}
    (kept,) = answer(document({"content": [part]})).choices[0].parts
    assert isinstance(kept, Opaque)
    assert (kept.wire, json.loads(bytes(kept.value))) == ("openai_chat", part)


def test_groqs_usage_is_found_in_x_groq() -> None:
    usage = {**USAGE, "queue_time": 0.03, "total_time": 0.1}
    body = (
        chunk({"content": "Hi"}, x_groq={"id": "r"})
        + chunk({}, "stop", x_groq={"id": "r", "usage": usage})
        + DONE
    )
    found = answer(body)
    assert found.usage == Usage(input=9, output=4)
    assert found.host_usage is not None
    assert json.loads(bytes(found.host_usage.value)) == usage


def test_heartbeats_and_a_missing_done_are_fine() -> None:
    body = (
        b": OPENROUTER PROCESSING\n\n:\n\n" + chunk({"content": "Hi"}) + b": ping - 1\n\n" + chunk({}, "stop")
    )
    assert text(body) == "Hi"


def test_padding_is_kept_apart() -> None:
    assert (
        text(chunk({"content": "Hi"}, obfuscation="xyz", p="abc") + chunk({}, "stop", obfuscation="")) == "Hi"
    )


def test_the_models_own_name_for_itself_is_told() -> None:
    assert answer(document({"content": "Hi"}, model="other-2026")).model == "other-2026"


def test_all_text_so_far_beside_the_delta_is_not_said_twice() -> None:
    choices = [
        {"index": 0, "delta": {"content": each}, "message": {"content": all_}}
        for each, all_ in [("He", "He"), ("llo", "Hello")]
    ]
    body = b"".join(event({"id": "c", "choices": [each]}) for each in choices) + chunk({}, "stop")
    assert text(body) == "Hello"


def test_an_empty_delta_beside_a_documents_message_is_passed_over() -> None:
    choice = {"index": 0, "message": {"content": "Hello"}, "delta": {"content": ""}, "finish_reason": "stop"}
    assert text(json.dumps({"id": "c", "choices": [choice]}).encode()) == "Hello"


def test_a_document_in_an_event_and_a_document_for_a_stream_are_read_by_what_they_are() -> None:
    whole = document({"role": "assistant", "content": "Hello"})
    assert text(b"data: " + whole + b"\n\n") == text(b"\n \xef\xbb\xbf" + whole) == "Hello"


def test_an_object_for_content_is_its_json() -> None:
    assert text(document({"content": {"a": [1, "ü"]}})) == '{"a": [1, "\\u00fc"]}'


def test_half_a_surrogate_pair_is_a_replacement_character() -> None:
    body = b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83d"},"finish_reason":null}]}\n\n'
    body += b'data: {"choices":[{"index":0,"delta":{"content":"\\\\ud83d \\ud83d\\ude00"},"finish_reason":"stop"}]}\n\n'
    assert text(body) == "a\ufffd\\ud83d 😀"


def test_an_early_models_finish_details_are_its_finish_reason() -> None:
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_details": {"type": "max_tokens"}}
    assert answer(json.dumps({"choices": [choice]}).encode()).choices[0].finish == "length"


def test_refusals_annotations_pictures_and_sound_are_parts() -> None:
    citation = {
        "type": "url_citation",
        "url_citation": {"start_index": 0, "end_index": 2, "title": "T", "url": "http://u"},
    }
    body = stream({"content": "Hi"}, {"annotations": [citation]})
    (said,) = answer(body).choices[0].parts
    assert isinstance(said, Text)
    assert (said.text, said.annotations[0].url, said.annotations[0].end) == ("Hi", "http://u", 2)
    assert answer(stream({"refusal": "I "}, {"refusal": "won't."})).choices[0].parts == (Refusal("I won't."),)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    (picture,) = answer(stream({"images": [image]})).choices[0].parts
    assert isinstance(picture, Image)
    assert (picture.media.kind, picture.media.media_type, picture.media.value) == (
        "inline",
        "image/png",
        "AAAA",
    )
    (sound,) = (
        answer(
            stream(
                {"audio": {"id": "a"}},
                {"audio": {"data": "AA", "transcript": "H"}},
                {"audio": {"data": "BB", "transcript": "i"}},
            )
        )
        .choices[0]
        .parts
    )
    assert isinstance(sound, Audio)
    assert (sound.media.value, sound.transcript) == ("AABB", "Hi")


def test_log_probabilities_travel_with_the_text() -> None:
    token = {"token": "Hi", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    choice = {
        "index": 0,
        "delta": {"content": "Hi"},
        "logprobs": {"content": [token], "refusal": None},
        "finish_reason": "stop",
    }
    (said,) = (
        delta for delta in read(event({"id": "c", "choices": [choice]})) if isinstance(delta, TextDelta)
    )
    assert said.logprobs is not None
    assert json.loads(bytes(said.logprobs))["content"] == [token]


def test_a_legacy_function_call_is_a_call() -> None:
    body = stream(
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        finish="function_call",
    )
    assert calls(body) == [("", "f", "{}")]
    assert finishes(read(body))[0].reason == "tool_calls"


def test_a_custom_call_is_told_as_one() -> None:
    entry = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}
    (started,) = (
        delta for delta in read(stream({"tool_calls": [entry]})) if isinstance(delta, ToolCallStarted)
    )
    assert started.kind == "custom"
    assert calls(stream({"tool_calls": [entry]})) == [("a", "f", "x")]

"""What Gemini and Vertex AI really do, each with the least body that does it."""

import base64
import json

import pytest

from podium.errors import Overloaded, Rejected, Truncated
from podium.vocabulary.event import (
    AnswerStarted,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    UsageSeen,
)
from podium.vocabulary.part import (
    Audio,
    Image,
    Media,
    Opaque,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    plain_text,
)
from podium.vocabulary.usage import Usage
from tests.wires.gemini.spoken import comparable
from tests.wires.gemini.streams import (
    USAGE,
    WIRE,
    answer,
    as_list,
    candidate,
    choice,
    chunk,
    document,
    event,
    finishes,
    read,
    read_until_error,
    stream,
    whole,
)

SIGNED = base64.b64encode(b"\xfb\xff signed").decode()
CALL = {"functionCall": {"name": "f", "args": {"x": 1}}}


def calls(body: bytes) -> list[ToolCall]:
    return [part for part in choice(body).parts if isinstance(part, ToolCall)]


# 29 ─ usage in every chunk, cumulative; counts that jump or are absent


def test_of_usage_in_every_chunk_the_last_counts_and_is_never_added_up() -> None:
    jumped = {"promptTokenCount": 530, "candidatesTokenCount": 4, "totalTokenCount": 534}
    body = chunk({"text": "a"}, usage=USAGE) + chunk({"text": "b"}, usage=USAGE)
    body += chunk({"text": "c"}, finish="STOP", usage=jumped)
    counts = [delta.usage for delta in read(body) if isinstance(delta, UsageSeen)]
    assert counts == [Usage(input=9, output=4), Usage(input=530, output=4)]
    assert answer(body).usage == counts[-1]


def test_tool_use_thoughts_cache_and_sound_are_counted_once() -> None:
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "toolUsePromptTokenCount": 7,
        "totalTokenCount": 157,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 70},
            {"modality": "AUDIO", "tokenCount": 30},
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    }
    found = answer(whole({"text": "Hi"}, usage=usage)).usage
    assert found == Usage(
        input=30, cached_input=60, audio_input=10, output=15, audio_output=5, reasoning=30, tool_use=7
    )
    assert found.input_total + found.output_total == 157


def test_counts_of_an_answer_that_was_all_thought_lack_the_candidates() -> None:
    usage = {"promptTokenCount": 9, "thoughtsTokenCount": 5, "totalTokenCount": 14}
    assert answer(whole(finish="MAX_TOKENS", usage=usage)).usage == Usage(input=9, reasoning=5)


@pytest.mark.parametrize(
    "count",
    [
        {"promptTokenCount": -5, "candidatesTokenCount": 1e99},
        {"promptTokenCount": "9", "promptTokensDetails": 7},
        {"promptTokenCount": True, "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10**18}]},
        {"promptTokenCount": 3, "cachedContentTokenCount": 10, "totalTokenCount": 1},
    ],
)
def test_absurd_counts_never_become_negative_or_endless(count: object) -> None:
    found = answer(whole({"text": "Hi"}, usage=count)).usage
    assert found is not None
    assert all(0 <= getattr(found, name) <= 1_000_000_000 for name in found.__struct_fields__)


# 30 ─ STOP for calls, and calls without ids


def test_calls_are_told_by_their_presence_not_by_the_finish_reason() -> None:
    assert choice(whole(CALL)).finish == "tool_calls"
    assert choice(stream(CALL)).raw_finish is None


def test_parallel_calls_without_ids_are_each_given_one_that_is_always_the_same() -> None:
    body = whole(CALL, CALL, {"functionCall": {"name": "f", "args": {}, "id": "own"}})
    assert [call.id for call in calls(body)] == ["call_r1_0", "call_r1_1", "own"]
    assert calls(body) == calls(body)


def test_two_answers_never_give_their_calls_the_same_ids() -> None:
    other = whole(CALL).replace(b'"r1"', b'"r2"')
    assert {call.id for call in calls(whole(CALL))}.isdisjoint(call.id for call in calls(other))


def test_arguments_keep_their_exact_characters() -> None:
    body = whole({"functionCall": {"name": "f", "args": "HERE"}}).replace(
        b'"HERE"', '{ "b":1.50,\n "a":  "ü\\u00fc" }'.encode()
    )
    assert calls(body)[0].arguments == '{ "b":1.50,\n "a":  "ü\\u00fc" }'


def test_a_call_without_arguments_means_an_empty_object() -> None:
    assert calls(whole({"functionCall": {"name": "f"}}))[0].arguments == "{}"


def test_a_call_is_complete_as_soon_as_it_has_come() -> None:
    reader = WIRE.reader("")
    assert any(isinstance(delta, ToolCallCompleted) for delta in reader.feed(chunk(CALL)))


def test_arguments_that_come_piece_by_piece_are_left_to_this_wire() -> None:
    piece = {"functionCall": {"name": "f", "willContinue": True}}
    (part,) = choice(stream(piece)).parts
    assert isinstance(part, Opaque)
    assert json.loads(bytes(part.value)) == piece


# 31 ─ signatures on calls and on empty texts


def test_a_signature_on_a_call_stays_with_it() -> None:
    (call,) = calls(stream({**CALL, "thoughtSignature": SIGNED}))
    assert call.signature == Signature("gemini", "gemini-2.5-flash", SIGNED)


def test_a_signature_on_a_last_empty_text_is_not_lost() -> None:
    parts = choice(stream({"text": "Hi"}, {"text": "", "thoughtSignature": SIGNED})).parts
    assert parts[0] == Text("Hi")
    assert isinstance(parts[1], Reasoning)
    assert parts[1].signature == Signature("gemini", "gemini-2.5-flash", SIGNED)


def test_a_thought_and_the_signature_behind_it_are_one() -> None:
    thought = {"text": "Hm", "thought": True}
    sealed = {"text": "", "thought": True, "thoughtSignature": SIGNED}
    (part,) = choice(stream(thought, thought, sealed)).parts
    assert isinstance(part, Reasoning)
    assert (part.text, part.signature) == ("HmHm", Signature("gemini", "gemini-2.5-flash", SIGNED))


def test_the_same_signature_in_the_alphabet_for_urls_is_read_from_a_client() -> None:
    parts = [{"text": "Hi", "thoughtSignature": base64.urlsafe_b64encode(b"\xfb\xff signed").decode()}]
    body = json.dumps({"contents": [{"role": "model", "parts": parts}]}).encode()
    request = WIRE.read_request({"model": "m", "action": "generateContent"}, body)
    seal = request.lines[0].parts[1]
    assert isinstance(seal, Reasoning)
    assert seal.signature is not None
    assert base64.urlsafe_b64decode(seal.signature.value) == b"\xfb\xff signed"


# 32 ─ three framings, none with an end marker


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_events_may_end_their_lines_in_any_way(ending: bytes) -> None:
    body = stream({"text": "He"}, {"text": "llo"}).replace(b"\r\n", ending)
    assert plain_text(choice(body).parts) == "Hello"


def test_a_list_of_chunks_is_a_stream() -> None:
    body = stream({"text": 'He"l\\}'}, {"functionCall": {"name": "f"}}, {"text": "llo"})
    assert comparable(read(as_list(body))) == comparable(read(body))


def test_a_list_is_told_entry_by_entry_as_it_comes() -> None:
    body = as_list(stream({"text": "He"}, {"text": "llo"}))
    reader = WIRE.reader("application/json")
    first = reader.feed(body[: body.index(b"llo")])
    assert [delta.text for delta in first if isinstance(delta, TextDelta)] == ["He"]


def test_the_end_is_a_finish_reason_for_every_candidate_that_began() -> None:
    both = event(document(candidate({"text": "a"}), candidate({"text": "b"}, index=1)))
    one = event(document(candidate(finish="STOP", index=1)))
    _, error = read_until_error(both + one)
    assert isinstance(error, Truncated)
    deltas = read(both + one + event(document(candidate(finish="MAX_TOKENS"))))
    assert [(end.choice, end.reason) for end in finishes(deltas)] == [(0, "length"), (1, "stop")]


def test_text_behind_a_finish_reason_is_read_all_the_same() -> None:
    body = chunk({"text": "He"}, finish="STOP") + chunk({"text": "llo"}, finish="STOP")
    assert plain_text(choice(body).parts) == "Hello"
    assert len(finishes(read(body))) == 1


# 33 ─ no candidates, no content, usable calls with odd reasons, numbers


def test_a_blocked_prompt_is_an_empty_filtered_answer() -> None:
    body = json.dumps({"promptFeedback": {"blockReason": "MODEL_ARMOR"}, "usageMetadata": USAGE}).encode()
    found = answer(body)
    assert [(each.parts, each.finish, each.raw_finish) for each in found.choices] == [
        ((), "content_filter", "MODEL_ARMOR")
    ]
    assert found.usage == Usage(input=9, output=4)


def test_a_candidate_without_content_is_an_empty_answer() -> None:
    only = choice(json.dumps(document({"finishReason": "SAFETY", "safetyRatings": [{"x": 1}]})).encode())
    assert (only.parts, only.finish, only.raw_finish) == ((), "content_filter", "SAFETY")


def test_a_content_without_parts_is_an_empty_answer() -> None:
    made = document({"content": {"role": "model"}, "finishReason": "MAX_TOKENS"})
    only = choice(json.dumps(made).encode())
    assert (only.parts, only.finish) == ((), "length")


def test_an_unexpected_call_is_a_call() -> None:
    only = choice(whole(CALL, finish="UNEXPECTED_TOOL_CALL"))
    assert (only.finish, only.raw_finish) == ("tool_calls", "UNEXPECTED_TOOL_CALL")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("NEVER_HEARD_OF", "other"),
    ],
)
def test_other_reasons_keep_their_word(word: str, reason: str) -> None:
    only = choice(whole({"text": "x"}, finish=word))
    assert (only.finish, only.raw_finish) == (reason, word)


@pytest.mark.parametrize(
    ("number", "reason"), [(1, "stop"), (2, "length"), (3, "content_filter"), (99, "other")]
)
def test_a_reason_may_be_a_number(number: int, reason: str) -> None:
    assert choice(whole({"text": "x"}, finish=number)).finish == reason


def test_an_unspecified_reason_is_none() -> None:
    _, error = read_until_error(whole({"text": "x"}, finish="FINISH_REASON_UNSPECIFIED"))
    assert isinstance(error, Truncated)


# 34 ─ errors


def test_a_key_that_is_not_accepted_is_told_with_400_and_means_401() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    told = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
    body = json.dumps({"error": told}).encode()
    error = WIRE.read_error(400, {}, body)
    assert isinstance(error, Rejected)
    assert (error.status, error.message, error.body) == (401, "API key not valid.", body)


@pytest.mark.parametrize("in_a_list", [False, True])
def test_the_wait_stands_in_the_details(in_a_list: bool) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.9s"}
    told = {"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED", "details": [retry]}}
    error = WIRE.read_error(429, {}, json.dumps([told] if in_a_list else told).encode())
    assert isinstance(error, Overloaded)
    assert (error.after, error.message) == (48.9, "Slow")


# and besides


def test_thoughts_and_text_take_turns() -> None:
    deltas = read(stream({"text": "Hm", "thought": True}, {"text": "A"}, {"text": "B"}))
    spoken = [delta for delta in deltas if isinstance(delta, TextDelta | ReasoningDelta)]
    assert [(type(delta), delta.index, delta.text) for delta in spoken] == [
        (ReasoningDelta, 0, "Hm"),
        (TextDelta, 1, "A"),
        (TextDelta, 1, "B"),
    ]


def test_pictures_and_sound_come_as_parts() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA-_"}, "thoughtSignature": SIGNED}
    parts = choice(whole(picture, {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}})).parts
    assert parts[0] == Image(Media("inline", "AA+/", media_type="image/png"))
    assert isinstance(parts[1], Reasoning)
    assert parts[2] == Audio(Media("inline", "AAAA", media_type="audio/wav"))


def test_what_the_vocabulary_has_no_word_for_goes_back_to_this_wire_alone() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": SIGNED}
    (part,) = choice(whole(code)).parts
    assert isinstance(part, Opaque)
    assert (part.wire, json.loads(bytes(part.value))) == ("gemini", code)


def test_what_a_text_rests_on_is_told_in_characters() -> None:
    text = "Grün war es. Ja."
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://u/1", "title": "One"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": 0, "endIndex": 13, "text": "Grün war es."},
                "groundingChunkIndices": [0, 9],
            }
        ],
    }
    (part,) = choice(whole({"text": text}, groundingMetadata=grounding)).parts
    assert isinstance(part, Text)
    (annotation,) = part.annotations
    assert (annotation.url, annotation.title) == ("https://u/1", "One")
    assert text[annotation.start : annotation.end] == "Grün war es."


def test_log_probabilities_are_read_into_the_common_form_and_kept() -> None:
    result = {
        "chosenCandidates": [{"token": "Hi", "tokenId": 1, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -2}]}],
    }
    only = choice(whole({"text": "Hi"}, logprobsResult=result))
    (token,) = json.loads(bytes(only.logprobs[0]))["content"]
    assert (token["token"], token["logprob"], token["top_logprobs"][0]["token"]) == ("Hi", -0.5, "Ho")


def test_the_first_word_tells_id_model_and_time() -> None:
    body = json.dumps(
        document(candidate({"text": "x"}, finish="STOP"), createTime="2025-01-01T00:00:07.5Z")
    ).encode()
    started = read(body)[0]
    assert isinstance(started, AnswerStarted)
    assert (started.id, started.model, started.created) == ("r1", "gemini-2.5-flash", 1_735_689_607)


def test_ratings_that_repeat_travel_once() -> None:
    body = chunk({"text": "a"}, safetyRatings=[1]) + chunk({"text": "b"}, safetyRatings=[1])
    body += chunk({"text": ""}, finish="STOP", safetyRatings=[2])
    assert [bytes(extra.members["candidate"]) for extra in choice(body).extra] == [
        b'{"safetyRatings":[1]}',
        b'{"safetyRatings":[2]}',
    ]


def test_two_texts_in_one_content_are_two_parts() -> None:
    assert choice(whole({"text": "a"}, {"text": "b"})).parts == (Text("a"), Text("b"))


def test_a_part_that_came_whole_is_told_whole() -> None:
    deltas = read(whole({"text": "Hm", "thought": True, "thoughtSignature": SIGNED}))
    assert [type(delta) for delta in deltas[2:3]] == [PartDone]

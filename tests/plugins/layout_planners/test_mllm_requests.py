"""What is sent: roles, order of turns, sounds, system text and options, exactly; and what is kept of it."""

from __future__ import annotations

import base64
import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from spa2v import AudioClip, ConfigError, PlannerError, Run
from spa2v.plugins.layout_planners.caption_lvd import CaptionLvd
from spa2v.plugins.layout_planners.mllm.answer.reader import read_answer
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_schema
from tests.kit.loopback import kit
from tests.kit.loopback.example_set import cues_of, make_example_set
from tests.kit.loopback.kit import SERVICES, answer, planner
from tests.kit.loopback.server import Act, Request, serving
from tests.kit.loopback.wire import openai_answer

FORM = AnswerForm(duration_s=1.0)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    kit.use_keys(monkeypatch)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "set"
    make_example_set(folder)
    return str(folder)


def asked(monkeypatch, service: str, run: Run | None = None, **options: Any) -> Request:
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        planner(service, **options).plan(kit.recording(), kit.cues(), run or kit.quiet_run())
    assert len(server.requests) == 1
    return server.requests[0]


def turns(service: str, request: Request) -> list[tuple[str, list[Any]]]:
    """(role, parts) of a request in one form for both services; a sound is the tuple (samples, rate)."""
    if service == "gemini":
        return [(turn["role"], [_part(part) for part in turn["parts"]]) for turn in request.data["contents"]]
    said = [message for message in request.data["messages"] if message["role"] != "system"]
    return [
        (
            message["role"],
            [message["content"]] if isinstance(message["content"], str) else list(map(_part, message["content"])),
        )
        for message in said
    ]


def _part(part: dict[str, Any]) -> Any:
    if "text" in part:
        return part["text"]
    sound = part.get("inlineData") or part["input_audio"]
    assert sound.get("mimeType", sound.get("mime_type", sound.get("format"))) in ("audio/wav", "wav")
    data = sound["data"].replace("-", "+").replace("_", "/")  # google-genai writes the alphabet for addresses
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data, validate=True)), always_2d=True)
    return samples.T, rate


def system_text(service: str, request: Request) -> str:
    if service == "gemini":
        return request.data["systemInstruction"]["parts"][0]["text"]
    return request.data["messages"][0]["content"]


def test_the_whole_gemini_request(monkeypatch) -> None:
    request = asked(monkeypatch, "gemini", temperature=0.5, seed=7, max_output_tokens=4000)
    assert (request.method, request.path) == ("POST", "/v1/models/gemini-3.8-flash:generateContent")
    assert request.headers["x-goog-api-key"] == kit.PLANTED["gemini"]
    assert set(request.data) == {"contents", "systemInstruction", "generationConfig"}
    config = request.data["generationConfig"]
    assert config == {
        "temperature": 0.5,
        "seed": 7,
        "maxOutputTokens": 4000,
        "responseMimeType": "application/json",
        "responseJsonSchema": answer_schema(FORM),
        "thinkingConfig": {"thinking_level": "LOW"},  # google-genai leaves the inner names as they are
    }


def test_the_whole_openai_request(monkeypatch) -> None:
    request = asked(monkeypatch, "openai", temperature=0.5, seed=7, max_output_tokens=4000)
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {kit.PLANTED['openai']}"
    rest = {name: value for name, value in request.data.items() if name != "messages"}
    assert rest == {
        "model": "gpt-audio-1.5",
        "modalities": ["text"],
        "temperature": 0.5,
        "seed": 7,
        "max_completion_tokens": 4000,
    }
    assert [message["role"] for message in request.data["messages"]] == ["system", "user"]


@pytest.mark.parametrize("service", SERVICES)
def test_options_that_are_not_set_are_not_sent(monkeypatch, service: str) -> None:
    request = asked(monkeypatch, service)
    sent = request.data["generationConfig"] if service == "gemini" else request.data
    for name in ("temperature", "seed", "maxOutputTokens", "max_completion_tokens", "topP", "top_p"):
        assert name not in sent


def test_older_gemini_models_get_no_thinking_level_and_text_mode_no_schema(monkeypatch) -> None:
    request = asked(monkeypatch, "gemini", model="gemini-2.0-flash", answer_mode="text", temperature=0.5)
    assert request.path == "/v1/models/gemini-2.0-flash:generateContent"
    assert request.data["generationConfig"] == {"temperature": 0.5}
    assert '"frames": [{"frame": 1' in system_text("gemini", request)


def test_gemini_api_version_is_an_option(monkeypatch) -> None:
    assert asked(monkeypatch, "gemini", api_version="v1beta").path.startswith("/v1beta/models/")


@pytest.mark.parametrize("service", SERVICES)
def test_examples_come_as_pairs_of_turns_before_the_query(monkeypatch, service: str, examples: str) -> None:
    run = kit.quiet_run()
    request = asked(monkeypatch, service, run, shots=3, examples=examples)
    told = turns(service, request)
    model = "model" if service == "gemini" else "assistant"
    assert [role for role, _ in told] == ["user", model] * 3 + ["user"]
    for _, (text,) in told[1::2]:
        read = read_answer(text, FORM)
        assert read.repairs == ()
        assert read.layout.caption == "A car, left_to_right."  # the recording moves from the left to the right
        assert list(json.loads(text)) == ["reasoning", "caption", "frames"]
    assert len(run.record["planner"]["prompt"]["examples"]) == 3
    assert "The recordings before the last one are examples" in system_text(service, request)


@pytest.mark.parametrize("service", SERVICES)
def test_without_spatial_reasoning_neither_examples_nor_request_hold_any(
    monkeypatch, service: str, examples: str
) -> None:
    request = asked(monkeypatch, service, shots=1, examples=examples, spatial_reasoning=False)
    example = json.loads(turns(service, request)[1][1][0])
    assert list(example) == ["caption", "frames"]
    assert "First reason in words" not in system_text(service, request)
    assert "reasoning" not in json.dumps(request.data.get("generationConfig", {}))


def mono(audio: AudioClip) -> np.ndarray:
    return audio.samples.mean(axis=0, keepdims=True)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("mode", ["raw", "cues_text", "split_channels", "cues+split"])
def test_what_is_heard_in_each_spatial_input(monkeypatch, service: str, mode: str, examples: str) -> None:
    request = asked(monkeypatch, service, spatial_input=mode, shots=1, examples=examples)
    audio, told = kit.recording(), turns(service, request)
    query, example = told[-1][1], told[0][1]
    assert [type(part) for part in example] == [type(part) for part in query], "examples are shown as the query is"
    sounds = [part for part in query if isinstance(part, tuple)]
    tables = [part for part in query if isinstance(part, str) and part.startswith("Recording of 1.00 s, 16 frames.")]
    wanted = {
        "raw": [audio.samples],
        "cues_text": [mono(audio)],
        "split_channels": [audio.samples[:1], audio.samples[1:]],
        "cues+split": [audio.samples[:1], audio.samples[1:]],
    }[mode]
    assert len(tables) == ("cues" in mode)
    assert [rate for _, rate in sounds] == [16_000] * len(wanted)
    for (got, _), samples in zip(sounds, wanted, strict=True):
        assert np.allclose(got, samples, atol=1e-4), "levels must arrive as they are"
    if "split" in mode:
        assert [part for part in query if isinstance(part, str)][:2] == ["Left channel:", "Right channel:"]


def test_split_channels_keep_their_level_difference_even_where_they_clip() -> None:
    from spa2v.plugins.layout_planners.mllm.sound import channel_parts

    tone = np.sin(np.linspace(0, 600, 16_000))
    parts = channel_parts(AudioClip(np.stack([4.0 * tone, 0.5 * tone]), 16_000))
    left, right = (soundfile.read(io.BytesIO(part.wav))[0] for part in parts)
    assert np.abs(left).max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(left).max() / np.abs(right).max() == pytest.approx(8.0, rel=1e-2)


def test_the_cue_table_shows_values_with_confidence_at_the_key_frames(monkeypatch) -> None:
    request = asked(monkeypatch, "gemini", keyframes=4)
    table = turns("gemini", request)[-1][1][1]
    assert table.splitlines() == [
        "Recording of 1.00 s, 4 frames.",
        "frame | time s | level dBFS | R-L dB (c) | azimuth deg (c)",
        "1 | 0.00 | -25.0 | -12.0 (0.9) | -50 (0.8)",
        "2 | 0.31 | -25.0 | -4.5 (0.9) | -19 (0.8)",
        "3 | 0.62 | -25.0 | +3.0 (0.9) | +13 (0.8)",
        "4 | 0.94 | -25.0 | +10.5 (0.9) | +44 (0.8)",
        "Over the whole clip: lateral_evidence 0.9.",
        "Sounds like: engine (0.70).",
    ]


def test_a_model_that_only_reads_gets_no_sound(monkeypatch) -> None:
    request = asked(monkeypatch, "openai", send_audio=False, modalities=None, model="text-model")
    assert set(request.data) == {"model", "messages"}
    assert request.data["messages"][1]["content"].startswith("Recording of 1.00 s")
    assert "You cannot hear the recording" in system_text("openai", request)
    with pytest.raises(ConfigError, match="spatial_input: 'raw' needs sound, and send_audio is false"):
        planner("openai", send_audio=False, spatial_input="raw")


def test_the_schema_can_be_carried_by_a_function_or_a_response_format(monkeypatch) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "plan_layout", "arguments": kit.good_text()}}
    with serving(openai_answer(None, finish="tool_calls", tool_calls=[call])) as server:
        kit.aim(monkeypatch, server)
        planner("openai", answer_mode="tool").plan(kit.recording(), kit.cues(), kit.quiet_run())
    sent = server.requests[0].data
    assert sent["tools"][0]["function"]["parameters"] == answer_schema(FORM)
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "plan_layout"}}
    sent = asked(monkeypatch, "openai", answer_mode="schema").data
    assert sent["response_format"]["json_schema"]["schema"] == answer_schema(FORM)


def test_a_server_of_ones_own_needs_no_key(monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(answer("openai")) as server:
        monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
        planner("openai", base_url=server.url + "/v1").plan(kit.recording(), kit.cues(), kit.quiet_run())
        assert server.requests[0].headers["authorization"] == "Bearer none"
    with pytest.raises(ConfigError, match=r"^OPENAI_API_KEY is not set\n  the planner asks a paid service"):
        planner("openai").plan(kit.recording(), kit.cues(), kit.quiet_run())


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    with pytest.raises(ConfigError) as caught:
        planner("gemini").plan(kit.recording(), kit.cues(), kit.quiet_run())
    assert str(caught.value).startswith("GOOGLE_API_KEY or GEMINI_API_KEY is not set")
    assert "spa2v plan --dump-prompt" in str(caught.value)


@pytest.mark.parametrize("service", SERVICES)
def test_the_dump_shows_everything_and_sends_nothing(monkeypatch, service: str, examples: str) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        shown = planner(service, shots=2, examples=examples).describe_prompt(
            kit.recording(), kit.cues(), kit.quiet_run()
        )
    assert server.requests == []
    heads = [line for line in shown.splitlines() if line.startswith("===")]
    assert heads == ["=== system ===", *["=== user ===", "=== assistant ==="] * 2, "=== user ==="]
    assert shown.count("[sound: mixed to mono; 1.00 s, 16000 Hz, mono, 16-bit WAV, 32044 bytes; sha256 ") == 3
    assert "You are an intelligent video director." in shown


def test_large_recordings_go_through_the_files_api_once(monkeypatch) -> None:
    uploads: list[bytes] = []

    def react(request: Request) -> Act:
        if request.path.startswith("/upload/v1/files"):
            assert request.headers["x-goog-upload-protocol"] == "resumable"
            return Act(
                200,
                {},
                {"x-goog-upload-url": f"http://{request.headers['host']}/put", "x-goog-upload-status": "active"},
            )
        if request.path == "/put":
            uploads.append(request.body)
            file = {"name": "files/a1", "uri": "https://files/a1", "mimeType": "audio/wav", "state": "ACTIVE"}
            return Act(200, {"file": file}, {"x-goog-upload-status": "final"})
        return answer("gemini")

    with serving(react) as server:
        kit.aim(monkeypatch, server)
        made = planner("gemini", inline_limit_mb=0.01)
        for _ in range(2):
            made.plan(kit.recording(), kit.cues(), kit.quiet_run())
    part = server.requests[-1].data["contents"][0]["parts"][0]["fileData"]
    assert part.get("fileUri", part.get("file_uri")) == "https://files/a1"
    assert len(uploads) == 1
    assert uploads[0][:4] == b"RIFF"


def test_silence_is_planned_without_asking(monkeypatch) -> None:
    with serving(answer("gemini")) as server:
        kit.aim(monkeypatch, server)
        silent = AudioClip(np.zeros((2, 16_000)), 16_000)
        layout = planner("gemini").plan(silent, cues_of(silent), kit.quiet_run())
    assert server.requests == []
    assert layout.names == {}
    assert layout.notes == ("The recording is silent: nothing is planned.",)


@pytest.mark.parametrize("service", SERVICES)
def test_the_cache_makes_a_second_run_free_and_offline(monkeypatch, service: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"cache_dir": str(tmp_path)}
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        first = planner(service, cache="write", **options).plan(kit.recording(), kit.cues(), kit.quiet_run())
    run = kit.quiet_run()
    again = planner(service, cache="only", **options).plan(kit.recording(), kit.cues(), run)  # the server is gone
    assert again.dumps() == first.dumps()
    assert len(server.requests) == 1
    assert run.record["planner"]["answers"][0]["kept_from_before"] is True
    assert run.record["planner"]["answers"][0]["requests"] == 0
    for change in ({"temperature": 0.7}, {"model": "another"}, {"spatial_input": "raw"}, {"keyframes": 8}):
        with pytest.raises(PlannerError, match=r"^no kept answer for this recording"):
            planner(service, cache="only", **options, **change).plan(kit.recording(), kit.cues(), kit.quiet_run())
    with pytest.raises(PlannerError, match=r"^no kept answer for this recording"):
        planner(service, cache="only", **options).plan(kit.recording(seed=1), kit.cues(), kit.quiet_run())


def test_cache_modes_off_and_read_keep_nothing_and_a_damaged_entry_is_asked_again(monkeypatch, tmp_path: Path) -> None:
    with serving(answer("gemini")) as server:
        kit.aim(monkeypatch, server)

        def plan(mode: str) -> None:
            made = planner("gemini", cache=mode, cache_dir=str(tmp_path))
            made.plan(kit.recording(), kit.cues(), kit.quiet_run())

        plan("off")
        plan("read")
        assert list(tmp_path.rglob("*.json")) == []
        plan("write")
        plan("read")
        assert len(server.requests) == 3
        (entry,) = tmp_path.rglob("*.json")
        entry.write_text('{"version": 1')
        plan("write")
        assert len(server.requests) == 4


@pytest.mark.parametrize("service", SERVICES)
def test_bounds_stop_before_the_request(monkeypatch, service: str) -> None:
    with serving(answer(service)) as server:
        kit.aim(monkeypatch, server)
        bounded = planner(service, max_requests=2)
        for _ in range(2):
            bounded.plan(kit.recording(), kit.cues(), kit.quiet_run())
        with pytest.raises(PlannerError, match=r"^the next request would go past max_requests=2\n  used so far: 2"):
            bounded.plan(kit.recording(), kit.cues(), kit.quiet_run())
        assert len(server.requests) == 2
        with pytest.raises(PlannerError, match=r"^the next request would go past max_tokens=1000"):
            planner(service, max_tokens=1000).plan(kit.recording(), kit.cues(), kit.quiet_run())
        price = {"input": 1000.0, "output": 1000.0}
        with pytest.raises(PlannerError, match=r"^the next request would go past max_cost_usd=0\.5"):
            planner(service, max_cost_usd=0.5, price=price).plan(kit.recording(), kit.cues(), kit.quiet_run())
        assert len(server.requests) == 2
    with pytest.raises(ConfigError, match=r"^max_cost_usd: no price is known for the model 'mystery'"):
        planner(service, model="mystery", max_cost_usd=1.0)


def test_the_record_tells_usage_and_cost(monkeypatch) -> None:
    run = kit.quiet_run()
    asked(monkeypatch, "gemini", run)
    record = run.record["planner"]
    assert record["answers"][0]["usage"] == {"input_tokens": 1200, "output_tokens": 850}
    assert record["budget"] == {"requests": 1, "tokens": 2050, "cost_usd_estimated": 0.004087}
    assert record["model_asked"] == "gemini-3.8-flash"
    assert record["answers"][0]["response_id"] == "resp-1"
    assert len(record["prompt"]["prompts_sha256"]) == 64
    json.dumps(record)


@pytest.mark.parametrize("service", SERVICES)
def test_requests_of_a_batch_are_limited_at_once(monkeypatch, service: str) -> None:
    import time

    def slow(request: Request) -> Act:
        time.sleep(0.05)
        return answer(service)

    with serving(slow) as server:
        kit.aim(monkeypatch, server)
        made = planner(service, at_once=2)
        with ThreadPoolExecutor(8) as pool:
            plans = [pool.submit(made.plan, kit.recording(i), kit.cues(), kit.quiet_run()) for i in range(8)]
            layouts = [plan.result() for plan in plans]
    assert len(layouts) == len(server.requests) == 8
    assert 1 <= server.most_at_once <= 2


def test_of_several_answers_the_one_most_like_the_others_is_taken(monkeypatch) -> None:
    odd, common = kit.good_text(3), kit.good_text(0)
    with serving(answer("gemini", odd), answer("gemini", common), answer("gemini", common)) as server:
        kit.aim(monkeypatch, server)
        run = kit.quiet_run()
        layout = planner("gemini", samples=3).plan(kit.recording(), kit.cues(), run)
    assert layout.dumps() == read_answer(common, FORM).layout.dumps()
    assert run.record["planner"]["chosen_sample"] == 1


@pytest.mark.parametrize("service", SERVICES)
def test_the_key_is_in_no_artefact(monkeypatch, service: str, tmp_path: Path, caplog, capfd) -> None:
    key = kit.PLANTED[service]
    caplog.set_level(logging.DEBUG)
    run = kit.quiet_run(folder=tmp_path / "run")
    (tmp_path / "run").mkdir()
    with serving(answer(service, f"{key} first"), answer(service, model=f"model-{key}")) as server:
        kit.aim(monkeypatch, server)
        options = {"cache": "write", "cache_dir": str(tmp_path / "cache"), "save_prompt": True}
        planner(service, **options).plan(kit.recording(), kit.cues(), run)
    assert len(server.requests) == 2
    (tmp_path / "run" / "record.json").write_text(json.dumps(run.record))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"record.json", "prompt.txt"} <= {path.name for path in written}
    for path in written:
        assert key not in path.read_text(encoding="utf-8"), path
    assert key not in caplog.text
    assert key not in "".join(capfd.readouterr())


def test_caption_lvd_plans_from_the_words_alone(monkeypatch) -> None:
    run = kit.quiet_run()
    with serving(openai_answer("A car passes by."), openai_answer(kit.good_text(), model="gpt-6-luna")) as server:
        kit.aim(monkeypatch, server)
        CaptionLvd(first_wait_s=0.01).plan(kit.recording(), kit.cues(), run)
    heard, planned = server.requests
    assert heard.data["model"] == "gpt-audio-1.5"
    assert "input_audio" in heard.body.decode()
    assert planned.data["model"] == "gpt-6-luna"
    assert "input_audio" not in planned.body.decode()
    assert "dB" not in planned.body.decode()
    assert [m["role"] for m in planned.data["messages"]] == ["system", *["user", "assistant"] * 3, "user"]
    assert planned.data["messages"][-1]["content"] == "Caption: A car passes by."
    assert run.record["planner"]["audio_caption"] == "A car passes by."
    for message in planned.data["messages"][2::2]:
        assert read_answer(message["content"], FORM).repairs == ()


def test_caption_lvd_takes_a_given_caption_and_dumps_its_prompt(monkeypatch) -> None:
    made = CaptionLvd(caption="A train goes away.", shots=1)
    shown = made.describe_prompt(kit.recording(), kit.cues(), kit.quiet_run())
    assert shown.rstrip().endswith("Caption: A train goes away.")
    with serving(openai_answer(kit.good_text(), model="gpt-6-luna")) as server:
        kit.aim(monkeypatch, server)
        made.plan(kit.recording(), kit.cues(), kit.quiet_run())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_input": "stereo"}, "spatial_input: 'stereo'\n  expected one of: raw, cues_text"),
        ({"shots": -1}, "shots: -1\n  expected a whole number from 0 to 32"),
        ({"selection": "best"}, "selection: 'best'\n  expected one of: knn, random, fixed"),
        ({"cache": "on"}, "cache: 'on'\n  expected one of: off, read, write, only"),
        ({"box_units": "feet"}, "box_units: 'feet'\n  expected one of: fraction, permille, pixels"),
        ({"keyframes": 0}, "keyframes: 0\n  expected a whole number from 1 to 128"),
        ({"frame_size": [512]}, "frame_size: [512]\n  expected [width, height]"),
        ({"timeout_s": 0}, "timeout_s: 0\n  expected seconds, more than 0"),
        ({"attempts": 0}, "attempts: 0\n  expected 1 to 100"),
        ({"max_cost_usd": -1}, "max_cost_usd: -1\n  expected a positive number"),
        ({"price": {"in": 1}}, "price: {'in': 1}\n  expected {input: 0.5, output: 2.0}"),
        ({"answer_mode": "xml"}, "answer_mode: 'xml'\n  expected one of: "),
        ({"prompts": "v9"}, "prompts: 'v9' is no version and no folder\n  versions: v1"),
    ],
)
@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_option_is_told_at_once(service: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planner(service, **options)
    assert str(caught.value).startswith(message)


def test_own_prompts_replace_single_texts(tmp_path: Path) -> None:
    (tmp_path / "reasoning_on.md").write_text("Think in $keyframes steps.")
    with pytest.raises(ConfigError, match=r"^prompt 'reasoning_on.md': 'keyframes' cannot be filled in"):
        planner("gemini", prompts=str(tmp_path))
    (tmp_path / "reasoning_on.md").write_text("Think hard.")
    shown = planner("gemini", prompts=str(tmp_path)).describe_prompt(kit.recording(), kit.cues(), kit.quiet_run())
    assert "Think hard." in shown
    (tmp_path / "sytem.md").write_text("x")
    with pytest.raises(ConfigError, match=r"^prompts: 'sytem.md' in .* is not a prompt"):
        planner("gemini", prompts=str(tmp_path))

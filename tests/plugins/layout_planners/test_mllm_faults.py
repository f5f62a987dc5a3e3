"""Faults served on purpose: each ends in a valid layout or in one clear message, and never shows a key."""

from __future__ import annotations

import email.utils
import json
import socket
import time
import traceback
from collections.abc import Callable

import pytest

from spa2v import PlannerError, VideoSceneLayout
from tests.kit.loopback import kit
from tests.kit.loopback.kit import SERVICES, answer, planner
from tests.kit.loopback.server import Act, Request, serving
from tests.kit.loopback.wire import gemini_answer, gemini_error, openai_answer, openai_error


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    kit.use_keys(monkeypatch)


def error(service: str, code: int, message: str = "no", **headers: str) -> Act:
    if service == "gemini":
        return gemini_error(code, "STATUS", message, **headers)
    return openai_error(code, "kind", message, **headers)


def plan(
    monkeypatch, service: str, *script: Act | Callable[[Request], Act], **options
) -> tuple[VideoSceneLayout, list]:
    with serving(*script) as server:
        kit.aim(monkeypatch, server)
        layout = planner(service, **options).plan(kit.recording(), kit.cues(), kit.quiet_run())
    return layout, server.requests


def refusal(monkeypatch, service: str, *script: Act, **options) -> tuple[str, list]:
    with serving(*script) as server:
        kit.aim(monkeypatch, server)
        with pytest.raises(PlannerError) as caught:
            planner(service, **options).plan(kit.recording(), kit.cues(), kit.quiet_run())
    assert caught.value.exit_code == 3
    shown = "".join(traceback.format_exception(caught.value))
    for key in kit.PLANTED.values():
        assert key not in shown
    return str(caught.value), server.requests


FINAL = {
    401: "does not accept the key (401)",
    403: "refuses this key the model",
    400: "refuses the request (400)",
    404: "is not there (404)",
    413: "the request is too large",
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("code", FINAL)
def test_a_refusal_is_final_and_told_once(monkeypatch, service: str, code: int) -> None:
    told, requests = refusal(monkeypatch, service, error(service, code, "because of reasons"))
    assert FINAL[code] in told.splitlines()[0]
    assert "it says: because of reasons" in told
    assert len(requests) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_the_message_for_a_refused_key_names_the_variable_and_hides_an_echoed_key(monkeypatch, service: str) -> None:
    key = kit.PLANTED[service]
    told, _ = refusal(monkeypatch, service, error(service, 401, f"Incorrect API key provided: {key}."))
    assert f"{service.upper()}_API_KEY" in told
    assert "Incorrect API key provided: [key]." in told


def test_a_retired_model_is_named_with_its_day_and_a_successor(monkeypatch) -> None:
    told, _ = refusal(monkeypatch, "gemini", error("gemini", 404, "models/x is not found"), model="gemini-2.0-flash")
    assert told == (
        "the model 'gemini-2.0-flash' is not there (404)\n"
        "  it was retired on 2026-06-01\n"
        "  use layout_planner.options.model=gemini-3.8-flash\n"
        "  it says: models/x is not found"
    )
    told, _ = refusal(monkeypatch, "openai", error("openai", 404), model="gpt-4o-mini-audio-preview")
    assert "it was retired on 2026-05-07\n  use layout_planner.options.model=gpt-audio-1.5" in told


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(monkeypatch, service: str, code: int) -> None:
    layout, requests = plan(monkeypatch, service, error(service, code), answer(service))
    assert len(layout.keyframes) == 16
    assert len(requests) == 2


@pytest.mark.parametrize("service", SERVICES)
def test_five_times_500_then_200_gives_a_layout_with_default_attempts(monkeypatch, service: str) -> None:
    _, requests = plan(monkeypatch, service, *[error(service, 500)] * 5, answer(service))
    assert len(requests) == 6


@pytest.mark.parametrize("service", SERVICES)
def test_a_fault_that_stays_ends_with_the_number_of_tries(monkeypatch, service: str) -> None:
    told, requests = refusal(monkeypatch, service, error(service, 503, "overloaded"), attempts=3)
    assert len(requests) == 3
    assert "is in trouble (503); it says: overloaded" in told.splitlines()[0]
    assert "given up after 3 tries" in told


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(monkeypatch, service: str, form: str) -> None:
    arrivals: list[float] = []

    def limited(request: Request) -> Act:
        arrivals.append(time.time())
        if len(arrivals) > 1:
            return answer(service)
        value = "1" if form == "seconds" else email.utils.formatdate(time.time() + 2, usegmt=True)
        return error(service, 429, "slow down", retry_after=value)

    plan(monkeypatch, service, limited)
    assert len(arrivals) == 2
    assert arrivals[1] - arrivals[0] >= 0.9


def test_the_wait_in_a_gemini_body_is_honoured(monkeypatch) -> None:
    arrivals: list[float] = []

    def limited(request: Request) -> Act:
        arrivals.append(time.monotonic())
        detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
        return gemini_error(429, "RESOURCE_EXHAUSTED", "quota", [detail]) if len(arrivals) == 1 else answer("gemini")

    plan(monkeypatch, "gemini", limited)
    assert arrivals[1] - arrivals[0] >= 0.9


@pytest.mark.parametrize("service", SERVICES)
def test_a_wait_that_is_too_long_is_told_instead_of_waited_for(monkeypatch, service: str) -> None:
    told, requests = refusal(monkeypatch, service, error(service, 429, "tomorrow", retry_after="7200"))
    assert len(requests) == 1
    assert "is over its rate limit (429)" in told
    assert "the service asks to wait 7200 s; layout_planner.options.longest_wait_s is 60" in told


def test_a_used_up_quota_is_final(monkeypatch) -> None:
    act = openai_error(429, "insufficient_quota", "You exceeded your current quota", "insufficient_quota")
    told, requests = refusal(monkeypatch, "openai", act)
    assert len(requests) == 1
    assert told.startswith("the quota of this key is used up (429)")


@pytest.mark.parametrize("service", SERVICES)
def test_a_hung_connection_times_out_and_is_tried_again(monkeypatch, service: str) -> None:
    _, requests = plan(monkeypatch, service, Act(trouble="hang", hang_s=1.5), answer(service), timeout_s=0.5)
    assert len(requests) == 2
    told, _ = refusal(monkeypatch, service, Act(trouble="hang", hang_s=1.0), timeout_s=0.3, attempts=2)
    assert "did not answer within 0.3 s" in told.splitlines()[0]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("trouble", ["drop", "half"])
def test_a_dropped_connection_is_tried_again(monkeypatch, service: str, trouble: str) -> None:
    broken = Act(body=answer(service).body, trouble=trouble)
    _, requests = plan(monkeypatch, service, broken, answer(service))
    assert len(requests) == 2
    told, _ = refusal(monkeypatch, service, broken, attempts=2)
    assert "cannot be reached (" in told.splitlines()[0]


@pytest.mark.parametrize("service", SERVICES)
def test_a_refused_connection_names_the_address(monkeypatch, service: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, path in (("GOOGLE_GEMINI_BASE_URL", ""), ("OPENAI_BASE_URL", "/v1")):
        monkeypatch.setenv(name, f"http://user:secretpass@127.0.0.1:{port}{path}")
    with pytest.raises(PlannerError, match=rf"^http://127.0.0.1:{port} cannot be reached") as caught:
        planner(service, attempts=2).plan(kit.recording(), kit.cues(), kit.quiet_run())
    assert "secretpass" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "body", ["<html><body>Welcome to the hotel</body></html>", '{"candidates": [{"cont', "[]", "7", ""]
)
def test_a_200_that_is_not_the_services_form_is_tried_twice_and_told(monkeypatch, service: str, body: str) -> None:
    headers = {"content-type": "text/html" if body.startswith("<") else "application/json"}
    told, requests = refusal(monkeypatch, service, Act(200, body, headers), repairs=0)
    if body.startswith("<"):
        assert "answered with a web page: '<html><body>Welcome" in told
    assert len(requests) <= 2
    layout, _ = plan(monkeypatch, service, Act(200, body, headers), answer(service))
    assert len(layout.keyframes) == 16


@pytest.mark.parametrize("service", SERVICES)
def test_half_a_json_in_the_answer_goes_back_to_the_model(monkeypatch, service: str) -> None:
    half = kit.good_text()[: len(kit.good_text()) // 4]
    _, requests = plan(monkeypatch, service, answer(service, half), answer(service))
    assert len(requests) == 2
    turns = requests[1].data["contents" if service == "gemini" else "messages"][-2:]
    assert [turn["role"] for turn in turns] == ["model" if service == "gemini" else "assistant", "user"]
    assert half in json.dumps(turns[0]).encode().decode("unicode_escape") or half[:40] in str(turns[0])
    assert "This answer cannot be used: the answer is cut off" in str(turns[1])


@pytest.mark.parametrize("service", SERVICES)
def test_answers_that_cannot_be_repaired_end_with_the_kept_answer(monkeypatch, service: str, tmp_path) -> None:
    text = f"I hear a car. Key: {kit.PLANTED[service]}"
    with serving(answer(service, text)) as server:
        kit.aim(monkeypatch, server)
        with pytest.raises(PlannerError) as caught:
            planner(service, repairs=1).plan(kit.recording(), kit.cues(), kit.quiet_run(folder=tmp_path))
    kept = tmp_path / "answer.txt"
    assert len(server.requests) == 2
    assert str(caught.value).startswith("no usable answer from ")
    assert "in 2 tries" in str(caught.value).splitlines()[0]
    assert f"the last answer is kept in {str(kept)!r}" in str(caught.value)
    assert kept.read_text() == "I hear a car. Key: [key]"


def test_a_safety_block_is_final(monkeypatch) -> None:
    blocked = Act(body={"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-3.8-flash"})
    told, requests = refusal(monkeypatch, "gemini", blocked)
    assert told.startswith("'gemini-3.8-flash' declines the request: SAFETY")
    assert len(requests) == 1
    cut = Act(body={"candidates": [{"finishReason": "SAFETY", "index": 0}]})
    assert refusal(monkeypatch, "gemini", cut)[0].startswith("'gemini-3.8-flash' declines an answer: SAFETY")
    told, _ = refusal(monkeypatch, "openai", openai_answer(None, finish="content_filter"))
    assert told.startswith("'gpt-audio-1.5' declines an answer: content_filter")
    told, _ = refusal(monkeypatch, "openai", openai_answer(None, refusal="I can't help with that."))
    assert "it says: I can't help with that." in told


EMPTY = {
    "gemini": [Act(body={"candidates": []}), Act(body={}), Act(body={"candidates": [{"finishReason": "STOP"}]}),
               gemini_answer("  ")],
    "openai": [openai_answer(None), openai_answer(""), Act(body={"id": "x", "choices": []}),
               Act(body={"id": "x", "choices": [{"message": None}]})],
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("which", range(4))
def test_an_empty_candidate_is_asked_for_again(monkeypatch, service: str, which: int) -> None:
    empty = EMPTY[service][which]
    _, requests = plan(monkeypatch, service, empty, answer(service))
    assert len(requests) == 2
    assert requests[0].body == requests[1].body
    told, requests = refusal(monkeypatch, service, empty)
    assert len(requests) == 3
    assert "the service gave " in told


@pytest.mark.parametrize("service", SERVICES)
def test_another_model_that_answers_is_told(monkeypatch, service: str) -> None:
    run = kit.quiet_run()
    with serving(answer(service, model="other-lite")) as server:
        kit.aim(monkeypatch, server)
        made = planner(service)
        made.plan(kit.recording(), kit.cues(), run)
    assert run.record["notices"] == [f"asked for the model {made.model!r}, answered by 'other-lite'"]
    assert run.record["planner"]["answers"][0]["model_version"] == "other-lite"


@pytest.mark.parametrize("service", SERVICES)
def test_a_redirect_is_not_followed_with_the_key(monkeypatch, service: str) -> None:
    with serving(answer(service)) as elsewhere:
        act = Act(307, "", {"location": elsewhere.url + "/v1/other"})
        told, requests = refusal(monkeypatch, service, act)
        assert elsewhere.requests == []
    assert f"redirects (307) to {elsewhere.url}/v1/other" in told
    assert len(requests) == 1


def test_a_version_of_the_service_without_system_texts_is_left_for_v1beta(monkeypatch) -> None:
    def old(request: Request) -> Act:
        if request.path.startswith("/v1/"):
            return gemini_error(400, "INVALID_ARGUMENT", 'Unknown name "systemInstruction": Cannot find field.')
        return gemini_answer(kit.good_text())

    _, requests = plan(monkeypatch, "gemini", old)
    assert [request.path.split("/")[1] for request in requests] == ["v1", "v1beta"]


def test_the_coming_retirement_of_a_model_is_told(monkeypatch) -> None:
    run = kit.quiet_run()
    status = {"modelStage": "DEPRECATED", "retirementTime": "2026-12-31T00:00:00Z"}
    with serving(gemini_answer(kit.good_text(), modelStatus=status)) as server:
        kit.aim(monkeypatch, server)
        planner("gemini").plan(kit.recording(), kit.cues(), run)
    assert run.record["notices"] == ["the model 'gemini-3.8-flash' will be retired on 2026-12-31"]


@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_cut_at_the_token_limit_says_what_helps(monkeypatch, service: str) -> None:
    finish = "MAX_TOKENS" if service == "gemini" else "length"
    told, _ = refusal(monkeypatch, service, answer(service, '{"reasoning": "it is', finish=finish), repairs=0)
    assert "raise max_output_tokens, or ask for fewer keyframes" in told

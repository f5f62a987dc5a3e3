"""From a failed request to the message for the user, the same for every service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from spa2v.core.errors import PlannerError
from spa2v.plugins.layout_planners.mllm.model_names import retired_on
from spa2v.plugins.layout_planners.mllm.requests import RETRIED_CODES, retry_after
from spa2v.plugins.layout_planners.mllm.secrets import redact, safe_cause
from spa2v.plugins.layout_planners.mllm.service import TransientFault

MAX_MESSAGE = 300
MALFORMED_TRIES = 2


def raise_status(
    code: int,
    message: str,
    *,
    where: str,
    model: str,
    instead: str,
    key_names: tuple[str, ...],
    headers: Mapping[str, str],
    error: Exception,
    wait_s: float | None = None,
    final: bool = False,
) -> None:
    """Raises what an HTTP status other than 200 means.

    Args:
        code: the status.
        message: the service's own words.
        where: the service's address.
        model: that was asked.
        instead: a model to use when this one is gone.
        key_names: environment variables that hold the key.
        headers: of the response.
        error: the client's exception, kept as the cause.
        wait_s: how long the body asks to wait, when the headers do not say.
        final: the service says that asking again will not help.

    Raises:
        TransientFault: 408, 409, 425, 429 and 5xx.
        PlannerError: everything else.
    """
    reason = service_message(message)
    cause = safe_cause(error)
    if code in RETRIED_CODES and not final:
        asked = retry_after(headers)
        raise TransientFault(_transient(code, where, reason), wait_s if asked is None else asked) from cause
    raise PlannerError(*_final(code, where, model, instead, key_names, headers), reason) from cause


def _transient(code: int, where: str, reason: str) -> str:
    what = "is over its rate limit" if code == 429 else "is in trouble"
    return f"{where} {what} ({code}); {reason}"


def _final(
    code: int, where: str, model: str, instead: str, key_names: tuple[str, ...], headers: Mapping[str, str]
) -> list[str]:
    names = " or ".join(key_names)
    if code == 401:
        return [f"{where} does not accept the key (401)", f"check {names}"]
    if code == 403:
        return [f"{where} refuses this key the model {model!r} (403)", f"check what the key in {names} may use"]
    if code == 404:
        gone = retired_on(model)
        details = [f"it was retired on {gone}"] if gone else ["it may be retired, or not be served at this address"]
        return [f"the model {model!r} is not there (404)", *details, f"use layout_planner.options.model={instead}"]
    if code == 413:
        return [f"the request is too large for {where} (413)", "lower shots, or use shorter recordings"]
    if code == 429:
        return [f"the quota of this key is used up (429) at {where}", f"check the plan that the key in {names} is on"]
    if 300 <= code < 400:
        target = service_message(headers.get("location", "an unnamed address")).removeprefix("it says: ")
        return [f"{where} redirects ({code}) to {target}", "redirects are not followed, so that the key stays here"]
    return [f"{where} refuses the request ({code})", f"for the model {model!r}"]


def service_message(message: str) -> str:
    """The service's words in one line, without keys."""
    line = " ".join(redact(str(message)).split())
    return f"it says: {line[:MAX_MESSAGE]}" if line else "it gives no reason"


def connection_fault(where: str, error: Exception, timed_out: bool, timeout_s: float) -> TransientFault:
    """A request that got no response at all."""
    reason = " ".join(redact(str(error)).split())[:MAX_MESSAGE]
    what = f"did not answer within {timeout_s:g} s" if timed_out else f"cannot be reached ({reason})"
    return TransientFault(f"{where} {what}")


def malformed_fault(where: str, body: str) -> TransientFault:
    """A response with status 200 that is not what the service sends: a proxy's page, half a body."""
    line = " ".join(redact(body).split())
    kind = (
        "a web page" if line[:200].lower().lstrip().startswith(("<!doctype", "<html", "<")) else "something unreadable"
    )
    return TransientFault(f"{where} answered with {kind}: {line[:120]!r}", tries=MALFORMED_TRIES)


def address(url: str) -> str:
    """Scheme, host and port of an address; never a user name, password, path or query."""
    parts = urlsplit(url)
    host = parts.hostname or "the service"
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}" if parts.scheme else host

"""Chromium for tests; each one is gone at the end, even one that does not answer any more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("SPA2V_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE_S, CLOSING_S = 120.0, 30.0
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; see `make browser`")


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    import psutil

    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; see `make browser`")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; see `make browser`")
    others = psutil.Process().children(recursive=True)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            started = [one for one in psutil.Process().children(recursive=True) if one not in others]
            late = threading.Timer(CLOSING_S, _kill, [started])
            late.start()
            with suppress(sync_api.Error):
                browser.close()  # waits for ever for a browser that does not answer, hence the timer
    late.cancel()
    _kill(started)


def _kill(processes: Sequence[Any]) -> None:
    """By process, not by number: a number may belong to another one by now."""
    import psutil

    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def dom_of(page: Path, profile: Path, *flags: str) -> tuple[str, str]:
    """A page as it is after its scripts, and what Chromium logged."""
    command = [str(CHROMIUM), "--headless", *FLAGS, f"--user-data-dir={profile}", "--enable-logging=stderr", *flags]
    command += ["--virtual-time-budget=2000", "--dump-dom", page.as_uri()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            dom, log = process.communicate(timeout=PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, log
    return dom, log

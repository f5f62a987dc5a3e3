"""The browser of the tests itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.kit.browsers import PATIENCE_S, needs_chromium
from tests.kit.paths import ROOT

pytestmark = [pytest.mark.browser, needs_chromium]

STOPPED = """
import psutil
from tests.kit import browsers
browsers.CLOSING_S = 0.5
with browsers.chromium() as browser:
    browser.new_page()
    started = psutil.Process().children(recursive=True)
    stopped = [one for one in started if "chrom" in one.name()]
    for one in stopped:
        one.suspend()
gone, alive = psutil.wait_procs(started, timeout=20)
print(len(stopped) > 0, len(alive))
"""


def test_a_browser_that_does_not_answer_is_ended() -> None:
    pytest.importorskip("playwright")
    command = [sys.executable, "-c", STOPPED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.stdout, done.returncode) == ("True 0\n", 0), done.stderr

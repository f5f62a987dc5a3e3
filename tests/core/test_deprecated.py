"""What earlier releases had under other names can still be imported, with a warning."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from spa2v.core.deprecated import MOVED

OLD = {
    **MOVED,
    "spa2v.core.batch.items": "spa2v.jobs.batch.items",
    "spa2v.world.training.vae": "spa2v.training.vae",
}


@pytest.mark.parametrize("old", OLD)
def test_a_moved_module_is_the_one_that_it_became(old: str) -> None:
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{old}.")]:
        del sys.modules[name]
    with pytest.warns(DeprecationWarning, match=f"^{old} is deprecated; use {OLD[old]}$") as warned:
        __import__(old)
    module = sys.modules[old]
    assert module is import_module(OLD[old])
    assert module.__spec__ is not None
    assert module.__spec__.name == OLD[old]
    assert any(warning.filename == __file__ for warning in warned), "the warning points at who imports"


def test_importing_the_package_warns_of_nothing_and_loads_no_moved_module() -> None:
    code = "import spa2v, sys; print([n for n in sys.modules if n.startswith(('spa2v.jobs', 'spa2v.training'))])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")

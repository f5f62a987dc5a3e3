"""What the pages tell to type: it exists, and it works, or it says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.doc_blocks import NEEDS, blocks, is_known_need, run_page
from tests.kit.doc_pages import DOCS, ROOT, Page, pages
from tests.kit.doc_shown import hidden, problem, shown, words_of
from tests.kit.environments import Environment, make_environment

SLOW = tuple(f"docs/{name}.md" for name in ("commands", "evaluation", "index", "planners", "scale", "toyworld"))
"""Pages whose commands take over ten seconds together, or much the same as another page's."""
ELSEWHERE = ("docs/extending.md", "docs/python.md")
"""Run by test_docs_authors.py, in an environment that packages are installed into, and by test_examples.py."""
TOLD = [page for page in pages() if any(block.runs for block in blocks(page.text))]


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The commands of a reader: nothing installed beside spa2v, no keys, caches of their own, no network."""
    folder = tmp_path_factory.mktemp("reader")
    made = make_environment(folder / "venv")
    kept = {name: value for name, value in made.variables.items() if not name.endswith(("_KEY", "_BASE_URL", "_TOKEN"))}
    caches = {"HF_HOME": str(folder / "hub"), "SPA2V_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return Environment(made.scripts, kept | caches | {"PYTHONPATH": str(ROOT), "SPA2V_EXTENSIONS": ""})


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=pytest.mark.slow if page.name in SLOW else ())
        for page in TOLD
        if page.name not in ELSEWHERE
    ],
)
def test_the_commands_of_a_page_run(page: Page, tmp_path: Path, outside: Environment) -> None:
    assert run_page(page.text, tmp_path, outside.variables) > 0


def test_the_lists_of_pages_are_true() -> None:
    assert {*SLOW, *ELSEWHERE} <= {page.name for page in TOLD}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_a_command_needs_is_told_in_known_words(page: Page) -> None:
    told = [(block.line, need) for block in blocks(page.text) for need in block.needs]
    assert [item for item in told if not is_known_need(item[1])] == [], f"known: {', '.join(NEEDS)}, about N minutes"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_command_stands_where_no_test_sees_it(page: Page) -> None:
    assert list(hidden(page)) == [], "put them into a block of `sh`; what cannot run there starts with `# needs: ...`"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_shown_exists(page: Page) -> None:
    """Also those in lines and tables, and those that need a key or weights: commands, options, presets, settings."""
    wrong = {line: problem(line) for line in shown(page)}
    assert {line: why for line, why in wrong.items() if why} == {}


def test_commands_are_found_where_they_stand() -> None:
    assert len(shown(Page(ROOT / "README.md"))) > 15
    assert len(shown(Page(DOCS / "commands.md"))) > 40
    words = ["pytest", "tests/cli/test_cli.py", "-k", "one"]
    assert words_of("A=b .venv/bin/pytest tests/cli/test_cli.py -k one") == words
    assert words_of("layout_planner=stereo_rules") == words_of("spa2v") == words_of("it's") == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("spa2v generat street.wav", "no command 'generat'"),
        ("spa2v world sampel", "no command 'sampel'"),
        ("spa2v plan street.wav --outt x.json", "no option '--outt'"),
        ("spa2v plan street.wav [--outt FILE]", "no option '--outt'"),
        ("spa2v plan street.wav --config gemni", "no preset 'gemni'"),
        ("spa2v plan a.wav --config gemini layout_planner.options.shotz=1", "layout_planner (gemini): unknown option"),
        ("spa2v plan a.wav layout_planner=gemni", "unknown component 'gemni' of layout_planners"),
        ("spa2v ablate captions --data d --base toyword", "no preset 'toyword'"),
        ("python -m benchmarks.no_such_thing", "no module 'benchmarks.no_such_thing'"),
        ("python -m benchmarks.small_weights --cuont 3", "benchmarks.small_weights has no option '--cuont'"),
        ("pytest tests/test_no_such_thing.py", "no file 'tests/test_no_such_thing.py'"),
        ("pytest tests/cli/test_cli.py -k no_such_thing", "no test 'no_such_thing' in 'tests/cli/test_cli.py'"),
        ("make tset", "no target 'tset'"),
    ],
)
def test_a_command_that_does_not_exist_is_found_out(line: str, why: str) -> None:
    assert str(problem(line)).startswith(why)


def test_a_block_that_needs_something_is_not_run(tmp_path: Path) -> None:
    page = "```sh\n# needs: a key\nfalse\n```\n```sh\ntrue\n```\n"
    assert run_page(page, tmp_path, {"PATH": "/usr/bin:/bin"}) == 1
    assert [block.needs for block in blocks(page)] == [["a key"], []]
    assert not is_known_need("luck")
    assert is_known_need("about 20 minutes")

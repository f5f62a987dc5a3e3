"""The files around the package: Python versions, citation, workflow, hooks, templates."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.kit.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _yaml(path: str):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_every_python_that_is_claimed_is_tested_and_no_other() -> None:
    prefix = "Programming Language :: Python :: "
    claimed = [line.removeprefix(prefix) for line in PROJECT["project"]["classifiers"] if line.startswith(prefix)]
    tested = _yaml(".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]["python-version"]
    assert claimed == tested
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    assert all(version in allowed for version in claimed)
    lowest = min(claimed, key=lambda version: int(version.partition(".")[2]))
    below = f"3.{int(lowest.partition('.')[2]) - 1}"
    assert below not in allowed
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"
    assert PROJECT["tool"]["mypy"]["python_version"] == lowest


def test_the_workflow_runs_make_test() -> None:
    steps = _yaml(".github/workflows/test.yml")["jobs"]["test"]["steps"]
    assert steps[-1] == {"run": "make test"}


def test_the_hooks_are_linters_of_make_lint() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = makefile.partition("\nlint: ")[2].partition("\n\n")[0]
    hooks = _yaml(".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    for entry in (hook["entry"] for hook in hooks[0]["hooks"]):
        command = entry.removeprefix(".venv/bin/").removesuffix(" --fix")
        assert entry == "make lint" or f"$(BIN)/{command}" in lint


def test_the_citation_names_the_paper_and_this_version() -> None:
    citation = _yaml("CITATION.cff")
    assert (citation["title"], citation["version"]) == (PROJECT["project"]["name"], PROJECT["project"]["version"])
    assert citation["license"] == PROJECT["project"]["license"]
    paper = citation["preferred-citation"]
    assert paper["doi"] == "10.1145/3746027.3755705"
    assert [author["family-names"] for author in paper["authors"]] == ["Pham", "He", "Xing", "Chen", "Chen"]


@pytest.mark.parametrize("name", ["bug", "wrong_plan"])
def test_issue_templates_ask_for_the_doctor(name: str) -> None:
    fields = [field["attributes"]["label"] for field in _yaml(f".github/ISSUE_TEMPLATE/{name}.yml")["body"]]
    assert "`spa2v doctor --json`" in fields


def test_no_tracked_file_names_the_address_of_a_package_index() -> None:
    index = re.compile(
        r"https?://(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|download\.pytorch\.org)|--(?:extra-)?index-url"
    )
    names = [
        name for name in _tracked() if not name.startswith("tests/corpus/") and name != "tests/docs/test_repository.py"
    ]
    texts = ((name, (ROOT / name).read_bytes()) for name in names)
    assert [name for name, data in texts if b"\0" not in data and index.search(data.decode("utf-8", "replace"))] == []

"""MIGC against values that its authors' code gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import migc_parity


def golden_file(reference: Path) -> Path:
    path = reference / "reference" / "golden" / "migc_dev.safetensors"
    if not path.is_file():
        pytest.skip("the reference data hold no golden values of MIGC")
    return path


def test_all_cases_pass(reference: Path) -> None:
    lines: list[str] = []
    failed = migc_parity.run(golden_file(reference), lines.append)
    assert failed == 0, "\n".join(line for line in lines if line.startswith("FAIL"))
    assert len(lines) == len(migc_parity.Golden.read(golden_file(reference)).cases) + 1
    assert lines[-1].endswith(" passed, 0 failed")


def test_another_infix_and_prefix_load_alike(reference: Path) -> None:
    golden = migc_parity.Golden.read(golden_file(reference))
    words = {
        f"ckpt/a.b.{key.split('.')[2]}.{key.split('.')[3]}.other.words.migc.{key.split('.migc.')[1]}": tensor
        for key, tensor in golden.group("ckpt/").items()
    }
    rest = {key: tensor for key, tensor in golden.tensors.items() if not key.startswith("ckpt/")}
    other = migc_parity.Golden({**rest, **words}, golden.config, golden.cases)
    with torch.no_grad():
        error, tolerance, why = migc_parity.compare(other, "unet2d_k2_active")
    assert error <= tolerance, why


def test_a_wrong_value_fails_and_is_counted(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = migc_parity.Golden.read(golden_file(reference))
    kept = {k: t for k, t in golden.tensors.items() if k.startswith(("ckpt/", "unet/", "case/cbam", "shared/"))}
    kept["case/cbam2/out/out"] = kept["case/cbam2/out/out"] * 1.001
    cases = {name: golden.cases[name] for name in ("cbam1", "cbam2")}
    path = tmp_path / "wrong.safetensors"
    save_file(kept, path, {"config": json.dumps(golden.config), "cases": json.dumps(cases)})
    assert migc_parity.main([str(path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in out[:2]] == ["pass", "FAIL"]
    assert out[-1] == "1 passed, 1 failed"


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert migc_parity.main([]) == 2
    assert "usage: python -m benchmarks.migc_parity" in capsys.readouterr().err

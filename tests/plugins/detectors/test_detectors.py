"""Detectors: real transformers models of small size, saved to disk and loaded the way full ones are; tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v.core.errors import MetricError, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import Box, Detection, KeyFrame, SceneObject
from spa2v.jobs.judge import keyframes
from spa2v.plugins.detectors.grounding_dino import GroundingDinoDetector
from spa2v.plugins.detectors.owlv2 import Owlv2Detector
from spa2v.plugins.detectors.tidying import tidy
from spa2v.plugins.metrics.lt_sim import LTSim
from tests.kit import tiny_models
from tests.kit.scored_clips import score_frames

transformers = pytest.importorskip("transformers")
LABELS = ["car", "Red dog", "piano"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import torch

    torch.manual_seed(0)
    return {
        "owlv2": tiny_models.owlv2(tmp_path_factory.mktemp("owlv2"))[1],
        "dino": tiny_models.grounding_dino(tmp_path_factory.mktemp("dino"))[1],
    }


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 48, 80, 3), dtype=np.uint8)


def _same(first: Any, second: Any) -> bool:
    pairs = [(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)]
    return bool(pairs) and all(a.label == b.label and np.allclose(a.box, b.box, atol=1e-4) for a, b in pairs)


@pytest.mark.parametrize("kind", ["owlv2", "dino"])
def test_detections_are_sound_and_do_not_depend_on_the_batch(
    kind: str, models: dict[str, Path], frames: np.ndarray
) -> None:
    made = {"owlv2": Owlv2Detector, "dino": GroundingDinoDetector}[kind]
    run = Run(device="cpu")
    found = made(str(models[kind]), threshold=0.0, most=2, batch_size=2).detect(frames, LABELS, run)
    assert len(found) == 3
    for frame in found:
        assert frame
        assert {item.label for item in frame} <= set(LABELS)
        assert all(0 <= item.box.x1 < item.box.x2 <= 1 and 0 <= item.box.y1 < item.box.y2 <= 1 for item in frame)
        assert max(sum(item.label == label for item in frame) for label in LABELS) <= 2
        assert [item.score for item in frame] == sorted((item.score for item in frame), reverse=True)
    assert _same(found, made(str(models[kind]), threshold=0.0, most=2, batch_size=1).detect(frames, LABELS, run))
    assert made(str(models[kind]), threshold=1.0).detect(frames, LABELS, run) == ((), (), ())
    assert made(str(models[kind]), threshold=0.0).detect(frames, [], run) == ((), (), ())


def test_owlv2_boxes_are_parts_of_the_frame_not_of_its_square(models: dict[str, Path], frames: np.ndarray) -> None:
    import torch

    detector = Owlv2Detector(str(models["owlv2"]), threshold=0.0, overlap=1.0)
    found = detector.detect(frames[:1], LABELS, Run(device="cpu"))[0]
    processor = transformers.Owlv2Processor.from_pretrained(models["owlv2"])
    model = transformers.Owlv2ForObjectDetection.from_pretrained(models["owlv2"]).eval()
    prompts = [[f"a photo of a {label}" for label in LABELS]]
    with torch.inference_mode():
        raw = model(**processor(text=prompts, images=list(frames[:1]), return_tensors="pt", truncation=True))
    scale = np.array([1.0, 80 / 48, 1.0, 80 / 48])  # 48 x 80 stands in a square of 80
    scores, which = raw.logits[0].sigmoid().max(dim=-1)
    expected = []
    for score, label, (cx, cy, w, h) in zip(scores.tolist(), which.tolist(), raw.pred_boxes[0].tolist(), strict=True):
        edges = np.clip(np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) * scale, 0, 1)
        if min(edges[2:] - edges[:2]) > 1e-6:
            expected.append((LABELS[label], score, edges))
    expected.sort(key=lambda item: -item[1])
    assert [item.label for item in found] == [label for label, _, _ in expected]
    np.testing.assert_allclose([item.box for item in found], [edges for _, _, edges in expected], atol=1e-4)
    assert any(0.0 < item.box.y2 < 1.0 for item in found)


def test_grounding_dino_gives_each_box_to_the_label_whose_words_answer(
    models: dict[str, Path], frames: np.ndarray
) -> None:
    import torch

    detector = GroundingDinoDetector(str(models["dino"]), threshold=0.0, overlap=1.0)
    found = detector.detect(frames[:1], LABELS, Run(device="cpu"))[0]
    processor = transformers.GroundingDinoProcessor.from_pretrained(models["dino"])
    model = transformers.GroundingDinoForObjectDetection.from_pretrained(models["dino"]).eval()
    inputs = processor(text=["car. red dog. piano."], images=list(frames[:1]), return_tensors="pt")
    with torch.inference_mode():
        raw = model(**inputs)
    # [CLS] car . red dog . piano . [SEP]
    spans = {"car": [1], "Red dog": [3, 4], "piano": [6]}
    chances = raw.logits[0].sigmoid()
    expected = []
    for query, (cx, cy, w, h) in enumerate(raw.pred_boxes[0].tolist()):
        label = max(LABELS, key=lambda name: chances[query, spans[name]].max())
        edges = np.clip([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 0, 1)
        if edges[2] > edges[0] and edges[3] > edges[1]:
            expected.append((label, float(chances[query, spans[label]].max()), edges))
    expected.sort(key=lambda item: -item[1])
    assert [item.label for item in found] == [label for label, _, _ in expected]
    np.testing.assert_allclose([item.box for item in found], [edges for _, _, edges in expected], atol=1e-5)


def test_refusals(models: dict[str, Path], frames: np.ndarray, tmp_path: Path) -> None:
    run = Run(device="cpu")
    with pytest.raises(WeightsError, match=r"is not a usable owlv2 model\n"):
        Owlv2Detector(str(tmp_path)).detect(frames, LABELS, run)
    with pytest.raises(WeightsError, match=r"is a grounding-dino model, not owlv2$"):
        Owlv2Detector(str(models["dino"])).detect(frames, LABELS, run)
    detector = GroundingDinoDetector(str(models["dino"]))
    with pytest.raises(MetricError) as caught:
        detector.detect(frames, ["car", "..."], run)
    assert str(caught.value) == "2 labels became 1 phrases for the model\n  use plain words"
    with pytest.raises(MetricError, match=r"^200 labels are too many words for one prompt\n  use fewer labels$"):
        detector.detect(frames, ["car"] * 200, run)


def test_weights_outside_safetensors_are_refused(models: dict[str, Path], frames: np.ndarray, tmp_path: Path) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(models["owlv2"], folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="safetensors"):
        Owlv2Detector(str(folder)).detect(frames, LABELS, Run(device="cpu"))


def test_a_model_that_lacks_weights_is_refused(models: dict[str, Path], frames: np.ndarray, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "part"
    shutil.copytree(models["owlv2"], folder)
    weights = load_file(folder / "model.safetensors")
    del weights["box_head.dense1.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 of its weights\n  the first is box_head.dense1.bias$"):
        Owlv2Detector(str(folder)).detect(frames, LABELS, Run(device="cpu"))


def test_tidy_cuts_drops_doubles_and_counts() -> None:
    raw = [
        ("car", 0.9, [0.1, 0.1, 0.5, 0.5]),
        ("car", 0.8, [0.12, 0.1, 0.5, 0.5]),  # a double
        ("bus", 0.7, [0.12, 0.1, 0.5, 0.5]),  # another label may overlap
        ("car", 0.6, [-0.5, 0.7, 0.2, 1.5]),  # cut to the frame
        ("car", 0.5, [1.2, 0.1, 1.5, 0.5]),  # outside
        ("car", 0.4, [0.1, float("nan"), 0.2, 0.3]),
        ("car", 0.3, [0.6, 0.6, 0.9, 0.9]),
    ]
    found = tidy(raw, 0.5, None)
    assert [(item.label, item.score) for item in found] == [("car", 0.9), ("bus", 0.7), ("car", 0.6), ("car", 0.3)]
    assert found[2].box == Box(0.0, 0.7, 0.2, 1.0)
    assert [item.score for item in tidy(raw, 0.5, 1)] == [0.9, 0.7]
    assert len(tidy([("car", 0.5, [i / 100, 0, (i + 1) / 100, 1]) for i in range(100)], 0.5, None)) == 64


def _detections(*frames: list[tuple[str, float]]) -> tuple[tuple[Detection, ...], ...]:
    return tuple(tuple(Detection(label, 0.9, Box(x, 0.4, x + 0.2, 0.6)) for label, x in frame) for frame in frames)


def test_things_keep_their_id_while_they_overlap() -> None:
    frames = ([("car", 0.1), ("car", 0.6)], [("car", 0.62), ("car", 0.15)], [], [("car", 0.7), ("bus", 0.7)])
    made = keyframes(_detections(*frames), 4.0)
    ids = [[item.id for item in frame.objects] for frame in made]
    assert ids == [["car_0", "car_1"], ["car_1", "car_0"], [], ["car_2", "bus_0"]]
    assert [frame.time_s for frame in made] == [0.0, 1.0, 2.0, 3.0]
    far = keyframes(_detections([("car", 0.1)], [("car", 0.27)]), 2.0)  # IoU 0.08
    assert [frame.objects[0].id for frame in far] == ["car_0", "car_1"]


def test_stage_2_lt_sim_scores_what_a_detector_saw() -> None:
    truth = tuple(KeyFrame(float(i), "", (SceneObject("a", "car", Box(0.1, 0.4, 0.3, 0.6)),)) for i in range(4))
    seen = keyframes(_detections([("car", 0.1)], [("car", 0.1)], [("bus", 0.1)], []), 4.0)
    score = score_frames(LTSim(), seen, truth)
    np.testing.assert_allclose(score.details["frames"], [1.0, 1.0, np.exp(-0.5), np.exp(-1.0)], atol=1e-9)
    assert score.flags == ("labels_differ", "frames_empty")

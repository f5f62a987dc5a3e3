"""Scores the small weights on held-out ToyWorld layouts: grounding, motion, composition, end to end, cost.

    python -m benchmarks.small_weights [--weights FOLDER] [--count N] [--clips N] [--only PART ...]
    python -m benchmarks.small_weights --only end_to_end --data DATA --videos OUT

Pictures and clips are drawn as the preset `toyworld` says. A detector that has only ever seen true renders finds the
things in them; its own score on held-out renders comes first. Seeds of the layouts start at `HELD_OUT`; training draws
its scenes from other generators.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types.benchmark import read_manifest
from spa2v.dsp.boxes import iou
from spa2v.plugins.grounding_injectors.gligen.injector import GLIGEN
from spa2v.plugins.grounding_injectors.migc.injector import MIGC
from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.vocabulary import FILE, Vocabulary
from spa2v.world.classes import CLASSES
from spa2v.world.clips import render_clip, scene_layout
from spa2v.world.detector import Detection, Detector, found_classes
from spa2v.world.sampling import Choice, sample_scene

PACKAGED = Path(__file__).parents[1] / "spa2v" / "weights" / "toyworld"
HELD_OUT, SIZE = 9_000_000, (256, 160)
MOVES = ("left_to_right", "right_to_left", "approaching", "receding")
VARIANTS: tuple[tuple[bool, str, dict[str, Any]], ...] = (
    (False, "", {}),
    (True, "", {}),
    (True, "captions: global", {"captions": "global"}),
    (True, "captions: local", {"captions": "local"}),
    (False, "noise_follows: 0", {"noise_follows": 0.0}),
    (True, "noise_follows: 0", {"noise_follows": 0.0}),
    (True, "25 steps of DDIM", {"steps": 25, "scheduler": {"name": "DDIMScheduler"}}),
)
FIRST = 12  # classes of the first generation of weights
EDGE, LEAST_IN_VIEW = 0.002, 0.08  # in parts of the width
BOX_WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 200)
PRESETS = (
    ("toyworld", "toyworld", ()),
    ("toyworld, 10 steps", "toyworld", ("motion_backbone.options.steps=10",)),
    ("toyworld-fast", "toyworld-fast", ()),
)
"""The name in the table, the preset, and overrides."""
PARTS = (
    "sizes", "detector", "vae", "grounding", "kinds", "edges", "box_sizes", "composition", "presets", "end_to_end",
    "cost",
)  # fmt: skip


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=PACKAGED)
    parser.add_argument("--count", type=int, default=60, help="pictures for grounding")
    parser.add_argument("--clips", type=int, default=12, help="clips for motion and composition")
    parser.add_argument("--steps", type=int, help="of the sampler, by default those of the preset")
    parser.add_argument("--data", type=Path, help="for end_to_end: a benchmark of single things")
    parser.add_argument("--videos", type=Path, help="for end_to_end: what `spa2v batch` made of it")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="by default all that need no data")
    asked = parser.parse_args()
    wanted = asked.only or [part for part in PARTS if part != "end_to_end"]
    if "end_to_end" in wanted and not (asked.data and asked.videos):
        parser.error("end_to_end needs --data and --videos")
    bench = Bench(asked.weights, asked.steps)
    tables = {
        "sizes": bench.sizes_table,
        "detector": lambda: bench.detector_table(4 * asked.count),
        "vae": lambda: bench.vae_table(asked.count),
        "grounding": lambda: bench.grounding_table(asked.count),
        "kinds": lambda: bench.kinds_table(asked.count // 5),
        "edges": lambda: bench.edges_table(asked.count),
        "box_sizes": lambda: bench.box_sizes_table(asked.count),
        "composition": lambda: bench.composition_table(asked.clips),
        "presets": lambda: bench.presets_table(asked.clips),
        "end_to_end": lambda: bench.end_to_end_table(asked.data, asked.videos),
        "cost": bench.cost_table,
    }
    for name in wanted:
        print(f"\n## {name}")
        for line in tables[name]():
            print(line, flush=True)


def known_classes(weights: Path = PACKAGED) -> tuple[str, ...]:
    """The classes that weights were trained on and their detector finds; others would measure what is drawn instead."""
    drawn = Vocabulary.read(weights / "stable-diffusion" / FILE).classes
    return tuple(name for name in found_classes(weights / "detector.safetensors") if name in drawn)


def known_movers(weights: Path = PACKAGED) -> tuple[str, ...]:
    """The vehicles among them: the motion modules saw nothing else move."""
    return tuple(name for name in known_classes(weights) if CLASSES[name].kind == "vehicle")


def layouts(count: int, choice: Choice, frames: int = 16) -> list[VideoSceneLayout]:
    """Held-out layouts of a kind."""
    return [scene_layout(sample_scene(HELD_OUT + index, choice), SIZE, frames) for index in range(count)]


def moment(layout: VideoSceneLayout, part: float = 0.5) -> VideoSceneLayout:
    """The layout of one moment, as a clip that stands still."""
    frame = layout.at(part * layout.duration_s)
    return VideoSceneLayout(
        duration_s=layout.duration_s,
        caption=layout.caption,
        keyframes=(type(frame)(0.0, frame.caption, frame.objects),),
    )


def boxed(index: int, width: int) -> VideoSceneLayout:
    """A still layout of one vehicle in a box of this width in pixels and half the height, at a random place."""
    rng = np.random.default_rng((index, width))
    wide, high = width / SIZE[0], min(width / 2 / SIZE[1], 0.9)
    x, y = rng.uniform(0, 1 - wide), rng.uniform(0.2, max(0.2, 0.95 - high))
    name = ("car", "bus", "truck", "train")[index % 4]
    item = SceneObject("it", name, Box(x, min(y, 1 - high), x + wide, min(y, 1 - high) + high))
    return VideoSceneLayout(2.0, f"a {name} in a street", (KeyFrame(0.0, f"a {name}", (item,)),))


def names_alone(layout: VideoSceneLayout) -> VideoSceneLayout:
    """The layout with captions that tell what there is, and not where."""
    frames = [replace(frame, caption=", ".join(item.name for item in frame.objects)) for frame in layout.keyframes]
    return replace(layout, caption=", ".join(layout.names.values()), keyframes=tuple(frames))


class Bench:
    """The weights, the detector, and one table for each question.

    Args:
        weights: folder of the small weights.
        steps: of the sampler; None for the preset's.
    """

    def __init__(self, weights: Path, steps: int | None = None) -> None:
        self.weights, self.classes = weights, known_classes(weights)
        changed = [] if steps is None else [f"motion_backbone.options.steps={steps}"]
        self.preset = Pipeline.from_preset("toyworld", overrides=changed).config
        self.run = Run(seed=11, device="cpu", dtype="float32")
        self.detector = Detector(weights / "detector.safetensors")
        self._still = tempfile.TemporaryDirectory()

    def backbone(self, frames: int, motion: bool, **changes: Any) -> AnimateDiff:
        """The product's backbone as the preset has it; without motion, its motion modules add nothing."""
        folders = {
            "base": str(self.weights / "stable-diffusion"),
            "motion": str(self.weights / "motion-adapter" if motion else self._without_motion()),
            "frames": frames,
        }
        return AnimateDiff(**{**self.preset.motion_backbone.options, **folders, **changes})

    def _without_motion(self) -> Path:
        """A motion adapter whose last layers are zero."""
        from diffusers import MotionAdapter

        folder = Path(self._still.name) / "adapter"
        if not folder.exists():
            adapter = MotionAdapter.from_pretrained(self.weights / "motion-adapter")
            for name, parameter in adapter.named_parameters():
                if ".proj_out." in name:
                    parameter.data.zero_()
            adapter.save_pretrained(folder)
        return folder

    def injectors(self) -> dict[str, Any]:
        """None, MIGC, GLIGEN: those whose weights are there."""
        found: dict[str, Any] = {"ungrounded": None}
        if (self.weights / "migc.safetensors").exists():
            found["migc"] = MIGC(weights=str(self.weights / "migc.safetensors"), share=1.0)
        if (self.weights / "gligen").exists():
            found["gligen"] = GLIGEN(weights=str(self.weights / "gligen"), share=1.0)
        return found

    def drawn(
        self, backbone: AnimateDiff, injector: Any, wanted: Sequence[VideoSceneLayout], batch: int
    ) -> list[NDArray[np.uint8]]:
        """The frames of each layout, (F, H, W, 3); layout i is drawn with seed i."""
        frames = []
        for start in range(0, len(wanted), batch):
            part = [backbone.reword(layout, self.run) for layout in wanted[start : start + batch]]
            seeds = list(range(start, start + len(part)))
            with injector.attach_many(backbone, part, self.run) if injector else nullcontext():
                frames += [video.frames for video in backbone.generate_many(part, self.run, seeds)]
        return frames

    def judged(self, layout: VideoSceneLayout, frames: NDArray[np.uint8]) -> list[list[tuple[str, float, bool, Any]]]:
        """For each frame, each asked thing: its id, IoU with the best find, whether its class is right, the find."""
        found = self.detector.detect(frames)
        asked = layout.frames(len(frames))
        return [
            judge([(o.id, o.name, o.box) for o in key.objects], finds) for key, finds in zip(asked, found, strict=True)
        ]

    def detector_table(self, count: int) -> Iterator[str]:
        """How well the detector does on true renders."""
        yield "| things | boxes | mean IoU | right class |"
        for name, quantity in (("one", "single"), ("several", "multiple")):
            scores = []
            for index in range(count // 2):
                choice = Choice(quantity=quantity, classes=self.detector.names)
                clip = render_clip(sample_scene(HELD_OUT + 500_000 + index, choice), SIZE, 3)
                scores += [item for row in self.judged(clip.layout, clip.video.frames) for item in row]
            yield f"| {name} | {len(scores)} | {mean(s[1] for s in scores):.3f} | {mean(s[2] for s in scores):.3f} |"

    def sizes_table(self) -> Iterator[str]:
        """Parameters and bytes of each file of weights."""
        from safetensors import safe_open

        yield "| file | parameters | MB |"
        total = 0
        for path in sorted(self.weights.rglob("*.safetensors")):
            with safe_open(path, "pt") as file:
                count = sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
            total += path.stat().st_size
            yield f"| {path.relative_to(self.weights)} | {count / 1e6:.2f} M | {path.stat().st_size / 1e6:.2f} |"
        yield f"| all | | {total / 1e6:.2f} |"

    def vae_table(self, count: int) -> Iterator[str]:
        """True renders, encoded and decoded."""
        import torch
        from diffusers import AutoencoderKL

        vae: Any = AutoencoderKL.from_pretrained(self.weights / "stable-diffusion" / "vae", torch_dtype=torch.float32)
        errors, ratios = [], []
        for index in range(count):
            frame = render_clip(
                sample_scene(HELD_OUT + 600_000 + index, Choice(classes=self.classes)), SIZE, 1
            ).video.frames[0]
            pixels = torch.from_numpy(frame / 127.5 - 1).permute(2, 0, 1)[None].float()
            with torch.no_grad():
                back = vae.decode(vae.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
            error = (back - pixels) * 127.5
            errors.append(float(error.abs().mean()))
            ratios.append(10 * math.log10(255**2 / float(error.square().mean())))
        yield f"there and back, {count} renders: {mean(ratios):.1f} dB PSNR, mean error {mean(errors):.1f} of 255"

    def grounding_table(self, count: int) -> Iterator[str]:
        """Single pictures with boxes."""
        backbone = self.backbone(1, motion=False)
        kinds = {n: Choice(quantity=q, classes=self.classes) for n, q in ((1, "single"), (2, "multiple"))}
        yield "| injector | captions | things | boxes | mean IoU | right class |"
        for name, injector in self.injectors().items():
            for captions, told in (("with places", lambda layout: layout), ("names alone", names_alone)):
                for things, choice in kinds.items():
                    wanted = [told(moment(layout)) for layout in layouts(count // 2, choice)]
                    frames = self.drawn(backbone, injector, wanted, 16)
                    pairs = zip(wanted, frames, strict=True)
                    scores = [s for layout, clip in pairs for row in self.judged(layout, clip) for s in row]
                    yield (
                        f"| {name} | {captions} | {'one' if things == 1 else 'several'} | {len(scores)} "
                        f"| {mean(s[1] for s in scores):.3f} | {mean(s[2] for s in scores):.3f} |"
                    )

    def kinds_table(self, count: int) -> Iterator[str]:
        """Single pictures of one thing with MIGC, by class, and for the classes of the first and second generation."""
        backbone, injector = self.backbone(1, motion=False), self.injectors()["migc"]
        found: dict[str, list[tuple[float, bool]]] = {}
        yield "| class | boxes | mean IoU | right class |"
        for name in self.classes:
            wanted = [moment(layout) for layout in layouts(count, Choice(quantity="single", name=name))]
            pairs = zip(wanted, self.drawn(backbone, injector, wanted, 16), strict=True)
            found[name] = [(s[1], s[2]) for pair in pairs for row in self.judged(*pair) for s in row]
        generations = {"the first twelve": self.classes[:FIRST], "all others": self.classes[FIRST:]}
        groups = {**{name: (name,) for name in self.classes}, **generations}
        for label, names in groups.items():
            scores = [score for name in names for score in found[name]]
            if scores:
                means = [mean(score[place] for score in scores) for place in (0, 1)]
                yield f"| {label} | {len(scores)} | {means[0]:.3f} | {means[1]:.3f} |"

    def edges_table(self, count: int) -> Iterator[str]:
        """Single pictures of crossing things with MIGC, at a moment in which the frame's edge cuts them."""
        backbone, injector = self.backbone(1, motion=False), self.injectors()["migc"]
        wanted: list[VideoSceneLayout] = []
        index = 0
        while len(wanted) < count:
            choice = Choice(None, "single", MOVES[index % 2], classes=known_movers(self.weights))
            layout = scene_layout(sample_scene(HELD_OUT + 700_000 + index, choice), SIZE)
            if part := next((part for part in np.arange(16) / 16 if _is_cut(moment(layout, part))), None):
                wanted.append(moment(layout, part))
            index += 1
        pairs = zip(wanted, self.drawn(backbone, injector, wanted, 16), strict=True)
        scores = [s for pair in pairs for row in self.judged(*pair) for s in row]
        yield "| cut by an edge | mean IoU of what is in view | right class |"
        yield f"| {len(scores)} | {mean(s[1] for s in scores):.3f} | {mean(s[2] for s in scores):.3f} |"

    def box_sizes_table(self, count: int) -> Iterator[str]:
        """Single pictures of one object in boxes of several widths, in pixels; IoU and class for each."""
        backbone, injector = self.backbone(1, motion=False), self.injectors()["migc"]
        yield "| width of the box | boxes | mean IoU | right class | an IoU of 0.3 |"
        for width in BOX_WIDTHS:
            wanted = [boxed(index, width) for index in range(count // 5)]
            frames = self.drawn(backbone, injector, wanted, 16)
            scores = [s for pair in zip(wanted, frames, strict=True) for row in self.judged(*pair) for s in row]
            means = [mean(s[1] for s in scores), mean(s[2] for s in scores), mean(s[1] >= 0.3 for s in scores)]
            yield f"| {width} | {len(scores)} | {' | '.join(f'{value:.3f}' for value in means)} |"

    def composition_table(self, count: int) -> Iterator[str]:
        """Clips of crossing and approaching things: injector, motion on and off, captions, noise, sampler."""
        classes = known_movers(self.weights)
        choices = [Choice(None, "single", move, classes=classes) for move in MOVES]
        scenes = [sample_scene(HELD_OUT + 800_000 + i, choices[i % 4]) for i in range(count)]
        wanted = [scene_layout(scene, SIZE) for scene in scenes]
        yield "| injector | motion | otherwise | IoU a frame | right class | class holds | flicker | color drift |"
        for name, injector in self.injectors().items():
            for motion, label, changes in VARIANTS if name == "migc" else VARIANTS[:2]:
                backbone = self.backbone(16, motion, **changes)
                frames = self.drawn(backbone, injector, wanted, 2)
                yield f"| {name} | {'on' if motion else 'off'} | {label} | {self._clip_scores(wanted, frames)} |"

    def _clip_scores(self, wanted: Sequence[VideoSceneLayout], frames: Sequence[NDArray[np.uint8]]) -> str:
        judged = [self.judged(layout, clip) for layout, clip in zip(wanted, frames, strict=True)]
        scores = [s for clip in judged for row in clip for s in row]
        holds = [all(s[2] for row in clip for s in row) for clip in judged]
        flicker = mean(background_flicker(layout, clip) for layout, clip in zip(wanted, frames, strict=True))
        drift = mean(color_drift(clip) for clip in judged)
        return (
            f"{mean(s[1] for s in scores):.3f} | {mean(s[2] for s in scores):.3f} | {mean(holds):.2f} "
            f"| {flicker:.2f} | {drift:.1f}"
        )

    def presets_table(self, clips: int) -> Iterator[str]:
        """The presets of these weights: clips of one thing that moves, and clips of things that stand."""
        kinds = {
            "moving": [Choice(None, "single", move, classes=known_movers(self.weights)) for move in MOVES],
            "still": [Choice("stationary", classes=self.classes)],
        }
        yield "| preset | clips | IoU a frame | right class | class holds | flicker | CPU seconds, judging included |"
        yield "|---|---|---|---|---|---|---|"
        for name, preset, overrides in PRESETS:
            pipeline = Pipeline.from_preset(preset, overrides=["run.device=cpu", *overrides])
            for kind, choices in kinds.items():
                first = HELD_OUT + 500_000 + 100_000 * (kind == "still")
                began, values = time.process_time(), []
                for index in range(clips):
                    choice = choices[index % len(choices)]
                    layout = scene_layout(sample_scene(first + index, choice), SIZE, 16)
                    frames = pipeline.render(layout, pipeline.new_run().seeded(3)).frames
                    rows = self.judged(layout, frames)
                    found = [row for frame in rows for row in frame]
                    means = [float(np.mean([row[place] for row in found])) for place in (1, 2)]
                    values.append([*means, all(row[2] for row in found), background_flicker(layout, frames)])
                iou_, right, holds, flicker = np.mean(values, axis=0)
                seconds = (time.process_time() - began) / clips
                yield f"| {name} | {kind} | {iou_:.3f} | {right:.3f} | {holds:.2f} | {flicker:.2f} | {seconds:.1f} |"

    def end_to_end_table(self, data: Path, videos: Path) -> Iterator[str]:
        """Sound in, video out: does the thing seen do what the thing heard does?

        Args:
            data: benchmark whose clips have one thing each, as `spa2v world dataset --quantity single` makes it;
                clips of classes that the weights do not know are left out.
            videos: output folder of `spa2v batch` on it.
        """
        rows: dict[str, list[bool]] = {}
        clips = [clip for clip in read_manifest(data) if clip.objects[0].name in self.classes]
        planned, drawn = [], []
        for clip in clips:
            item, folder = clip.objects[0], videos / "clips" / clip.id
            frames = read_video(folder / "video.mp4").frames
            planned.append(self._in_classes(read_layout(folder / "layout.json")))
            drawn.append(frames)
            if item.distance_evidence or item.lateral_evidence:
                rows.setdefault(str(item.attribute), []).append(
                    seen_attribute(self.detector.detect(frames)) == item.attribute
                )
        yield "| attribute | recordings with evidence | seen as heard |"
        for name, found in sorted(rows.items()):
            yield f"| {name} | {len(found)} | {mean(found):.3f} |"
        found = [right for row in rows.values() for right in row]
        yield f"| all | {len(found)} of {len(clips)} | {mean(found):.3f} |"
        yield "| clips, as planned | IoU a frame | right class | class holds | flicker | color drift |"
        moves = [any(box != boxes[0] for box in boxes) for boxes in map(_boxes, planned)]
        for label, which in (("things that move", True), ("things that stand", False)):
            pairs = [
                pair for pair, moving in zip(zip(planned, drawn, strict=True), moves, strict=True) if moving == which
            ]
            if pairs:
                yield f"| {label}, {len(pairs)} | {self._clip_scores(*zip(*pairs, strict=True))} |"

    def _in_classes(self, layout: VideoSceneLayout) -> VideoSceneLayout:
        """With the class that is drawn in place of each name."""
        table = Vocabulary.read(self.weights / "stable-diffusion" / FILE)
        frames = (
            replace(frame, objects=tuple(replace(item, name=table.known(item.name)) for item in frame.objects))
            for frame in layout.keyframes
        )
        return replace(layout, keyframes=tuple(frames))

    def cost_table(self) -> Iterator[str]:
        """Seconds of a clip, and as a multiple of one guided evaluation of the denoiser."""
        import torch

        layout = layouts(1, Choice("translational", "single", classes=known_movers(self.weights)))[0]
        backbone = self.backbone(16, motion=True)
        unet: Any = backbone.denoiser(self.run)
        text = backbone.encode_text(["a car"] * 32, self.run).states
        noise = torch.zeros(2, unet.config.in_channels, 16, *backbone.latent_size(self.run))
        with torch.no_grad():
            step = min(timed(lambda: unet(noise, 500, encoder_hidden_states=text)) for _ in range(3))
        yield "| injector | seconds a clip | in evaluations |"
        for name, injector in self.injectors().items():
            seconds = timed(lambda injector=injector: self.drawn(backbone, injector, [layout], 1))
            yield f"| {name} | {seconds:.1f} | {seconds / step:.1f} |"


def _is_cut(layout: VideoSceneLayout) -> bool:
    """Whether one of the things at the first moment is at the left or right edge, and still well in view."""
    boxes = [item.box for item in layout.keyframes[0].objects]
    return any((b.x1 <= EDGE or b.x2 >= 1 - EDGE) and b.x2 - b.x1 >= LEAST_IN_VIEW for b in boxes)


def _boxes(layout: VideoSceneLayout) -> list[tuple[Any, ...]]:
    return [tuple(item.box for item in frame.objects) for frame in layout.keyframes]


def judge(
    asked: Sequence[tuple[str, str, Any]], found: Sequence[Detection]
) -> list[tuple[str, float, bool, Detection | None]]:
    """Gives each asked thing the find that overlaps it most, each find once, best pairs first."""
    pairs = sorted(
        ((iou(box, f.box), a, b) for a, (_, _, box) in enumerate(asked) for b, f in enumerate(found)), reverse=True
    )
    best: dict[int, tuple[float, int]] = {}
    for score, a, b in pairs:
        if score > 0 and a not in best and b not in {pick for _, pick in best.values()}:
            best[a] = (score, b)
    rows = []
    for a, (thing_id, name, _) in enumerate(asked):
        score, b = best.get(a, (0.0, -1))
        rows.append((thing_id, score, b >= 0 and found[b].name == name, found[b] if b >= 0 else None))
    return rows


def background_flicker(layout: VideoSceneLayout, frames: NDArray[np.uint8]) -> float:
    """Mean absolute change from frame to frame, 0..255, outside the asked boxes of both frames."""
    height, width = frames.shape[1:3]
    outside = np.ones(frames.shape[:3], bool)
    for mask, key in zip(outside, layout.frames(len(frames)), strict=True):
        for item in key.objects:
            x1, y1, x2, y2 = np.asarray(item.box) * (width, height, width, height)
            mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = False
    change = np.abs(np.diff(frames.astype(float), axis=0)).mean(axis=-1)
    both = outside[1:] & outside[:-1]
    return float(change[both].mean()) if both.any() else 0.0


def color_drift(judged: Sequence[Sequence[tuple[str, float, bool, Any]]]) -> float:
    """Mean distance of a thing's color from its mean over the clip, 0..255."""
    colors = np.array([s[3].color for row in judged for s in row if s[3] is not None])
    return float(np.abs(colors - colors.mean(axis=0)).mean()) if len(colors) else float("nan")


def seen_attribute(found: Sequence[Sequence[Detection]]) -> str:
    """What the largest thing does, by the first and last thirds of the frames in which it is seen."""
    boxes = [max(row, key=lambda d: d.box.area).box for row in found if row]
    if len(boxes) < 3:
        return "nothing"
    third = max(1, len(boxes) // 3)
    first, last = boxes[:third], boxes[-third:]
    shift = mean(b.center[0] for b in last) - mean(b.center[0] for b in first)
    growth = mean(b.area for b in last) / mean(b.area for b in first)
    if abs(shift) > 0.2:
        return "left_to_right" if shift > 0 else "right_to_left"
    if not 0.5 < growth < 2.0:
        return "approaching" if growth > 1 else "receding"
    middle = mean(b.center[0] for b in boxes)
    return "left" if middle < 0.4 else "right" if middle > 0.6 else "center"


def mean(values: Any) -> float:
    """The mean of some numbers; NaN of none."""
    listed = [float(value) for value in values]
    return sum(listed) / len(listed) if listed else float("nan")


def timed(work: Any) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

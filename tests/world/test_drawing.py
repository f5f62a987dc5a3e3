"""The picture of a scene: boxes against pixels, perspective, occlusion, movement."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.errors import ConfigError
from spa2v.core.types import Box, frame_times
from spa2v.world.classes import CLASSES
from spa2v.world.drawing import Renderer
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import Camera, OpenPlace, Path, Room, Scene, Thing

SIZE = (96, 60)


def changed_extent(a: np.ndarray, b: np.ndarray) -> tuple[int, int, int, int] | None:
    """x1, y1, x2, y2 of the pixels in which two pictures differ."""
    rows, columns = np.nonzero((a != b).any(axis=2))
    return None if len(rows) == 0 else (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def in_pixels(box: Box) -> tuple[float, float, float, float]:
    return box.x1 * SIZE[0], box.y1 * SIZE[1], box.x2 * SIZE[0], box.y2 * SIZE[1]


def test_boxes_are_the_extent_of_drawn_pixels_within_one_pixel_over_500_scenes(scenes: list[Scene]) -> None:
    """Taking a thing out of the picture changes exactly the pixels inside its box, out to its edges."""
    compared = 0
    for seed, scene in enumerate(scenes[:500]):
        renderer = Renderer(scene, *SIZE)
        time = float(np.random.default_rng(seed).uniform(0, scene.duration_s))
        whole = renderer.frame(time)
        for thing in scene.things:
            extent = changed_extent(whole.pixels, renderer.frame(time, hidden=[thing.id]).pixels)
            box = whole.boxes.get(thing.id)
            if box is None:
                assert extent is None, (seed, thing.id)
                continue
            assert all(0.0 <= value <= 1.0 for value in box), (seed, thing.id)
            compared += 1
            assert extent is not None, (seed, thing.id)
            worst = max(abs(a - b) for a, b in zip(in_pixels(box), extent, strict=True))
            assert worst <= 1.0, (seed, thing.id, in_pixels(box), extent)
    assert compared > 600


def lone(name: str, path: Path, heading: float = 0.0, look: int = 1) -> Scene:
    thing = Thing(f"{name}_0", name, "center", path, heading_deg=heading, look=look)
    place = OpenPlace(near_m=4, far_m=12) if not CLASSES[name].stands else Room(width_m=9, left_m=4.5)
    return Scene(1, 2.0, "translational", (thing,), place, Camera(1.5, 65, 0.45))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_class_can_be_drawn_at_any_resolution_and_keeps_its_box(name: str) -> None:
    scene = lone(name, Path((0.3, 0.0, 9.0 if not CLASSES[name].stands else 3.6)))
    boxes = [Renderer(scene, *size).frame(0.5).boxes[f"{name}_0"] for size in ((128, 80), (256, 160), (512, 320))]
    for box in boxes[:2]:
        assert np.abs(np.array(box) - np.array(boxes[2])).max() < 1.0 / 80
    assert boxes[2].area > 0.01


def test_size_on_the_picture_follows_perspective() -> None:
    """Twice as far is half as large and half as far from eye level."""
    near, far = (Renderer(lone("woman", Path((0.0, 0.0, z))), 512, 320).frame(0.0).boxes["woman_0"] for z in (4.0, 8.0))
    assert (near.y2 - near.y1) / (far.y2 - far.y1) == pytest.approx(2.0, rel=0.02)
    assert (near.y2 - 0.45) / (far.y2 - 0.45) == pytest.approx(2.0, rel=0.02)


def test_a_thing_stands_where_the_camera_formula_says() -> None:
    scene = lone("man", Path((1.1, 0.0, 4.0)))
    box = Renderer(scene, 512, 320).frame(0.0).boxes["man_0"]
    assert box.center[0] == pytest.approx(float(scene.camera.column(1.1, 4.0)), abs=0.03)
    assert float(scene.camera.column(scene.camera.x_at(0.2, 4.0), 4.0)) == pytest.approx(0.2)


def test_a_vehicle_enters_and_leaves_the_frame() -> None:
    scene = lone("car", Path((-12.0, 0.0, 6.0), (12.0, 0.0, 0.0)))
    boxes = [frame.boxes.get("car_0") for frame in Renderer(scene, *SIZE).frames(frame_times(2.0, 9))]
    assert boxes[0] is None
    assert boxes[-1] is None
    inside = [box for box in boxes if box]
    assert inside[0].x1 == 0.0
    assert inside[-1].x2 == 1.0
    assert inside[0].center[0] < inside[len(inside) // 2].center[0] < inside[-1].center[0]


def test_what_stands_in_front_hides_what_is_behind() -> None:
    bus = Thing("bus_0", "bus", "center", Path((0.0, 0.0, 9.0)))
    hidden = Thing("car_0", "car", "center", Path((0.0, 0.0, 14.0)))
    peeking = Thing("car_1", "car", "center", Path((10.0, 0.0, 14.0)))
    scene = Scene(1, 1.0, "translational", (hidden, peeking, bus), OpenPlace(near_m=4, far_m=16), Camera(1.6, 75, 0.45))
    renderer = Renderer(scene, 256, 160)
    boxes = renderer.frame(0.0).boxes
    assert "car_0" not in boxes
    alone = renderer.frame(0.0, hidden=["bus_0"]).boxes["car_1"]
    assert boxes["car_1"].x2 == pytest.approx(alone.x2, abs=0.01)
    assert boxes["car_1"].x1 > alone.x1 + 0.02
    assert boxes["bus_0"] == renderer.frame(0.0, hidden=["car_0", "car_1"]).boxes["bus_0"]


def test_wheels_turn_and_players_move() -> None:
    rolling = Renderer(lone("truck", Path((-2.0, 0.0, 9.0), (4.0, 0.0, 0.0))), 256, 160)
    still = Renderer(lone("truck", Path((0.0, 0.0, 9.0))), 256, 160)
    assert changed_extent(rolling.frame(0.5).pixels, still.frame(0.5).pixels) is not None  # same place, other spokes
    for name in ("violin", "drum", "woman", "man"):
        renderer = Renderer(lone(name, Path((0.0, 0.0, 3.5))), 128, 80)
        assert changed_extent(renderer.frame(0.1).pixels, renderer.frame(0.3).pixels) is not None, name


def test_a_mirrored_scene_is_the_flipped_picture() -> None:
    scene = sample_scene(11)
    frame, other = Renderer(scene, *SIZE).frame(0.7), Renderer(scene.mirrored(), *SIZE).frame(0.7)
    assert np.array_equal(frame.pixels[:, ::-1], other.pixels)
    assert {key: box.mirrored() for key, box in frame.boxes.items()} == other.boxes


def test_edges_are_smooth() -> None:
    """Between a thing and what is behind lie pixels of mixed color."""
    scene = lone("car", Path((0.0, 0.0, 6.0)), look=3)
    pixels = Renderer(scene, 128, 80).frame(0.0).pixels
    sharp = Renderer(scene, 128, 80, samples=1).frame(0.0).pixels
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1.5 * len(np.unique(sharp.reshape(-1, 3), axis=0))


def test_a_thing_that_reaches_behind_the_camera_is_cut_at_the_near_plane() -> None:
    scene = lone("bus", Path((1.8, 0.0, 3.0)), heading=90.0)
    box = Renderer(scene, *SIZE).frame(0.0).boxes["bus_0"]
    assert box.x2 == 1.0
    assert box.y2 == 1.0


@pytest.mark.parametrize("size", [(8, 60), (96, 5000)])
def test_a_size_out_of_range_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"a frame of {size[0]} x {size[1]} pixels"):
        Renderer(sample_scene(0, Choice(quantity="single")), *size)

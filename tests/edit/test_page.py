"""The page as a user has it: real Chromium on the real server."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from tests.kit.editing import SMALL, Served, serving

pytestmark = pytest.mark.browser

BOX = "svg.thing[data-id=car_0]"


def layout_of(page: Any) -> dict[str, Any]:
    return page.evaluate("spa2vEditor.store.layout")


def box_at(page: Any, time: float, object_id: str = "car_0") -> tuple[float, ...]:
    layout = VideoSceneLayout.from_json(layout_of(page))
    return tuple(layout.at(time).get(object_id).box)


def seek(page: Any, time: float) -> None:
    page.evaluate("time => { spa2vEditor.seek(time); spa2vEditor.store.flush(); }", time)


def drag(page: Any, selector: str, dx: float, dy: float, steps: int = 8) -> None:
    """Drags an element by pixels, from its middle."""
    area = page.locator(selector).bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    page.mouse.up()


def saved(served: Served) -> VideoSceneLayout:
    return VideoSceneLayout.loads(served.path.read_text())


def wait(page: Any, condition: str, arg: Any = None, timeout: float = 30_000) -> None:
    """Until an expression is true; the page's policy keeps Playwright's own way, which evaluates text in it."""
    for _ in range(int(timeout / 50)):
        if page.evaluate(condition, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def wait_saved(page: Any) -> None:
    wait(page, "document.getElementById('saved').textContent === 'saved'")


def test_drag_undo_redo_save_and_reload(served: Served, new_page) -> None:
    page = new_page(served)
    seek(page, 1.5)
    before = box_at(page, 1.5)
    width = page.locator("#frame").bounding_box()["width"]
    drag(page, BOX, 0.1 * width, 0)
    moved = box_at(page, 1.5)
    assert moved[0] - before[0] == pytest.approx(0.1, abs=0.01)
    assert box_at(page, 1.25) == pytest.approx(tuple(saved(served).at(1.25).get("car_0").box))  # the next stays
    page.keyboard.press("Control+z")
    assert box_at(page, 1.5) == pytest.approx(before)
    page.keyboard.press("Control+Shift+z")
    assert box_at(page, 1.5) == moved
    page.keyboard.press("Control+s")
    wait_saved(page)
    assert tuple(saved(served).at(1.5).get("car_0").box) == pytest.approx(moved)
    page.reload()
    page.wait_for_selector("body.ready")
    assert box_at(page, 1.5) == pytest.approx(moved)
    assert page.locator("#saved").text_content() == "saved"


def test_each_handle_moves_its_sides_alone(served: Served, new_page) -> None:
    page = new_page(served)
    seek(page, 2.0)
    for handle in ("nw", "n", "ne", "e", "se", "s", "sw", "w"):
        before = box_at(page, 2.0)
        drag(page, f"{BOX} .handle.{handle} .grab", 14, 10)
        after = box_at(page, 2.0)
        changed = [a != pytest.approx(b, abs=1e-6) for a, b in zip(before, after, strict=True)]
        assert changed == ["w" in handle, "n" in handle, "e" in handle, "s" in handle], handle


def test_a_drag_between_key_frames_adds_one(served: Served, new_page) -> None:
    page = new_page(served)
    count = len(layout_of(page)["keyframes"])
    seek(page, 1.6)
    expected = box_at(page, 1.6)
    assert page.locator("#keyed").text_content() == "Between key frames"
    drag(page, BOX, 20, 0)
    assert len(layout_of(page)["keyframes"]) == count + 1
    assert box_at(page, 1.6)[0] > expected[0]
    assert page.locator("#keyed").text_content() == "Key frame"


def test_a_drag_of_the_whole_path_moves_every_key_frame(served: Served, new_page) -> None:
    page = new_page(served)
    before = [box_at(page, frame["time_s"]) for frame in layout_of(page)["keyframes"]]
    page.keyboard.press("w")
    seek(page, 2.0)
    drag(page, BOX, 0, -12)
    after = [box_at(page, frame["time_s"]) for frame in layout_of(page)["keyframes"]]
    shifts = [b[1] - a[1] for a, b in zip(before, after, strict=True)]
    assert max(shifts) == pytest.approx(min(shifts), abs=1e-5)
    assert max(shifts) < -0.02


def test_escape_gives_a_drag_up(served: Served, new_page) -> None:
    page = new_page(served)
    before = layout_of(page)
    area = page.locator(BOX).bounding_box()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + 150, area["y"] + 20, steps=4)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert layout_of(page) == before
    assert page.locator("#undo").is_disabled()


def test_undo_goes_back_through_everything(served: Served, new_page) -> None:
    page = new_page(served)
    before = layout_of(page)
    seek(page, 1.0)
    for number in range(120):
        page.evaluate(
            "n => { const e = spa2vEditor; e.store.settle(); e.inspector.nudge(n % 2 ? 0.01 : -0.008, 0, ''); }", number
        )
    page.keyboard.press("n")
    page.keyboard.type("tram")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press("m")
    after = layout_of(page)
    while page.locator("#undo").is_enabled():
        page.evaluate("spa2vEditor.store.undo(); spa2vEditor.store.flush()")
    assert layout_of(page) == before
    while page.locator("#redo").is_enabled():
        page.evaluate("spa2vEditor.store.redo(); spa2vEditor.store.flush()")
    assert layout_of(page) == after


def test_everything_works_from_the_keyboard(served: Served, new_page) -> None:
    page = new_page(served)
    seek(page, 2.0)
    x = box_at(page, 2.0)[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert box_at(page, 2.0)[0] == pytest.approx(x + 0.011, abs=1e-5)
    wide = box_at(page, 2.0)[2] - box_at(page, 2.0)[0]
    page.keyboard.press("Alt+ArrowRight")
    assert box_at(page, 2.0)[2] - box_at(page, 2.0)[0] == pytest.approx(wide + 0.01, abs=1e-5)
    page.keyboard.press("]")
    assert page.evaluate("spa2vEditor.store.time") == pytest.approx(2.25)
    page.keyboard.press("Home")
    assert page.evaluate("spa2vEditor.store.time") == 0
    page.keyboard.press("n")
    page.keyboard.type("dog")
    page.keyboard.press("Escape")
    assert list(VideoSceneLayout.from_json(layout_of(page)).names.values()) == ["car", "dog"]
    seek(page, 1.0)
    page.keyboard.press("s")
    seek(page, 3.0)
    page.keyboard.press("e")
    layout = VideoSceneLayout.from_json(layout_of(page))
    added = next(key for key, name in layout.names.items() if name == "dog")
    seen = [layout.at(time).get(added) is not None for time in (0.5, 0.98, 1.02, 2.98, 3.02, 3.9)]
    assert seen == [False, False, True, True, False, False]
    page.keyboard.press("Delete")
    assert list(VideoSceneLayout.from_json(layout_of(page)).names) == ["car_0"]
    page.keyboard.press("?")
    assert page.locator("#keys-help").is_visible()
    page.keyboard.press("Escape")


def test_names_are_completed_and_captions_change(served: Served, new_page) -> None:
    page = new_page(served)
    words = page.evaluate("[...document.getElementById('known-names').children].map((o) => o.value)")
    assert {"car", "train", "airplane"} <= set(words)
    page.fill("#name", "train")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.fill("#caption", "A train passes.")
    seek(page, 1.0)
    page.fill("#frame-caption", "It is <b>near</b>.")
    page.keyboard.press("Control+s")
    wait_saved(page)
    found = saved(served)
    assert (found.caption, set(found.names.values())) == ("A train passes.", {"train"})
    assert found.at(1.0).caption == "It is <b>near</b>."
    assert page.locator("#now").inner_html() == "It is &lt;b&gt;near&lt;/b&gt;."


def test_the_end_of_an_object_is_dragged_on_its_lane(served: Served, new_page) -> None:
    page = new_page(served)
    plot = page.locator(".lane.object svg.plot").bounding_box()
    grip = page.locator(".lane.object .grip").nth(1).bounding_box()
    page.mouse.move(grip["x"] + 3, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.66 * plot["width"], grip["y"] + 10, steps=5)
    page.mouse.up()
    layout = VideoSceneLayout.from_json(layout_of(page))
    assert layout.at(2.6).get("car_0") is not None
    assert layout.at(2.7).get("car_0") is None
    wait(page, "Math.abs(document.getElementById('span-end').value - 2.64) < 0.03")


def test_key_frames_are_dragged_in_time(served: Served, new_page) -> None:
    page = new_page(served)
    key = page.locator("#lane-keys .key").nth(4)
    assert key.get_attribute("aria-label") == "Key frame at 1.00 s"
    drag(page, "#lane-keys .key >> nth=4", 18, 0)
    times = [frame["time_s"] for frame in layout_of(page)["keyframes"]]
    assert 1.0 < times[4] < 1.25
    assert times[3] == 0.75
    assert times == sorted(times)


def test_mirror_reverse_snap_and_simplify(served: Served, new_page) -> None:
    page = new_page(served)
    first, last = box_at(page, 0.0), box_at(page, 3.75)
    page.keyboard.press("m")
    assert box_at(page, 0.0)[0] == pytest.approx(1 - first[2], abs=1e-5)
    page.keyboard.press("m")
    page.keyboard.press("r")
    assert box_at(page, 0.0) == pytest.approx(last, abs=1e-5)
    page.keyboard.press("a")
    layout = VideoSceneLayout.from_json(layout_of(page))
    middles = [layout.at(time).get("car_0").box.center[0] for time in np.linspace(0.25, 3.75, 8)]
    assert all(b >= a - 0.01 for a, b in pairwise(middles))  # it is heard from left to right
    assert middles[-1] - middles[0] > 0.4
    page.click("#simplify")
    assert len(layout_of(page)["keyframes"]) < 16
    page.click("#mirror-all")
    wait(page, "spa2vEditor.store.layout.attributes.car_0 === 'right_to_left'")


def test_re_hearing_places_the_downmix_by_the_boxes(served: Served, new_page) -> None:
    page = new_page(served)
    assert page.evaluate("spa2vEditor.sound.describe()") is None  # no sound before the user asks for it
    page.keyboard.press("Space")
    wait(page, "spa2vEditor.store.time > 0.2 && spa2vEditor.sound.describe().state === 'running'")
    page.keyboard.press("h")
    wait(page, "spa2vEditor.sound.describe().plan > 0.95")
    graph = page.evaluate("spa2vEditor.sound.describe()")
    assert (graph["mode"], graph["downmixChannels"], list(graph["voices"])) == ("plan", 1, ["car_0"])
    assert graph["recording"] < 0.05
    page.keyboard.press("Space")
    pans = {}
    for time in (0.0, 2.0, 3.75):
        seek(page, time)
        box = box_at(page, time)
        wait(
            page, "pan => Math.abs(spa2vEditor.sound.describe().voices.car_0.pan - pan) < 0.01", arg=box[0] + box[2] - 1
        )
        pans[time] = page.evaluate("spa2vEditor.sound.describe().voices.car_0.pan")
    assert pans[0.0] < -0.3 < pans[2.0] < 0.3 < pans[3.75]
    page.keyboard.press("h")
    wait(page, "spa2vEditor.sound.describe().recording > 0.95")


def test_the_plan_is_heard_on_the_side_of_its_box(listening: Served, new_page) -> None:
    """What comes out of the graph, rendered offline with the page's own placing: left and right energy."""
    page = new_page(listening)
    ratios = page.evaluate("""async () => {
      const { placed, loudestSide } = await import('./page/sound.js');
      const layout = spa2vEditor.store.layout;
      const energies = [];
      for (const frame of [layout.keyframes[0], layout.keyframes.at(-1)]) {
        const context = new OfflineAudioContext(2, 4800, 48000);
        const { pan, gain } = placed(frame.objects[0].box, loudestSide(layout));
        const source = new ConstantSourceNode(context, { offset: 0.5 });
        source.connect(new GainNode(context, { gain, channelCount: 1, channelCountMode: 'explicit' }))
          .connect(new StereoPannerNode(context, { pan })).connect(context.destination);
        source.start();
        const made = await context.startRendering();
        energies.push([0, 1].map((c) => made.getChannelData(c).reduce((sum, value) => sum + value * value, 0)));
      }
      return energies.map(([left, right]) => 10 * Math.log10(right / left));
    }""")
    assert ratios[0] < -3
    assert ratios[1] > 3


def test_draw_the_storyboard_and_see_the_video(served: Served, new_page) -> None:
    page = new_page(served)
    page.keyboard.press("3")
    page.fill("#seed", "5")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.wait_for_selector("#tries .try", timeout=60_000)
    wait(page, "document.getElementById('video').readyState >= 2")
    shown = page.evaluate(
        "(() => { const v = document.getElementById('video'); return [v.videoWidth, v.duration]; })()"
    )
    assert shown[0] > 0
    assert shown[1] == pytest.approx(4.0, abs=0.1)
    assert page.locator("#video-title").text_content() == "try 1, storyboard, seed 5"
    seek(page, 2.0)
    wait(page, "Math.abs(document.getElementById('video').currentTime - 2) < 0.05")
    drag(page, BOX, 30, 0)
    changed = layout_of(page)
    page.click("text=Use its plan")
    wait(page, "!spa2vEditor.store.dirty || spa2vEditor.store.undoLabel === 'Plan of try 1'")
    assert layout_of(page) != changed


def test_a_preview_is_labeled_and_replaced_by_the_clip(layout_path: Path, new_page) -> None:
    with serving(layout_path, overrides=SMALL) as served:
        page = new_page(served)
        page.keyboard.press("3")
        page.select_option("#preset", "toyworld-fast")
        assert page.locator("#first-look").is_disabled()
        page.select_option("#preset", "default")
        assert page.locator("#first-look").is_checked()
        page.click("#draw")
        title = "document.getElementById('video-title').textContent"
        wait(page, f"{title} === 'preview of try 1, default, seed 0'", timeout=90_000)
        assert page.locator("#tries .try").count() == 0
        wait(page, f"{title} === 'try 1, default, seed 0'", timeout=90_000)
        assert page.locator("#tries .try").count() == 1
        page.click("#draw")
        wait(page, f"{title} === 'preview of try 2, default, seed 0'", timeout=90_000)
        page.click("#stop")
        wait(page, f"{title} === 'try 1, default, seed 0'", timeout=60_000)


def test_drawing_can_be_stopped(layout_path: Path, new_page) -> None:
    with serving(layout_path, overrides=[*SMALL, "motion_backbone.options.steps=500"]) as served:
        page = new_page(served)
        page.keyboard.press("3")
        page.select_option("#preset", "default")
        page.click("#draw")
        wait(page, "/denoising|decoding/.test(document.getElementById('progress-text').textContent)", timeout=90_000)
        page.click("#stop")
        wait(page, "document.getElementById('note-text').textContent === 'Stopped.'", timeout=60_000)
        assert page.locator("#tries .try").count() == 0
        assert page.locator("#draw").is_enabled()


def test_a_page_that_was_closed_loses_nothing(served: Served, new_page) -> None:
    page = new_page(served)
    seek(page, 1.5)
    drag(page, BOX, 25, 10)
    moved = box_at(page, 1.5)
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    # The last request of a page that closes may reach the server after the page is gone.
    draft, began = served.path.with_name(f".{served.path.name}.draft"), monotonic()
    while not draft.exists() and monotonic() - began < 30:
        sleep(0.05)
    page = new_page(served)
    wait(page, "spa2vEditor.store.dirty")
    assert box_at(page, 1.5) == pytest.approx(moved)
    assert page.locator("#note-text").text_content() == "Changes that were not saved are back."
    page.click("#note-action")
    wait(page, "!spa2vEditor.store.dirty")
    assert box_at(page, 1.5) == pytest.approx(tuple(saved(served).at(1.5).get("car_0").box))


def test_a_layout_that_changed_on_disk_is_not_overwritten_in_silence(served: Served, new_page, planned: str) -> None:
    page = new_page(served)
    seek(page, 1.5)
    drag(page, BOX, 25, 0)
    theirs = planned.replace("A car", "A bus")
    served.path.write_text(theirs)
    page.keyboard.press("Control+s")
    page.wait_for_selector("#conflict[open]")
    assert served.path.read_text() == theirs
    page.click("#conflict-later")
    assert served.path.read_text() == theirs
    page.evaluate("spa2vEditor.save()")
    page.wait_for_selector("#conflict[open]")
    page.click("#conflict-mine")
    wait_saved(page)
    assert served.path.with_name("plan.json.bak").read_text() == theirs
    assert "A bus" not in served.path.read_text()


def test_a_page_without_changes_follows_the_file(served: Served, new_page, planned: str) -> None:
    page = new_page(served)
    served.path.write_text(planned.replace("A car moves", "A bus moves"))
    wait(page, "spa2vEditor.store.layout.caption.startsWith('A bus moves')", timeout=10_000)
    assert page.locator("#saved").text_content() == "saved"


def test_what_the_validator_refuses_is_shown_at_its_place(served: Served, new_page) -> None:
    page = new_page(served)
    seek(page, 1.0)
    page.fill("#box-x1", "150")
    page.wait_for_selector("#box-problem:not(:empty)")
    assert "expected 0 <= x1 < x2 <= 1" in page.locator("#box-problem").text_content()
    assert page.locator("#box-x1").get_attribute("aria-invalid") == "true"
    assert page.locator("#lane-keys .key.wrong").count() == 1
    page.keyboard.press("Control+s")
    wait(page, "document.getElementById('note-text').textContent.startsWith('Not saved')")
    assert saved(served).at(1.0).get("car_0").box.x1 < 1
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#problem", state="hidden")


def test_hostile_text_stays_text(tmp_path: Path, new_page) -> None:
    nasty = "<img src=x onerror=\"document.title='owned'\"></script>'\"&lt;"
    item = SceneObject("<b>id</b>", nasty, Box(0.1, 0.1, 0.5, 0.5))
    path = tmp_path / "plan.json"
    path.write_text(VideoSceneLayout(1.0, nasty, (KeyFrame(0.0, nasty, (item,)),), nasty, notes=(nasty,)).dumps())
    with serving(path) as served:
        page = new_page(served)
        page.keyboard.press("2")
        assert page.locator(".lane.object .lane-title").text_content() == nasty
        assert page.locator("main img, aside img").count() == 0
        assert page.title() == "plan.json - spa2v edit"


def random_layout(seed: int) -> VideoSceneLayout:
    rng = random.Random(seed)
    times = sorted(rng.sample(range(100), rng.randint(1, 7)))
    frames = []
    for time in times:
        objects = []
        for name in rng.sample(["a", "b", "c"], rng.randint(0, 3)):
            x, y = rng.random() * 0.5, rng.random() * 0.5
            objects.append(SceneObject(name, name, Box(x, y, x + 0.1 + rng.random() * 0.4, y + 0.3)))
        frames.append(KeyFrame(time / 25, f"caption {time}", tuple(objects)))
    return VideoSceneLayout(4.0, "", tuple(frames))


def test_the_page_and_the_library_mean_the_same_scene_at_any_time(listening: Served, new_page) -> None:
    page = new_page(listening)
    layouts = [random_layout(seed) for seed in range(40)]
    times = [round(0.09 * number, 4) for number in range(45)]
    found = page.evaluate(
        """async ([layouts, times]) => {
          const { sceneAt } = await import('./page/boxes.js');
          return layouts.map((layout) => times.map((time) => sceneAt(layout, time)));
        }""",
        [[layout.to_json() for layout in layouts], times],
    )
    for layout, scenes in zip(layouts, found, strict=True):
        for time, scene in zip(times, scenes, strict=True):
            expected = layout.at(time)
            assert scene["caption"] == expected.caption
            assert [item["id"] for item in scene["objects"]] == [item.id for item in expected.objects]
            for item, other in zip(scene["objects"], expected.objects, strict=True):
                assert item["box"] == pytest.approx(list(other.box), abs=1e-9)


def test_every_control_has_an_accessible_name(listening: Served, new_page) -> None:
    page = new_page(listening)
    for key in ("1", "2", "3", "4"):
        page.keyboard.press(key)
        nameless = page.evaluate("""() => {
          const named = (node) => node.getAttribute('aria-label') || node.labels?.length || node.textContent.trim();
          const controls = document.querySelectorAll('button, input, select, textarea, [tabindex="0"], video, meter');
          return [...controls].filter((node) => node.checkVisibility() && !named(node)).map((node) => node.outerHTML);
        }""")
        assert nameless == []


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (1920, 1080, "dark")])
def test_nothing_overlaps_or_is_cut_off(listening: Served, new_page, width: int, height: int, scheme: str) -> None:
    page = new_page(listening, width, height, scheme)
    for key in ("1", "2", "3", "4"):
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        outside = page.evaluate("""() => {
          const out = ({ left, right }) => left < -0.5 || right > innerWidth + 0.5;
          return [...document.querySelectorAll('button, input, select, textarea, .lane-label')]
            .filter((node) => node.checkVisibility() && out(node.getBoundingClientRect()))
            .map((node) => node.id || node.className);
        }""")
        assert outside == []
    left = page.evaluate("[...document.querySelectorAll('svg.plot')].map((node) => node.getBoundingClientRect().left)")
    assert max(left) - min(left) < 0.01  # lanes share one time axis
    cut = page.evaluate("""() => [...document.querySelectorAll('.lane-title, .legend, .tabs button, header button')]
      .filter((node) => node.scrollWidth > node.clientWidth + 1 && node.clientWidth).map((node) => node.textContent)""")
    assert cut == []

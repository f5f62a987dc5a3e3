// The frame at the playhead: boxes that can be dragged and sized, the selected one with eight handles.

import { colorsOf, sceneAt, svg } from "./boxes.js";
import { $, follow } from "./dom.js";
import { dragBox, keyframeAt } from "./model.js";

const HANDLES = { nw: [0, 0], n: [0.5, 0], ne: [1, 0], e: [1, 0.5], se: [1, 1], s: [0.5, 1], sw: [0, 1], w: [0, 0.5] };

export class Stage {
  #boxes = new Map();
  #drag = null;

  constructor(store) {
    this.store = store;
    this.frame = $("frame");
    this.layer = $("boxes");
    store.listen((what) => {
      if (["layout", "preview", "time", "selected", "problem"].some((key) => what.has(key))) this.render();
    });
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.target === this.layer || event.target === this.frame) store.set({ selected: null });
    });
  }

  render() {
    const { layout, time, selected } = this.store;
    const scene = sceneAt(layout, time);
    const colors = colorsOf(layout);
    const seen = new Set();
    for (const item of scene.objects) {
      seen.add(item.id);
      this.#paint(this.#box(item.id), item, colors.get(item.id), item.id === selected);
    }
    for (const [id, box] of this.#boxes) {
      if (seen.has(id)) continue;
      if (this.#drag === id) continue; // keeps the pointer until it is released
      box.remove();
      this.#boxes.delete(id);
    }
    const chosen = selected && this.#boxes.get(selected);
    if (chosen && chosen !== this.layer.lastChild && !this.layer.contains(document.activeElement)) this.layer.append(chosen);
    $("now").textContent = scene.caption;
    $("keyed").textContent = keyframeAt(layout, time) >= 0 ? "Key frame" : "Between key frames";
    $("keyed").classList.toggle("on", keyframeAt(layout, time) >= 0);
  }

  #box(id) {
    let box = this.#boxes.get(id);
    if (box) return box;
    box = svg("svg", { class: "thing", tabindex: 0, role: "group", overflow: "visible", "data-id": id });
    box.append(svg("rect", { class: "hit", width: "100%", height: "100%" }));
    box.append(svg("rect", { class: "box", width: "100%", height: "100%" }));
    box.append(svg("g", { class: "tag" }, svg("rect", { height: 18, rx: 3 }), svg("text", { x: 6, y: 13 })));
    for (const [name, [x, y]] of Object.entries(HANDLES)) {
      const handle = svg("svg", { x: `${100 * x}%`, y: `${100 * y}%`, overflow: "visible", class: `handle ${name}`, "data-handle": name });
      handle.append(svg("rect", { class: "grab", x: -9, y: -9, width: 18, height: 18 }), svg("rect", { class: "knob", x: -4.5, y: -4.5, width: 9, height: 9, rx: 2 }));
      handle.addEventListener("pointerdown", (event) => this.#begin(event, id, name));
      box.append(handle);
    }
    box.addEventListener("pointerdown", (event) => this.#begin(event, id, ""));
    box.addEventListener("focus", () => this.store.set({ selected: id }));
    this.#boxes.set(id, box);
    this.layer.append(box);
    return box;
  }

  #paint(box, item, color, chosen) {
    const [x1, y1, x2, y2] = item.box;
    const set = (name, value) => box.getAttribute(name) === value || box.setAttribute(name, value);
    set("x", `${100 * x1}%`);
    set("y", `${100 * y1}%`);
    set("width", `${100 * Math.max(0, x2 - x1)}%`); // typed boxes may be invalid
    set("height", `${100 * Math.max(0, y2 - y1)}%`);
    set("class", `thing c${color}${chosen ? " chosen" : ""}`);
    const about = `${item.name}, middle at ${Math.round(50 * (x1 + x2))} % from the left, ${Math.round(50 * (y1 + y2))} % from the top`;
    set("aria-label", about);
    const [, , tag] = box.children;
    const [plate, text] = tag.children;
    if (text.textContent !== item.name) {
      text.textContent = item.name;
      plate.setAttribute("width", Math.ceil(text.getComputedTextLength()) + 12);
    }
    const inside = y1 * this.frame.clientHeight < 20;
    const moved = `translate(-1 ${inside ? 1 : -19})`;
    if (tag.getAttribute("transform") !== moved) tag.setAttribute("transform", moved);
  }

  #begin(event, id, handle) {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.preventDefault();
    const { store } = this;
    store.set({ selected: id });
    this.#boxes.get(id)?.focus({ preventScroll: true });
    const before = store.layout;
    const frame = this.frame.getBoundingClientRect();
    const whole = store.whole !== event.altKey; // Alt swaps between the key frame and the whole path
    const time = store.time;
    let [dx, dy] = [0, 0];
    this.#drag = id;
    follow(event, {
      move: (now) => {
        dx = (now.clientX - event.clientX) / frame.width;
        dy = (now.clientY - event.clientY) / frame.height;
        if (now.shiftKey && !handle) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
        store.preview(dragBox(before, time, id, handle, dx, dy, whole));
      },
      end: (given_up) => {
        this.#drag = null;
        const moved = !given_up && (dx !== 0 || dy !== 0);
        if (!moved) {
          store.preview(before);
          return;
        }
        const label = handle ? "Resize" : "Move";
        store.commit(dragBox(before, time, id, handle, dx, dy, whole), label, null, before);
      },
    });
  }
}

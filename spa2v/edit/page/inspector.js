// The panels at the side: the selected object, the texts, and why the plan is as it is.

import { namesOf, sceneAt } from "./boxes.js";
import * as api from "./api.js";
import { $, el, seconds } from "./dom.js";
import * as model from "./model.js";

const ATTRIBUTES = ["left", "center", "right", "left_to_right", "right_to_left", "approaching", "receding"];
const SIDES = ["x1", "y1", "x2", "y2"];
const NEW_BOX = [0.375, 0.375, 0.625, 0.75];

export class Inspector {
  constructor(store, { cues, names, viewDeg, tell, seek }) {
    this.store = store;
    this.cues = cues;
    this.known = names;
    this.viewDeg = viewDeg;
    this.tell = tell;
    this.seek = seek;
    this.#tabs();
    this.#object();
    this.#texts();
    this.#why();
    store.listen((what) => {
      if (["layout", "preview", "selected", "time", "problem"].some((key) => what.has(key))) this.render(what);
    });
  }

  #tabs() {
    const tabs = [...document.querySelectorAll("[role=tab]")];
    this.show = (name) => {
      for (const tab of tabs) {
        const on = tab.id === `tab-${name}`;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
        $(tab.getAttribute("aria-controls")).hidden = !on;
      }
    };
    tabs.forEach((tab, place) => {
      tab.onclick = () => this.show(tab.id.slice(4));
      tab.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.stopPropagation();
        const next = tabs[(place + step + tabs.length) % tabs.length];
        this.show(next.id.slice(4));
        next.focus();
      };
    });
  }

  // ---- object ----

  #object() {
    const { store } = this;
    $("attribute").append(...["", ...ATTRIBUTES].map((value) => el("option", { value, textContent: value ? value.replaceAll("_", " ") : "none" })));
    $("name").oninput = () => store.selected && store.commit(model.renameObject(store.layout, store.selected, $("name").value), "Rename", `name ${store.selected}`);
    $("name").onchange = () => store.settle();
    $("attribute").onchange = () => store.commit(model.setAttribute(store.layout, store.selected, $("attribute").value), "Set attribute");
    for (const side of SIDES) {
      const field = $(`box-${side}`);
      field.oninput = () => this.#typed();
      field.onchange = () => store.settle();
    }
    for (const side of ["start", "end"]) {
      $(`span-${side}`).onchange = () => {
        const value = Number($(`span-${side}`).value);
        this.setEdge(side, value);
      };
    }
    $("source").append(...this.#tracks().map(({ label }, place) => el("option", { value: place, textContent: label })));
    $("snap").onclick = () => this.snap();
    $("mirror").onclick = () => this.mirror();
    $("reverse").onclick = () => this.reverse();
    $("delete").onclick = () => this.remove();
    $("add").onclick = () => this.add();
    $("mirror-all").onclick = () => this.transform("mirror");
    $("reverse-all").onclick = () => this.transform("reverse");
    $("simplify").onclick = () => this.simplify();
    const tags = [...(this.cues?.tags ?? []), ...(this.cues?.sources ?? []).flatMap((source) => source.tags)].map((tag) => tag.label);
    this.words = [...new Set([...this.known, ...tags])];
  }

  #tracks() {
    const found = [];
    for (const source of this.cues?.sources ?? []) {
      if (!source.tracks.azimuth) continue;
      const tag = source.tags[0]?.label;
      found.push({ label: `${source.id}${tag ? ` (${tag})` : ""}`, track: source.tracks.azimuth });
    }
    if (this.cues?.tracks.azimuth) found.push({ label: "the whole recording", track: this.cues.tracks.azimuth });
    return found;
  }

  #typed() {
    const { store } = this;
    const [layout, number] = model.withKeyframe(store.layout, store.time);
    const fields = SIDES.map((side) => $(`box-${side}`));
    const box = fields.map((field) => Number(field.value) / 100);
    if (fields.some((field) => field.value === "")) return;
    store.commit(model.setBox(layout, number, store.selected, box), "Set box", `box ${store.selected} ${number}`);
  }

  get #item() {
    return this.store.selected ? sceneAt(this.store.layout, this.store.time).objects.find((item) => item.id === this.store.selected) : null;
  }

  /** A step on the selected object that can be undone. */
  #change(label, change) {
    const { store } = this;
    if (!store.selected) {
      this.tell("Select an object first.");
      return;
    }
    store.commit(change(store.layout, store.selected), label);
  }

  mirror() {
    this.#change("Mirror", model.mirrorObject);
  }

  reverse() {
    this.#change("Reverse", model.reverseObject);
  }

  remove() {
    this.#change("Delete", model.removeObject);
    this.store.set({ selected: null });
  }

  snap() {
    const found = this.#tracks()[Number($("source").value || 0)];
    if (!found) {
      this.tell("No azimuth was measured: open the layout with its recording.");
      return;
    }
    this.#change("Snap to azimuth", (layout, id) => {
      const made = model.snapObject(layout, id, found.track, this.viewDeg);
      if (made === layout) this.tell("Nothing sure enough is heard where this object is.");
      return made;
    });
  }

  add() {
    const { store } = this;
    const used = new Set(namesOf(store.layout).values());
    const name = this.words.find((word) => !used.has(word)) ?? "object";
    const [layout, id] = model.addObject(store.layout, name, NEW_BOX);
    store.commit(layout, "Add");
    store.set({ selected: id });
    this.rename();
  }

  rename() {
    if (!this.store.selected) return;
    this.show("object");
    this.store.flush();
    $("name").focus();
    $("name").select();
  }

  setEdge(side, time) {
    this.#change(side === "start" ? "Set start" : "Set end", (layout, id) => {
      const spans = model.spansOf(layout, id);
      if (!spans.length || !Number.isFinite(time)) return layout;
      return side === "start" ? model.setSpan(layout, id, time, spans.at(-1)[1]) : model.setSpan(layout, id, spans[0][0], time);
    });
  }

  nudge(dx, dy, handle) {
    const { store } = this;
    if (!store.selected) return;
    store.commit(model.dragBox(store.layout, store.time, store.selected, handle, dx, dy, store.whole), handle ? "Resize" : "Move", `nudge ${store.selected} ${store.time}`);
  }

  async transform(kind) {
    try {
      const { layout } = await api.transform(this.store.layout, kind);
      this.store.commit(layout, kind === "mirror" ? "Mirror the plan" : "Reverse the plan");
    } catch (error) {
      this.tell(error.message);
    }
  }

  simplify() {
    const { store } = this;
    const made = model.simplified(store.layout);
    const fewer = store.layout.keyframes.length - made.keyframes.length;
    if (fewer) store.commit(made, "Simplify");
    this.tell(fewer ? `${fewer} key frames on straight paths were removed.` : "Every key frame is needed.");
  }

  // ---- texts ----

  #texts() {
    const { store } = this;
    const text = (id, label, change) => {
      $(id).oninput = () => store.commit(change(store.layout, $(id).value), label, id);
      $(id).onchange = () => store.settle();
    };
    text("caption", "Caption", (layout, caption) => ({ ...layout, caption }));
    text("reasoning", "Reasoning", (layout, reasoning) => ({ ...layout, reasoning }));
    text("frame-caption", "Frame caption", (layout, caption) => {
      const [made, number] = model.withKeyframe(layout, store.time);
      return model.setFrameCaption(made, number, caption);
    });
    $("caption-everywhere").onclick = () => {
      const keyframes = store.layout.keyframes.map((frame) => ({ ...frame, caption: $("frame-caption").value }));
      store.commit({ ...store.layout, keyframes }, "Caption of all key frames");
    };
  }

  // ---- why ----

  #why() {
    const { cues } = this;
    if (!cues) {
      $("measured").append(el("p", { className: "soft", textContent: "Nothing was measured: there is no recording." }));
      return;
    }
    const bar = (label, value, text) => el("div", { className: "sure" }, el("span", { textContent: label }), el("meter", { min: 0, max: 1, value, "aria-label": label }), el("span", { className: "number", textContent: text }));
    const evidence = cues.measures.lateral_evidence;
    if (evidence !== undefined) $("measured").append(bar("left/right evidence", evidence, evidence.toFixed(2)));
    for (const tag of cues.tags) $("measured").append(bar(tag.label, tag.confidence, tag.confidence.toFixed(2)));
    for (const source of cues.sources) $("measured").append(bar(`source ${source.id}`, source.confidence, `${Math.round(100 * source.share)} % of the energy`));
    for (const note of cues.notes) $("measured").append(el("p", { className: "soft", textContent: note }));
  }

  // ---- what is shown ----

  render(what) {
    const { store } = this;
    const item = this.#item;
    const names = namesOf(store.layout);
    const has = Boolean(store.selected && names.has(store.selected));
    $("object-fields").hidden = !has;
    $("no-object").hidden = has;
    if (has) this.#renderObject(item, names);
    if (what.has("preview") && !what.has("layout")) return;
    const scene = sceneAt(store.layout, store.time);
    this.#fill("caption", store.layout.caption);
    this.#fill("reasoning", store.layout.reasoning ?? "");
    this.#fill("frame-caption", scene.caption);
    $("frame-caption-at").textContent = model.keyframeAt(store.layout, store.time) >= 0 ? `key frame at ${seconds(store.time)}` : `at ${seconds(store.time)} (typing adds a key frame)`;
    const scenario = store.layout.scenario ?? "unknown";
    $("scenario").textContent = `Scenario: ${scenario}`;
    this.#complete(names);
    this.#problem();
  }

  #renderObject(item, names) {
    const { store } = this;
    const { selected, layout } = store;
    this.#fill("name", names.get(selected));
    $("object-id").textContent = selected;
    this.#fill("attribute", layout.attributes?.[selected] ?? "");
    SIDES.forEach((side, place) => {
      $(`box-${side}`).disabled = !item;
      this.#fill(`box-${side}`, item ? (100 * item.box[place]).toFixed(1) : "");
    });
    const spans = model.spansOf(layout, selected);
    if (spans.length) {
      this.#fill("span-start", spans[0][0].toFixed(2));
      this.#fill("span-end", spans.at(-1)[1].toFixed(2));
    }
    $("snap").disabled = !this.#tracks().length;
    $("source").disabled = !this.#tracks().length;
  }

  /** Sets a field, unless the user types in it. */
  #fill(id, value) {
    const field = $(id);
    if (document.activeElement === field && document.hasFocus() && field.dataset.for === this.store.selected) return;
    field.dataset.for = this.store.selected;
    if (field.value !== value) field.value = value;
  }

  #complete(names) {
    const words = [...new Set([...names.values(), ...this.words])].filter(Boolean);
    const list = $("known-names");
    if (list.childElementCount === words.length && [...list.children].every((option, place) => option.value === words[place])) return;
    list.replaceChildren(...words.map((value) => el("option", { value })));
  }

  #problem() {
    const { problem, layout } = this.store;
    const place = problem?.place ?? "";
    const [, frame, object, field] = /^keyframes\[(\d+)\](?:\.objects\[(\d+)\](?:\.(\w+))?)?/.exec(place) ?? [];
    const id = layout.keyframes[frame]?.objects[object]?.id;
    const at = { name: id && field === "name", box: id && field === "box", caption: place === "caption", reasoning: place === "reasoning", "frame-caption": /^keyframes\[\d+\]\.caption/.test(place) };
    for (const [key, wrong] of Object.entries(at)) {
      const shown = wrong && (!id || id === this.store.selected);
      $(`${key}-problem`).textContent = shown ? problem.text : "";
      for (const node of document.querySelectorAll(`[aria-describedby="${key}-problem"]`)) node.setAttribute("aria-invalid", String(Boolean(shown)));
    }
    $("problem").hidden = !problem;
    $("problem-text").textContent = problem ? problem.text : "";
    $("problem-go").hidden = frame === undefined;
    $("problem-go").onclick = () => {
      this.seek(layout.keyframes[frame].time_s);
      if (id) this.store.set({ selected: id });
    };
  }
}

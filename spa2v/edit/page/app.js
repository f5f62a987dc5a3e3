// The editor: puts the parts together, plays, saves, and keeps drafts.

import * as api from "./api.js";
import { Drawing } from "./drawing.js";
import { $, clock } from "./dom.js";
import { Inspector } from "./inspector.js";
import { keyboard } from "./keys.js";
import { keyframeAt, removeKeyframe, withKeyframe } from "./model.js";
import { Sound } from "./sound.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Timeline } from "./timeline.js";
import { namesOf } from "./boxes.js";

const DRAFT_MS = 250;
const NOTE_MS = 5000;
const FRAMES = 16;

class Editor {
  constructor(state, peaks) {
    this.mark = state.mark;
    const store = new Store(state.layout);
    this.store = store;
    this.sound = new Sound(state.audio ? api.AUDIO : null);
    this.begun = 0;
    this.stage = new Stage(store);
    const tell = (text) => this.tell(text);
    const seek = (time) => this.seek(time);
    const shared = { cues: state.cues, viewDeg: state.view_deg, tell, seek };
    this.inspector = new Inspector(store, { ...shared, names: state.names });
    this.timeline = new Timeline(store, { ...shared, peaks });
    this.drawing = new Drawing(store, { presets: state.presets, tries: state.tries, busy: state.busy, tell });
    $("file").textContent = state.file;
    $("file").title = `${state.folder}/${state.file}`;
    document.title = `${state.file} - spa2v edit`;
    this.#controls();
    this.#keys();
    store.listen((what) => this.#react(what));
    this.#open(state);
    for (const remark of state.remarks) tell(remark);
    api.listen((event) => this.#onEvent(event));
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("beforeunload", () => this.#leave());
    store.set({ selected: namesOf(store.layout).keys().next().value ?? null });
    this.timeline.render();
    this.stage.render();
    this.inspector.render(new Set(["layout"]));
    this.#state();
  }

  #open(state) {
    if (!state.draft) return;
    const same = JSON.stringify(state.draft.layout) === JSON.stringify(state.layout);
    if (same) return;
    this.store.commit(state.draft.layout, "Restored draft");
    if (state.draft.mark !== state.mark) this.#conflict("The file has changed since the draft that was kept here.");
    else this.tell("Changes that were not saved are back.", { text: "Discard", action: () => this.discard() });
    this.#validate();
  }

  // ---- what changes ----

  #react(what) {
    if (what.has("layout")) {
      this.#schedule();
      this.#state();
    }
    if (what.has("time")) $("time").textContent = clock(this.store.time, this.store.layout.duration_s >= 60);
    if (what.has("layout") || what.has("time") || what.has("preview")) this.sound.update(this.store.layout, this.store.time);
    if (what.has("playing")) $("play").setAttribute("aria-pressed", String(this.store.playing));
    if (what.has("hearing")) this.#hearing();
    if (what.has("whole")) for (const [id, on] of [["scope-key", !this.store.whole], ["scope-path", this.store.whole]]) $(id).setAttribute("aria-pressed", String(on));
  }

  #state() {
    const { store } = this;
    const unsaved = store.dirty || this.mark === null;
    $("saved").textContent = this.mark === null ? "not saved yet" : store.dirty ? "unsaved changes" : "saved";
    $("saved").classList.toggle("dirty", unsaved);
    $("save").disabled = !unsaved;
    for (const [id, label, name] of [["undo", store.undoLabel, "Undo"], ["redo", store.redoLabel, "Redo"]]) {
      $(id).disabled = label === null;
      $(id).title = label === null ? name : `${name}: ${label}`;
    }
    $("duration").textContent = clock(store.layout.duration_s, store.layout.duration_s >= 60);
  }

  #schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#validate(), DRAFT_MS);
  }

  /** Keeps the draft; the answer says what the validator refuses. */
  async #validate() {
    clearTimeout(this.timer);
    this.timer = null;
    const { layout } = this.store;
    if (!this.store.dirty) {
      this.store.set({ problem: null });
      api.dropDraft().catch(() => {});
      return;
    }
    try {
      const { problem } = await api.keepDraft(layout, this.mark);
      if (this.store.layout === layout) this.store.set({ problem });
    } catch (error) {
      this.tell(`The draft could not be kept: ${error.message}`);
    }
  }

  #leave() {
    if (this.timer && this.store.dirty) api.lastDraft(this.store.layout, this.mark);
  }

  // ---- saving ----

  async save(force = false) {
    const { layout } = this.store;
    clearTimeout(this.timer);
    this.timer = null;
    try {
      const answer = await api.save(layout, this.mark, force);
      if (answer.status === 409) {
        this.#conflict("The file has changed on disk since this page read it.");
        return;
      }
      if (answer.status === 422) {
        this.store.set({ problem: answer.problem });
        this.tell("Not saved: the plan is not valid.");
        return;
      }
      this.mark = answer.mark;
      this.store.set({ problem: null });
      if (this.store.layout === layout) this.store.saved();
      else this.store.base = layout;
      this.#state();
      this.tell("Saved.");
    } catch (error) {
      this.tell(`Not saved: ${error.message}`);
    }
  }

  #conflict(text) {
    $("conflict-text").textContent = text;
    if (!$("conflict").open) $("conflict").showModal();
  }

  async reload() {
    const { layout, mark } = await api.onDisk();
    this.mark = mark;
    this.store.replace(layout);
    this.store.set({ problem: null });
    await api.dropDraft();
    this.#state();
  }

  async discard() {
    const { layout, mark } = await api.onDisk();
    this.mark = mark;
    this.store.commit(layout, "Discard changes");
    this.store.saved();
    await api.dropDraft();
  }

  #onEvent(event) {
    if (event.kind === "disk") {
      if (event.mark === this.mark) return;
      if (this.store.dirty) this.#conflict("The file has just changed on disk, and this page has unsaved changes.");
      else this.reload().then(() => this.tell("The file changed on disk and was read again."), (error) => this.tell(error.message));
    } else this.drawing.onEvent(event);
  }

  // ---- playing ----

  seek(time) {
    const { store } = this;
    const to = Math.min(store.layout.duration_s, Math.max(0, time));
    store.set({ time: to });
    store.settle();
    this.sound.seek(to);
    this.begun = performance.now() - 1000 * to;
  }

  async toggle() {
    const { store } = this;
    if (store.playing) {
      this.sound.pause();
      store.set({ playing: false });
      return;
    }
    if (store.time >= store.layout.duration_s - 0.02) this.seek(0);
    store.set({ playing: true });
    this.begun = performance.now() - 1000 * store.time;
    try {
      await this.sound.play(store.time);
    } catch (error) {
      store.set({ playing: false });
      this.tell(`The recording cannot be played: ${error.message}`);
      return;
    }
    this.sound.update(store.layout, store.time);
    const tick = () => {
      if (!store.playing) return;
      const time = this.sound.ready ? this.sound.element.currentTime : (performance.now() - this.begun) / 1000;
      const over = time >= store.layout.duration_s || (this.sound.ready && this.sound.element.ended);
      store.set({ time: Math.min(time, store.layout.duration_s) });
      this.drawing.sync();
      if (over) {
        this.sound.pause();
        store.set({ playing: false, time: store.layout.duration_s });
      } else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  hear(mode) {
    if (!this.sound.ready) {
      this.tell("There is no recording: open the layout with --audio to hear it.");
      return;
    }
    this.store.set({ hearing: mode });
  }

  #hearing() {
    const { hearing } = this.store;
    this.sound.setMode(hearing);
    for (const mode of ["recording", "plan"]) $(`hear-${mode}`).setAttribute("aria-pressed", String(mode === hearing));
  }

  // ---- controls ----

  #controls() {
    const on = (id, action) => {
      $(id).onclick = action;
    };
    on("play", () => this.toggle());
    on("undo", () => this.store.undo());
    on("redo", () => this.store.redo());
    on("save", () => this.save());
    on("help", () => $("keys-help").showModal());
    on("hear-recording", () => this.hear("recording"));
    on("hear-plan", () => this.hear("plan"));
    on("scope-key", () => this.store.set({ whole: false }));
    on("scope-path", () => this.store.set({ whole: true }));
    on("key-previous", () => this.#jump(-1));
    on("key-next", () => this.#jump(1));
    on("key-add", () => this.#addKey());
    on("key-delete", () => this.#deleteKey());
    on("conflict-theirs", () => this.#answer(() => this.reload()));
    on("conflict-mine", () => this.#answer(() => this.save(true)));
    on("conflict-later", () => $("conflict").close());
    for (const mode of ["recording", "plan"]) $(`hear-${mode}`).disabled = !this.sound.ready;
  }

  #answer(action) {
    $("conflict").close();
    action().catch?.((error) => this.tell(error.message));
  }

  #jump(step) {
    const { time, layout } = this.store;
    const times = layout.keyframes.map((frame) => frame.time_s);
    const to = step > 0 ? times.find((other) => other > time + 1e-3) : times.findLast((other) => other < time - 1e-3);
    if (to !== undefined) this.seek(to);
  }

  #addKey() {
    try {
      this.store.commit(withKeyframe(this.store.layout, this.store.time)[0], "Add key frame");
    } catch (error) {
      this.tell(error.message);
    }
  }

  #deleteKey() {
    const number = keyframeAt(this.store.layout, this.store.time);
    if (number < 0) this.tell("There is no key frame here.");
    else if (this.store.layout.keyframes.length < 2) this.tell("A layout needs one key frame.");
    else this.store.commit(removeKeyframe(this.store.layout, number), "Delete key frame");
  }

  #select(step) {
    const ids = [...namesOf(this.store.layout).keys()];
    if (!ids.length) return;
    const place = ids.indexOf(this.store.selected);
    this.store.set({ selected: ids[(place + step + ids.length) % ids.length] });
  }

  #keys() {
    const { store, inspector } = this;
    const frame = () => store.layout.duration_s / FRAMES;
    const nudge = (event, handle) => {
      const step = event.shiftKey ? 0.001 : 0.01;
      const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      inspector.nudge(x * step, y * step, handle);
    };
    const arrows = (prefix) => ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((name) => prefix + name).join(" / ");
    keyboard([
      ["Space", "Play or pause", () => this.toggle()],
      ["H", "Hear the plan, or the recording", () => this.hear(store.hearing === "plan" ? "recording" : "plan")],
      [", / .", "A frame back or on", (event) => this.seek(store.time + (event.key === "," ? -1 : 1) * frame())],
      ["[ / ]", "Previous or next key frame", (event) => this.#jump(event.key === "[" ? -1 : 1)],
      ["Home / End", "First or last moment", (event) => this.seek(event.key === "Home" ? 0 : store.layout.duration_s)],
      ["K", "Add a key frame here", () => this.#addKey()],
      ["Shift+K", "Delete the key frame here", () => this.#deleteKey()],
      ["PageUp / PageDown", "Select the previous or next object", (event) => this.#select(event.key === "PageUp" ? -1 : 1)],
      [arrows(""), "Move the selected box by 1 %", (event) => nudge(event, "")],
      [arrows("Shift+"), "Move it by 0.1 %", (event) => nudge(event, "")],
      [arrows("Alt+"), "Size it at the right and lower side", (event) => nudge(event, "se")],
      ["W", "Change one key frame, or the whole path", () => store.set({ whole: !store.whole })],
      ["N", "Add an object", () => inspector.add()],
      ["F2 / Enter", "Rename the object", () => inspector.rename()],
      ["Delete / Backspace", "Delete the object", () => inspector.remove()],
      ["S", "The object starts here", () => inspector.setEdge("start", store.time)],
      ["E", "The object ends here", () => inspector.setEdge("end", store.time)],
      ["M", "Mirror the object", () => inspector.mirror()],
      ["R", "Reverse the object", () => inspector.reverse()],
      ["A", "Snap the object to the heard azimuth", () => inspector.snap()],
      ["1 / 2 / 3 / 4", "Panels: object, text, draw, why", (event) => inspector.show(["object", "text", "draw", "why"][Number(event.key) - 1])],
      ["P", "Draw a storyboard", () => this.drawing.draw("storyboard")],
      ["D", "Draw with the chosen preset", () => this.drawing.draw()],
      ["+ / -", "Zoom the time line", (event) => this.timeline.zoom(event.key === "+" ? 0.5 : 2)],
      ["Ctrl+Z", "Undo", () => store.undo()],
      ["Ctrl+Shift+Z / Ctrl+Y", "Redo", () => store.redo()],
      ["Ctrl+S", "Save", () => this.save()],
      ["Escape", "Stop drawing, leave a field, select nothing", () => this.#escape()],
      ["?", "This list", () => $("keys-help").showModal()],
    ]);
  }

  #escape() {
    const node = document.activeElement;
    if (this.drawing.busy) this.drawing.stop();
    else if (node && node !== document.body) node.blur();
    else this.store.set({ selected: null });
  }

  /** A line for the user, which goes away by itself unless it offers something. */
  tell(text, offer = null) {
    clearTimeout(this.noted);
    $("note-text").textContent = text;
    $("note").hidden = false;
    $("note-action").hidden = !offer;
    $("note-action").textContent = offer?.text ?? "";
    $("note-action").onclick = () => {
      $("note").hidden = true;
      offer?.action();
    };
    this.noted = setTimeout(() => {
      $("note").hidden = true;
    }, offer ? 4 * NOTE_MS : NOTE_MS);
  }
}

async function begin() {
  const state = await api.state();
  const peaks = state.audio ? await api.peaks() : null;
  globalThis.spa2vEditor = new Editor(state, peaks);
  document.body.classList.add("ready");
  performance.mark("spa2v-ready");
}

begin().catch((error) => {
  $("note-text").textContent = `The layout could not be opened: ${error.message}`;
  $("note").hidden = false;
});

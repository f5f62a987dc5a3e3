// Drawing: presets, progress, and the videos that were drawn.

import { colorsOf, paintBoxes, sceneAt } from "./boxes.js";
import * as api from "./api.js";
import { $, el } from "./dom.js";

const STORYBOARD = "storyboard";

export class Drawing {
  constructor(store, { presets, tries, busy, tell }) {
    this.store = store;
    this.tries = tries;
    this.tell = tell;
    this.shown = null;
    this.video = $("video");
    this.busy = false;
    this.about = new Map(presets.map((preset) => [preset.name, preset]));
    $("preset").append(...presets.map(({ name, problem }) => el("option", { value: name, textContent: problem ? `${name} (not ready)` : name, disabled: Boolean(problem) })));
    const first = presets.find((preset) => preset.name !== STORYBOARD && !preset.problem) ?? presets[0];
    if (first) $("preset").value = first.name;
    $("preset").onchange = () => this.#describe();
    $("draw").onclick = () => this.draw();
    $("preview").onclick = () => this.draw(STORYBOARD);
    $("stop").onclick = () => this.stop();
    $("dice").onclick = () => {
      $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 100000;
    };
    $("over").onchange = () => this.#overlay();
    $("video-empty-draw").onclick = () => this.draw(STORYBOARD);
    this.#describe();
    this.#list();
    this.#work(busy);
    if (tries.length) this.show(tries.at(-1).number);
    store.listen((what) => {
      if (what.has("time") || what.has("layout") || what.has("preview")) this.#overlay();
      if (what.has("time") && !store.playing) this.#follow();
      if (what.has("playing")) this.#play();
    });
  }

  #describe() {
    const preset = this.about.get($("preset").value);
    $("preset-about").textContent = preset ? preset.problem || preset.about : "";
    $("first-look").disabled = !preset?.preview;
    $("first-look").parentElement.title = preset?.preview ? `By ${preset.preview}, every second frame, with the same seed` : "This preset has no faster form";
  }

  async draw(preset = $("preset").value) {
    if (this.busy) {
      this.tell("A video is being drawn already.");
      return;
    }
    if (this.store.problem) {
      this.tell("The plan cannot be drawn as it is: see the message.");
      return;
    }
    const seed = Number.parseInt($("seed").value, 10);
    try {
      this.#work(true);
      $("progress-text").textContent = `${preset}: starting`;
      await api.draw(this.store.layout, preset, Number.isFinite(seed) ? seed : 0, $("first-look").checked);
    } catch (error) {
      this.#work(false);
      this.tell(error.message);
    }
  }

  stop() {
    if (!this.busy) return;
    $("progress-text").textContent = "stopping";
    api.stop().catch((error) => this.tell(error.message));
  }

  onEvent(event) {
    if (event.kind === "progress") {
      this.#work(true);
      $("progress").max = event.total || 1;
      $("progress").value = event.done;
      $("progress-text").textContent = event.total ? `${event.title} ${event.done}/${event.total}` : event.title;
    } else if (event.kind === "preview") {
      this.#screen(event.number, api.tryPreview(event.number), `preview of try ${event.number}, ${event.preset}, seed ${event.seed}`);
    } else if (event.kind === "drawn") {
      this.#work(false);
      this.tries = [...this.tries, event.try];
      this.#list();
      this.show(event.try.number);
      this.tell(`Drawn in ${event.try.seconds} s.`);
    } else if (event.kind === "stopped" || event.kind === "failed") {
      this.#work(false);
      if (this.shown === event.number) this.#back();
      this.tell(event.kind === "stopped" ? "Stopped." : event.text);
    }
  }

  #work(busy) {
    this.busy = busy;
    $("work").hidden = !busy;
    for (const id of ["draw", "preview", "video-empty-draw"]) $(id).disabled = busy;
    if (!busy) $("progress").removeAttribute("value");
  }

  #list() {
    const rows = [...this.tries].reverse().map((item) => {
      const about = item.number ? [`seed ${item.seed}`, item.seconds !== undefined ? `${item.seconds} s` : null].filter(Boolean).join(" · ") : "as opened";
      const pick = el("button", { type: "button", className: "try", "aria-label": `Show try ${item.number}, ${item.preset}, ${about}` },
        el("video", { src: api.tryVideo(item.number), muted: true, preload: "metadata", tabIndex: -1 }),
        el("span", {}, el("b", { textContent: item.number ? `${item.number}  ${item.preset}` : item.preset }), el("span", { className: "soft", textContent: about })));
      pick.dataset.number = item.number;
      pick.onclick = () => this.show(item.number);
      const row = el("li", {}, pick);
      if (item.number) {
        const use = el("button", { type: "button", className: "quiet", textContent: "Use its plan", "aria-label": `Use the plan of try ${item.number}` });
        use.onclick = () => this.#use(item);
        row.append(use);
      }
      return row;
    });
    $("tries").replaceChildren(...rows);
    $("no-tries").hidden = rows.length > 0;
    this.#mark();
  }

  async #use(item) {
    try {
      const { layout } = await api.tryLayout(item.number);
      this.store.commit(layout, `Plan of try ${item.number}`);
      if (item.seed !== null) $("seed").value = item.seed;
    } catch (error) {
      this.tell(error.message);
    }
  }

  #mark() {
    for (const node of $("tries").querySelectorAll(".try")) node.setAttribute("aria-pressed", String(Number(node.dataset.number) === this.shown));
  }

  show(number) {
    const item = this.tries.find((other) => other.number === number);
    if (!item) return;
    this.#screen(number, api.tryVideo(number), number ? `try ${number}, ${item.preset}, seed ${item.seed}` : "of the run");
  }

  /** After a preview whose video was not drawn: the last try, or nothing. */
  #back() {
    this.shown = null;
    if (this.tries.length) this.show(this.tries.at(-1).number);
    else {
      this.video.removeAttribute("src");
      this.video.load();
      this.video.hidden = true;
      $("video-empty").hidden = false;
      $("video-title").textContent = "";
      this.#overlay();
    }
  }

  #screen(number, source, title) {
    this.shown = number;
    this.video.src = source;
    this.video.hidden = false;
    $("video-empty").hidden = true;
    $("video-title").textContent = title;
    this.video.onloadedmetadata = () => {
      this.#follow();
      this.#place();
      if (this.store.playing) this.#play();
    };
    this.#mark();
    this.#overlay();
  }

  #play() {
    if (!this.video.src) return;
    this.video.muted = true;
    if (this.store.playing) this.video.play().catch(() => {});
    else {
      this.video.pause();
      this.#follow();
    }
  }

  #follow() {
    if (!this.video.src || !Number.isFinite(this.video.duration)) return;
    const time = Math.min(this.store.time, Math.max(0, this.video.duration - 0.001));
    if (Math.abs(this.video.currentTime - time) > 0.01) this.video.currentTime = time;
  }

  /** Called while playing: brings the video back to the sound where it drifts. */
  sync() {
    if (this.video.src && !this.video.paused && Math.abs(this.video.currentTime - this.store.time) > 0.12) this.video.currentTime = this.store.time;
  }

  #place() {
    // A storyboard's picture holds the scene and a panel beside it: boxes do not belong over the whole of it.
    const item = this.tries.find((other) => other.number === this.shown);
    this.scene = item?.preset !== STORYBOARD;
    $("over").disabled = !this.scene;
    $("over").parentElement.title = this.scene ? "" : "A storyboard draws the boxes itself";
    this.#overlay();
  }

  #overlay() {
    const layer = $("video-boxes");
    const on = $("over").checked && this.shown !== null && this.scene;
    layer.toggleAttribute("hidden", !on);
    if (on) paintBoxes(layer, sceneAt(this.store.layout, this.store.time).objects, colorsOf(this.store.layout));
  }
}

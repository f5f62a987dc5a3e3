// Everything against time: waveform, level, azimuth, key frames, and a lane for each object.

import { colorsOf, namesOf, svg } from "./boxes.js";
import { $, clock, el, follow, seconds } from "./dom.js";
import { azimuthOfX, keyframeAt, moveKeyframe, setSpan, spansOf } from "./model.js";

const STEPS_S = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];
const TICK_PX = 84;
const SNAP_PX = 5;
const AZIMUTHS = [-60, -30, 0, 30, 60];
const LEAST_SPAN_S = 0.2;
const SURE_STEPS = 4;

const line = (x1, y1, x2, y2, name) => svg("line", { x1, y1, x2, y2, class: name });
const words = (x, y, text, name, anchor = "start") => svg("text", { x, y, class: name, "text-anchor": anchor }, text);

export class Timeline {
  constructor(store, { cues, peaks, viewDeg, seek }) {
    this.store = store;
    this.cues = cues;
    this.peaks = peaks;
    this.loudest = peaks ? Math.max(12, peaks.reduce((most, value) => Math.max(most, Math.abs(value)), 0)) : 127;
    this.viewDeg = viewDeg;
    this.seek = seek;
    this.view = { start: 0, span: store.layout.duration_s };
    this.area = $("lanes");
    this.head = $("playhead");
    this.#lanes();
    new ResizeObserver(() => this.render()).observe(this.area);
    store.listen((what) => {
      if (what.has("layout") || what.has("selected") || what.has("problem")) this.render();
      else if (what.has("preview")) this.#paths();
      if (what.has("time")) this.#playhead();
    });
    this.area.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    $("scroll").addEventListener("input", () => this.#show(Number($("scroll").value), this.view.span));
    $("zoom-in").onclick = () => this.zoom(0.5);
    $("zoom-out").onclick = () => this.zoom(2);
    $("zoom-all").onclick = () => this.#show(0, this.duration);
  }

  get duration() {
    return this.store.layout.duration_s;
  }

  get width() {
    return Math.max(50, this.ruler.clientWidth);
  }

  x(time) {
    return ((time - this.view.start) / this.view.span) * this.width;
  }

  time(x) {
    return Math.min(this.duration, Math.max(0, this.view.start + (x / this.width) * this.view.span));
  }

  // ---- lanes ----

  #lane(id, height, title, about, ...legend) {
    const plot = svg("svg", { class: "plot", height, role: "img", "aria-label": about });
    const label = el("div", { className: "lane-label" }, el("span", { className: "lane-title", textContent: title }), ...legend);
    const row = el("div", { className: "lane", id: `lane-${id}` }, label, plot);
    plot.addEventListener("pointerdown", (event) => this.#scrub(event, plot));
    return [row, plot];
  }

  #lanes() {
    const rows = [];
    const add = (id, ...rest) => {
      const [row, plot] = this.#lane(id, ...rest);
      rows.push(row);
      return plot;
    };
    this.ruler = add("ruler", 22, "", "Times");
    const note = (text, name) => el("span", { className: `legend ${name}`, textContent: text });
    if (this.peaks) this.wave = add("wave", 60, "Waveform", "Waveform of both channels", note("left above, right below", "plain"));
    const tracks = this.cues?.tracks ?? {};
    if (tracks.level) this.level = add("level", 46, "Level", "Level against time", note("dBFS", "plain"));
    if (tracks.azimuth || this.cues?.sources.length) {
      this.azimuth = add("azimuth", 96, "Azimuth", "Where it is heard, and where the plan has its objects", note("heard", "dot"), note("plan", "dash"));
    }
    this.keys = add("keys", 26, "Key frames", "Key frames", el("span", { className: "legend plain", id: "key-count" }));
    this.fixed = rows.length;
    this.area.prepend(...rows);
    this.objects = new Map();
  }

  #objectLane(id) {
    const plot = svg("svg", { class: "plot", height: 28, role: "img" });
    const button = el("button", { className: "lane-label pick", type: "button" }, el("span", { className: "swatch" }), el("span", { className: "lane-title" }));
    button.onclick = () => this.store.set({ selected: id });
    const row = el("div", { className: "lane object" }, button, plot);
    plot.addEventListener("pointerdown", (event) => this.#scrub(event, plot));
    return { row, plot, button };
  }

  render() {
    const width = this.width;
    for (const plot of this.area.querySelectorAll("svg.plot")) plot.setAttribute("viewBox", `0 0 ${width} ${plot.getAttribute("height")}`);
    this.#drawRuler();
    if (this.wave) this.#drawWave();
    if (this.level) this.#drawTrack(this.level, this.cues.tracks.level);
    if (this.azimuth) this.#drawAzimuth();
    this.#drawKeys();
    this.#drawObjects();
    this.#playhead();
    const scroll = $("scroll");
    scroll.max = this.duration - this.view.span;
    scroll.step = "any";
    scroll.value = this.view.start;
    scroll.parentElement.hidden = this.view.span >= this.duration - 1e-6;
  }

  #ticks() {
    const step = STEPS_S.find((value) => (value / this.view.span) * this.width >= TICK_PX) ?? STEPS_S.at(-1);
    const first = Math.ceil(this.view.start / step - 1e-9);
    const last = Math.floor((this.view.start + this.view.span) / step + 1e-9);
    return { step, times: Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => (first + place) * step) };
  }

  #grid(height) {
    return this.#ticks().times.map((time) => line(this.x(time), 0, this.x(time), height, "grid"));
  }

  #drawRuler() {
    const { step, times } = this.#ticks();
    const text = (time) => (this.duration >= 60 ? clock(time, true).replace(/\.00$/, "") : `${Number(time.toFixed(step < 0.1 ? 2 : 1))} s`);
    this.ruler.replaceChildren(...times.flatMap((time) => {
      const x = this.x(time);
      const anchor = x < 12 ? "start" : x > this.width - 16 ? "end" : "middle";
      return [line(x, 16, x, 22, "tick"), words(x, 12, text(time), "axis", anchor)];
    }));
  }

  #drawWave() {
    const height = 60;
    const count = this.peaks.length / 4;
    const columns = Math.min(2000, Math.round(this.width));
    const parts = [[], []];
    for (let column = 0; column < columns; column += 1) {
      const from = Math.floor(((this.view.start + (column / columns) * this.view.span) / this.duration) * count);
      const to = Math.max(from + 1, Math.ceil(((this.view.start + ((column + 1) / columns) * this.view.span) / this.duration) * count));
      for (const channel of [0, 1]) {
        let [low, high] = [127, -127];
        for (let place = from; place < Math.min(to, count); place += 1) {
          low = Math.min(low, this.peaks[4 * place + 2 * channel]);
          high = Math.max(high, this.peaks[4 * place + 2 * channel + 1]);
        }
        if (low > high) continue;
        const middle = (height / 4) * (1 + 2 * channel);
        const scale = (height / 4 - 1.5) / this.loudest;
        const x = ((column + 0.5) * this.width) / columns;
        parts[channel].push(`M${x.toFixed(1)} ${(middle - Math.max(high * scale, 0.4)).toFixed(1)}V${(middle - Math.min(low * scale, -0.4)).toFixed(1)}`);
      }
    }
    this.wave.replaceChildren(
      ...this.#grid(height),
      line(0, height / 2, this.width, height / 2, "divide"),
      ...parts.map((part) => svg("path", { d: part.join(""), class: "wave" })),
    );
  }

  #visible(track) {
    const from = this.view.start - 0.02 * this.view.span;
    const to = this.view.start + 1.02 * this.view.span;
    const points = [];
    track.times_s.forEach((time, place) => {
      if (time >= from && time <= to) points.push([this.x(time), track.values[place], track.confidence[place]]);
    });
    return points;
  }

  #drawTrack(plot, track) {
    const height = Number(plot.getAttribute("height"));
    const top = Math.max(...track.values);
    const low = Math.max(Math.min(...track.values), top - 60);
    const margin = Math.max(1, 0.1 * (top - low));
    const y = (value) => height - 4 - ((Math.max(value, low - margin) - (low - margin)) / (top - low + 2 * margin)) * (height - 8);
    const path = this.#visible(track).map(([x, value]) => `${x.toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const marks = [top, low].map((value) => words(this.width - 4, y(value) + (value === top ? 9 : -2), `${Math.round(value)}`, "axis", "end"));
    plot.replaceChildren(...this.#grid(height), svg("polyline", { points: path, class: "curve" }), ...marks);
  }

  // ---- azimuth: what is heard, and what the plan says ----

  #azimuthY(degrees) {
    return 48 - (Math.max(-90, Math.min(90, degrees)) / 90) * -44;
  }

  #drawAzimuth() {
    const heard = [];
    const sources = this.cues.sources.filter((source) => source.tracks.azimuth);
    const tracks = sources.length ? sources.map((source) => source.tracks.azimuth) : [this.cues.tracks.azimuth];
    tracks.forEach((track, place) => {
      // One path a step of confidence, so that ten minutes stay as light as ten seconds.
      const steps = Array.from({ length: SURE_STEPS }, () => []);
      for (const [x, value, sure] of this.#visible(track)) {
        if (sure > 0.05) steps[Math.min(SURE_STEPS - 1, Math.floor(sure * SURE_STEPS))].push(`M${x.toFixed(1)} ${this.#azimuthY(value).toFixed(1)}h0`);
      }
      steps.forEach((parts, step) => {
        if (parts.length) heard.push(svg("path", { d: parts.join(""), class: `heard source${place % 3}`, "stroke-opacity": (step + 1) / SURE_STEPS }));
      });
    });
    this.plans = svg("g");
    this.azimuth.replaceChildren(
      ...this.#grid(96),
      ...AZIMUTHS.map((value) => line(0, this.#azimuthY(value), this.width, this.#azimuthY(value), value ? "grid" : "zero")),
      words(4, 11, "left", "axis"),
      words(4, 92, "right", "axis"),
      ...[-60, 0, 60].map((value) => words(this.width - 4, this.#azimuthY(value) + 4, `${value}°`, "axis", "end")),
      ...heard,
      this.plans,
    );
    this.#paths();
  }

  #paths() {
    if (!this.plans) return;
    const { layout, selected } = this.store;
    const colors = colorsOf(layout);
    const paths = [...namesOf(layout).keys()].map((id) => {
      let [d, drawing] = ["", false];
      for (const frame of layout.keyframes) {
        const item = frame.objects.find((other) => other.id === id);
        if (item) {
          const y = this.#azimuthY(azimuthOfX((item.box[0] + item.box[2]) / 2, this.viewDeg));
          d += `${drawing ? "L" : "M"}${this.x(frame.time_s).toFixed(1)} ${y.toFixed(1)}`;
          if (frame === layout.keyframes.at(-1)) d += `H${this.x(layout.duration_s).toFixed(1)}`;
        }
        drawing = Boolean(item);
      }
      return svg("path", { d: d || "M0 0", class: `planned c${colors.get(id)}${id === selected ? " chosen" : ""}` });
    });
    this.plans.replaceChildren(...paths);
  }

  // ---- key frames and objects ----

  #drawKeys() {
    const { layout, problem, time } = this.store;
    const bad = /^keyframes\[(\d+)\]/.exec(problem?.place ?? "")?.[1];
    $("key-count").textContent = `${layout.keyframes.length}`;
    const here = keyframeAt(layout, time);
    const shown = layout.keyframes.map((frame, number) => [frame, number]).filter(([frame]) => this.x(frame.time_s) > -8 && this.x(frame.time_s) < this.width + 8);
    const dense = shown.length > this.width / 12;
    this.keys.replaceChildren(...this.#grid(26), ...shown.map(([frame, number]) => {
      const x = Math.min(this.width - 5, Math.max(5, this.x(frame.time_s)));
      const wrong = Number(bad) === number ? " wrong" : "";
      const mark = svg("g", { class: `key${number === here ? " on" : ""}${wrong}`, transform: `translate(${x} 13)`, role: "button", tabindex: number === here ? 0 : -1, "aria-label": `Key frame at ${seconds(frame.time_s)}` });
      mark.append(svg("rect", { x: -8, y: -11, width: 16, height: 22, class: "hit" }), svg("path", { d: dense ? "M0 -6V6" : "M0 -6L6 0L0 6L-6 0Z" }), svg("title", {}, `${seconds(frame.time_s, 3)}${frame.caption ? `: ${frame.caption}` : ""}`));
      mark.addEventListener("pointerdown", (event) => this.#dragKey(event, number));
      mark.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.seek(frame.time_s);
      });
      return mark;
    }));
  }

  #drawObjects() {
    const { layout, selected, problem } = this.store;
    const names = namesOf(layout);
    const colors = colorsOf(layout);
    const place = /^keyframes\[(\d+)\]\.objects\[(\d+)\]/.exec(problem?.place ?? "");
    const wrong = place && layout.keyframes[place[1]]?.objects[place[2]]?.id;
    for (const [id, lane] of this.objects) {
      if (names.has(id)) continue;
      lane.row.remove();
      this.objects.delete(id);
    }
    for (const [id, name] of names) {
      let lane = this.objects.get(id);
      if (!lane) {
        lane = this.#objectLane(id);
        this.objects.set(id, lane);
        this.area.insertBefore(lane.row, this.head);
        lane.plot.setAttribute("viewBox", `0 0 ${this.width} 28`);
      }
      lane.row.className = `lane object c${colors.get(id)}${id === selected ? " chosen" : ""}${id === wrong ? " wrong" : ""}`;
      lane.button.setAttribute("aria-pressed", String(id === selected));
      lane.button.lastChild.textContent = name || "(no name)";
      lane.button.title = `${name} (${id})`;
      const spans = spansOf(layout, id);
      lane.plot.setAttribute("aria-label", `${name}: seen ${spans.map(([a, b]) => `from ${seconds(a)} to ${seconds(b)}`).join(", ")}`);
      lane.plot.replaceChildren(...this.#grid(28), ...this.#bars(id, spans), ...this.#diamonds(id));
    }
  }

  #bars(id, spans) {
    return spans.flatMap(([start, end], place) => {
      const [x1, x2] = [this.x(start), this.x(end)];
      const bar = svg("rect", { x: x1, y: 7, width: Math.max(2, x2 - x1), height: 14, rx: 3, class: "bar" });
      const grips = [];
      if (place === 0) grips.push(this.#grip(id, x1, "start", spans));
      if (place === spans.length - 1) grips.push(this.#grip(id, x2, "end", spans));
      return [bar, ...grips];
    });
  }

  #grip(id, x, side, spans) {
    const grip = svg("rect", { x: side === "start" ? x : x - 7, y: 4, width: 7, height: 20, rx: 2, class: "grip" }, svg("title", {}, `Drag the ${side}`));
    grip.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      if (event.button !== 0) return;
      const { store } = this;
      store.set({ selected: id });
      const before = store.layout;
      const left = this.ruler.getBoundingClientRect().left;
      let time = null;
      follow(event, {
        move: (now) => {
          time = this.#snapped(now.clientX - left);
          grip.setAttribute("x", this.x(time) - (side === "start" ? 0 : 7));
        },
        end: (given_up) => {
          if (given_up || time === null) this.render();
          else {
            const span = side === "start" ? [time, spans.at(-1)[1]] : [spans[0][0], time];
            store.commit(setSpan(before, id, ...span), side === "start" ? "Set start" : "Set end", null, before);
          }
        },
      });
    });
    return grip;
  }

  #diamonds(id) {
    const frames = this.store.layout.keyframes.filter((frame) => frame.objects.some((item) => item.id === id));
    if (frames.length > this.width / 8) return [];
    const d = frames.map((frame) => `M${this.x(frame.time_s).toFixed(1)} 10.5l3.5 3.5l-3.5 3.5l-3.5 -3.5Z`).join("");
    return d ? [svg("path", { d, class: "stops" })] : [];
  }

  #dragKey(event, number) {
    event.stopPropagation();
    if (event.button !== 0) return;
    const { store } = this;
    const before = store.layout;
    const left = this.ruler.getBoundingClientRect().left;
    const from = event.clientX;
    let moved = null;
    const mark = event.currentTarget;
    follow(event, {
      move: (now) => {
        if (moved === null && Math.abs(now.clientX - from) < 3) return;
        moved = moveKeyframe(before, number, this.time(now.clientX - left));
        mark.setAttribute("transform", `translate(${this.x(moved.keyframes[number].time_s)} 13)`);
      },
      end: (given_up) => {
        if (given_up) this.render();
        else if (moved === null) this.seek(before.keyframes[number].time_s);
        else {
          store.commit(moved, "Move key frame", null, before);
          this.seek(moved.keyframes[number].time_s);
        }
      },
    });
  }

  // ---- time ----

  /** The time at a place, drawn to a key frame that is close. */
  #snapped(x) {
    const time = this.time(x);
    const near = this.store.layout.keyframes.find((frame) => Math.abs(this.x(frame.time_s) - x) <= SNAP_PX);
    return near ? near.time_s : time;
  }

  #scrub(event, plot) {
    if (event.button !== 0) return;
    const left = plot.getBoundingClientRect().left;
    this.seek(this.#snapped(event.clientX - left));
    follow(event, { move: (now) => this.seek(this.#snapped(now.clientX - left)), end: () => {} });
  }

  #playhead() {
    const x = this.x(this.store.time);
    this.head.style.transform = `translateX(${x.toFixed(1)}px)`;
    this.head.hidden = x < -1 || x > this.width + 1;
    const on = keyframeAt(this.store.layout, this.store.time);
    const marks = this.keys.querySelectorAll(".key");
    const first = this.store.layout.keyframes.findIndex((frame) => this.x(frame.time_s) > -8);
    marks.forEach((mark, place) => mark.classList.toggle("on", place + first === on));
    if (this.store.playing && (x > this.width || x < 0)) this.#show(this.store.time, this.view.span);
  }

  zoom(factor) {
    const { time } = this.store;
    const span = this.view.span * factor;
    this.#show(time - (time - this.view.start) * factor, span);
  }

  #show(start, span) {
    const wide = Math.min(this.duration, Math.max(Math.min(LEAST_SPAN_S, this.duration), span));
    this.view = { start: Math.min(this.duration - wide, Math.max(0, start)), span: wide };
    this.render();
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    if (event.ctrlKey) {
      const at = this.time(event.clientX - this.ruler.getBoundingClientRect().left);
      const factor = Math.exp(event.deltaY / 300);
      this.#show(at - (at - this.view.start) * factor, this.view.span * factor);
    } else this.#show(this.view.start + ((event.deltaX || event.deltaY) / this.width) * this.view.span, this.view.span);
  }
}

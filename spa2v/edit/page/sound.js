// The recording, and the plan made audible: the downmix, placed by the boxes.
//
//   element ─┬─ recording (gain) ───────────────────────────────── output
//            └─ downmix (one channel) ─┬─ gain ── panner ─┐
//                                      └─ gain ── panner ─┴ plan (gain) ── output
//
// An object pans from left to right by the middle of its box, and is louder the larger its box is.

import { namesOf, sceneAt } from "./boxes.js";

const GLIDE_S = 0.02;
const SWITCH_S = 0.015;
const START_MS = 2000; // a browser without an output never answers

/** Pan (-1 left to 1 right) and gain of a box; `loudest` is the side of a box that has gain 1. */
export function placed(box, loudest) {
  const [x1, y1, x2, y2] = box;
  const side = Math.sqrt((x2 - x1) * (y2 - y1));
  return { pan: Math.max(-1, Math.min(1, x1 + x2 - 1)), gain: Math.min(1, side / loudest) };
}

/** The side of a box with gain 1, so that all objects together stay within full scale at any key frame. */
export function loudestSide(layout) {
  const sums = layout.keyframes.map((frame) => frame.objects.reduce((sum, { box }) => sum + (box[2] - box[0]) * (box[3] - box[1]), 0));
  return Math.sqrt(Math.max(...sums, 1e-4));
}

export class Sound {
  constructor(url) {
    this.element = url ? new Audio(url) : null;
    if (this.element) this.element.preload = "auto";
    this.context = null;
    this.mode = "recording";
    this.voices = new Map();
  }

  get ready() {
    return this.element !== null;
  }

  #build() {
    this.context = new AudioContext();
    const context = this.context;
    this.source = context.createMediaElementSource(this.element);
    this.recording = context.createGain();
    this.downmix = new GainNode(context, { channelCount: 1, channelCountMode: "explicit", channelInterpretation: "speakers" });
    this.plan = context.createGain();
    this.source.connect(this.recording).connect(context.destination);
    this.source.connect(this.downmix);
    this.plan.connect(context.destination);
    this.setMode(this.mode);
  }

  #voice(id) {
    let voice = this.voices.get(id);
    if (!voice) {
      voice = { gain: new GainNode(this.context, { gain: 0 }), panner: this.context.createStereoPanner() };
      this.downmix.connect(voice.gain).connect(voice.panner).connect(this.plan);
      this.voices.set(id, voice);
    }
    return voice;
  }

  async play(time) {
    if (!this.element) return;
    if (!this.context) this.#build();
    await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, START_MS))]);
    if (this.context.state !== "running") throw new Error("the browser has no sound output");
    if (Math.abs(this.element.currentTime - time) > 0.01) this.element.currentTime = time;
    await this.element.play();
  }

  pause() {
    this.element?.pause();
  }

  seek(time) {
    if (this.element && Number.isFinite(time)) this.element.currentTime = time;
  }

  /** "recording" or "plan"; a short fade keeps the switch from clicking. */
  setMode(mode) {
    this.mode = mode;
    if (!this.context) return;
    const now = this.context.currentTime;
    this.recording.gain.setTargetAtTime(mode === "recording" ? 1 : 0, now, SWITCH_S);
    this.plan.gain.setTargetAtTime(mode === "plan" ? 1 : 0, now, SWITCH_S);
  }

  /** Places the voices for a time of the layout. */
  update(layout, time) {
    if (!this.context) return;
    const now = this.context.currentTime;
    const loudest = loudestSide(layout);
    const scene = new Map(sceneAt(layout, time).objects.map((item) => [item.id, item]));
    const names = namesOf(layout);
    for (const [id, voice] of this.voices) {
      if (names.has(id)) continue;
      voice.panner.disconnect();
      this.downmix.disconnect(voice.gain);
      this.voices.delete(id);
    }
    for (const id of names.keys()) {
      const voice = this.#voice(id);
      const item = scene.get(id);
      const { pan, gain } = item ? placed(item.box, loudest) : { pan: voice.panner.pan.value, gain: 0 };
      voice.panner.pan.setTargetAtTime(pan, now, GLIDE_S);
      voice.gain.gain.setTargetAtTime(gain, now, GLIDE_S);
    }
  }

  /** The graph as it is, for tests and the curious. */
  describe() {
    if (!this.context) return null;
    return {
      mode: this.mode,
      state: this.context.state,
      downmixChannels: this.downmix.channelCount,
      recording: this.recording.gain.value,
      plan: this.plan.gain.value,
      voices: Object.fromEntries([...this.voices].map(([id, { gain, panner }]) => [id, { gain: gain.gain.value, pan: panner.pan.value }])),
    };
  }
}

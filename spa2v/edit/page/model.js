// Edits of a layout. Every function returns a new layout and shares what did not change with the old one.

import { namesOf, sceneAt } from "./boxes.js";

export const SAME_TIME_S = 1e-4;
export const LEAST_SIDE = 0.005;
const GUARD_S = 0.02; // between the key frames around the start of an object, where no closer one is there
const MAX_KEYFRAMES = 1024;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const tidy = (value) => Math.round(value * 1e6) / 1e6;

/** A box inside the frame with sides of at least LEAST_SIDE. */
export function fitted([x1, y1, x2, y2]) {
  const wide = clamp(x2 - x1, LEAST_SIDE, 1);
  const tall = clamp(y2 - y1, LEAST_SIDE, 1);
  const left = clamp(x1, 0, 1 - wide);
  const top = clamp(y1, 0, 1 - tall);
  return [left, top, left + wide, top + tall].map(tidy);
}

/** A box with the sides that a handle moves ("n", "se", ...; "" moves the whole box) shifted, inside the frame. */
export function dragged(box, handle, dx, dy) {
  if (!handle) return fitted([box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy]);
  const made = [...box];
  if (handle.includes("w")) made[0] = clamp(box[0] + dx, 0, box[2] - LEAST_SIDE);
  if (handle.includes("e")) made[2] = clamp(box[2] + dx, box[0] + LEAST_SIDE, 1);
  if (handle.includes("n")) made[1] = clamp(box[1] + dy, 0, box[3] - LEAST_SIDE);
  if (handle.includes("s")) made[3] = clamp(box[3] + dy, box[1] + LEAST_SIDE, 1);
  return made.map(tidy);
}

/** The number of the key frame at a time, or -1. */
export function keyframeAt(layout, time) {
  return layout.keyframes.findIndex((frame) => Math.abs(frame.time_s - time) <= SAME_TIME_S);
}

const withFrames = (layout, keyframes) => ({ ...layout, keyframes });

/** [layout, number] with a key frame at a time, in which everything is as it was. */
export function withKeyframe(layout, time) {
  const found = keyframeAt(layout, time);
  if (found >= 0) return [layout, found];
  if (layout.keyframes.length >= MAX_KEYFRAMES) throw new Error(`a layout holds at most ${MAX_KEYFRAMES} key frames`);
  const scene = sceneAt(layout, time);
  const made = { time_s: tidy(clamp(time, 0, layout.duration_s)), caption: scene.caption, objects: scene.objects };
  const keyframes = [...layout.keyframes, made].sort((a, b) => a.time_s - b.time_s);
  return [withFrames(layout, keyframes), keyframes.indexOf(made)];
}

export function removeKeyframe(layout, number) {
  if (layout.keyframes.length < 2) return layout;
  return pruned(withFrames(layout, layout.keyframes.filter((_, place) => place !== number)));
}

/** A key frame at another time, between its neighbors. */
export function moveKeyframe(layout, number, time) {
  const frames = layout.keyframes;
  const low = number > 0 ? frames[number - 1].time_s + 2 * SAME_TIME_S : 0;
  const high = number + 1 < frames.length ? frames[number + 1].time_s - 2 * SAME_TIME_S : layout.duration_s;
  const time_s = tidy(clamp(time, low, high));
  return withFrames(layout, frames.map((frame, place) => (place === number ? { ...frame, time_s } : frame)));
}

const mapObject = (layout, id, change) =>
  withFrames(layout, layout.keyframes.map((frame, number) => {
    const place = frame.objects.findIndex((item) => item.id === id);
    if (place < 0) return frame;
    const made = change(frame.objects[place], number, frame);
    if (made === frame.objects[place]) return frame;
    const objects = [...frame.objects];
    objects[place] = made;
    return { ...frame, objects };
  }));

/** The box of an object at one key frame. */
export function setBox(layout, number, id, box) {
  return mapObject(layout, id, (item, place) => (place === number ? { ...item, box } : item));
}

/** The box at a time, which becomes a key frame, or on the whole path by the same shift of its sides. */
export function dragBox(layout, time, id, handle, dx, dy, whole) {
  if (!whole) {
    const [made, number] = withKeyframe(layout, time);
    const item = made.keyframes[number].objects.find((other) => other.id === id);
    return item ? setBox(made, number, id, dragged(item.box, handle, dx, dy)) : layout;
  }
  return mapObject(layout, id, (item) => ({ ...item, box: dragged(item.box, handle, dx, dy) }));
}

/** An id that no object has: the name and a number. */
export function freeId(layout, name) {
  const names = namesOf(layout);
  const stem = (name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "") || "object").slice(0, 100);
  for (let number = 0; ; number += 1) if (!names.has(`${stem}_${number}`)) return `${stem}_${number}`;
}

export function addObject(layout, name, box) {
  const id = freeId(layout, name);
  const objects = (frame) => [...frame.objects, { id, name, box }];
  return [withFrames(layout, layout.keyframes.map((frame) => ({ ...frame, objects: objects(frame) }))), id];
}

export function removeObject(layout, id) {
  const keep = (frame) => ({ ...frame, objects: frame.objects.filter((item) => item.id !== id) });
  return pruned(withFrames(layout, layout.keyframes.map(keep)));
}

/** Without attributes of objects that are gone. */
function pruned(layout) {
  if (!layout.attributes) return layout;
  const names = namesOf(layout);
  return { ...layout, attributes: Object.fromEntries(Object.entries(layout.attributes).filter(([id]) => names.has(id))) };
}

export const renameObject = (layout, id, name) => mapObject(layout, id, (item) => ({ ...item, name }));

export function setAttribute(layout, id, value) {
  const { [id]: _, ...others } = layout.attributes ?? {};
  return { ...layout, attributes: value ? { ...others, [id]: value } : others };
}

export function setFrameCaption(layout, number, caption) {
  return withFrames(layout, layout.keyframes.map((frame, place) => (place === number ? { ...frame, caption } : frame)));
}

/** The times between which an object is seen, as `sceneAt` shows it: [[start, end], ...]. */
export function spansOf(layout, id) {
  const frames = layout.keyframes;
  const spans = [];
  let begun = null;
  frames.forEach((frame, place) => {
    const here = frame.objects.some((item) => item.id === id);
    const before = place > 0 ? (frames[place - 1].time_s + frame.time_s) / 2 : 0;
    if (here && begun === null) begun = before;
    if (!here && begun !== null) {
      spans.push([begun, before]);
      begun = null;
    }
  });
  if (begun !== null) spans.push([begun, layout.duration_s]);
  return spans;
}

/** An object that is seen from `start` to `end` and at no other time; where it was not, its nearest box is held. */
export function setSpan(layout, id, start, end) {
  const first = Math.max(0, start);
  const last = Math.min(layout.duration_s, end);
  if (last - first < 2 * GUARD_S) return layout;
  let made = layout;
  for (const [edge, inside, outside] of [[first, 1, -1], [last, -1, 1]]) {
    if (edge <= GUARD_S || edge >= layout.duration_s - GUARD_S) continue;
    for (const side of [inside, outside]) [made] = withKeyframe(made, edge + (side * GUARD_S) / 2);
  }
  const there = made.keyframes.map((frame) => frame.objects.find((item) => item.id === id));
  const held = (number) => {
    for (let step = 0; step < there.length; step += 1) {
      const near = there[number - step] ?? there[number + step];
      if (near) return near;
    }
    return null;
  };
  return withFrames(made, made.keyframes.map((frame, number) => {
    const wanted = frame.time_s >= first && frame.time_s <= last;
    if (wanted === Boolean(there[number])) return frame;
    const item = held(number);
    const objects = wanted && item ? [...frame.objects, { ...item }] : frame.objects.filter((other) => other.id !== id);
    return { ...frame, objects };
  }));
}

/** The path of one object seen in a mirror. */
export function mirrorObject(layout, id) {
  return mapObject(layout, id, (item) => ({ ...item, box: [1 - item.box[2], item.box[1], 1 - item.box[0], item.box[3]].map(tidy) }));
}

/** The path of one object run backwards, between its first and its last key frame. */
export function reverseObject(layout, id) {
  const seen = layout.keyframes.filter((frame) => frame.objects.some((item) => item.id === id));
  if (seen.length < 2) return layout;
  const ends = seen[0].time_s + seen[seen.length - 1].time_s;
  return mapObject(layout, id, (item, _, frame) => {
    const other = sceneAt(layout, ends - frame.time_s).objects.find((found) => found.id === id);
    return other ? { ...item, box: other.box.map(tidy) } : item;
  });
}

/** Where a camera shows an azimuth, in parts of the width. */
export function xOfAzimuth(degrees, viewDeg) {
  const angle = (clamp(degrees, -80, 80) * Math.PI) / 180;
  return 0.5 + Math.tan(angle) / (2 * Math.tan((viewDeg * Math.PI) / 360));
}

/** The azimuth that a place in the picture means, in degrees. */
export function azimuthOfX(x, viewDeg) {
  return (Math.atan((x - 0.5) * 2 * Math.tan((viewDeg * Math.PI) / 360)) * 180) / Math.PI;
}

/** A track's value near a time, weighted by confidence; null where nothing sure was heard. */
export function heardAt(track, time, windowS) {
  let sum = 0;
  let weight = 0;
  track.times_s.forEach((when, place) => {
    const off = Math.abs(when - time);
    if (off > windowS) return;
    const sure = track.confidence[place] * (1 - off / windowS);
    sum += sure * track.values[place];
    weight += sure;
  });
  return weight > 0.15 ? sum / weight : null;
}

/** The middles of an object's boxes moved to where it is heard; the rest of its boxes stays. */
export function snapObject(layout, id, track, viewDeg) {
  const windowS = Math.max(0.15, layout.duration_s / 32);
  return mapObject(layout, id, (item, _, frame) => {
    const azimuth = heardAt(track, frame.time_s, windowS);
    if (azimuth === null) return item;
    const [x1, y1, x2, y2] = item.box;
    const shift = xOfAzimuth(azimuth, viewDeg) - (x1 + x2) / 2;
    return { ...item, box: fitted([x1 + shift, y1, x2 + shift, y2]) };
  });
}

/** Without key frames that lie on the straight paths between others, to a tolerance in parts of the frame. */
export function simplified(layout, tolerance = 0.004) {
  const frames = layout.keyframes;
  const keys = (frame) => frame.objects.map((item) => item.id).sort().join("\n");
  const off = (a, b, middle) => {
    const made = sceneAt(withFrames(layout, [a, b]), middle.time_s);
    return Math.max(...middle.objects.map((item) => {
      const other = made.objects.find((found) => found.id === item.id);
      return other ? Math.max(...item.box.map((value, side) => Math.abs(value - other.box[side]))) : 1;
    }), made.objects.length === middle.objects.length ? 0 : 1);
  };
  const kept = new Set([0, frames.length - 1]);
  frames.forEach((frame, place) => {
    if (place > 0 && keys(frames[place - 1]) !== keys(frame)) kept.add(place - 1).add(place);
  });
  const fixed = [...kept].sort((a, b) => a - b);
  const spans = fixed.slice(1).map((end, place) => [fixed[place], end]);
  while (spans.length) {
    const [first, last] = spans.pop();
    let worst = tolerance;
    let where = -1;
    for (let place = first + 1; place < last; place += 1) {
      const error = off(frames[first], frames[last], frames[place]);
      if (error > worst) [worst, where] = [error, place];
    }
    if (where >= 0) {
      kept.add(where);
      spans.push([first, where], [where, last]);
    }
  }
  return withFrames(layout, frames.filter((_, place) => kept.has(place)));
}

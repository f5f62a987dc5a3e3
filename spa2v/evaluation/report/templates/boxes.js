// A layout at any time, and its boxes in SVG: shared by the report, the notebook view and the editor.

const SVG = "http://www.w3.org/2000/svg";
export const COLORS = 8;

/** An SVG element with attributes. */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Index of the first key frame after a time. */
export function keyframeAfter(layout, time) {
  let low = 0;
  let high = layout.keyframes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (layout.keyframes[middle].time_s <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The scene at any time: straight lines between key frames; an object in one of two is seen on that one's half. */
export function sceneAt(layout, time) {
  const frames = layout.keyframes;
  const right = keyframeAfter(layout, time);
  if (right === 0 || right === frames.length) return frames[right === 0 ? 0 : right - 1];
  const [a, b] = [frames[right - 1], frames[right]];
  const part = (time - a.time_s) / (b.time_s - a.time_s);
  const near = part < 0.5 ? a : b;
  const later = new Map(b.objects.map((item) => [item.id, item]));
  const objects = [];
  for (const item of a.objects) {
    const end = later.get(item.id);
    later.delete(item.id);
    if (end) objects.push({ ...item, box: item.box.map((value, side) => value + (end.box[side] - value) * part) });
    else if (near === a) objects.push(item);
  }
  if (near === b) objects.push(...later.values());
  return { time_s: time, caption: near.caption, objects };
}

/** Object id to name, in the order of first appearance. */
export function namesOf(layout) {
  const names = new Map();
  for (const frame of layout.keyframes) for (const item of frame.objects) if (!names.has(item.id)) names.set(item.id, item.name);
  return names;
}

/** Object id to the number of its color. */
export function colorsOf(layout) {
  return new Map([...namesOf(layout).keys()].map((id, place) => [id, place % COLORS]));
}

/** Draws boxes with their names into an SVG that covers a picture. */
export function paintBoxes(target, objects, colors) {
  target.replaceChildren(...objects.flatMap((item) => {
    const [x1, y1, x2, y2] = item.box.map((value) => 100 * value);
    const color = `c${colors.get(item.id) ?? 0}`;
    const label = svg("text", { class: "label", x: `${x1 + 0.8}%`, y: `${Math.min(98, y1 + 6)}%` });
    label.textContent = item.name;
    return [svg("rect", { class: `box ${color}`, x: `${x1}%`, y: `${y1}%`, width: `${x2 - x1}%`, height: `${y2 - y1}%` }), label];
  }));
}

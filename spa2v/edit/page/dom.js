// Small helpers for the page's elements. Texts are set as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children. */
export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children);
  return node;
}

export const seconds = (value, digits = 2) => `${value.toFixed(digits)} s`;

/** Minutes and seconds for a clock. */
export function clock(value, long) {
  const whole = Math.max(0, value);
  if (!long) return whole.toFixed(2);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}

/** Follows a pointer from its press to its release; `end` gets true where the drag was given up with Escape. */
export function follow(event, { move, end }) {
  const target = event.currentTarget;
  target.setPointerCapture(event.pointerId);
  const cancel = (key) => {
    if (key.key === "Escape") {
      key.stopPropagation();
      done(true);
    }
  };
  const done = (given_up) => {
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", up);
    target.removeEventListener("pointercancel", lost);
    window.removeEventListener("keydown", cancel, true);
    if (target.hasPointerCapture(event.pointerId)) target.releasePointerCapture(event.pointerId);
    end(given_up);
  };
  const up = () => done(false);
  const lost = () => done(true);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", up);
  target.addEventListener("pointercancel", lost);
  window.addEventListener("keydown", cancel, true);
}

// The keyboard: one table for what keys do and for the help that lists them.

import { $, el } from "./dom.js";

const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/** `table` holds [keys, text, action]; keys are "Space", "Shift+K", "Ctrl+S", several by " / ". */
export function keyboard(table) {
  const actions = new Map();
  for (const [keys, , action] of table) for (const key of keys.split(" / ")) actions.set(key, action);
  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    const action = actions.get(name);
    if (!action) return;
    const node = document.activeElement;
    const typing = TYPING.has(node?.tagName) && node.type !== "checkbox" && node.type !== "range";
    if (typing && !name.startsWith("Ctrl+") && name !== "Escape") return;
    if (typing && /^Ctrl\+(Shift\+)?[ZY]$/.test(name) && node.tagName === "SELECT") return;
    if (node?.tagName === "BUTTON" && (name === "Space" || name === "Enter")) return;
    event.preventDefault();
    action(event);
  });
  $("key-table").replaceChildren(...table.map(([keys, text]) => el("tr", {}, el("td", {}, ...marked(keys)), el("td", { textContent: text }))));
}

function nameOf(event) {
  const key = { " ": "Space" }[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const plain = /^[^A-Z]$/.test(key); // signs such as ? and [ come with or without Shift, by the keyboard's layout
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.shiftKey && !plain ? "Shift+" : ""}${key}`;
}

const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

function marked(keys) {
  return keys.split(" / ").flatMap((key, place) => [...(place ? [" "] : []), el("kbd", { textContent: key.replace(/Arrow\w+/, (name) => SIGNS[name]) })]);
}

// What the page shows, its history without end, and who wants to know of changes.

export class Store {
  #listeners = new Set();
  #queued = new Set();
  #past = [];
  #future = [];
  #group = null;

  constructor(layout) {
    this.layout = layout;
    this.base = layout;
    this.selected = null;
    this.time = 0;
    this.playing = false;
    this.hearing = "recording";
    this.whole = false;
    this.problem = null;
  }

  /** Calls a function with the set of what changed ("layout", "time", ...), once a frame of the screen. */
  listen(listener) {
    this.#listeners.add(listener);
  }

  #changed(...what) {
    if (!this.#queued.size) requestAnimationFrame(() => this.flush());
    for (const item of what) this.#queued.add(item);
  }

  flush() {
    const what = this.#queued;
    if (!what.size) return;
    this.#queued = new Set();
    for (const listener of this.#listeners) listener(what);
  }

  set(values) {
    const changed = Object.keys(values).filter((key) => this[key] !== values[key]);
    Object.assign(this, values);
    if (changed.length) this.#changed(...changed);
  }

  /** What the layout looks like while a drag is under way; not in the history. */
  preview(layout) {
    this.layout = layout;
    this.#changed("preview");
  }

  /** A change that can be undone. Changes with the same group in a row are one step. */
  commit(layout, label, group = null, before = null) {
    const old = before ?? this.layout;
    if (layout === old) {
      this.layout = old;
      return;
    }
    if (group === null || group !== this.#group || !this.#past.length) this.#past.push({ layout: old, label, selected: this.selected });
    this.#group = group;
    this.#future = [];
    this.layout = layout;
    this.#changed("layout");
  }

  /** Ends a group, so that the next change is a separate step. */
  settle() {
    this.#group = null;
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    const item = from.pop();
    if (!item) return;
    to.push({ layout: this.layout, label: item.label, selected: this.selected });
    this.layout = item.layout;
    this.#group = null;
    this.set({ selected: item.selected });
    this.#changed("layout");
  }

  /** Another layout in place of all, without a way back: the file that was reloaded. */
  replace(layout) {
    this.#past = [];
    this.#future = [];
    this.layout = layout;
    this.base = layout;
    this.#changed("layout");
  }

  saved() {
    this.base = this.layout;
    this.#changed("layout");
  }

  get dirty() {
    return this.layout !== this.base;
  }

  get undoLabel() {
    return this.#past.at(-1)?.label ?? null;
  }

  get redoLabel() {
    return this.#future.at(-1)?.label ?? null;
  }
}

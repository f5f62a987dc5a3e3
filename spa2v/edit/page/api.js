// The server's side of the page. All addresses are relative: the token is in the path of the page.

async function send(method, path, data) {
  const options = { method, headers: {} };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(data ?? {});
  }
  const response = await fetch(`api/${path}`, options);
  const body = response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : {};
  if (!response.ok && response.status !== 409 && response.status !== 422) {
    throw new Error(body.error ?? `the server answered ${response.status}`);
  }
  return { status: response.status, ...body };
}

export const state = () => send("GET", "state");
export const onDisk = () => send("GET", "layout");
export const save = (layout, mark, force) => send("PUT", "layout", { layout, mark, force });
export const keepDraft = (layout, mark) => send("PUT", "draft", { layout, mark });
export const dropDraft = () => send("DELETE", "draft");
export const transform = (layout, kind) => send("POST", "transform", { layout, kind });
export const draw = (layout, preset, seed, preview) => send("POST", "draw", { layout, preset, seed, preview });
export const stop = () => send("POST", "stop");
export const tryLayout = (number) => send("GET", `try/${number}/layout`);
export const tryVideo = (number) => `api/try/${number}/video`;
export const tryPreview = (number) => `api/try/${number}/preview`;
export const AUDIO = "api/audio";

export async function peaks() {
  const response = await fetch("api/peaks");
  return response.ok ? new Int8Array(await response.arrayBuffer()) : null;
}

/** A draft that is sent even while the page closes. */
export function lastDraft(layout, mark) {
  const body = JSON.stringify({ layout, mark });
  const keepalive = body.length < 60000; // browsers bound what outlives a page
  fetch("api/draft", { method: "PUT", headers: { "Content-Type": "application/json" }, body, keepalive }).catch(() => {});
}

export function listen(onEvent) {
  const source = new EventSource("api/events");
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}

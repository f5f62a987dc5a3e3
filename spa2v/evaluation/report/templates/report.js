"use strict";
(function () {
  const data = document.getElementById("overlay");
  const video = document.querySelector(".player video, .player img");
  const layer = document.querySelector(".player svg");
  const words = document.getElementById("now");
  if (!data || !video || !layer) return;
  const frames = JSON.parse(data.textContent);
  const make = (name, values) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
    return node;
  };
  let shown = -1;
  const draw = (number) => {
    if (number === shown || !frames.length) return;
    shown = number;
    layer.replaceChildren();
    for (const box of frames[number].boxes) {
      layer.append(make("rect", { class: "box", stroke: box.color, x: box.x + "%", y: box.y + "%", width: box.width + "%", height: box.height + "%" }));
      const label = make("text", { class: "label", x: box.x + 0.8 + "%", y: Math.min(98, box.y + 6) + "%" });
      label.textContent = box.label;
      layer.append(label);
    }
    words.textContent = frames[number].caption;
  };
  const at = (time) => {
    let number = 0;
    frames.forEach((frame, place) => { if (frame.time <= time + 1e-3) number = place; });
    return number;
  };
  const tick = () => { draw(at(video.currentTime || 0)); requestAnimationFrame(tick); };
  tick();
})();

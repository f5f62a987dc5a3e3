const data = document.getElementById("overlay");
const picture = document.querySelector(".player video, .player img");
const layer = document.querySelector(".player svg");
const words = document.getElementById("now");
const slider = document.getElementById("at");
if (data && layer) {
  const layout = JSON.parse(data.textContent);
  const colors = colorsOf(layout);
  let shown = -1;
  const draw = (time) => {
    if (time === shown) return;
    shown = time;
    const scene = sceneAt(layout, time);
    paintBoxes(layer, scene.objects, colors);
    words.textContent = scene.caption;
  };
  if (slider) {
    let begun = null;
    const play = document.getElementById("play");
    slider.oninput = () => { begun = null; draw(Number(slider.value)); };
    play.onclick = () => { begun = begun === null ? performance.now() - 1000 * Number(slider.value) : null; };
    const tick = (now) => {
      if (begun !== null) slider.value = ((now - begun) / 1000) % layout.duration_s;
      draw(Number(slider.value));
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  } else {
    const tick = () => {
      draw(picture?.currentTime || 0);
      requestAnimationFrame(tick);
    };
    tick();
  }
}

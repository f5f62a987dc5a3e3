const holder = document.getElementById("clips");
const clips = [...holder.children];
const field = (name) => document.getElementById(name);
const byName = (a, b) => a.dataset.name.localeCompare(b.dataset.name, "en", { numeric: true });
const slower = (a, b) => b.dataset.seconds - a.dataset.seconds;
const orders = {
  name: byName,
  slowest: slower,
  fastest: (a, b) => slower(b, a),
  status: (a, b) => a.dataset.status.localeCompare(b.dataset.status, "en") || byName(a, b),
};
const update = () => {
  const status = field("status").value;
  const words = field("name").value.trim().toLowerCase();
  const least = Number(field("least").value);
  const fits = ({ dataset }) => (!status || dataset.status === status) && Number(dataset.seconds) >= least
    && `${dataset.name}\n${dataset.caption}`.toLowerCase().includes(words);
  const order = orders[field("sort").value];
  holder.append(...(order ? [...clips].sort(order) : clips));
  for (const clip of clips) clip.hidden = !fits(clip);
  field("shown").textContent = `${clips.filter(fits).length} of ${clips.length} shown`;
};
for (const name of ["status", "name", "least", "sort"]) field(name).addEventListener("input", update);
update();

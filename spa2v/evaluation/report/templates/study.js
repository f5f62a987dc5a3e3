"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const holder = document.getElementById("items");
  const items = [...holder.children];
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  items.forEach((item, place) => { holder.append(item); item.querySelector(".number").textContent = place + 1; });
  const ranksOf = (field) => {
    const ranks = {};
    field.querySelectorAll("select").forEach((select) => { if (select.value) ranks[select.dataset.letter] = Number(select.value); });
    return ranks;
  };
  const whole = (ranks) => new Set(Object.values(ranks)).size === data.letters.length;
  const fields = [...document.querySelectorAll("fieldset")];
  const update = () => {
    let done = 0;
    fields.forEach((field) => {
      const ranks = ranksOf(field);
      const given = Object.values(ranks);
      const doubled = new Set(given).size < given.length;
      field.querySelector(".bad").textContent = doubled ? "Each rank once, please." : "";
      if (whole(ranks)) done += 1;
    });
    document.getElementById("progress").textContent = done + " of " + fields.length + " rankings done";
    return done;
  };
  const answers = () => fields.filter((field) => whole(ranksOf(field))).map((field) => ({
    item: field.closest(".item").dataset.token, criterion: field.dataset.criterion, ranks: ranksOf(field),
  }));
  document.addEventListener("change", update);
  document.getElementById("save").addEventListener("click", () => {
    const rater = document.getElementById("rater").value.trim();
    const state = document.getElementById("state");
    if (!rater) { state.textContent = "Please give your name or initials first."; return; }
    const left = fields.length - update();
    if (left && !confirm(left + " rankings are missing. Save all the same?")) return;
    const text = JSON.stringify({ study: data.study, version: data.version, rater: rater, answers: answers() }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "ranks-" + rater.replace(/[^A-Za-z0-9]+/g, "-") + ".json";
    link.click();
    state.textContent = "Saved as " + link.download + ".";
  });
  update();
})();

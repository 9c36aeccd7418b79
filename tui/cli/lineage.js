"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const aside = document.querySelector("aside"), search = document.querySelector("input"), found = document.getElementById("found");
let shown = facts.view, chosen = null;
const section = () => document.getElementById(shown);
const parts = (what) => section().querySelectorAll(what);

function walk(from, to) {
  const steps = new Map();
  for (const line of parts("path.edge"))
    for (const end of line.dataset.to.split(" ")) {
      const pair = {from: line.dataset.from, to: end};
      if (!steps.has(pair[from])) steps.set(pair[from], new Set());
      steps.get(pair[from]).add(pair[to]);
    }
  const seen = new Set([chosen]), todo = [chosen];
  while (todo.length) for (const next of steps.get(todo.pop()) || []) if (!seen.has(next)) { seen.add(next); todo.push(next); }
  return seen;
}

function paint() {
  const words = search.value.trim().toLowerCase(), nodes = facts[shown];
  const hits = words ? new Set([...nodes.keys()].filter((n) => nodes[n].search.includes(words)).map(String)) : null;
  const up = chosen === null ? null : walk("to", "from"), down = chosen === null ? null : walk("from", "to");
  for (const node of parts(".node")) {
    const id = node.dataset.node, near = chosen === null || up.has(id) || down.has(id);
    node.classList.toggle("chosen", id === chosen);
    node.classList.toggle("hit", hits !== null && hits.has(id));
    node.classList.toggle("dim", hits !== null ? !hits.has(id) : !near);
  }
  for (const line of parts("path.edge, path.tip")) {
    const ends = line.dataset.to.split(" "), start = line.dataset.from;
    const lit = chosen !== null && ends.some((end) => (up.has(start) && up.has(end)) || (down.has(start) && down.has(end)));
    line.classList.toggle("lit", lit);
    line.classList.toggle("dim", hits !== null || (chosen !== null && !lit));
  }
  for (const verb of parts(".verb")) verb.classList.toggle("dim", hits !== null || chosen !== null);
  found.textContent = hits === null ? "" : hits.size + " of " + nodes.length;
  tell(chosen === null ? null : nodes[Number(chosen)]);
}

function tell(node) {
  aside.hidden = node === null;
  aside.replaceChildren();
  if (node === null) return;
  const head = document.createElement("h2"), list = document.createElement("dl");
  head.textContent = node.name;
  for (const [key, value] of node.facts) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = key; text.textContent = value;
    list.append(term, text);
  }
  aside.append(head, list);
}

function show(view, id = null) {
  shown = view; chosen = id;
  for (const one of document.querySelectorAll("main section")) one.hidden = one.id !== view;
  for (const one of document.querySelectorAll("button[data-view]")) one.setAttribute("aria-pressed", one.dataset.view === view);
  paint();
}

function choose(id) {
  chosen = id;
  const place = "#" + shown + (id === null ? "" : "/" + encodeURIComponent(facts[shown][Number(id)].key));
  if (location.hash !== place) location.replace(place);
  paint();
}

function follow() {
  let view = facts.view, key = "";
  try { [, view, key] = decodeURIComponent(location.hash).match(/^#(asset|task)(?:[/](.*))?$/s) || [, view, key]; } catch { }
  const at = facts[view].findIndex((node) => node.key === key);
  show(view, at < 0 ? null : String(at));
}

for (const one of document.querySelectorAll("main section")) {
  const picture = one.querySelector("svg"), whole = picture.viewBox.baseVal;
  const home = [whole.x, whole.y, whole.width, whole.height];
  const look = (x, y, w, h) => picture.setAttribute("viewBox", [x, y, w, h].join(" "));
  const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  let held = null, moved = false;
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const by = Math.exp(event.deltaY * 0.0015), box = picture.viewBox.baseVal, point = at(event);
    const wide = Math.min(Math.max(box.width * by, home[2] / 60), home[2] * 4), real = wide / box.width;
    look(point.x - (point.x - box.x) * real, point.y - (point.y - box.y) * real, wide, box.height * real);
  }, {passive: false});
  picture.addEventListener("pointerdown", (event) => { held = at(event); moved = false; });
  picture.addEventListener("pointermove", (event) => {
    if (held === null || !(event.buttons & 1)) return;
    const point = at(event), box = picture.viewBox.baseVal;
    moved = moved || Math.hypot(point.x - held.x, point.y - held.y) > box.width / 300;
    look(box.x + held.x - point.x, box.y + held.y - point.y, box.width, box.height);
  });
  picture.addEventListener("click", (event) => {
    held = null;
    if (moved) return;
    const node = event.target.closest(".node");
    choose(node && node.dataset.node !== chosen ? node.dataset.node : null);
  });
  picture.addEventListener("dblclick", () => look(...home));
}
search.addEventListener("input", paint);
for (const one of document.querySelectorAll("button[data-view]")) one.addEventListener("click", () => { show(one.dataset.view); choose(null); });
for (const node of document.querySelectorAll(".node")) { node.tabIndex = 0; node.setAttribute("role", "button"); }
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  if (event.key === "Escape") { search.value = ""; search.blur(); choose(null); }
  if (event.key === "t" && document.activeElement !== search) { show(shown === "asset" ? "task" : "asset"); choose(null); }
  const node = event.key === "Enter" && document.activeElement.closest(".node");
  if (node) choose(node.dataset.node !== chosen ? node.dataset.node : null);
});
addEventListener("hashchange", follow);
follow();

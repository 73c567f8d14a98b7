"use strict";
const nodes = JSON.parse(document.getElementById("nodes").textContent);
const picture = document.getElementById("picture");
const details = document.getElementById("details");

function line(parent, tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

function range(row) {
  return `${row.bits} bits, ${row.range[0]}..=${row.range[1]}`;
}

function choose(index) {
  const node = nodes[index];
  document.querySelectorAll(".chosen").forEach((element) => element.classList.remove("chosen"));
  document.querySelector(`.node[data-node="${index}"]`).classList.add("chosen");
  document.querySelectorAll(`.edge[data-from="${index}"], .edge[data-to="${index}"]`)
    .forEach((edge) => edge.classList.add("chosen"));
  details.replaceChildren();
  line(details, "h3", node.name);
  line(details, "p", `${node.op}; ${node.shape.join("x") || "scalar"}; ${range(node)}`);
  line(details, "p", `proved by ${node.protocol}`);
  const work = node.work;
  line(details, "p", `${work.macs} multiplications, ${work.lookups} lookups, ${work.committed} committed cells, ${work.weights} weight cells`);
  let cost = `predicted ${(node.predicted_seconds * 1e3).toFixed(2)} ms`;
  if (node.measured_seconds !== null) cost += `, measured ${(node.measured_seconds * 1e3).toFixed(2)} ms`;
  line(details, "p", cost);
  if (node.outputs.length) line(details, "p", `gives the output ${node.outputs.join(", ")}`);
  const list = document.createElement("ul");
  for (const tensor of node.tensors) {
    const item = document.createElement("li");
    line(item, "code", tensor.name);
    line(item, "div", `${tensor.op} ${tensor.shape.join("x") || "scalar"}, ${range(tensor)}`);
    line(item, "div", tensor.protocol);
    list.append(item);
  }
  details.append(list);
}

if (picture) {
  document.querySelectorAll(".node").forEach((element) => {
    const index = Number(element.dataset.node);
    element.addEventListener("click", () => choose(index));
    element.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(index); });
  });
  // ctrl + wheel zooms, dragging moves
  const svg = picture.querySelector("svg");
  const width = Number(svg.getAttribute("width"));
  const height = Number(svg.getAttribute("height"));
  let zoom = Math.min(1, picture.clientWidth / width);
  const apply = () => { svg.setAttribute("width", width * zoom); svg.setAttribute("height", height * zoom); };
  zoom = Math.max(zoom, 0.35);
  apply();
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom = Math.min(3, Math.max(0.1, zoom * Math.exp(-event.deltaY / 300)));
    apply();
  }, { passive: false });
  let held = null;
  picture.addEventListener("pointerdown", (event) => { held = [event.clientX, event.clientY]; });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    picture.scrollLeft -= event.clientX - held[0];
    picture.scrollTop -= event.clientY - held[1];
    held = [event.clientX, event.clientY];
  });
  window.addEventListener("pointerup", () => { held = null; });
}

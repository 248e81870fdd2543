// The graph as SVG, and what a step changes in it.
"use strict";

const canvas = document.getElementById("graph");
const scene = svg("g", { id: "scene" });
canvas.append(
  svg("defs", {}, ...["still", "forward", "backward"].map((kind) =>
    svg("marker", { id: `head-${kind}`, class: kind, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, svg("path", { d: "M0 0L8 4L0 8z" })))),
  scene,
);

let placed = null; // the present layout
let selected = null; // the node that the reader chose
const drawnNodes = new Map(); // node -> its elements
const drawnEdges = new Map(); // "from to" -> its path
const drawnBoxes = new Map(); // closed box -> its element

/** Lay out and draw everything anew: at the start, and when a box is opened or closed. */
function drawGraph() {
  placed = layout();
  for (const drawn of [drawnNodes, drawnEdges, drawnBoxes]) drawn.clear();
  const frames = [...placed.open].map(([box, at]) => boxFrame(box, at));
  const edges = placed.edges.map(({ from, to, points }) => {
    const path = svg("path", { d: curve(points), class: "edge", "data-from": from, "data-to": to });
    drawnEdges.set(`${from} ${to}`, path);
    return path;
  });
  const closed = [...placed.closed].map(([box, at]) => closedBox(box, at));
  const nodes = [...placed.nodes].map(([node, at]) => drawnNode(node, at));
  const rank = (element) => Number(element.dataset.order); // Tab goes through the graph from top to bottom
  const buttons = [...closed, ...nodes, ...frames.map((frame) => frame.title)].sort((a, b) => rank(a) - rank(b));
  scene.replaceChildren(...frames.map((frame) => frame.rect), svg("g", { "aria-hidden": "true" }, ...edges), ...buttons);
  drawState();
}

/** A smooth line through the points of an edge. */
function curve(points) {
  const at = (p) => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`;
  let path = `M${at(points[0])}`;
  for (let i = 1; i < points.length - 1; i += 1) {
    const end = i === points.length - 2 ? points[i + 1] : { x: (points[i].x + points[i + 1].x) / 2, y: (points[i].y + points[i + 1].y) / 2 };
    path += `Q${at(points[i])} ${at(end)}`;
  }
  return points.length > 2 ? path : `${path}L${at(points[points.length - 1])}`;
}

/** A button of the graph: reached with Tab, pressed with Enter, Space or a click. */
function pressable(element, at, press) {
  element.setAttribute("tabindex", 0);
  element.setAttribute("role", "button");
  element.dataset.order = Math.round((at.y - at.height / 2) * 1e4 + at.x);
  element.addEventListener("click", (event) => { event.stopPropagation(); press(); });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    press();
  });
  return element;
}

function corner(at) {
  return `translate(${(at.x - at.width / 2).toFixed(1)} ${(at.y - at.height / 2).toFixed(1)})`;
}

// Boxes

function boxFrame(box, at) {
  const title = svg("g", { class: "title", transform: corner(at), "data-box": box, "aria-expanded": "true", "aria-label": `${trace.boxes[box].title}: press to close` },
    svg("rect", { width: 9 * trace.boxes[box].title.length + 30, height: 20, x: 4, y: 3, rx: 4 }), svg("text", { x: 12, y: 17, "aria-hidden": "true" }, `▾ ${trace.boxes[box].title}`));
  const rect = svg("rect", { class: "frame", transform: corner(at), width: at.width, height: at.height, rx: 12 });
  return { rect, title: pressable(title, at, () => fold(box, false)) };
}

function closedBox(box, at) {
  const element = svg("g", { class: "box", transform: corner(at), "data-box": box, "aria-expanded": "false" },
    svg("rect", { class: "behind", x: 5, y: 5, width: at.width, height: at.height, rx: 10 }),
    svg("rect", { class: "face", width: at.width, height: at.height, rx: 10 }),
    svg("text", { x: 14, y: 24, class: "name", "aria-hidden": "true" }, `▸ ${trace.boxes[box].title}`), " ",
    svg("text", { x: 14, y: 43, class: "less", "aria-hidden": "true" }));
  drawnBoxes.set(box, element);
  return pressable(element, at, () => fold(box, true));
}

/** What a closed box says of itself: which of its tensors the present step writes, else what it holds. */
function boxWords(box) {
  const step = lastStep(), now = step ? touched(step).filter((node) => drawnAs(node) === `b${box}`) : [];
  if (now.length) return `now: ${nameOf(now[0])}${now.length > 1 ? `, and ${now.length - 1} more` : ""}`;
  return trace.boxes[box].about || `${nodesWithin(box).length} tensors`;
}

/** Open every box around a node. */
function reveal(node) {
  for (let box = boxOfNode.get(node); box > 0; box = trace.boxes[box].in) trace.boxes[box].open = true;
  drawGraph();
  drawnNodes.get(node)?.element.focus({ preventScroll: true });
  keepInView();
}

/** Open or close a box; what had the focus keeps it. */
function fold(box, open) {
  trace.boxes[box].open = open;
  drawGraph();
  drawTensor();
  scene.querySelector(`[data-box="${box}"]`)?.focus({ preventScroll: true });
  keepInView();
}

// Nodes

function drawnNode(number, at) {
  const node = trace.nodes[number];
  const element = svg("g", { class: `node ${node.kind}`, transform: corner(at), "data-node": number, "data-op": node.op, "data-name": node.name },
    svg("rect", { class: "face", width: at.width, height: at.height, rx: 8 }),
    svg("text", { x: PAD, y: 18, class: "name", "aria-hidden": "true" }, shortName(node.name)), " ",
    svg("text", { x: at.width - PAD, y: 18, class: "op", "aria-hidden": "true" }, kindWords(node)));
  element.append(svg("title", {}, `${node.name}, ${shapeWords(node.shape)} ${node.dtype}`));
  const parts = { element, value: nodePart(element, at, "value", at.value) };
  if (at.grad) parts.grad = nodePart(element, at, "grad", at.grad);
  drawnNodes.set(number, parts);
  return pressable(element, at, () => select(number));
}

function nodePart(element, at, name, corner) {
  const label = svg("text", { x: corner.x, y: corner.y + 10, class: `less ${name}`, "aria-hidden": "true" });
  const cells = svg("g", { "aria-hidden": "true", transform: `translate(${corner.x} ${corner.y + LABEL})` });
  element.append(" ", label, " ", cells); // spaces: for those who listen
  return { label, cells, name, size: at, shown: undefined };
}

/** The value or the gradient of a node, where it has changed. */
function drawPart(part, array, words) {
  if (part.label.textContent !== words) part.label.textContent = words;
  if (part.shown === array) return false;
  part.shown = array;
  const [w, h] = part.size.map;
  if (!array) part.cells.replaceChildren(svg("rect", { class: "empty", width: w, height: h, rx: 3 }), svg("text", { class: "yet", x: w / 2, y: h / 2 }, "not yet"));
  else if (!array.shape.every((n) => n > 0)) part.cells.replaceChildren(svg("text", { class: "yet", x: w / 2, y: h / 2 }, "empty"));
  else drawMap(part.cells, array, w, h, { digits: part.size.small && array.data ? 3 : 0 });
  return true;
}

function drawNode(number, { element, value, grad }) {
  const node = trace.nodes[number], v = valueOf(number), g = gradOf(number);
  const shape = value.size.small ? "" : ` ${shapeWords(node.shape)}`;
  if (drawPart(value, v, `value${shape}`) || !element.dataset.value) element.dataset.value = arrayJson(v);
  const { added, all } = terms(number);
  const partly = added && added < all ? ` ${added} of ${all} terms` : "";
  if (!grad || drawPart(grad, g, `grad${partly}`) || !element.dataset.grad) element.dataset.grad = arrayJson(g);
  if (grad) element.dataset.terms = `${added}/${all}`;
  element.classList.toggle("partly", Boolean(partly));
  element.setAttribute("aria-pressed", String(selected === number));
  const seen = [...element.querySelectorAll("text")].map((text) => text.textContent).join(" ");
  const ranges = [v, g].filter((array) => array && !value.size.small).map(arrayWords).join("; ");
  element.setAttribute("aria-label", ranges ? `${seen}; ${ranges}` : seen);
}

// What the present step does

/** Everything in the graph that depends on the position. */
function drawState() {
  for (const [number, parts] of drawnNodes) drawNode(number, parts);
  for (const path of drawnEdges.values()) path.setAttribute("class", "edge");
  for (const element of [...drawnBoxes.values(), ...[...drawnNodes.values()].map((parts) => parts.element)]) element.classList.remove("forward", "backward", "update", "reads", "chosen");
  for (const [box, element] of drawnBoxes) {
    element.lastChild.textContent = boxWords(box);
    element.setAttribute("aria-label", `${trace.boxes[box].title} ${boxWords(box)}: press to open`);
  }
  const step = lastStep();
  if (step) {
    for (const path of usedEdges(step)) path.classList.add(step.phase);
    for (const node of touched(step)) elementOf(node)?.classList.add(step.phase);
    for (const node of step.in) if (!elementOf(node)?.classList.contains(step.phase)) elementOf(node)?.classList.add("reads");
  }
  if (selected !== null) elementOf(selected)?.classList.add("chosen");
}

const touched = (step) => [...new Set([...step.out, ...step.changes.map(([node]) => node)])];

/** The element in which a node is seen: its own, or the closed box that it is in. */
function elementOf(node) {
  const key = drawnAs(node);
  return key[0] === "n" ? drawnNodes.get(node)?.element : drawnBoxes.get(Number(key.slice(1)));
}

/** The edges along which a step works; a backward's, from the operation's outputs to the inputs that it serves. */
function usedEdges(step) {
  const origin = step.kind === "forward" ? step : step.forward === null ? null : trace.steps[step.forward];
  if (!origin) return [];
  const ins = step.kind === "forward" ? step.in : step.out;
  const pairs = ins.flatMap((from) => origin.out.map((to) => `${drawnAs(from)} ${drawnAs(to)}`));
  return [...new Set(pairs)].map((pair) => drawnEdges.get(pair)).filter(Boolean);
}

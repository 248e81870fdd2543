// The tensor that the reader chose, or the one that the present step made: value, gradient, and the gradient's terms.
"use strict";

const tensorPanel = document.getElementById("tensor");
let shownTensor = ""; // what the panel shows now, so that it is only drawn anew when that has changed

/** Choose a tensor; null lets go of it. */
function select(node) {
  selected = selected === node ? null : node;
  drawState();
  drawTensor();
  if (node !== null && elementOf(node)?.dataset.box) announce(`${nameOf(node)} is within a closed box`);
}

function drawTensor() {
  const step = lastStep();
  const number = selected ?? (step ? touched(step)[0] : trace.roots[trace.roots.length - 1]) ?? trace.nodes.length - 1;
  const node = trace.nodes[number];
  if (!node) return;
  const parts = ["value", "grad", "stored"].map((part) => state[part].get(number) ?? NONE);
  const { added, all } = terms(number);
  const key = JSON.stringify([number, selected, parts, added, within(number)]);
  if (key === shownTensor) return;
  shownTensor = key;
  refill(
    tensorPanel,
    html("h2", {}, html("code", {}, node.name), html("span", { class: "soft" }, ` ${shapeWords(node.shape)} ${node.dtype}`)),
    html("p", { class: "soft" }, `${madeBy(node)}${selected === null ? "" : ". Selected: Esc lets go"}`),
    moves(number),
    html("h3", {}, "Value"), arrayView(node.name, valueOf(number)),
    ...gradientViews(number, node, added, all),
  );
}

function madeBy(node) {
  const where = [node.module && `in ${node.module}`, node.site && `${trace.files[node.site[0]].name}:${node.site[1]}`].filter(Boolean).join(", ");
  return `${node.op ? `made by ${node.op}` : { input: "an input", parameter: "a parameter", number: "a number in the code" }[node.kind] ?? "a constant"}${where ? ` (${where})` : ""}`;
}

function gradientViews(number, node, added, all) {
  if (!node.wants) return [html("p", { class: "soft" }, "It wants no gradient.")];
  const partly = added && added < all ? `, ${added} of ${all} terms so far` : "";
  const stored = storedOf(number), found = soFar(number);
  return [
    html("h3", {}, `Gradient${partly}`), arrayView(`d${node.name}`, gradOf(number)),
    ...(found.length ? [html("h3", {}, "Its terms, one for each use"), termsTable(found, false)] : []),
    ...(stored ? [html("h3", {}, "Stored in .grad"), arrayView(`${node.name}.grad`, stored)] : []),
  ];
}

/** The contributions to a node's gradient up to now, in this walk. */
function soFar(number) {
  const [start, end] = walk();
  return trace.steps.slice(start, Math.min(end, state.position)).flatMap((step) => step.terms.filter(([node]) => node === number));
}

const within = (node) => drawnAs(node)[0] === "b";

const arrayView = (name, array) => (array ? matrixView(name, array) : html("p", { class: "yet" }, "not yet"));

/** Buttons to the steps at which the value and the gradient of a tensor come to be. */
function moves(number) {
  const made = trace.steps.findIndex((step) => step.changes.some(([node, part]) => node === number && part === 0));
  const adds = additions[number];
  const button = (words, index) => {
    const made = html("button", { type: "button" }, words);
    made.addEventListener("click", () => { seek(index + 1); showStep(); });
    return made;
  };
  const buttons = [
    ...(made >= 0 ? [button("to its value", made)] : []),
    ...(adds.length ? [button(adds.length > 1 ? "to its first term" : "to its gradient", adds[0])] : []),
    ...(adds.length > 1 ? [button("to its last term", adds[adds.length - 1])] : []),
  ];
  if (within(number)) {
    const open = html("button", { type: "button" }, "open its box in the graph");
    open.addEventListener("click", () => { reveal(number); drawTensor(); });
    buttons.push(open);
  }
  return html("p", { class: "moves" }, ...buttons);
}

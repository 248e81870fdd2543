// The card of the present step, and the line of code that it belongs to.
"use strict";

const cardPanel = document.getElementById("card");
const codePanel = document.getElementById("code");

function drawCard() {
  const step = lastStep(), next = trace.steps[state.position];
  if (!step) {
    cardPanel.replaceChildren(
      html("h2", {}, "The start"),
      html("p", {}, "The leaves have their values; nothing else is computed yet, and no gradient is known."),
      nextWords(next),
    );
    return;
  }
  const card = trace.cards.cards[state.position - 1], text = (number) => trace.cards.texts[number];
  const children = [
    html("h2", {}, html("span", { class: `badge ${step.phase}` }, step.phase), ` ${card ? text(card.title) : step.title}`),
    html("p", { class: "says" }, `${sentence(stepWords(step))}.`),
  ];
  if (card?.lines.length) {
    const lines = card.lines.flatMap(([label, words]) => [html("dt", {}, text(label)), html("dd", { class: "num" }, text(words))]);
    children.push(html("dl", { class: "lines" }, ...lines));
  }
  for (const remark of card?.remarks ?? []) children.push(html("p", { class: "remark" }, text(remark)));
  if (card?.jacobian) children.push(jacobianView(card.jacobian, text));
  if (step.terms.length) children.push(html("h3", {}, "What it adds to the gradients"), termsTable(step.terms));
  cardPanel.replaceChildren(...children, nextWords(next));
}

const sentence = (words) => words[0].toUpperCase() + words.slice(1);

function nextWords(next) {
  return html("p", { class: "soft next" }, next ? `Next: ${stepWords(next)}.` : "This was the last step.");
}

/** Contributions: to which gradient, through which use, how much. */
function termsTable(contributions, withNode = true) {
  const row = ([node, consumer, position, raw, array]) => html("tr", {},
    ...(withNode ? [html("td", {}, nodeLink(node))] : []),
    html("td", {}, consumer >= 0 ? `${trace.steps[consumer].title}, input ${position + 1}` : "—"),
    html("td", { class: "num" }, arrayWords(arrayOf(array)) + (raw === array ? "" : `, summed from ${shapeWords(arrayOf(raw).shape)}`)));
  const head = html("tr", {}, ...(withNode ? [html("th", {}, "gradient of")] : []), html("th", {}, "through its use in"), html("th", {}, "term"));
  return html("div", { class: "scroll" }, html("table", {}, head, ...contributions.map(row)));
}

/** A small array in a line, of a larger one its shape and range. */
function arrayWords(array) {
  if (!array) return "not yet";
  if (!array.data) return `${shapeWords(array.shape)}, from ${short(array.min)} to ${short(array.max)}`;
  if (array.data.length > 6) return `${shapeWords(array.shape)}, ${summaryWords(array)}`;
  const walk = (depth, start, size) => {
    if (depth === array.shape.length) return short(typeof array.data[start] === "bigint" ? Number(array.data[start]) : array.data[start]);
    const inner = size / array.shape[depth];
    return `[${Array.from({ length: array.shape[depth] }, (_, i) => walk(depth + 1, start + i * inner, inner)).join(", ")}]`;
  };
  return walk(0, 0, array.data.length);
}

function nodeLink(node) {
  const button = html("button", { type: "button", class: "link" }, nameOf(node));
  button.addEventListener("click", () => select(node));
  return button;
}

// Code

function drawCode() {
  const step = lastStep() ?? trace.steps[0];
  if (!step?.site) {
    codePanel.replaceChildren();
    return;
  }
  const [file, line] = step.site, { name, lines } = trace.files[file];
  const near = Object.keys(lines).map(Number).filter((number) => Math.abs(number - line) <= 5);
  const rows = near.map((number) => {
    const row = html("span", { class: number === line && lastStep() ? "line now" : "line" }, html("span", { class: "at" }, String(number)), lines[number] || " ");
    if (number === line) row.setAttribute("aria-current", "true");
    return row;
  });
  codePanel.replaceChildren(html("h3", {}, `${name}, line ${line}`), html("pre", { tabindex: 0, "aria-label": `Code of ${name} around line ${line}` }, ...rows));
}

// The card of the present step, and the line of code that it belongs to.
"use strict";

const cardPanel = document.getElementById("card");
const codePanel = document.getElementById("code");

/** New contents of a panel; what had the focus in it is focused again, so that the keyboard does not lose its place. */
function refill(panel, ...children) {
  const places = () => [...panel.querySelectorAll("button, select, [tabindex]")];
  const focused = places().indexOf(document.activeElement);
  panel.replaceChildren(...children);
  if (focused >= 0) (places()[focused] ?? places()[0])?.focus({ preventScroll: true });
}

function drawCard() {
  const step = lastStep(), next = trace.steps[state.position];
  if (!step) {
    refill(
      cardPanel,
      html("h2", {}, "The start"),
      html("p", {}, "The leaves have their values; nothing else is computed yet, and no gradient is known."),
      nextWords(next),
    );
    return;
  }
  const { choice, entry } = chosenCard(), text = (number) => trace.cards.texts[number];
  refill(
    cardPanel,
    html("h2", {}, html("span", { class: `badge ${step.phase}` }, step.phase), ` ${text(entry.title).replace(`, ${step.phase}`, "")}`),
    html("p", { class: "says" }, `${sentence(stepWords(step))}.`),
    choosers(text),
    cardLines(entry, text),
    ...entry.remarks.map((remark) => html("p", { class: "remark" }, text(remark))),
    ...(choice.jacobian ? jacobianView(choice.jacobian, text) : []),
    ...(step.terms.length ? [html("h3", {}, "What it adds to the gradients"), termsTable(step.terms)] : []),
    nextWords(next),
  );
}

// Which of a step's arrays, and which entry of it, the card shows

const chosen = new Map(); // step -> [which, number of the entry]

function chosenCard() {
  const step = trace.cards.steps[state.position - 1], [which, number] = chosen.get(state.position) ?? [step.which, 0];
  const choice = step.choices[which];
  return { step, which, number, choice, entry: choice.entries[number] };
}

/** Selection lists, where there is something to choose. */
function choosers(text) {
  const { step, which, number, choice } = chosenCard();
  const row = html("p", { class: "choosers" });
  const known = step.choices.map((one, i) => [i, text(one.name)]).filter(([i]) => step.choices[i].entries.length);
  if (known.length > 1) row.append(chooser("Array", known, which, (i) => [i, 0]));
  if (choice.entries.length > 1) row.append(chooser("Entry", choice.entries.map((one, i) => [i, text(one.at) || "all"]), number, (i) => [which, i]));
  return row;
}

function chooser(name, options, now, pick) {
  const list = html("select", {}, ...options.map(([value, words]) => html("option", { value, ...(value === now ? { selected: "" } : {}) }, words)));
  list.addEventListener("change", () => {
    chosen.set(state.position, pick(Number(list.value)));
    drawCard();
  });
  list.addEventListener("keydown", (event) => { if (event.key !== "Escape") event.stopPropagation(); }); // arrows choose here
  return html("label", {}, `${name} `, list);
}

/** The formula, one entry of it with names and with numbers, and the result. */
function cardLines(entry, text) {
  const rows = [
    ["Formula", entry.formula, entry.names],
    ...entry.where.map((one, i) => [i ? "" : "Where", one]),
    ["One entry", entry.symbols], ["With its numbers", entry.numbers], ["Result", entry.result], ["Chain rule", entry.link],
  ];
  const list = html("dl", { class: "lines" });
  for (const [label, words, more] of rows) {
    if (words === undefined) continue;
    if (label) list.append(html("dt", {}, label));
    list.append(html("dd", { class: `num ${label.toLowerCase()}` }, text(words), ...(more === undefined ? [] : [html("small", {}, text(more))])));
  }
  return list;
}

function jacobianView({ says, name, size, dense }, text) {
  const array = arrayOf(dense);
  return [
    html("h3", {}, `Local Jacobian ${text(name)}, ${size.join(" × ")}`),
    html("p", {}, `${sentence(text(says))}.`),
    ...(array ? [matrixView(text(name), array)] : []),
  ];
}

const sentence = (words) => words[0].toUpperCase() + words.slice(1);

function nextWords(next) {
  return html("p", { class: "soft next" }, next ? `Next: ${stepWords(next)}.` : "This was the last step.");
}

/** Contributions: to which gradient, through which use, how much. */
function termsTable(contributions, withNode = true) {
  const row = ([node, consumer, position, raw, array]) => html("tr", {},
    ...(withNode ? [html("td", {}, nodeLink(node))] : []),
    html("td", {}, consumer >= 0 ? useWords(trace.steps[consumer], position) : "—"),
    html("td", { class: "num" }, arrayWords(arrayOf(array)) + (raw === array ? "" : `, summed from ${shapeWords(arrayOf(raw).shape)}`)));
  const head = html("tr", {}, ...(withNode ? [html("th", {}, "gradient of")] : []), html("th", {}, "through its use in"), html("th", {}, "term"));
  return html("div", { class: "scroll" }, html("table", {}, head, ...contributions.map(row)));
}

const useWords = (step, position) => `${step.title} → ${step.out.map(nameOf).join(", ")}${step.in.length > 1 ? `, input ${position + 1}` : ""}`;

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
  refill(codePanel, html("h3", {}, `${name}, line ${line}`), html("pre", { tabindex: 0, role: "region", "aria-label": `Code of ${name} around line ${line}` }, ...rows));
}

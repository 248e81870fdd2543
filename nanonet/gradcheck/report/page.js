"use strict";
document.documentElement.classList.add("js");

const VERDICTS = { p: "· pass", f: "✗ fail", k: "^ kink", s: "~ subgradient", q: "? inconclusive", e: "not kept" };
const BARS = 5, ROUNDING = 1e-8; // what a check allows: so many error bars, and this share of the value

const number = (x) => (x === "inf" ? Infinity : x === "-inf" ? -Infinity : Number(x));

// As `brief` in text.py writes numbers.
function shown(x, digits) {
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf").replace("NaN", "nan");
  const rounded = Number(x.toPrecision(digits)), power = Math.floor(Math.log10(Math.abs(rounded)));
  const short = rounded === 0 || (power >= -4 && (power < digits || Math.abs(rounded) < 1e5));
  return short ? String(rounded) : rounded.toExponential().replace("e+", "e");
}

// The same numbers as in cells.py: see there for why the verdict counts more than the share.
function derive(data) {
  const [analytic, numeric, bar] = [data.analytic, data.numeric, data.bar].map((a) => a.map(number));
  const error = analytic.map((a, i) => (a === numeric[i] ? 0 : Math.abs(a - numeric[i])));
  const share = error.map((e, i) => {
    const value = Math.max(...[analytic[i], numeric[i]].map((x) => (Number.isNaN(x) ? 0 : Math.abs(x))));
    let s = e === 0 ? 0 : e / (BARS * bar[i] + ROUNDING * value);
    if (Number.isNaN(s)) s = Infinity;
    return data.verdicts[i] === "p" ? Math.min(s, 1) : data.verdicts[i] === "f" ? Math.max(s, 1) : s;
  });
  return { analytic, numeric, bar, error, share };
}

// C order: the index of cell i in an array of this shape.
function unravel(i, shape) {
  const at = [];
  for (const n of [...shape].reverse()) {
    at.unshift(i % n);
    i = Math.floor(i / n);
  }
  return at;
}

// Colours for plain numbers: blue above zero and orange below, on one scale for analytic and numeric; or decades.
function painter(view, values) {
  const finite = (array) => array.filter(Number.isFinite);
  if (view === "error" || view === "bar") {
    const logs = finite(values[view].filter((x) => x > 0).map(Math.log10));
    const low = logs.reduce((a, b) => Math.min(a, b), Infinity), high = logs.reduce((a, b) => Math.max(a, b), -Infinity);
    const level = (x) => (!(x > 0) ? 0 : Number.isFinite(x) ? Math.min(4, Math.floor((5 * (Math.log10(x) - low)) / (high - low || 1))) : 4);
    const end = (i) => shown(10 ** (low + (i * (high - low)) / 5), 1);
    const steps = low < high ? 5 : 1;
    const legend = Array.from({ length: steps }, (_, i) => ["p" + i, steps > 1 ? `${end(i)} to ${end(i + 1)}` : end(0)]);
    return { name: (x) => (Number.isNaN(x) ? "e" : "p" + level(x)), legend: logs.length ? legend : [["p0", "0"]], note: "The scale is logarithmic; 0 is the lightest." };
  }
  const most = finite([...values.analytic, ...values.numeric]).reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const level = (x) => Math.min(4, Math.floor((5 * Math.abs(x)) / most));
  const name = (x) => (Number.isNaN(x) ? "e" : (x < 0 ? "f" : "p") + (Number.isFinite(x) ? level(x) : 4));
  const legend = [-1, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7, 1].map((t) => [name(t * most), shown(t * most, 2)]);
  return { name, legend, note: "Both have the same linear scale." };
}

function heatmap(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const values = derive(data);
  const tables = [...figure.querySelectorAll("table")];
  const cells = tables.flatMap((table) => [...table.querySelectorAll("td")]);
  const first = cells.map((cell) => [cell.className, cell.textContent]);
  const legend = figure.querySelector(".legend"), firstLegend = legend.innerHTML;
  const read = figure.querySelector(".read");
  const columns = tables[0].rows[0].cells.length - 1;
  const place = (i) => (data.at ? data.at[i] : unravel(i, data.shape));
  const words = (i) => [
    `element [${place(i).join(", ")}]: ${VERDICTS[data.verdicts[i]]}`,
    `analytic ${shown(values.analytic[i], 10)}`,
    `numeric ${shown(values.numeric[i], 10)} ± ${shown(values.bar[i], 1)}`,
    `error ${shown(values.error[i], 3)}, ${shown(values.share[i], 2)} times what is allowed`,
  ];
  let current = values.share.reduce((best, s, i) => (rank(i) > rank(best) || (rank(i) === rank(best) && s > values.share[best]) ? i : best), 0);
  function rank(i) {
    return "epsqkf".indexOf(data.verdicts[i]);
  }

  function tell(i) {
    read.replaceChildren(...words(i).map((text, j) => {
      const part = document.createElement(j ? "span" : "b");
      part.textContent = text;
      return part;
    }));
  }

  function paint(view) {
    if (view === "share") {
      cells.forEach((cell, i) => ([cell.className, cell.textContent] = first[i]));
      legend.innerHTML = firstLegend;
      return;
    }
    const { name, legend: steps, note } = painter(view, values);
    const digits = columns <= 8 ? 3 : 0; // wider cells keep the verdict's letter
    cells.forEach((cell, i) => {
      cell.className = name(values[view][i]);
      const letter = data.verdicts[i] === "p" ? "" : first[i][1] + " ";
      cell.textContent = digits ? letter + shown(values[view][i], digits) : first[i][1];
    });
    legend.replaceChildren(...steps.map(([colour, text]) => {
      const item = document.createElement("span"), swatch = document.createElement("span");
      swatch.className = "swatch " + colour;
      swatch.textContent = "\u00a0";
      item.className = "key";
      item.append(swatch, text);
      return item;
    }), note);
  }

  function go(i) {
    cells[current].tabIndex = -1;
    current = i;
    cells[i].tabIndex = 0;
    cells[i].setAttribute("aria-label", words(i).join(", "));
    cells[i].focus();
  }

  const rows = cells.map((cell) => cell.parentNode.cells.length - 1);
  const moves = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: (i) => -rows[i], ArrowDown: (i) => rows[i], Home: (i) => -i, End: (i) => cells.length - 1 - i };
  cells.forEach((cell, i) => (cell.number = i));
  tables.forEach((table) => table.setAttribute("role", "grid"));
  cells[current].tabIndex = 0;
  cells[current].setAttribute("aria-label", words(current).join(", "));
  figure.addEventListener("mouseover", (event) => event.target.number !== undefined && tell(event.target.number));
  figure.addEventListener("mouseout", (event) => event.target.number !== undefined && tell(current));
  figure.addEventListener("focusin", (event) => event.target.number !== undefined && tell(event.target.number));
  figure.addEventListener("click", (event) => event.target.number !== undefined && go(event.target.number));
  figure.addEventListener("change", (event) => paint(event.target.value));
  figure.addEventListener("keydown", (event) => {
    const i = event.target.number, move = moves[event.key];
    if (i === undefined || !move) return;
    event.preventDefault();
    const next = i + move(i);
    if (next >= 0 && next < cells.length) go(next);
  });
}

// A heat map comes to life when it can first be seen: a page may have hundreds of them.
function wake(part) {
  for (const figure of part.querySelectorAll("figure.heatmap:not(.awake)")) {
    figure.classList.add("awake");
    heatmap(figure);
  }
}

for (const article of document.querySelectorAll("main > .check")) wake(article);
for (const button of document.querySelectorAll(".list button")) {
  button.addEventListener("click", () => {
    const more = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", String(more.classList.toggle("open")));
    wake(more);
  });
}
const filter = document.querySelector(".filter");
if (filter) {
  filter.addEventListener("change", (event) => {
    for (const row of document.querySelectorAll("[data-verdict]")) {
      row.classList.toggle("off", event.target.value !== "all" && row.dataset.verdict !== event.target.value);
    }
  });
}

// Arrays as colour maps: purple below 0, green above, palest at 0; numbers in the cells where they are few.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element. */
function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An HTML element. */
function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Rows and columns in which an array of any shape is shown: its last axis runs to the right. */
function sides(shape) {
  const cols = shape.length ? shape[shape.length - 1] : 1;
  return [shape.slice(0, -1).reduce((a, b) => a * b, 1), cols];
}

/** A small array is shown with its numbers. */
const isSmall = (shape) => sides(shape).every((n) => n >= 1 && n <= 5);

/** "[1, 2]": the index of a row and column in the array's own shape. */
function indexWords(shape, row, col) {
  if (!shape.length) return "";
  const index = [col];
  for (let axis = shape.length - 2, left = row; axis >= 0; axis -= 1) {
    index.unshift(left % shape[axis]);
    left = Math.floor(left / shape[axis]);
  }
  return `[${index.join(", ")}]`;
}

/** What is drawn of an array: at most `most` rows and columns, each the mean of a block, and the largest |entry|. */
function blocks(array, most) {
  if (!array.data) {
    const { rows, cols, levels, largest } = array.map;
    return { rows, cols, largest, at: (i, j) => (levels[i * cols + j] === -128 ? NaN : (levels[i * cols + j] / 127) * largest) };
  }
  const [height, width] = sides(array.shape);
  const rows = Math.min(height, most), cols = Math.min(width, most);
  let largest = 0;
  for (const x of array.data) if (Number.isFinite(Number(x))) largest = Math.max(largest, Math.abs(Number(x)));
  const at = (i, j) => {
    let sum = 0, count = 0;
    for (let r = Math.floor((i * height) / rows); r < Math.floor(((i + 1) * height) / rows); r += 1)
      for (let c = Math.floor((j * width) / cols); c < Math.floor(((j + 1) * width) / cols); c += 1) {
        sum += Number(array.data[r * width + c]);
        count += 1;
      }
    return sum / count;
  };
  return { rows, cols, largest, at };
}

/** The class of a colour: n5 … n1, z0, p1 … p5, or nan. */
function level(x, largest) {
  if (Number.isNaN(x)) return "nan";
  const t = Number.isFinite(x) ? (largest ? x / largest : 0) : Math.sign(x);
  const step = Math.min(5, Math.ceil(Math.abs(t) * 5 - 1e-9));
  return step === 0 ? "z0" : `${t < 0 ? "n" : "p"}${step}`;
}

/** A colour map of `width` by `height` into an SVG group; `digits` > 0 writes the numbers into the cells. */
function drawMap(group, array, width, height, { most = 12, digits = 0 } = {}) {
  const { rows, cols, largest, at } = blocks(array, most);
  const w = width / cols, h = height / rows, paths = {};
  const labels = [];
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < cols; j += 1) {
      const x = at(i, j), name = level(x, largest);
      paths[name] = `${paths[name] ?? ""}M${+(j * w).toFixed(2)} ${+(i * h).toFixed(2)}h${w.toFixed(2)}v${h.toFixed(2)}h${-w.toFixed(2)}z`;
      if (digits) labels.push(svg("text", { x: (j + 0.5) * w, y: (i + 0.5) * h, class: "entry" }, numberWords(array, i, j, digits)), " ");
    }
  group.replaceChildren(...Object.entries(paths).map(([name, d]) => svg("path", { d, class: `cell ${name}${digits ? " tint" : ""}` })), ...labels);
}

function numberWords(array, row, col, digits) {
  const x = array.data[row * sides(array.shape)[1] + col];
  if (array.type === "b1") return x ? "true" : "false";
  const words = short(Number(x), digits);
  return words.length > digits + 4 ? Number(x).toExponential(Math.max(0, digits - 2 - (Math.abs(Number(x)) < 1e-9))).replace("e+", "e") : words;
}

/** "w[1, 2] = 0.25", with every digit; of a summarised array the mean of a block. */
function entryWords(name, array, row, col) {
  if (!array.data) return `${name}: about ${short(blocks(array).at(row, col), 3)} on average in this block`;
  const x = array.data[row * sides(array.shape)[1] + col];
  return `${name}${indexWords(array.shape, row, col)} = ${entryJson(x, array.type).replaceAll('"', "")}`;
}

const cursors = new Map(); // by name: where the reader was in a matrix, kept from step to step

/** A colour map to walk over with the pointer or the arrow keys; the entry's number stands below it. */
function matrixView(name, array) {
  const [height, width] = array.data ? sides(array.shape) : [array.map.rows, array.map.cols];
  const figure = html("figure", { class: "matrix" });
  if (!height || !width) {
    figure.append(html("p", { class: "soft" }, `${shapeWords(array.shape)}: no entries`));
    return figure;
  }
  const digits = array.data && isSmall(array.shape) ? 4 : 0;
  const cell = digits ? [72, 24] : [Math.max(2, Math.min(20, 380 / width)), Math.max(2, Math.min(20, 300 / height))];
  const w = cell[0] * width, h = cell[1] * height;
  const cells = svg("g"), cursor = svg("rect", { class: "cursor", width: cell[0], height: cell[1], visibility: "hidden" });
  const says = html("output", { class: "num" }, array.data ? summaryWords(array) : `least ${short(array.min)}, largest ${short(array.max)}, mean ${short(array.mean)}`);
  const map = svg("svg", {
    viewBox: `-1 -1 ${w + 2} ${h + 2}`, width: w + 2, height: h + 2, class: "map", tabindex: 0, role: "application",
    "aria-roledescription": "matrix", "aria-label": `${name}, ${shapeWords(array.shape)}; arrow keys go from entry to entry`,
  }, cells, cursor);
  drawMap(cells, array, w, h, { most: 64, digits });
  const at = cursors.get(name) ?? { row: 0, col: 0 };
  cursors.set(name, at);
  const show = (row, col) => {
    at.row = Math.max(0, Math.min(height - 1, row));
    at.col = Math.max(0, Math.min(width - 1, col));
    cursor.setAttribute("x", at.col * cell[0]);
    cursor.setAttribute("y", at.row * cell[1]);
    cursor.setAttribute("visibility", "visible");
    says.textContent = entryWords(name, array, at.row, at.col);
  };
  map.addEventListener("pointermove", (event) => {
    const box = map.getBoundingClientRect(), scale = (w + 2) / box.width;
    show(Math.floor(((event.clientY - box.top) * scale - 1) / cell[1]), Math.floor(((event.clientX - box.left) * scale - 1) / cell[0]));
  });
  map.addEventListener("focus", () => show(at.row, at.col));
  map.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!down && !right) return;
    event.preventDefault();
    event.stopPropagation(); // within a matrix the arrows do not step through the trace
    show(at.row + down, at.col + right);
  });
  figure.append(map, says);
  return figure;
}

function summaryWords(array) {
  if (array.data.length === 1) return entryJson(array.data[0], array.type).replaceAll('"', "");
  let least = Infinity, largest = -Infinity;
  for (const x of array.data) {
    least = Math.min(least, Number(x));
    largest = Math.max(largest, Number(x));
  }
  return `from ${short(least)} to ${short(largest)}`;
}

// The trace and its replay: which array is the value, the gradient and the stored .grad of each tensor at a position.
"use strict";

const trace = JSON.parse(document.getElementById("trace").textContent);
const PARTS = ["value", "grad", "stored"];
const NONE = -1; // the number that stands for "no array yet"

const state = { position: 0, value: new Map(trace.given), grad: new Map(), stored: new Map() };

function setPart(node, part, array) {
  if (array === NONE) state[PARTS[part]].delete(node);
  else state[PARTS[part]].set(node, array);
}

/** Steps are made, or undone, until `position` of them are made. */
function seek(position) {
  const wanted = Math.max(0, Math.min(trace.steps.length, position));
  while (state.position < wanted) {
    for (const [node, part, , after] of trace.steps[state.position].changes) setPart(node, part, after);
    state.position += 1;
  }
  while (state.position > wanted) {
    state.position -= 1;
    for (const [node, part, before] of [...trace.steps[state.position].changes].reverse()) setPart(node, part, before);
  }
}

/** The step that was made last, or null at the start. */
const lastStep = () => (state.position ? trace.steps[state.position - 1] : null);

// Arrays

const TYPES = {
  f4: Float32Array, f8: Float64Array, b1: Uint8Array,
  i1: Int8Array, i2: Int16Array, i4: Int32Array, i8: BigInt64Array,
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, u8: BigUint64Array,
};

function decoded(base64, Type) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new Type(bytes.buffer);
}

/** The array with a number: {shape, type, data}, or a summary {shape, min, max, mean, map}; null for NONE. */
function arrayOf(number) {
  if (number === undefined || number === NONE) return null;
  const array = trace.arrays[number];
  if (typeof array.data === "string") array.data = decoded(array.data, TYPES[array.type]);
  if (array.map && !array.map.levels) array.map.levels = decoded(array.map.data, Int8Array);
  return array;
}

const valueOf = (node) => arrayOf(state.value.get(node));
const gradOf = (node) => arrayOf(state.grad.get(node));
const storedOf = (node) => arrayOf(state.stored.get(node));

/** One entry as JSON: every digit, NaN and the infinities as words, and the sign of -0. */
function entryJson(x, type) {
  if (type === "b1") return x ? "true" : "false";
  if (typeof x === "bigint") return x.toString();
  if (!Number.isFinite(x)) return `"${x}"`;
  return Object.is(x, -0) ? "-0.0" : String(x);
}

/** An array as JSON: nested lists, the object that summarises it, or null. */
function arrayJson(array) {
  if (!array) return "null";
  if (!array.data) return JSON.stringify({ shape: array.shape, min: array.min, max: array.max, mean: array.mean });
  const level = (depth, start, size) => {
    if (depth === array.shape.length) return entryJson(array.data[start], array.type);
    const inner = size / array.shape[depth];
    return `[${Array.from({ length: array.shape[depth] }, (_, i) => level(depth + 1, start + i * inner, inner)).join(",")}]`;
  };
  return level(0, 0, array.data.length);
}

// Terms of a gradient

const seeds = trace.steps.flatMap((step, index) => (step.kind === "seed" ? [index] : []));
const ADDS = new Set(["seed", "backward", "unbroadcast", "accumulate"]);
const additions = trace.nodes.map(() => []); // for each node: the steps that add a term to its gradient
trace.steps.forEach((step, index) => {
  if (!ADDS.has(step.kind)) return;
  for (const [node, part, , after] of step.changes) if (part === 1 && after !== NONE) additions[node].push(index);
});

/** The walk backwards that position is in, or after: from which step to which. */
function walk() {
  const begun = seeds.filter((seed) => seed < state.position).length;
  const which = Math.max(0, begun - 1); // before the first: the one to come
  return [seeds[which] ?? trace.steps.length, seeds[which + 1] ?? trace.steps.length];
}

/** How many terms of a node's gradient are added up, and how many there will be in this walk. */
function terms(node) {
  const [start, end] = walk();
  const all = additions[node].filter((index) => index >= start && index < end);
  return { added: all.filter((index) => index < state.position).length, all: all.length };
}

// Words

/** A number with a few digits, for people. */
function short(x, digits = 4) {
  if (typeof x !== "number") return String(x);
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "-∞";
  if (x === 0 || (Number.isInteger(x) && Math.abs(x) < 1e6)) return String(x);
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) return x.toExponential(Math.max(1, digits - 2)).replace("e+", "e");
  return String(Number(x.toPrecision(digits)));
}

const shapeWords = (shape) => (shape.length ? `(${shape.join(", ")}${shape.length === 1 ? "," : ""})` : "scalar");
const nameOf = (node) => trace.nodes[node].name;

/** "forward: matmul makes z" */
function stepWords(step) {
  const outs = step.out.map(nameOf).join(", "), ins = step.in.map(nameOf).join(", ");
  return {
    forward: `${step.title} makes ${outs}`,
    seed: `the gradient of ${outs} is given: the walk backwards begins`,
    backward: `${step.title} passes the gradient of ${ins} on to ${outs || "nothing"}`,
    unbroadcast: `the copies of ${outs} are summed: broadcasting undone`,
    accumulate: `one more term is added to the gradient of ${outs}`,
    hook: `a hook replaces the gradient of ${outs}`,
    store: `gradients are put into .grad of ${outs}`,
    update: `${step.title} changes ${outs}`,
    assign: `a new value is written into ${outs}`,
    zero_grad: `zero_grad clears .grad of ${outs}`,
  }[step.kind] ?? step.title;
}

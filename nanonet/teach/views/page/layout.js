// What is drawn (nodes and closed boxes), how big each is, and where it goes: dagre lays the graph out.
"use strict";

const CELL = [54, 17]; // of a number in a node
const MAP = [96, 54]; // a colour map in a node
const PAD = 10, HEAD = 26, LABEL = 15, GAP = 12;

const boxOfNode = new Map(); // node -> the box that holds it
trace.boxes.forEach((box, number) => box.nodes.forEach((node) => boxOfNode.set(node, number)));
trace.boxes.forEach((box) => { box.boxes = []; });
trace.boxes.forEach((box, number) => { if (number) trace.boxes[box.in].boxes.push(number); });

/** The key under which a node is drawn: its own, or that of the outermost closed box around it. */
function drawnAs(node) {
  let key = `n${node}`;
  for (let box = boxOfNode.get(node); box > 0; box = trace.boxes[box].in) if (!trace.boxes[box].open) key = `b${box}`;
  return key;
}

/** Keys of all that is drawn within a box: nodes, closed boxes, and open boxes with what is within them. */
function drawnWithin(box, found = { nodes: [], closed: [], open: [] }) {
  found.nodes.push(...trace.boxes[box].nodes);
  for (const inner of trace.boxes[box].boxes) {
    if (trace.boxes[inner].open) {
      found.open.push(inner);
      drawnWithin(inner, found);
    } else found.closed.push(inner);
  }
  return found;
}

function nodesWithin(box) {
  return [...trace.boxes[box].nodes, ...trace.boxes[box].boxes.flatMap(nodesWithin)];
}

/** The size of a node, and where its value and its gradient are drawn in it. */
function nodeSize(number) {
  const node = trace.nodes[number], [rows, cols] = sides(node.shape);
  const small = isSmall(node.shape);
  const map = small ? [cols * CELL[0], rows * CELL[1]] : MAP;
  const both = node.wants, beside = !both || cols <= 3 || !small;
  const wide = both && beside ? 2 * map[0] + GAP : map[0];
  const head = 7.6 * shortName(node.name).length + 6.4 * kindWords(node).length + 22;
  const width = Math.max(wide, head, both && beside ? 150 : 84) + 2 * PAD;
  const area = (width - 2 * PAD - (both && beside ? GAP : 0)) / (both && beside ? 2 : 1);
  const block = LABEL + map[1];
  return {
    small, map, width, height: HEAD + block + (both && !beside ? block + 6 : 0) + PAD,
    value: { x: PAD, y: HEAD }, grad: both ? (beside ? { x: PAD + area + GAP, y: HEAD } : { x: PAD, y: HEAD + block + 6 }) : null,
  };
}

/** A name that fits on a node: of a long one the end, which tells it apart. */
const shortName = (name) => (name.length > 26 ? `…${name.slice(-25)}` : name);

function kindWords(node) {
  return shortName(node.op || node.kind);
}

function boxSize(box) {
  return { width: Math.max(150, 8 * trace.boxes[box].title.length + 60, 5.8 * trace.boxes[box].about.length + 30), height: 56 };
}

/** Places for everything that is drawn: {nodes, closed, open, edges, width, height}. */
function layout() {
  const graph = new dagre.graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 40, edgesep: 14, marginx: 14, marginy: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  const drawn = drawnWithin(0);
  for (const node of drawn.nodes) graph.setNode(`n${node}`, nodeSize(node));
  for (const box of drawn.closed) graph.setNode(`b${box}`, boxSize(box));
  for (const box of drawn.open) graph.setNode(`b${box}`, {});
  for (const node of drawn.nodes) if (boxOfNode.get(node) > 0) graph.setParent(`n${node}`, `b${boxOfNode.get(node)}`);
  for (const box of [...drawn.closed, ...drawn.open]) if (trace.boxes[box].in > 0) graph.setParent(`b${box}`, `b${trace.boxes[box].in}`);
  for (const step of trace.steps) {
    if (step.kind !== "forward") continue;
    for (const from of step.in) for (const to of step.out) {
      const [a, b] = [drawnAs(from), drawnAs(to)];
      if (a !== b) graph.setEdge(a, b);
    }
  }
  dagre.layout(graph);
  const place = (key) => graph.node(key);
  const { width, height } = graph.graph();
  return {
    width, height,
    nodes: new Map(drawn.nodes.map((node) => [node, place(`n${node}`)])),
    closed: new Map(drawn.closed.map((box) => [box, place(`b${box}`)])),
    open: frames(drawn.open, place),
    edges: graph.edges().map(({ v, w }) => ({ from: v, to: w, points: graph.edge({ v, w }).points })),
  };
}

/** Frames around what is drawn within open boxes, with room above for the title. */
function frames(open, place) {
  const found = new Map();
  for (const box of [...open].reverse()) { // inner ones first
    const keys = trace.boxes[box].nodes.map((node) => place(`n${node}`));
    const boxes = trace.boxes[box].boxes.map((inner) => found.get(inner) ?? place(`b${inner}`));
    const all = [...keys, ...boxes];
    const left = Math.min(...all.map((at) => at.x - at.width / 2)) - 10, right = Math.max(...all.map((at) => at.x + at.width / 2)) + 10;
    const top = Math.min(...all.map((at) => at.y - at.height / 2)) - 24, bottom = Math.max(...all.map((at) => at.y + at.height / 2)) + 10;
    found.set(box, { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top });
  }
  return new Map(open.map((box) => [box, found.get(box)]));
}

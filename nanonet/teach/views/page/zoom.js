// Zoom and pan: wheel, drag, pinch, buttons and keys; the view follows the step where it would leave the picture.
"use strict";

const view = { x: 0, y: 0, k: 1, wished: 1 }; // wished: the scale that the reader chose
const LEAST = 0.05, MOST = 4, READABLE = 0.55, STILL = 0.42;

function showView(smooth = false) {
  scene.classList.toggle("smooth", smooth);
  scene.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.k})`;
}

const BUTTONS = 50; // the strip on the right in which the zoom buttons lie

/** Where the graph can be seen. */
function frame() {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { left, top, height, width: width - BUTTONS };
}

/** Zoom by a factor; the point (x, y) of the window stays where it is. */
function zoomBy(factor, x = frame().left + frame().width / 2, y = frame().top + frame().height / 2, smooth = false) {
  const k = Math.max(LEAST, Math.min(MOST, view.k * factor)), box = frame();
  view.x = x - box.left - ((x - box.left - view.x) * k) / view.k;
  view.y = y - box.top - ((y - box.top - view.y) * k) / view.k;
  view.k = view.wished = k;
  showView(smooth);
}

/** The whole graph. */
function wholeGraph(smooth = true) {
  const box = frame();
  view.k = view.wished = Math.max(LEAST, Math.min(1.25, (box.width - 16) / placed.width, (box.height - 16) / placed.height));
  view.x = (box.width - placed.width * view.k) / 2;
  view.y = (box.height - placed.height * view.k) / 2;
  showView(smooth);
}

/** At first: the whole graph if it can be read then, else its beginning. */
function firstView() {
  wholeGraph(false);
  if (view.k < READABLE) {
    view.k = view.wished = READABLE;
    view.x = (frame().width - placed.width * view.k) / 2;
    view.y = 8;
    showView();
    keepInView(false);
  }
}

/** Move, and where it takes that zoom out a little, so that what the present step reads and writes is seen. */
function keepInView(smooth = true) {
  const step = lastStep();
  const all = (step ? [...touched(step), ...step.in] : []).map(placeOf).filter(Boolean);
  if (!all.length) return;
  const box = frame(), scale = (places) => Math.min((box.width - 28) / extent(places).width, (box.height - 28) / extent(places).height);
  const few = scale(all) < STILL ? all.slice(0, 1) : all; // of what is too far apart the first that is written
  view.k = Math.max(Math.min(STILL, view.wished), Math.min(view.wished, scale(few)));
  const { left, right, top, bottom } = extent(few);
  view.x += inside(left * view.k + view.x, right * view.k + view.x, box.width);
  view.y += inside(top * view.k + view.y, bottom * view.k + view.y, box.height);
  showView(smooth);
}

function extent(places) {
  const left = Math.min(...places.map((at) => at.x - at.width / 2)), right = Math.max(...places.map((at) => at.x + at.width / 2));
  const top = Math.min(...places.map((at) => at.y - at.height / 2)), bottom = Math.max(...places.map((at) => at.y + at.height / 2));
  return { left, right, top, bottom, width: right - left, height: bottom - top };
}

/** How far to move a stretch from `a` to `b` so that it lies within 0 … size; one that is too long is centred. */
function inside(a, b, size, margin = 14) {
  if (b - a > size - 2 * margin) return size / 2 - (a + b) / 2;
  return a < margin ? margin - a : b > size - margin ? size - margin - b : 0;
}

function placeOf(node) {
  const key = drawnAs(node), number = Number(key.slice(1));
  return key[0] === "n" ? placed.nodes.get(number) : placed.closed.get(number);
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
}, { passive: false });

const pointers = new Map(); // fingers, or the mouse while it is down
let dragged = 0; // how far: a drag is not a click

canvas.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, event);
  dragged = 0;
});
window.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
  if (others.length) { // pinch
    const [other] = others, distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    zoomBy(distance(event) / distance(before), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
  }
  const share = others.length ? 0.5 : 1;
  view.x += (event.clientX - before.clientX) * share;
  view.y += (event.clientY - before.clientY) * share;
  dragged += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
  pointers.set(event.pointerId, event);
  showView();
});
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => pointers.delete(event.pointerId));
canvas.addEventListener("click", (event) => { if (dragged > 5) event.stopPropagation(); else if (event.target === canvas) select(null); }, true);

let printing = false; // on paper: the whole graph

window.addEventListener("beforeprint", () => {
  printing = true;
  canvas.setAttribute("viewBox", `0 0 ${placed.width} ${placed.height}`);
  scene.style.transform = "none";
});
window.addEventListener("afterprint", () => {
  printing = false;
  canvas.removeAttribute("viewBox");
  showView();
});

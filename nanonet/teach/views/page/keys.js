// Moving through the steps: keys, buttons, slider; and what is shown after each move.
"use strict";

const slider = document.getElementById("slider");
const counter = document.getElementById("count");
const announcer = document.getElementById("announce");

const announce = (words) => { announcer.textContent = words; };

/** Show the present position everywhere. */
function showStep(smooth = true) {
  const { position } = state, all = trace.steps.length, step = lastStep();
  document.body.dataset.step = position;
  drawState();
  drawCard();
  drawCode();
  drawTensor();
  slider.value = position;
  slider.setAttribute("aria-valuetext", step ? `step ${position} of ${all}, ${step.phase}, ${step.title}` : "the start");
  counter.textContent = `${position} / ${all}`;
  announce(step ? `Step ${position} of ${all}, ${step.phase}: ${stepWords(step)}` : "The start");
  for (const button of document.querySelectorAll("[data-go]")) {
    const ends = ["first", "back"].includes(button.dataset.go) ? position === 0 : position === all;
    button.setAttribute("aria-disabled", String(ends)); // still in the Tab order, so that the focus is not lost
  }
  for (const button of document.querySelectorAll("[data-phase]")) button.setAttribute("aria-pressed", String(step?.phase === button.dataset.phase));
  keepInView(smooth);
}

const GO = { first: () => 0, back: () => state.position - 1, next: () => state.position + 1, last: () => trace.steps.length };
const KEYS = { Home: "first", ArrowLeft: "back", ArrowRight: "next", End: "last" };

function go(where) {
  seek(GO[where]());
  showStep();
}

/** To the next step that begins a phase; after the last one, to the first again. */
function toPhase(phase) {
  const begins = trace.steps.flatMap((step, i) => (step.phase === phase && trace.steps[i - 1]?.phase !== phase ? [i + 1] : []));
  if (!begins.length) return;
  seek(begins.find((position) => position > state.position) ?? begins[0]);
  showStep();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (KEYS[event.key]) go(KEYS[event.key]);
  else if (event.key === "Escape" && selected !== null) select(null);
  else if (event.key === "+" || event.key === "=") zoomBy(1.25, undefined, undefined, true);
  else if (event.key === "-") zoomBy(0.8, undefined, undefined, true);
  else if (event.key === "0") wholeGraph();
  else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("[data-go]")) button.addEventListener("click", () => go(button.dataset.go));
for (const button of document.querySelectorAll("[data-phase]")) {
  button.disabled = !trace.steps.some((step) => step.phase === button.dataset.phase);
  button.addEventListener("click", () => toPhase(button.dataset.phase));
}
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => {
  if (button.dataset.zoom === "all") wholeGraph();
  else zoomBy(button.dataset.zoom === "in" ? 1.25 : 0.8, undefined, undefined, true);
});
slider.addEventListener("input", () => { seek(Number(slider.value)); showStep(); });

/** The bar above the slider: which steps belong to which phase. */
function drawPhases() {
  const stretches = [];
  for (const { phase } of trace.steps) {
    const last = stretches[stretches.length - 1];
    if (last?.phase === phase) last.steps += 1;
    else stretches.push({ phase, steps: 1 });
  }
  document.getElementById("phases").replaceChildren(...stretches.map(({ phase, steps }) => html("i", { class: phase, style: `flex-grow:${steps}` })));
}

slider.max = trace.steps.length;
document.body.dataset.steps = trace.steps.length;
drawPhases();
drawGraph();
firstView();
showStep(false);

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (printing || width === window.innerWidth) return; // a phone's address bar comes and goes: that is no reason to move
  width = window.innerWidth;
  firstView();
  keepInView(false);
});

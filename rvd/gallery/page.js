"use strict";
// One number, the frame, moves all films: it is each clip's CSS variable --frame.
const byId = (id) => document.getElementById(id);
const clips = [...document.querySelectorAll(".clip")];
const last = Math.max(0, ...clips.map((clip) => clip.dataset.frames - 1));
const rate = Math.max(1, ...clips.map((clip) => +clip.dataset.rate));
let frame = clips.length ? +clips[0].dataset.given : 0;
let timer = null;

function show(next) {
  frame = Math.min(Math.max(next, 0), last);
  for (const clip of clips) {
    // A shorter clip waits at its last frame for the others.
    const own = Math.min(frame, clip.dataset.frames - 1);
    const future = own - clip.dataset.given;
    clip.style.setProperty("--frame", own);
    clip.classList.toggle("is-given", future < 0);
    clip.querySelector(".given-mark").textContent = future < 0 ? "given" : "";
    for (const value of clip.querySelectorAll("[data-crps]")) {
      const crps = value.dataset.crps.split(" ");
      value.textContent = future < 0 ? "given" : `CRPS ${(+crps[future]).toFixed(2)}`;
    }
  }
  byId("time").value = frame;
  const given = frame < clips[0].dataset.given;
  byId("time").setAttribute("aria-valuetext", `frame ${frame}, ${given ? "given" : "forecast"}`);
  byId("clock").textContent = `t = ${frame} of ${last}, ${given ? "given" : "forecast"}`;
}

function play(on) {
  clearInterval(timer);
  const step = () => show(frame === last ? 0 : frame + 1);
  timer = on ? setInterval(step, 1000 / rate / byId("speed").value) : null;
  byId("play").textContent = on ? "Pause" : "Play";
}

function step(by) {
  play(false);
  show(frame + by);
}

function start() {
  document.body.classList.add("scripted");
  document.querySelector(".controls").hidden = false;
  byId("time").max = last;
  byId("play").onclick = () => play(timer === null);
  byId("back").onclick = () => step(-1);
  byId("forth").onclick = () => step(1);
  byId("time").oninput = () => step(byId("time").value - frame);
  byId("speed").onchange = () => timer !== null && play(true);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("button, select, input, summary, [tabindex]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { " ": () => play(timer === null), ArrowLeft: () => step(-1), ArrowRight: () => step(1) }[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
  show(frame);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
}

// One clip of a dataset at a time; without scripts all are shown, one below the other.
function offerChoice(section) {
  const own = [...section.querySelectorAll(".clip")];
  const buttons = [...section.querySelectorAll(".choice button")];
  const choose = (chosen) => {
    own.forEach((clip, index) => (clip.hidden = index !== chosen));
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", index === chosen));
  };
  section.querySelector(".choice").hidden = false;
  buttons.forEach((button, index) => (button.onclick = () => choose(index)));
  choose(0);
}

function sort(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const sign = rising ? 1 : -1;
  const compare = (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column]);
    if (column === 0) return sign * a.textContent.localeCompare(b.textContent);
    // Cells without a value come last either way.
    const missing = !("value" in a.dataset) - !("value" in b.dataset);
    return missing || sign * (a.dataset.value - b.dataset.value) || 0;
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

if (clips.length) start();
document.querySelectorAll("section.dataset").forEach(offerChoice);
for (const heading of document.querySelectorAll("thead th")) {
  heading.querySelector("button").onclick = () => sort(heading);
}

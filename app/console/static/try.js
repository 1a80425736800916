// The form: an item for a verifier, or a case for the judge.

import { call } from "./api.js";
import { byId, h, notice } from "./dom.js";
import { judgement } from "./judgement.js";
import { verdict } from "./verdict.js";

const JUDGE = "judge:";
const PROTOCOLS = {
  pointwise: "The judge scores the response by criteria; a rubric names your own.",
  process: "The judge looks for the first wrong step.",
  label: "The judge says whether the final answer matches the reference.",
};
const KINDS = ["essential", "important", "optional", "pitfall"];

let samples = [];
let about = {};
let at = -1;
let running = null;

const judged = () => byId("task").value.startsWith(JUDGE);

// The whole result, and a sentence of it for those who listen.
function show(said, ...children) {
  byId("result").replaceChildren(...children);
  byId("said").textContent = said;
}

function complain(problem) {
  const lines = problem.errors?.map((one) => h("li", {}, h("code", {}, one.field), ` ${one.message}`)) ?? [];
  const box = notice(problem.title || "The form cannot be sent", problem.message, "bad");
  if (lines.length) box.append(h("ul", {}, lines));
  show(box.textContent, box);
}

function taskChosen() {
  const name = byId("task").value;
  byId("task-about").textContent = judged() ? PROTOCOLS[name.slice(JUDGE.length)] : about[name] || "";
  for (const id of ["options-field", "recall-field", "whole-field"]) byId(id).hidden = judged();
  byId("rubric-field").hidden = !judged();
  byId("reference-label").textContent = judged() ? "Reference, optional" : "References, one a line";
}

export function fill(item) {
  if (![...byId("task").options].some((option) => option.value === item.task)) {
    byId("task").append(h("option", { value: item.task }, item.task));
  }
  byId("task").value = item.task;
  for (const name of ["question", "response", "rubric"]) byId(name).value = item[name] || "";
  const references = [item.reference ?? []].flat();
  byId("whole").checked = references.some((one) => one.includes("\n"));
  byId("reference").value = references.join("\n");
  byId("recall").value = item.recall || "auto";
  const options = item.options && Object.keys(item.options).length ? JSON.stringify(item.options, null, 1) : "";
  byId("options").value = options;
  taskChosen();
}

export function tryItem(item) {
  fill(item);
  location.hash = "try";
  byId("try-form").requestSubmit();
}

export function nextSample() {
  if (!samples.length) return;
  location.hash = "try";
  choose((at + 1) % samples.length);
}

function choose(number) {
  at = number;
  for (const [place, chip] of [...byId("samples").children].entries()) {
    chip.setAttribute("aria-pressed", String(place === number));
  }
  fill(samples[number]);
  byId("try-form").requestSubmit();
}

function itemOf() {
  const text = byId("reference").value;
  const lines = byId("whole").checked ? [text] : text.split("\n").filter((line) => line.trim());
  const options = byId("options").value.trim();
  const item = { task: byId("task").value, response: byId("response").value, reference: lines.length > 1 ? lines : lines[0] ?? "" };
  if (byId("question").value) item.question = byId("question").value;
  if (options) {
    try {
      item.options = JSON.parse(options);
    } catch (error) {
      throw new Error(`Options must be a JSON object: ${error.message}`);
    }
  }
  return item;
}

function criterionOf(line, place) {
  const [, kind, text] = line.match(/^\s*(?:(\w+)\s*:)?\s*(.*)$/);
  const known = KINDS.includes(kind);
  return { id: `c${place + 1}`, kind: known ? kind : "important", text: known ? text : line.trim() };
}

function caseOf() {
  const rubric = byId("rubric").value.split("\n").filter((line) => line.trim()).map(criterionOf);
  const protocol = byId("task").value.slice(JUDGE.length);
  const asked = { question: byId("question").value, candidates: [{ response: byId("response").value }], protocol, rubric };
  if (byId("reference").value.trim()) asked.reference = byId("reference").value;
  if (protocol === "process") asked.aspects = ["outcome", "process"];
  return asked;
}

// Where the window is narrow or was scrolled, the result is out of sight; in a long response, so is the answer.
function reveal(result) {
  const { top } = result.getBoundingClientRect();
  if (top < 0 || top > window.innerHeight * 0.6) result.scrollIntoView({ block: "start" });
  const mark = result.querySelector("mark");
  if (mark) mark.parentElement.scrollTop = mark.offsetTop - mark.parentElement.offsetTop - 60;
}

async function submitted(event) {
  event.preventDefault();
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const result = byId("result");
  result.setAttribute("aria-busy", "true");
  const waiting = setTimeout(() => show("Working on it", h("p", { class: "empty" }, "Working on it …")), 200);
  try {
    const response = byId("response").value;
    if (judged()) {
      const answer = await call("v1/judge", { body: { cases: [caseOf()] }, signal });
      clearTimeout(waiting);
      show(`Judged, reward ${answer.results[0].candidates[0]?.reward ?? "none"}`, ...judgement(answer, response));
    } else {
      const item = itemOf();
      const answer = await call("v1/explain", { body: { items: [item], recall: byId("recall").value }, signal });
      clearTimeout(waiting);
      show(`${answer.result.outcome}, reward ${answer.result.reward}`, ...verdict(answer, item));
    }
  } catch (problem) {
    if (problem.name === "AbortError") return;
    complain(problem);
  } finally {
    clearTimeout(waiting);
    if (!signal.aborted) {
      result.setAttribute("aria-busy", "false");
      reveal(result);
    }
  }
}

async function load() {
  try {
    const [{ tasks }, known] = await Promise.all([call("v1/tasks"), call("console/samples.json")]);
    about = Object.fromEntries(tasks.map((task) => [task.name, task.description]));
    const chosen = byId("task").value;
    byId("task").replaceChildren(
      h("optgroup", { label: "Verifiers" }, tasks.map((task) => h("option", { value: task.name }, task.name))),
      h("optgroup", { label: "Judge" }, Object.keys(PROTOCOLS).map((name) => h("option", { value: JUDGE + name }, `judge, ${name}`))),
    );
    byId("task").value = chosen || "math";
    samples = known.filter((sample) => sample.task.startsWith(JUDGE) || sample.task in about);
    byId("samples").replaceChildren(
      ...samples.map((sample, number) =>
        h("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: () => choose(number) }, sample.name),
      ),
    );
    taskChosen();
    if (!byId("result").children.length) {
      show("", h("div", { class: "empty" }, h("p", {}, "Choose a sample, or write a response and a reference."),
        h("p", {}, "You will see what was taken from the response, how both sides were read, which rule decided and what the model said.")));
    }
  } catch (problem) {
    complain(problem);
  }
}

export function start() {
  byId("task").addEventListener("change", taskChosen);
  byId("try-form").addEventListener("submit", submitted);
  document.addEventListener("key-given", load);
  load();
}

export function shown() {}

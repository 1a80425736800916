// Where rules and model disagree: a list to browse, each opening in the form.

import { call } from "./api.js";
import { byId, h, notice, outcome } from "./dom.js";
import { tryItem } from "./try.js";

const KINDS = {
  rescued: ["rescued", "The rules refused, the model accepted."],
  refused: ["model refuses", "The rules accepted, the model would not."],
  control_failed: ["control failed", "The model accepted what it must refuse, so its word did not count."],
};

const code = (text) => h("code", { class: "answer" }, text);

function ago(at) {
  const seconds = Math.max(0, Math.round(Date.now() / 1000 - at));
  return seconds < 60 ? `${seconds} s ago` : seconds < 3_600 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}

function open(one) {
  tryItem({ task: one.task, question: one.question, response: one.response, reference: one.references, options: one.options });
}

const said = (stage, report) => h("div", { class: "side" }, h("h4", {}, stage),
  h("p", {}, outcome(report.outcome), " ", h("span", { class: "rule" }, report.name)), h("p", { class: "hint" }, report.reason));

function card(one) {
  const [name, why] = KINDS[one.kind];
  return h("li", { class: "panel disagreement" },
    h("div", { class: "line" }, h("span", { class: `tag ${one.kind}`, title: why }, name), h("b", {}, one.task),
      h("span", { class: "note" }, ago(one.at)), one.times > 1 && h("span", { class: "note" }, `${one.times} responses`),
      one.shortened && h("span", { class: "note" }, "shortened"),
      h("button", { type: "button", onclick: () => open(one) }, "Open in Try")),
    one.question && h("p", { class: "question" }, one.question),
    h("div", { class: "sides" },
      h("div", { class: "side" }, h("h4", {}, "Answer"), code(one.answer ?? "—")),
      h("div", { class: "side" }, h("h4", {}, one.references.length > 1 ? "References" : "Reference"), one.references.map(code)),
      said("Rules", one.rules), said("Model", one.model)),
    h("details", {}, h("summary", {}, "Response"), h("pre", { class: "response", tabindex: "0" }, one.response)));
}

function empty(page) {
  if (!page.most) {
    return notice("Not kept", "Keeping disagreements is switched off, because it shows text of your training data. Start the service with TOUCHSTONE_CONSOLE__DISAGREEMENTS=200 to keep the last 200 in memory.");
  }
  return h("p", { class: "empty" }, "None so far. Disagreements need a model, and an answer that it and the rules see differently.");
}

async function load() {
  const list = byId("disagreement-list");
  const task = byId("disagreement-task").value;
  list.setAttribute("aria-busy", "true");
  try {
    const page = await call(`v1/disagreements${task ? `?task=${encodeURIComponent(task)}` : ""}`);
    byId("disagreement-task").replaceChildren(h("option", { value: "" }, "all"), ...page.tasks.map((name) => h("option", { value: name }, name)));
    byId("disagreement-task").value = page.tasks.includes(task) ? task : "";
    list.replaceChildren(page.items.length ? h("ul", { class: "cards" }, page.items.map(card)) : empty(page));
  } catch (problem) {
    list.replaceChildren(notice(problem.title, problem.message, "bad"));
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

export function start() {
  byId("disagreement-task").addEventListener("change", load);
  byId("reload").addEventListener("click", load);
}

export function shown(now) {
  if (now) load();
}

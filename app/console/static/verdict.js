// One explained verdict as a column of stages, in the order in which the service goes through them.

import { h, milliseconds, outcome } from "./dom.js";

const CONTEXT_CHARS = 6_000; // of a response around the answer; a page of 100,000 characters helps nobody
const ASKED = {
  first: "First read",
  swapped: "Sides swapped",
  empty_response: "Control: empty answer",
  wrong_reference: "Control: wrong reference",
};
const CONTROLS = ["empty_response", "wrong_reference"];
const STAGES = { quick: "quick rules", cache: "store", queue: "queue", rules: "rules", model: "model" };

let count = 0;

function stage(title, aside, ...children) {
  count += 1;
  return h("section", { class: "stage" },
    h("h3", {}, h("span", { class: "number", "aria-hidden": "true" }, String(count)), title, aside && h("span", { class: "aside" }, aside)),
    ...children);
}

const code = (text) => h("code", { class: "answer" }, text);

function head(answer) {
  const { result } = answer;
  const reward = result.reward === null ? "null" : String(Math.round(result.reward * 1000) / 1000);
  return h("div", { class: `verdict ${result.outcome}` },
    h("div", { class: "said" }, outcome(result.outcome)),
    h("dl", { class: "facts" },
      fact("reward", h("b", { class: "reward" }, reward), result.reward === null ? "left out of training" : null),
      fact("decided by", h("b", {}, result.decided_by.name), result.decided_by.stage),
      fact("task", h("b", {}, result.details?.task ?? result.task), result.task === "auto" ? "chosen by auto" : null),
      fact("cache", h("b", {}, result.cached ? "hit" : "miss"))),
    h("p", { class: "reason" }, result.reason));
}

const fact = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("span", { class: "note" }, ` ${note}`)));

// The response with the answer marked. Places are counted in characters, as Python does; a string here in UTF-16.
function marked(response, places) {
  const characters = Array.from(response);
  const sorted = [...places].sort((a, b) => a[0] - b[0]);
  const from = Math.max(0, (sorted[0]?.[0] ?? characters.length) - CONTEXT_CHARS);
  const to = Math.min(characters.length, (sorted.at(-1)?.[1] ?? characters.length) + CONTEXT_CHARS);
  const pieces = from > 0 ? ["… "] : [];
  let at = from;
  for (const [begin, end] of sorted) {
    if (begin < at) continue;
    pieces.push(characters.slice(at, begin).join(""), h("mark", {}, characters.slice(begin, end).join("")));
    at = end;
  }
  pieces.push(characters.slice(at, to).join(""), to < characters.length ? " …" : "");
  return h("pre", { class: "response", tabindex: "0", "aria-label": "The response, with the answer marked" }, pieces);
}

function extracted(answer, item) {
  const told = answer.explanation;
  const { result } = answer;
  const found = result.answer === null
    ? h("p", {}, "No answer was taken: ", h("b", {}, told?.refusal || result.reason), ".")
    : h("p", {}, "Answer ", code(result.answer), told && h("span", { class: "note" }, ` found by ${told.how.replaceAll("_", " ")}`),
        told?.hedged && h("span", { class: "note" }, ", which offers alternatives"));
  const missing = result.answer !== null && !answer.places.length && h("p", { class: "hint" }, "The answer cannot be marked in the response: it was rewritten, is very long, or stands far from the end.");
  return stage("Extracted", null, found, marked(item.response, answer.places), missing);
}

function side(name, read, written) {
  return h("div", { class: "side" }, h("h4", {}, name), read
    ? [code(read.text), h("pre", { class: "tree", tabindex: "0", "aria-label": `${name} as a tree` }, read.tree)]
    : [code(written ?? "—"), h("p", { class: "hint" }, "Not read as a formula.")]);
}

function compared(one, answer, several) {
  const said = one.same === null ? "no rule could tell" : one.same ? "the same" : "different";
  const plain = !one.passed.length && !one.steps.length;
  return h("div", { class: "compared" },
    several && h("h4", {}, "Against ", code(one.reference)),
    h("div", { class: "sides" }, side("Answer", one.answer_read, answer), side("Reference", one.reference_read, one.reference)),
    one.unreadable && h("p", {}, "The answer cannot be read: ", h("b", {}, one.unreadable)),
    h("p", { class: "decided" }, h("span", { class: `rule ${one.same === null ? "none" : one.same ? "yes" : "no"}` }, one.rule), ` ${said}`,
      plain && h("span", { class: "note" }, " decided on the text, before any tree")),
    one.steps.length > 0 && h("ol", { class: "steps" }, one.steps.map(step)),
    one.passed.length > 0 && h("details", {}, h("summary", {}, `${one.passed.length} rules said “not mine” first`),
      h("p", { class: "passed" }, one.passed.map((rule) => h("span", { class: "rule none" }, rule)))));
}

function step(line) {
  const depth = (line.length - line.trimStart().length) / 2;
  const element = h("li", {}, line.trim());
  element.style.marginInlineStart = `${depth * 1.25}rem`;
  return element;
}

function rules(answer) {
  const { result, explanation } = answer;
  const spent = result.timings_ms.rules ?? result.timings_ms.quick;
  const aside = spent === undefined ? null : milliseconds(spent);
  const said = result.rules && h("p", {}, outcome(result.rules.outcome), " by ", h("span", { class: "rule" }, result.rules.name),
    h("span", { class: "note" }, ` ${result.rules.reason}`));
  if (!explanation) {
    const { task, ...details } = result.details ?? {};
    return stage("Rules", aside, said, Object.keys(details).length > 0 &&
      h("pre", { class: "details", tabindex: "0", "aria-label": "Details" }, JSON.stringify(details, null, 2)));
  }
  const several = explanation.compared.length > 1;
  const alone = !several && explanation.compared[0]?.rule === result.rules?.name;
  const algebra = result.rules?.name === "symbolic" && h("p", {}, "No bounded rule could tell, so computer algebra was asked.");
  return stage("Read and compared", aside, ...explanation.compared.map((one) => compared(one, explanation.answer, several)), algebra, !alone && said);
}

function heard(one, threshold) {
  const share = one.yes === null ? null : Math.round(one.yes * 1000) / 10;
  const bar = h("div", { class: "bar-track", role: "img", "aria-label": share === null ? "no probability" : `yes ${share} %` },
    h("div", { class: "bar-fill" }), h("div", { class: "bar-limit" }));
  bar.children[0].style.width = `${share ?? 0}%`;
  bar.children[1].style.insetInlineStart = `${threshold * 100}%`;
  const control = CONTROLS.includes(one.asked);
  const word = one.accepts === null ? "cannot be told" : one.accepts ? (control ? "yes: failed" : "yes") : control ? "no: held" : "no";
  const bad = control ? one.accepts : one.accepts === false;
  return h("tr", {},
    h("th", { scope: "row" }, ASKED[one.asked] ?? one.asked),
    h("td", {}, code(one.answer), " against ", code(one.reference)),
    h("td", { class: "probability" }, bar, h("span", { class: "figure" }, share === null ? "—" : `${share.toFixed(1)} %`)),
    h("td", { class: "figure" }, one.label_mass === null ? "—" : one.label_mass.toFixed(3)),
    h("td", {}, h("b", { class: bad ? "no" : "yes" }, word)));
}

function model(answer) {
  const { result, heard: reads, threshold } = answer;
  const spent = result.timings_ms.model;
  const aside = spent === undefined ? null : milliseconds(spent);
  if (!answer.model) return stage("Second look", null, h("p", { class: "hint" }, "No model is configured: the rules have the last word."));
  if (!result.model) return stage("Second look", null, h("p", { class: "hint" }, "The model was not asked. It is heard where the rules do not accept, and a task lets it."));
  return stage("Second look", aside,
    h("p", {}, outcome(result.model.outcome), " by ", h("span", { class: "rule" }, result.model.name), h("span", { class: "note" }, ` ${result.model.reason}`)),
    reads.length > 0 && h("div", { class: "scroll", tabindex: "0", "aria-label": "What the model was asked" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Question", "Does it say the same?", `P(yes), accepts from ${threshold}`, "Label mass", "Said"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, reads.map((one) => heard(one, threshold))))));
}

function times(answer) {
  const spent = Object.entries(answer.result.timings_ms);
  const whole = spent.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  const strip = h("div", { class: "times", "aria-hidden": "true" }, spent.map(([name]) => h("span", { class: `time ${name}` })));
  for (const [place, [, ms]] of spent.entries()) strip.children[place].style.flexGrow = String(Math.max(ms / whole, 0.004));
  return stage("Time", `${milliseconds(answer.elapsed_ms)} with this explanation`, strip,
    h("ul", { class: "legend" }, spent.map(([name, ms]) => h("li", {}, h("i", { class: `time ${name}` }), `${STAGES[name] ?? name} `, h("b", {}, milliseconds(ms))))));
}

export function verdict(answer, item) {
  count = 0;
  return [head(answer), extracted(answer, item), rules(answer), model(answer), times(answer)];
}

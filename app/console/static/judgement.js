// What the judge said of one response: the scores, and its quotes found again in the response.

import { h, notice } from "./dom.js";

const GLYPHS = { scored: "✓", unscored: "?", rejected: "✗" };
const number = (value) => (value === null ? "—" : String(Math.round(value * 1000) / 1000));

function score(value) {
  const bar = h("div", { class: "bar-track", role: "img", "aria-label": `score ${number(value)} of 1` }, h("div", { class: "bar-fill" }));
  bar.firstChild.style.width = `${value * 100}%`;
  return h("div", { class: "probability" }, bar, h("span", { class: "figure" }, number(value)));
}

function quoted(response, findings) {
  const characters = Array.from(response);
  const places = findings.filter((one) => one.at !== null && one.quote)
    .map((one) => [one.at, one.at + Array.from(one.quote).length]).sort((a, b) => a[0] - b[0]);
  const pieces = [];
  let at = 0;
  for (const [begin, end] of places) {
    if (begin < at) continue;
    pieces.push(characters.slice(at, begin).join(""), h("mark", {}, characters.slice(begin, end).join("")));
    at = end;
  }
  pieces.push(characters.slice(at).join(""));
  return h("pre", { class: "response", tabindex: "0", "aria-label": "The response, with the judge's quotes marked" }, pieces);
}

const quote = (one) => one.quote && h("blockquote", {}, `“${one.quote}”`, one.at === null && h("span", { class: "note" }, " not in the response"));

function section(title, ...children) {
  return h("section", { class: "stage" }, h("h3", {}, title), ...children);
}

export function judgement(answer, response) {
  const [result] = answer.results;
  if (result.problem) return [notice(result.problem.title, result.problem.detail, "bad")];
  const [one] = result.candidates;
  const facts = [["reward", one.reward === null ? "null" : number(one.reward)], ["outcome", number(one.outcome)], ["process", number(one.process)],
    ["agreement", number(one.agreement)], ["confidence", number(one.confidence)], ["label mass", number(one.label_mass)],
    ["votes", one.votes.map(number).join(", ") || "—"], ["calls", String(one.usage.calls)], ["cache", result.cached ? "hit" : "miss"]];
  const view = [
    h("div", { class: `verdict ${one.status}` },
      h("div", { class: "said" }, h("span", { class: `outcome ${one.status}` }, h("span", { "aria-hidden": "true" }, GLYPHS[one.status]), ` ${one.status}`)),
      h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, value))))),
      h("p", { class: "reason" }, [one.reason, one.detail].filter(Boolean).join(": ") || `${one.protocol} by ${one.model}`)),
  ];
  if (one.flags.length) view.push(section("Flags", h("p", {}, one.flags.map((flag) => h("span", { class: "rule none" }, flag)))));
  if (one.criteria.length) {
    view.push(section("Criteria", h("ul", { class: "criteria" }, one.criteria.map((each) =>
      h("li", {}, h("b", {}, each.id), score(each.score), each.comment && h("p", {}, each.comment), quote(each))))));
  }
  if (one.errors.length) {
    view.push(section("Wrong steps", h("ul", { class: "criteria" }, one.errors.map((each) =>
      h("li", {}, h("b", {}, each.step === null ? each.kind : `step ${each.step}: ${each.kind}`), quote(each))))));
  }
  view.push(section("Response", quoted(response, [...one.criteria, ...one.errors])));
  return view;
}

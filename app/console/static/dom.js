// Elements without markup in strings: text from a model is only ever text.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

export const notice = (title, detail, kind = "") =>
  h("div", { class: `notice ${kind}` }, h("strong", {}, title), detail && h("p", {}, detail));

const OUTCOMES = { correct: "✓", incorrect: "✗", unreadable: "⊘", undecidable: "?" };

export const outcome = (name) =>
  h("span", { class: `outcome ${name}` }, h("span", { "aria-hidden": "true" }, OUTCOMES[name]), ` ${name}`);

export const milliseconds = (ms) =>
  ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${ms.toFixed(0)} ms` : ms >= 1 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(2)} ms`;

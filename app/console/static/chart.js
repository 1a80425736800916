// Small time charts in SVG: lines or stacked columns over one row of seconds, with a readout under the pointer.

import { h, svg } from "./dom.js";

const WIDTH = 400;
const HEIGHT = 160;
const LEFT = 44; // for the labels of the scale
const BOTTOM = 16; // for the labels of the time
const TOP = 6;
const RIGHT = 8;
const LOWEST_LOG = 0.1; // of a logarithmic scale; less is drawn on its ground

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function scaleOf(rows, { series, stacked, log, ceiling, least }) {
  const heights = rows.map((row) => {
    const values = series.map((one) => one.value(row) ?? 0);
    return stacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  });
  const top = ceiling ?? niceCeiling(Math.max(...heights, least));
  const span = HEIGHT - TOP - BOTTOM;
  const lowest = Math.log10(LOWEST_LOG);
  const share = log ? (value) => Math.max(0, (Math.log10(Math.max(value, LOWEST_LOG)) - lowest) / (Math.log10(top) - lowest)) : (value) => value / top;
  const ticks = log ? [1, 10, 100, 1_000, 10_000, 100_000].filter((tick) => tick <= top) : [0, top / 2, top];
  return { y: (value) => HEIGHT - BOTTOM - Math.min(1, share(value)) * span, ticks };
}

const xOf = (rows) => (place) => LEFT + (place / Math.max(1, rows.length - 1)) * (WIDTH - LEFT - RIGHT);

function line(rows, one, x, y) {
  let path = "";
  let pen = "M";
  rows.forEach((row, place) => {
    const value = one.value(row);
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return svg("path", { d: path, class: `line ${one.colour}` });
}

function columns(rows, series, x, y) {
  const wide = Math.max(1, x(1) - x(0) - 0.4);
  return series.map((one, place) => {
    let path = "";
    rows.forEach((row, at) => {
      const below = series.slice(0, place).reduce((sum, each) => sum + (each.value(row) ?? 0), 0);
      const value = one.value(row) ?? 0;
      if (!value) return;
      const [low, high] = [y(below), y(below + value)];
      path += `M${(x(at) - wide / 2).toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}h${wide.toFixed(1)}V${low.toFixed(1)}Z`;
    });
    return svg("path", { d: path, class: `column ${one.colour}` });
  });
}

function grid({ ticks, y }, format, seconds) {
  const lines = ticks.map((tick) => svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }));
  const labels = ticks.map((tick) => svg("text", { x: LEFT - 6, y: y(tick) + 3.5, class: "tick end" }, format(tick)));
  const foot = [["−" + (seconds >= 120 ? `${seconds / 60} min` : `${seconds} s`), LEFT, ""], ["now", WIDTH - RIGHT, "end"]];
  return [...lines, ...labels, ...foot.map(([text, at, side]) => svg("text", { x: at, y: HEIGHT - 3, class: `tick ${side}` }, text))];
}

// `spec`: title, series of {name, colour, value(row)}, format(value), latest(rows, one), how high the scale reaches at
// `least` or its fixed `ceiling`, and `stacked` or `log`.
export function chart(spec) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  const legend = h("ul", { class: "legend" });
  const when = h("span", { class: "when" });
  const element = h("figure", { class: "panel chart" }, h("figcaption", {}, h("h2", {}, spec.title), when), legend, picture);
  let rows = [];
  let pointed = null;

  function told() {
    const shown = pointed === null ? null : rows[pointed];
    when.textContent = shown ? `${rows.length - 1 - pointed} s ago` : "";
    const entries = spec.series.map((one) => {
      const value = shown ? one.value(shown) : spec.latest(rows, one);
      return [one, value === null ? "—" : spec.format(value)];
    });
    legend.replaceChildren(...entries.map(([one, text]) => h("li", {}, h("i", { class: one.colour }), `${one.name} `, h("b", {}, text))));
    if (!shown) picture.setAttribute("aria-label", `${spec.title}: ${entries.map(([one, text]) => `${one.name} ${text}`).join(", ")}`);
  }

  function draw(newRows) {
    rows = newRows;
    const scale = scaleOf(rows, spec);
    const x = xOf(rows);
    const marks = spec.stacked ? columns(rows, spec.series, x, scale.y) : spec.series.map((one) => line(rows, one, x, scale.y));
    const cursor = pointed === null ? [] : [svg("line", { x1: x(pointed), x2: x(pointed), y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor" })];
    picture.replaceChildren(...grid(scale, spec.format, rows.length), ...marks, ...cursor);
    told();
  }

  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH - LEFT;
    pointed = Math.max(0, Math.min(rows.length - 1, Math.round((place / (WIDTH - LEFT - RIGHT)) * (rows.length - 1))));
    draw(rows);
  });
  picture.addEventListener("pointerleave", () => ((pointed = null), draw(rows)));
  return { element, draw };
}

// Charts of the last minutes. Each server process counts for itself; their seconds are added up here.

import { call } from "./api.js";
import { chart } from "./chart.js";
import { byId, h, notice } from "./dom.js";

const EVERY_MS = 2_000;
const SPANS = [[60, "1 min"], [120, "2 min"], [300, "5 min"]];
const SMOOTH_S = 10; // shares and figures are of so many seconds: one second may hold one item
const FORGET_MS = 60_000; // a process that has not answered for so long is gone
const COUNTS = ["requests", "items", "judged", "cached", "rescued", "undecided"];

const processes = new Map();
let charts = [];
let span = 120;
let timer = null;
let visible = false;
let offset = 0; // of the service's clock

const percent = (value) => `${Math.round(value * 1000) / 10} %`;
const whole = (value) => (value >= 10_000 ? `${Math.round(value / 1000)}k` : value >= 1_000 ? `${(value / 1000).toFixed(1)}k` : String(Math.round(value * 10) / 10));
const time = (ms) => (ms >= 1_000 ? `${Math.round(ms / 100) / 10} s` : `${ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10} ms`);
const share = (part, all) => (all ? part / all : null);

const LATEST = (rows, one) => one.value(rows.at(-1));
const MEAN = (rows, one) => rows.slice(-SMOOTH_S).reduce((sum, row) => sum + (one.value(row) ?? 0), 0) / SMOOTH_S;

const SPECS = [
  { title: "Throughput, items/s", format: whole, least: 10, latest: MEAN, series: [
    { name: "verified", colour: "blue", value: (row) => row.items }, { name: "judged", colour: "green", value: (row) => row.judged }] },
  { title: "Decided by, items/s", format: whole, least: 10, latest: MEAN, stacked: true, series: [
    { name: "rules", colour: "blue", value: (row) => row.stages.rules ?? 0 }, { name: "model", colour: "orange", value: (row) => row.stages.model ?? 0 },
    { name: "service", colour: "grey", value: (row) => row.stages.service ?? 0 }] },
  { title: "Rescued and undecided", format: percent, least: 0.1, latest: LATEST, series: [
    { name: "rescued by the model", colour: "orange", value: (row) => share(row.near.rescued, row.near.items) },
    { name: "undecided", colour: "purple", value: (row) => share(row.near.undecided, row.near.items + row.near.judged) }] },
  { title: "Latency of a request", format: time, least: 1, latest: LATEST, log: true, series: [
    { name: "p50", colour: "blue", value: (row) => row.near.p50 }, { name: "p99", colour: "orange", value: (row) => row.near.p99 }] },
  { title: "Waiting in the queue", format: whole, least: 10, latest: LATEST, series: [{ name: "items", colour: "purple", value: (row) => row.queued }] },
  { title: "From the cache", format: percent, latest: LATEST, ceiling: 1, series: [
    { name: "share of items", colour: "green", value: (row) => share(row.near.cached, row.near.items) }] },
];

const blank = () => ({ ...Object.fromEntries(COUNTS.map((name) => [name, 0])), queued: 0, stages: {}, latency: {} });

function add(sum, second) {
  for (const name of COUNTS) sum[name] += second[name];
  sum.queued += second.queued;
  for (const part of ["stages", "latency"]) {
    for (const [name, count] of Object.entries(second[part])) sum[part][name] = (sum[part][name] ?? 0) + count;
  }
}

function percentile(latency, wanted, { latency_min_ms: least, latency_buckets_per_doubling: fine }) {
  const buckets = Object.entries(latency).map(([bucket, count]) => [Number(bucket), count]).sort((a, b) => a[0] - b[0]);
  const all = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= wanted * all) return least * 2 ** (bucket / fine);
  }
  return null;
}

function rowsUntil(last, shape) {
  const rows = [];
  for (let at = last - span - SMOOTH_S + 1; at <= last; at += 1) {
    const row = blank();
    for (const { seconds } of processes.values()) if (seconds.has(at)) add(row, seconds.get(at));
    rows.push(row);
  }
  rows.forEach((row, place) => {
    const near = blank();
    for (const one of rows.slice(Math.max(0, place - SMOOTH_S + 1), place + 1)) add(near, one);
    row.near = { ...near, p50: percentile(near.latency, 0.5, shape), p99: percentile(near.latency, 0.99, shape) };
  });
  return rows.slice(SMOOTH_S);
}

function took(page, since) {
  const known = processes.get(page.process) ?? { seconds: new Map() };
  known.whole ||= since === 0;
  for (const second of page.seconds) known.seconds.set(second.at, second);
  for (const at of known.seconds.keys()) if (at < page.now - page.kept_s) known.seconds.delete(at);
  known.last = page.now;
  known.heard = Date.now();
  processes.set(page.process, known);
  for (const [name, { heard }] of processes) if (heard < Date.now() - FORGET_MS) processes.delete(name);
  offset = page.now;
}

function state(page) {
  const several = processes.size > 1 ? `${processes.size} server processes` : `server process ${page.process}`;
  return `${several} · ${page.workers} of ${page.wanted_workers} workers · every 2 s`;
}

async function poll() {
  try {
    // Which process answers is not known beforehand: ask for what the least known one is missing.
    const known = [...processes.values()];
    const since = known.length && known.every((one) => one.whole) ? Math.min(...known.map((one) => one.last)) - 1 : 0;
    const page = await call(`v1/stats?since=${since}`);
    took(page, since);
    const rows = rowsUntil(offset - 1, page);
    for (const one of charts) one.draw(rows);
    const idle = rows.every((row) => !row.items && !row.judged);
    byId("live-state").textContent = state(page) + (idle ? " · no items in this time" : "");
    byId("alarms").replaceChildren(...(page.alarms.length ? [notice("Guard-rails sound", `${page.alarms.join(", ")}: look for reward hacking`, "bad")] : []));
  } catch (problem) {
    byId("live-state").textContent = "";
    byId("alarms").replaceChildren(notice(problem.title, `${problem.message} The charts stand still; it is asked again every 2 s.`, "bad"));
  }
}

function run() {
  clearInterval(timer);
  timer = null;
  if (!visible || document.hidden) return;
  poll();
  timer = setInterval(poll, EVERY_MS);
}

function choose(seconds) {
  span = seconds;
  byId("spans").replaceChildren(...SPANS.map(([length, name]) =>
    h("button", { type: "button", "aria-pressed": String(length === span), onclick: () => choose(length) }, name)));
  if (visible) poll();
}

export function start() {
  charts = SPECS.map(chart);
  byId("charts").append(...charts.map((one) => one.element));
  choose(span);
  document.addEventListener("visibilitychange", run);
  document.addEventListener("key-given", run);
}

export function shown(now) {
  visible = now;
  run();
}

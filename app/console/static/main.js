// The frame: views by the address's hash, health, theme, key, shortcuts.

import { call, key, setKey } from "./api.js";
import { byId, h } from "./dom.js";
import * as disagreements from "./disagreements.js";
import * as live from "./live.js";
import * as attempt from "./try.js";

const VIEWS = { try: attempt, live, disagreements };
const HEALTH_EVERY_MS = 10_000;

const SHORTCUTS = [
  [["1"], "Try an item", () => show("try")],
  [["2"], "Live charts", () => show("live")],
  [["3"], "Disagreements", () => show("disagreements")],
  [["n"], "Next sample", () => attempt.nextSample()],
  [["/"], "Write a response", () => (show("try"), byId("response").focus())],
  [["d"], "Dark or light", () => switchTheme()],
  [["k"], "API key", () => askKey()],
  [["?"], "This list", () => byId("help-dialog").showModal()],
  [["Ctrl", "Enter"], "Explain what is in the form", null],
  [["Esc"], "Close a dialog", null],
];

const current = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "try");

// At once, unlike a change of the hash: what follows may put the focus into the view.
function show(view) {
  history.pushState(null, "", `#${view}`);
  route();
}

function route() {
  for (const [name, view] of Object.entries(VIEWS)) {
    const chosen = name === current();
    byId(name).hidden = !chosen;
    if (chosen) byId(`nav-${name}`).setAttribute("aria-current", "page");
    else byId(`nav-${name}`).removeAttribute("aria-current");
    view.shown(chosen);
  }
  window.scrollTo(0, 0);
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("touchstone-theme", root.dataset.theme);
}

function askKey(why = "Only needed where the service was started with keys.") {
  const dialog = byId("key-dialog");
  if (dialog.open) return;
  byId("key-why").textContent = why;
  byId("key").value = key() || "";
  dialog.showModal();
}

async function health() {
  if (document.hidden) return;
  let parts;
  try {
    const page = await call("readyz", { takes: [200, 503] });
    parts = Object.entries(page.components).map(([name, part]) => {
      const absent = part.detail.startsWith("none configured");
      const state = absent ? "absent" : part.ok ? "well" : part.required ? "down" : "away";
      const said = { absent: "none", well: "up", down: "down", away: "away" }[state];
      return h("span", { class: `part ${state}`, title: part.detail }, h("i", { "aria-hidden": "true" }), `${name} `, h("b", {}, said));
    });
  } catch (problem) {
    parts = [h("span", { class: "part down" }, h("i", {}), problem.title)];
  }
  byId("health").replaceChildren(...parts);
}

function pressed(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && current() === "try") {
    byId("try-form").requestSubmit();
    event.preventDefault();
    return;
  }
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const [, , act] = SHORTCUTS.find(([keys, , does]) => does && keys[0] === event.key) || [];
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  byId("shortcuts").append(
    ...SHORTCUTS.flatMap(([keys, does]) => [h("dt", {}, keys.map((one) => h("kbd", {}, one))), h("dd", {}, does)]),
  );
  byId("theme-button").addEventListener("click", switchTheme);
  byId("key-button").addEventListener("click", () => askKey());
  byId("help-button").addEventListener("click", () => byId("help-dialog").showModal());
  byId("key-forget").addEventListener("click", () => (setKey(null), byId("key-dialog").close()));
  byId("key-form").addEventListener("submit", () => {
    setKey(byId("key").value.trim());
    document.dispatchEvent(new CustomEvent("key-given"));
    health();
  });
  document.addEventListener("key-wanted", (event) => askKey(event.detail || "The service asks for a key."));
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", route);
  for (const view of Object.values(VIEWS)) view.start();
  route();
  health();
  setInterval(health, HEALTH_EVERY_MS);
}

start();

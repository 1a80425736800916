// Calls to the service that this page came from. The key lives in this tab's session and goes into a header only.

const KEY = "touchstone-key";

export class Problem extends Error {
  // What the service said was wrong: `title`, `detail`, and `errors`, each with its field.
  constructor(status, body) {
    super(body.detail || "");
    this.status = status;
    this.title = body.title || `The service answered with status ${status}`;
    this.errors = body.errors || [];
  }
}

export const key = () => sessionStorage.getItem(KEY);

export function setKey(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

export async function call(path, { body, signal, takes = [200] } = {}) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (key()) headers.Authorization = `Bearer ${key()}`;
  let reply;
  try {
    reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "The service does not answer", detail: "Is it still running? Is the network up?" });
  }
  const text = await reply.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Problem(reply.status, { detail: text.slice(0, 300) });
  }
  if (takes.includes(reply.status)) return answer;
  if (reply.status === 401) document.dispatchEvent(new CustomEvent("key-wanted", { detail: answer.detail }));
  throw new Problem(reply.status, answer);
}

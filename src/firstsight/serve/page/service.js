// The service: requests, their errors as sentences, the key, and what happens while it does not answer.

const BASE = new URL("../v1/", document.baseURI);
const KEY = "firstsight-key";

/** What the service refused, in its own sentence. */
export class ServiceError extends Error {
  constructor(status, { kind = "", message = "", findings } = {}) {
    super(message || `the service answered ${status}`);
    this.status = status;
    this.kind = kind;
    this.findings = findings || [];
  }
}

/** The service did not answer at all. */
export class OfflineError extends Error {
  constructor() {
    super("the service does not answer; this will be tried again");
  }
}

/** Told of `lost`, `back` and `key`. */
export const line = new EventTarget();

let key = sessionStorage.getItem(KEY) || "";
let asking = null;
let closed = 0; // how often the question for the key was closed without an answer
let gone = false;

/** Whether a key is kept for this tab. */
export const hasKey = () => key !== "";

/** Keep a key while the tab is open; "" forgets it. */
export function keep(secret) {
  key = secret.trim();
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
  line.dispatchEvent(new Event("key"));
}

/** Set by the page: asks for a key and resolves when one was given. */
export const prompts = { key: null };

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function address(path, query) {
  const at = new URL(path, BASE);
  for (const [name, value] of Object.entries(query || {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") at.searchParams.append(name, one);
    }
  }
  return at;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === undefined || one === null || one === "") continue;
      if (one instanceof Blob) form.append(name, one, one.name || "drawing.png");
      else form.append(name, String(one));
    }
  }
  return form;
}

async function send(path, { method, query, form, json, signal, keepalive }) {
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (json) headers["Content-Type"] = "application/json";
  const body = json ? JSON.stringify(json) : form && formOf(form);
  try {
    return await fetch(address(path, query), { method, headers, body, signal, keepalive, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new OfflineError();
  }
}

async function refusal(response) {
  let said = {};
  try {
    said = (await response.json()).error || {};
  } catch {
    said = {};
  }
  return new ServiceError(response.status, said);
}

async function askedOnce(complaint) {
  const had = key;
  await prompts.key(complaint);
  asking = null;
  if (key === had) closed++;
}

/** One request. `form` goes as multipart, `json` as JSON; `as` is "json", "blob" or "text". */
export async function ask(path, { method = "GET", as = "json", ...rest } = {}) {
  for (let turn = 0; ; turn++) {
    const sent = key;
    const unanswered = closed;
    const response = await send(path, { method, ...rest });
    if (response.ok) {
      found();
      return as === "blob" ? response.blob() : as === "text" ? response.text() : response.json();
    }
    const error = await refusal(response);
    if (error.status === 401 && turn < 5 && prompts.key) {
      // Of two requests at once, the later refusal does not open anew what was closed after the earlier one.
      if (key === sent && closed === unanswered) await (asking ||= askedOnce(sent && error.message));
      if (key && key !== sent) continue;
    }
    const pause = Number(response.headers.get("Retry-After") || 0);
    const undone = method === "GET" || error.kind === "BusyError"; // asking twice does no harm
    if ([429, 503].includes(error.status) && undone && turn < 3 && pause <= 5) {
      await wait(Math.max(0.3, pause));
      continue;
    }
    throw error;
  }
}

/** POST, for a verb. */
export const post = (path, options = {}) => ask(path, { method: "POST", ...options });

function found() {
  if (!gone) return;
  gone = false;
  line.dispatchEvent(new Event("back"));
}

async function lost() {
  if (gone) return;
  gone = true;
  for (let turn = 0; gone; turn++) {
    const seconds = Math.min(10, 1 + turn);
    line.dispatchEvent(new CustomEvent("lost", { detail: seconds }));
    await wait(seconds);
    try {
      const response = await fetch(address("health"), { cache: "no-store" });
      if (response.ok) found();
    } catch {
      continue;
    }
  }
}

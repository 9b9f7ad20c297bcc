// Answers: verdicts with their probability, candidates as bars, what the quality gate found.

import { button, count, el, percent, show } from "./elements.js";

/** A bar from 0 to 1 with a tick where a match begins. */
export function bar(share, { tick = null, known = false } = {}) {
  const fill = el("span", { class: known ? "fill known" : "fill" });
  fill.style.width = `${100 * Math.max(0, Math.min(1, share || 0))}%`;
  const node = el("span", { class: "bar", "aria-hidden": "true" }, fill);
  if (tick !== null) {
    const mark = el("span", { class: "tick-mark" });
    mark.style.left = `${100 * tick}%`;
    node.append(mark);
  }
  return node;
}

/** The candidates of a match, best first, each with its probability. */
export function candidates(match, { tick = null, face = () => null } = {}) {
  return el(
    "ol",
    { class: "candidates", "aria-label": "Candidates" },
    match.candidates.map((one) =>
      el(
        "li",
        {},
        face(one.identity),
        el("span", { class: "who" }, one.identity),
        bar(one.probability, { tick: match.needed ?? tick, known: one.identity === match.identity }),
        el("span", { class: "figure", title: one.reached ? "reaches what is needed" : "below what is needed" }, percent(one.probability)),
      ),
    ),
  );
}

/** The verdict of a match in a line, with how sure and why. */
export function verdict(match) {
  const known = match.identity !== null;
  return el(
    "div",
    { class: known ? "verdict known" : "verdict unknown" },
    el("p", { class: "verdict-line" }, known ? match.identity : "Unknown"),
    el("p", { class: "verdict-how" }, `${sentence(match.answer)}${band(match)}`),
  );
}

/** The verdict of a decision. */
export function decision(made) {
  const words = made.same === null ? "Undecided" : made.same ? "The same" : "Not the same";
  return el(
    "div",
    { class: made.same ? "verdict known" : "verdict unknown" },
    el("p", { class: "verdict-line" }, words),
    el("p", { class: "verdict-how" }, `${sentence(made.answer)}${band(made)}`),
  );
}

function band(answer) {
  const [low, high] = [percent(answer.probability_low), percent(answer.probability_high)];
  return low && high && low !== high ? ` 95 % band of the probability: ${low} to ${high}.` : "";
}

/** Why the answer is as it is. */
export const reason = (answer) => el("p", { class: "hint reason" }, sentence(answer.reason));

const NAMES = {
  blur: "Blurred",
  size: "Too small",
  contrast: "Too little contrast",
  blank: "Nothing on it",
  duplicate: "Looks like somebody else",
  outlier: "Unlike the others of this identity",
  unreadable: "Can't be read",
};

/** What the gate found, each with a button that enrolls in spite of it; `name(source)` tells several images apart. */
export function findings(found, anyway, name = () => "") {
  return el(
    "ul",
    { class: "findings", "aria-label": "What the quality gate found" },
    found.map((one) =>
      el(
        "li",
        {},
        el("div", {}, el("strong", {}, [NAMES[one.name] || one.name, name(one.source)].filter(Boolean).join(": ")), el("p", {}, sentence(one.message))),
        anyway && button("Enroll anyway", () => anyway(one.name), { "aria-label": `Enroll anyway, in spite of ${one.name}` }),
      ),
    ),
  );
}

/** Words as a sentence: with a capital and a stop. */
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "");

/** Show an error as its sentence. */
export function wrong(node, error) {
  if (error.name === "AbortError") return node;
  return show(node, el("p", { class: "error", role: "alert" }, sentence(error.message || String(error))));
}

/** A quiet sentence where something is on its way. */
export const loading = (text = "Loading…") => el("p", { class: "hint loading", role: "status" }, text);

/** A designed nothing. */
export const empty = (title, ...rest) => el("div", { class: "empty" }, el("h2", {}, title), ...rest);

/** How many references an identity has, in words. */
export const many = (identity) => count(identity.references, "reference", "references");

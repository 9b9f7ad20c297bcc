// Markdown as model cards use it: headings, paragraphs, lists, tables, code, bold. Text nodes only: markup stays text.

import { el } from "./elements.js";

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return el("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return el("strong", {}, part.slice(2, -2));
    return part;
  });
}

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => inline(cell.trim()));

function table(lines) {
  const [head, , ...rows] = lines.map(cells);
  const titled = head.some((cell) => cell.join("") !== "");
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    el(
      "table",
      {},
      titled && el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cell)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) => (i ? el("td", {}, cell) : el("th", { scope: "row" }, cell)))))),
    ),
  );
}

/** The elements of a text; `shift` moves headings down, since the page has its own first one. */
export function markdown(text, shift = 1) {
  return text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((block) => {
      const lines = block.split("\n");
      const heading = /^(#{1,5})\s+(.*)$/.exec(lines[0]);
      if (heading) {
        const rest = lines.slice(1).join("\n");
        return [el(`h${Math.min(6, heading[1].length + shift)}`, {}, inline(heading[2])), ...(rest ? markdown(rest, shift) : [])];
      }
      if (lines.every((line) => line.trim().startsWith("|")) && lines.length > 1) return [table(lines)];
      if (lines.every((line) => /^\s*[-*]\s/.test(line))) {
        return [el("ul", {}, lines.map((line) => el("li", {}, inline(line.replace(/^\s*[-*]\s+/, "")))))];
      }
      return [el("p", {}, inline(lines.join(" ")))];
    });
}

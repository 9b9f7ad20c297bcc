// Compare: two pictures, a verdict with its probability, and what matched laid over both.

import { decision, loading, reason, wrong } from "./answers.js";
import { el, show, tick } from "./elements.js";
import { overlaid } from "./heat.js";
import { say } from "./notices.js";
import { Picker, pasting } from "./picker.js";
import * as verbs from "./verbs.js";

export function view() {
  const sides = ["left", "right"].map((name) => ({ name, file: null, address: "" }));
  const answer = el("section", { class: "compare-answer", "aria-label": "Answer" });
  let asked = null;

  function side(one) {
    one.well = el("section", { class: "card well", "aria-label": `${one.name === "left" ? "First" : "Second"} picture` });
    one.picker = new Picker({
      label: `${one.name === "left" ? "First" : "Second"} picture`,
      onpick: ([file]) => put(one, file),
    });
    one.box = el("div", { class: "well-picture" });
    show(one.well, el("h2", {}, one.name === "left" ? "First" : "Second"), one.box, one.picker.node);
    return one.well;
  }

  function put(one, file) {
    one.picker.close();
    if (one.address) URL.revokeObjectURL(one.address);
    one.file = file;
    one.address = URL.createObjectURL(file);
    plain(one);
    compare();
  }

  function plain(one) {
    show(one.box, one.file && el("img", { src: one.address, alt: `${one.name === "left" ? "First" : "Second"} picture` }));
  }

  async function compare() {
    if (sides.some((one) => !one.file)) {
      show(answer, el("p", { class: "hint" }, "Two pictures are needed. Give the other one."));
      return;
    }
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    sides.forEach(plain);
    show(answer, loading("Comparing, and looking for what matched…"));
    try {
      const made = await verbs.compare(sides[0].file, sides[1].file, signal);
      if (signal.aborted) return;
      const seen = tick("Show what matched", { checked: true, onchange: () => node.classList.toggle("bare", !seen.box.checked) });
      show(answer, decision(made), reason(made), made.why && el("div", { class: "legend" }, seen.node, told(made)));
      if (made.why) {
        for (const one of sides) show(one.box, overlaid(one.address, `${one.name === "left" ? "First" : "Second"} picture`, made.why[one.name]));
      }
      node.classList.remove("bare");
      say(made.same ? "The same" : made.same === null ? "Undecided" : "Not the same");
    } catch (error) {
      if (!signal.aborted) wrong(answer, error);
    }
  }

  function told({ why, same }) {
    if (!why.drop) return el("p", { class: "hint" }, "No single place matters: covering any of them leaves the score as it is.");
    const weak = same === false ? " They are not the same, so there is little that matched." : "";
    return el("p", { class: "hint" }, `Covering the warmest place lowers the score by ${why.drop.toFixed(2)}; uncoloured places lower it by nothing.${weak}`);
  }

  const node = el(
    "div",
    { class: "view compare" },
    el("h1", { tabindex: "-1" }, "Compare"),
    el("p", { class: "lead" }, "Are these two the same? And what made them look so?"),
    el("div", { class: "two" }, sides.map(side)),
    answer,
  );
  const stop = pasting(() => (sides.find((one) => !one.file) || sides[1]).picker);
  return {
    node,
    start: async () => show(answer, el("p", { class: "hint" }, "Give two pictures. Nothing of them is kept.")),
    leave: () => {
      stop();
      asked?.abort();
      for (const one of sides) {
        one.picker.close();
        if (one.address) URL.revokeObjectURL(one.address);
      }
    },
  };
}

// Model: its card, and what another threshold would do. It only shows: nothing here changes the model.

import { loading, wrong } from "./answers.js";
import { Chart } from "./chart.js";
import { button, count, el, field, percent, show } from "./elements.js";
import { markdown } from "./markdown.js";
import { at, model, session } from "./session.js";

/** "about 10 of 1,000", with as many as make it a whole number. */
export function ofMany(rate) {
  if (rate <= 0) return "none of those measured";
  const many = [100, 1000, 10000, 100000, 1000000].find((n) => rate * n >= 0.95) || 1000000;
  return `about ${Math.round(rate * many).toLocaleString("en")} of ${many.toLocaleString("en")}`;
}

function curves(known) {
  const { curve, threshold } = known;
  const low = curve.score[0];
  const high = curve.score.at(-1);
  const chart = new Chart({ score: curve.score, fmr: curve.fmr, fnmr: curve.fnmr, threshold, narrow: innerWidth < 640 });
  const slider = el("input", { type: "range", min: low, max: high, step: "any", value: threshold, oninput: move });
  const people = el("input", { type: "number", min: "1", max: "1000000", value: Math.max(1, session.galleries.find((one) => one.gallery === session.gallery)?.identities || 20), oninput: move });
  const words = el("dl", { class: "facts rates" });
  const back = button("Back to the model’s own", () => {
    slider.value = threshold;
    move();
  });

  function move() {
    const place = Number(slider.value);
    const fmr = at(curve.score, curve.fmr, place);
    const fnmr = at(curve.score, curve.fnmr, place);
    const many = Math.max(1, Math.round(Number(people.value) || 1));
    const stranger = 1 - (1 - fmr) ** many;
    chart.move(place, fmr, fnmr);
    back.disabled = Math.abs(place - threshold) < (high - low) / 1500;
    slider.setAttribute("aria-valuetext", `score ${place.toFixed(3)}, false matches ${percent(fmr)}, false non-matches ${percent(fnmr)}`);
    show(
      words,
      fact("Threshold", place.toFixed(3), back.disabled ? "the model’s own" : `the model’s own is ${threshold.toFixed(3)}`),
      fact("False matches (FMR)", percent(fmr), `of two different things taken for the same: ${ofMany(fmr)}`),
      fact("False non-matches (FNMR)", percent(fnmr), `of two of the same taken for different: ${ofMany(fnmr)}`),
      fact(`A stranger among ${many.toLocaleString("en")}`, percent(stranger), "taken for somebody who is enrolled"),
    );
  }
  const node = el(
    "section",
    { class: "card stack", "aria-labelledby": "threshold-title" },
    el("h2", { id: "threshold-title" }, "What another threshold would do"),
    el("p", { class: "hint" }, "Raise it, and fewer strangers pass while more of the enrolled are refused. This only shows; ", el("code", {}, "firstsight calibrate"), " sets it."),
    chart.node,
    field("Threshold", slider),
    words,
    el("div", { class: "row" }, back),
    field("Identities enrolled", people, "A stranger is compared with each of them, so errors add up."),
  );
  move();
  return node;
}

const fact = (name, value, how) => el("div", {}, el("dt", {}, name), el("dd", {}, el("span", { class: "big" }, value), el("span", { class: "hint" }, how)));

/** What the model was found to be good for, and why no better; nothing of models of earlier versions. */
export function verdict(known) {
  const found = known?.verdict;
  if (!found) return null;
  return el(
    "section",
    { class: `verdict ${found.level}`, "aria-label": "What the model is good for" },
    el("p", {}, el("b", {}, "Verdict: "), found.sentence),
    found.reason ? el("p", { class: "hint" }, `Likeliest reason: ${found.reason}.`) : null,
    found.advice ? el("p", { class: "hint" }, `What would help most: ${found.advice}.`) : null,
  );
}

function facts(known) {
  return el(
    "dl",
    { class: "facts" },
    fact("Model", known.name, known.fingerprint),
    fact("Threshold", known.threshold === null ? "none" : known.threshold.toFixed(3), known.target ? `for ${known.target}` : "not calibrated"),
    fact("Reads", known.input.name, `version ${known.input.version}`),
    fact("Learned from", count(known.trained.classes, "class", "classes"), known.trained.data),
  );
}

export function view() {
  const body = el("div", {});
  const node = el("div", { class: "view model" }, el("h1", { tabindex: "-1" }, "Model"), body);
  return {
    node,
    start: async () => {
      show(body, loading());
      try {
        const known = await model();
        const measured = known.threshold !== null && known.curve?.fmr?.length;
        show(
          body,
          verdict(known),
          facts(known),
          measured
            ? curves(known)
            : el("section", { class: "card" }, el("h2", {}, "What another threshold would do"), el("p", {}, known.threshold === null ? "The model is not calibrated, so it gives scores and decides nothing." : "The calibration of this model does not hold its error rates at other thresholds; calibrate it again to see them.")),
          el("section", { class: "card prose", "aria-label": "Model card" }, markdown(known.card)),
        );
      } catch (error) {
        wrong(body, error);
      }
    },
    leave: () => {},
  };
}

// Draw: a symbol once, its name, and then again: it is recognised while it is drawn.

import { candidates, findings, loading, reason, verdict, wrong } from "./answers.js";
import { button, count, el, field, show } from "./elements.js";
import { leaving, say, settle } from "./notices.js";
import { model, refresh, session, tickOf } from "./session.js";
import { Sketch } from "./sketch.js";
import { ofIdentity, stale } from "./thumbnails.js";
import * as verbs from "./verbs.js";

const PAUSE = 250; // ms after a stroke before the service is asked
const BESIDE = 24; // thumbnails beside the sheet

const STEPS = [
  ["Draw a symbol", "any sign you like, once"],
  ["Give it a name", "and enroll it"],
  ["Draw it again", "and see it recognised"],
];

export function view() {
  const gallery = session.gallery;
  let enrolled = [];
  let tick = null;
  let timer = 0;
  let asked = null;
  let file = null; // a picture chosen in place of a drawing
  let last = "";

  const answer = el("div", { class: "answer" });
  const name = el("input", { type: "text", autocomplete: "off", maxlength: "200", required: true });
  const trouble = el("div", { class: "trouble" });
  const submit = el("button", { class: "main" }, "Enroll it");
  const beside = el("section", { class: "beside", "aria-labelledby": "beside-title" });

  const chosen = el("div", { class: "chosen" });
  const input = el("input", {
    type: "file",
    accept: "image/*",
    class: "unseen",
    "aria-label": "Choose a picture of a symbol instead of drawing",
    onchange: () => {
      if (!input.files.length) return;
      file = input.files[0];
      input.value = "";
      sketch.strokes = [];
      sketch.tell(false);
      const address = URL.createObjectURL(file);
      show(chosen, el("img", { src: address, alt: "The picture you chose" }), button("Draw instead", () => (forgetFile(), changed())));
      chosen.hidden = false;
      changed();
    },
  });
  const sketch = new Sketch({
    label: "Drawing sheet",
    beside: el("label", { class: "link-button hint" }, "Choose a picture instead", input),
    onchange: () => {
      if (file && !sketch.empty) forgetFile();
      changed();
    },
  });
  chosen.hidden = true;

  function forgetFile() {
    const picture = chosen.querySelector("img");
    if (picture) URL.revokeObjectURL(picture.src);
    file = null;
    show(chosen);
    chosen.hidden = true;
  }

  const picture = () => file || (sketch.empty ? null : sketch.blob());

  function steps(current) {
    return el(
      "ol",
      { class: "steps" },
      STEPS.map(([what, how], i) =>
        el(
          "li",
          { class: i < current ? "done" : "", "aria-current": i === current && "step" },
          el("span", { class: "step-number", "aria-hidden": "true" }, i + 1),
          el("span", {}, el("strong", {}, what), el("span", { class: "hint" }, ` ${how}`)),
        ),
      ),
    );
  }

  const known = () => enrolled.filter((one) => !leaving(gallery).has(one.identity));

  function changed() {
    clearTimeout(timer);
    asked?.abort();
    show(trouble);
    const some = file || !sketch.empty;
    submit.disabled = !some;
    if (!known().length) {
      show(answer, el("h2", {}, "Show it something once"), steps(some ? 1 : 0));
    } else if (!some) {
      show(answer, el("h2", {}, last ? "Now draw it again" : "Draw, and see who it is"), el("p", { class: "hint" }, last ? `${last} is enrolled from one drawing. Draw it again, a little differently.` : `${count(known().length, "symbol is", "symbols are")} enrolled. Draw one of them, or something else.`));
    } else {
      timer = setTimeout(look, PAUSE);
    }
  }

  async function look() {
    asked = new AbortController();
    const { signal } = asked;
    answer.setAttribute("aria-busy", "true");
    try {
      const [match] = await verbs.identify(gallery, await picture(), { top: 5 }, signal);
      if (signal.aborted) return;
      show(answer, verdict(match), candidates(match, { tick, face: (who) => ofIdentity(gallery, who) }), reason(match));
      say(match.identity === null ? "Unknown" : `This is ${match.identity}`);
    } catch (error) {
      if (!signal.aborted) wrong(answer, error);
    } finally {
      if (!signal.aborted) answer.removeAttribute("aria-busy");
    }
  }

  async function enroll(override = []) {
    const who = name.value.trim();
    const source = picture();
    if (!who || !source) return;
    submit.disabled = true;
    show(trouble);
    try {
      await settle(gallery, who);
      await verbs.enroll(gallery, who, await source, { override });
    } catch (error) {
      if (error.findings?.length) {
        show(trouble, findings(error.findings, (finding) => enroll([...override, finding])));
      } else {
        wrong(trouble, error);
      }
      submit.disabled = false;
      return;
    }
    last = who;
    stale(gallery, who);
    say(`${who} is enrolled.`);
    name.value = "";
    forgetFile();
    sketch.strokes = [];
    sketch.tell(false);
    await list();
    changed();
  }

  async function list() {
    try {
      enrolled = await verbs.identities(gallery, { limit: 10000 });
    } catch (error) {
      wrong(beside, error);
      return;
    }
    const here = known();
    if (!here.length) {
      show(beside);
      return;
    }
    show(
      beside,
      el("h2", { id: "beside-title" }, "Enrolled"),
      el(
        "ul",
        { class: "strip" },
        here.slice(-BESIDE).reverse().map((one) => el("li", {}, ofIdentity(gallery, one.identity), el("span", { class: "who" }, one.identity))),
      ),
      el("p", {}, el("a", { href: "#/gallery" }, here.length > BESIDE ? `All ${here.length.toLocaleString("en")} in the gallery` : "Look after them in the gallery")),
    );
  }

  const form = el(
    "form",
    {
      class: "stack name-it",
      onsubmit: (event) => {
        event.preventDefault();
        enroll();
      },
    },
    el("div", { class: "joined" }, field("Name", name), submit),
    trouble,
  );

  const node = el(
    "div",
    { class: "view draw" },
    el("h1", { tabindex: "-1" }, "Draw"),
    el("p", { class: "lead" }, "One drawing is enough to be recognised again."),
    el(
      "div",
      { class: "two" },
      el("div", { class: "card sheet-card" }, sketch.node, chosen),
      el("div", { class: "side" }, el("section", { class: "card answers", "aria-label": "Answer" }, answer), el("section", { class: "card", "aria-label": "Enroll this drawing" }, form)),
    ),
    beside,
  );

  const keys = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.closest?.("input")) {
      event.preventDefault();
      sketch.undo();
    }
  };
  document.addEventListener("keydown", keys);

  async function start() {
    show(answer, loading());
    await refresh();
    tick = tickOf(await model());
    await list();
    changed();
  }
  submit.disabled = true;
  return {
    node,
    start,
    leave: () => {
      clearTimeout(timer);
      asked?.abort();
      sketch.close();
      forgetFile();
      document.removeEventListener("keydown", keys);
    },
  };
}

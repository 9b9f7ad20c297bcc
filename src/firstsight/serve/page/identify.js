// Identify: who is this, or nobody who is enrolled; recorded only when asked.

import { candidates, loading, reason, verdict, wrong } from "./answers.js";
import { el, field, show, tick } from "./elements.js";
import { say } from "./notices.js";
import { Picker, pasting } from "./picker.js";
import { model, refresh, session, shown, tickOf } from "./session.js";
import { ofIdentity } from "./thumbnails.js";
import * as verbs from "./verbs.js";

const PLACE = "firstsight-place";

export function view() {
  const gallery = session.gallery;
  let file = null;
  let address = "";
  let mark = null;
  let asked = null;

  const box = el("div", { class: "well-picture" });
  const answer = el("div", { class: "answer" });
  const place = el("input", { type: "text", autocomplete: "off", maxlength: "100", placeholder: "door-1", value: sessionStorage.getItem(PLACE) || "" });
  const direction = el("select", {}, el("option", { value: "" }, "not said"), el("option", { value: "in" }, "in"), el("option", { value: "out" }, "out"));
  const more = el("div", { class: "stack record", hidden: true }, el("p", { class: "hint" }, "Counts for the pictures from now on."), field("Place", place), field("Direction", direction, "In and out make the attendance list."));
  const record = tick("Record who it was", { onchange: () => (more.hidden = !record.box.checked) });
  const picker = new Picker({
    label: "Picture",
    onpick: ([one]) => {
      if (address) URL.revokeObjectURL(address);
      file = one;
      address = URL.createObjectURL(one);
      if (!picker.camera) picker.close();
      show(box, el("img", { src: address, alt: "The picture asked about" }));
      look();
    },
  });

  const someone = () => shown()?.identities > 0;

  function invite() {
    show(
      answer,
      el("h2", {}, someone() ? "Give a picture" : "Nobody is enrolled yet"),
      someone()
        ? el("p", { class: "hint" }, "The nearest identities come out as bars; the mark on a bar is where a match begins.")
        : el("p", {}, el("a", { href: "#/draw" }, "Draw a symbol"), " or ", el("a", { href: "#/enroll" }, "enroll a picture"), " first."),
    );
  }

  async function look() {
    asked?.abort();
    if (!someone()) {
      await refresh().catch(() => {});
      if (!someone()) return invite();
    }
    asked = new AbortController();
    const { signal } = asked;
    const options = { top: 5 };
    if (record.box.checked) {
      sessionStorage.setItem(PLACE, place.value.trim());
      Object.assign(options, { record: "true", place: place.value.trim(), direction: direction.value });
    }
    show(answer, loading("Looking…"));
    try {
      const [match] = await verbs.identify(gallery, file, options, signal);
      if (signal.aborted) return;
      show(
        answer,
        verdict(match),
        candidates(match, { tick: mark, face: (who) => ofIdentity(gallery, who) }),
        reason(match),
        options.record && el("p", { class: "fine" }, "Recorded; see ", el("a", { href: "#/events" }, "Events"), "."),
      );
      say(match.identity === null ? "Unknown" : `This is ${match.identity}`);
    } catch (error) {
      if (!signal.aborted) wrong(answer, error);
    }
  }

  const node = el(
    "div",
    { class: "view identify" },
    el("h1", { tabindex: "-1" }, "Identify"),
    el("p", { class: "lead" }, "Who is this, or nobody who is enrolled?"),
    el(
      "div",
      { class: "two" },
      el("section", { class: "card well", "aria-label": "Picture" }, box, picker.node, el("div", { class: "stack" }, record.node, more)),
      el("section", { class: "card answers", "aria-label": "Answer" }, answer),
    ),
  );
  const stop = pasting(() => picker);
  return {
    node,
    start: async () => {
      await refresh();
      mark = tickOf(await model());
      if (!file) invite();
    },
    leave: () => {
      stop();
      asked?.abort();
      picker.close();
      if (address) URL.revokeObjectURL(address);
    },
  };
}

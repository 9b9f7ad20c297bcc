// Enroll: pictures by upload, drop, paste, pen or camera, a name, what is said of them, and the gate's words.

import { findings, wrong } from "./answers.js";
import { button, count, el, field, show } from "./elements.js";
import { verdict } from "./model.js";
import { notice, say, settle } from "./notices.js";
import { Picker, pasting } from "./picker.js";
import { refresh, session } from "./session.js";
import { stale } from "./thumbnails.js";
import * as verbs from "./verbs.js";

export function view() {
  const gallery = session.gallery;
  let files = [];
  let asked = null;
  let timer = 0;

  const list = el("ul", { class: "files", "aria-label": "Pictures to enroll" });
  const words = el("div", { class: "gate" });
  const trouble = el("div", { class: "trouble" });
  const name = el("input", { type: "text", autocomplete: "off", maxlength: "200", required: true, onchange: check });
  const rows = el("div", { class: "said-rows" });
  const submit = el("button", { class: "main" }, "Enroll");
  const picker = new Picker({ label: "Pictures", several: true, onpick: (more) => add(more) });

  function add(more) {
    files.push(...more.map((file) => ({ file, address: URL.createObjectURL(file) })));
    paint();
    say(`${count(files.length, "picture", "pictures")} chosen`);
    check();
  }

  function paint() {
    submit.disabled = !files.length;
    show(
      list,
      files.map((one) =>
        el(
          "li",
          {},
          el("img", { src: one.address, alt: one.file.name }),
          el("span", { class: "file-name" }, one.file.name),
          button("Remove", () => {
            URL.revokeObjectURL(one.address);
            files = files.filter((other) => other !== one);
            paint();
            check();
          }, { class: "quiet", "aria-label": `Remove ${one.file.name}` }),
        ),
      ),
    );
  }

  function check() {
    clearTimeout(timer);
    asked?.abort();
    show(words);
    if (files.length) timer = setTimeout(ask, 300);
  }

  async function ask() {
    asked = new AbortController();
    const { signal } = asked;
    try {
      const found = await verbs.check(gallery, files.map((one) => one.file), name.value.trim(), signal);
      if (signal.aborted) return;
      if (found.length) show(words, el("p", { class: "hint" }, "Seen before anything is stored:"), findings(found, null, meant));
      else show(words, el("p", { class: "fine", role: "status" }, "Nothing speaks against these pictures."), poor());
    } catch (error) {
      if (!signal.aborted && error.status !== 404) wrong(words, error);
    }
  }

  /** What is to be known of a model that is not usable, beside pictures that are. */
  function poor() {
    return ["weak", "useless"].includes(session.model?.verdict?.level) && verdict(session.model);
  }

  /** Which of several pictures the gate means: it calls them by their size, or by their place where it can't read them. */
  function meant(source) {
    const place = /^image (\d+)$/.exec(source);
    if (place) return files[place[1] - 1]?.file.name ?? "";
    const found = files.filter((one) => source.includes(` ${one.file.size} bytes`));
    return files.length > 1 && found.length === 1 ? found[0].file.name : "";
  }

  function addRow(key = "", value = "") {
    const number = rows.children.length + 1;
    const row = el(
      "div",
      { class: "said-row" },
      el("input", { type: "text", value: key, placeholder: "team", "aria-label": `What is said, ${number}`, maxlength: "100" }),
      el("input", { type: "text", value, placeholder: "red", "aria-label": `Its value, ${number}`, maxlength: "500" }),
      button("Remove", () => row.remove(), { class: "quiet", "aria-label": `Remove line ${number}` }),
    );
    rows.append(row);
    return row;
  }

  function said() {
    return [...rows.children]
      .map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim()))
      .filter(([key, value]) => key && value)
      .map(([key, value]) => `${key}=${value}`);
  }

  async function enroll(override = []) {
    const who = name.value.trim();
    if (!who || !files.length) return;
    clearTimeout(timer);
    asked?.abort();
    submit.disabled = true;
    show(trouble);
    try {
      await settle(gallery, who);
      const made = await verbs.enroll(gallery, who, files.map((one) => one.file), { metadata: said(), override });
      stale(gallery, who);
      notice(`${made.identity}: ${count(made.added, "new reference", "new references")}, ${made.references} in all${made.notes.length ? ` (${made.notes.join("; ")})` : ""}.`, { seconds: 8 });
      drop();
      name.value = "";
      show(rows);
      show(words);
      name.focus();
    } catch (error) {
      if (error.findings?.length) {
        show(words);
        show(trouble, el("p", { role: "alert" }, "Not enrolled. The gate found:"), findings(error.findings, (finding) => enroll([...override, finding]), meant));
      } else wrong(trouble, error);
    }
    submit.disabled = !files.length;
  }

  function drop() {
    for (const one of files) URL.revokeObjectURL(one.address);
    files = [];
    paint();
  }

  const node = el(
    "div",
    { class: "view enroll" },
    el("h1", { tabindex: "-1" }, "Enroll"),
    el("p", { class: "lead" }, "One good picture is enough; two or three make it steadier."),
    el(
      "form",
      {
        class: "two",
        onsubmit: (event) => {
          event.preventDefault();
          enroll();
        },
      },
      el("section", { class: "card stack", "aria-label": "Pictures" }, el("h2", {}, "Pictures"), picker.node, list, words),
      el(
        "section",
        { class: "card stack", "aria-label": "Who it is" },
        el("h2", {}, "Who it is"),
        field("Name", name, "A name that is enrolled already gets these pictures too."),
        el("div", { class: "field" }, el("p", { class: "label" }, "What is said of these pictures"), rows, el("div", { class: "row" }, button("Add a line", () => addRow().querySelector("input").focus()))),
        trouble,
        el("div", { class: "row" }, submit),
      ),
    ),
  );
  paint();
  const stop = pasting(() => picker);
  return {
    node,
    start: refresh,
    leave: () => {
      stop();
      clearTimeout(timer);
      asked?.abort();
      picker.close();
      drop();
    },
  };
}

// Dialogs: the key, and questions of one line.

import { button, el, field, show } from "./elements.js";

/** A modal dialog; resolves when it is closed. */
export function dialog(title, build, { wide = false } = {}) {
  const heading = el("h2", { id: "dialog-title", tabindex: "-1" }, title);
  const body = el("div", { class: "dialog-body" });
  const node = el("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : "" });
  const close = () => node.close();
  const head = el("div", { class: "dialog-head" }, heading, button("Close", close, { class: "quiet" }));
  show(node, head, body);
  document.body.append(node);
  build(body, close, heading);
  node.showModal();
  return new Promise((done) => node.addEventListener("close", () => (node.remove(), done())));
}

/** Ask for the key of this service. */
export function askKey(complaint, keep) {
  return dialog("This service asks for a key", (body, close) => {
    const input = el("input", { type: "password", autocomplete: "off", required: true, spellcheck: "false" });
    const form = el(
      "form",
      {
        class: "stack",
        onsubmit: (event) => {
          event.preventDefault();
          keep(input.value);
          close();
        },
      },
      complaint && el("p", { class: "error", role: "alert" }, complaint),
      el("p", {}, "Whoever runs it can make one with ", el("code", {}, "firstsight key"), "."),
      field("Key", input, "It is kept until this tab is closed, and sent to this service only."),
      el("div", { class: "row" }, el("button", { class: "main" }, "Use this key")),
    );
    body.append(form);
    queueMicrotask(() => input.focus());
  });
}

/** A question of one line; `act(text)` may throw, which is said in the dialog. */
export function askLine(title, label, { hint, value = "", verb, options = [], act }) {
  return dialog(title, (body, close) => {
    const list = options.length ? el("datalist", { id: "choices" }, options.map((one) => el("option", { value: one }))) : null;
    const input = el("input", { type: "text", required: true, value, autocomplete: "off", list: list && "choices" });
    const wrong = el("p", { class: "error", role: "alert", hidden: true });
    const submit = el("button", { class: "main" }, verb);
    body.append(
      el(
        "form",
        {
          class: "stack",
          onsubmit: async (event) => {
            event.preventDefault();
            submit.disabled = true;
            try {
              await act(input.value);
              close();
            } catch (error) {
              wrong.hidden = false;
              show(wrong, error.message);
              submit.disabled = false;
            }
          },
        },
        field(label, input, hint),
        list,
        wrong,
        el("div", { class: "row" }, submit),
      ),
    );
    queueMicrotask(() => (input.focus(), input.select()));
  });
}

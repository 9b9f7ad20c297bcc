// One identity in a dialog: its references, what is said of it, and what can be done with it.

import { loading, wrong } from "./answers.js";
import { askLine, dialog } from "./dialogs.js";
import { button, count, el, moment, show } from "./elements.js";
import { leaving, notice, settle, undoable } from "./notices.js";
import { ofReference, stale } from "./thumbnails.js";
import * as verbs from "./verbs.js";

/** Show an identity; `changed()` is called after anything was done. */
export function open(gallery, identity, changed) {
  const who = identity.identity;
  return dialog(
    who,
    (body, close) => {
      const references = el("div", {}, loading());
      const trouble = el("div", { class: "trouble" });
      const rows = el("div", { class: "said-rows" });
      let said = { ...identity.metadata };
      let seen = null;

      function addRow(key = "", value = "") {
        const inputs = [
          el("input", { type: "text", value: key, placeholder: "team", "aria-label": "What is said", maxlength: "100" }),
          el("input", { type: "text", value, placeholder: "red", "aria-label": `Its value${key && `, ${key}`}`, maxlength: "500" }),
        ];
        const row = el("div", { class: "said-row" }, inputs, button("Remove", () => row.remove(), { class: "quiet", "aria-label": `Remove ${key || "this line"}` }));
        rows.append(row);
        return inputs[0];
      }

      async function save() {
        const now = Object.fromEntries(
          [...rows.children].map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim())).filter(([key, value]) => key && value),
        );
        const words = [
          ...Object.entries(now).map(([key, value]) => `${key}=${value}`),
          ...Object.keys(said).filter((key) => !(key in now)).map((key) => `${key}=`),
        ];
        show(trouble);
        if (!words.length) return;
        try {
          said = { ...(await verbs.annotate(gallery, who, words)).metadata };
          notice(`What is said of ${who} is saved.`);
          changed();
        } catch (error) {
          wrong(trouble, error);
        }
      }

      const others = async () => (await verbs.identities(gallery, { limit: 1000 })).map((one) => one.identity).filter((name) => name !== who && !leaving(gallery).has(name));

      async function rename() {
        close();
        await askLine(`Rename ${who}`, "Its next name", {
          value: who,
          verb: "Rename",
          act: async (to) => {
            await settle(gallery, to);
            await verbs.rename(gallery, who, to);
            stale(gallery, who);
            notice(`${who} is ${to.trim()} now.`);
            changed();
          },
        });
      }

      async function merge() {
        close();
        await askLine(`Merge ${who} into another`, "The identity that gets its pictures", {
          hint: `${who} is gone afterwards; what both have stays once.`,
          verb: "Merge",
          options: await others().catch(() => []),
          act: async (into) => {
            await settle(gallery, into);
            await verbs.merge(gallery, who, into);
            stale(gallery, who);
            stale(gallery, into);
            notice(`${who} went into ${into.trim()}.`);
            changed();
          },
        });
      }

      function remove() {
        close();
        undoable(gallery, who, async (leaves) => {
          if (!leaves && seen && !(await verbs.references(gallery, { identity: who })).every((one) => seen.has(one.id))) {
            throw new Error("it has other pictures now than when you looked; look again");
          }
          await verbs.remove(gallery, who, leaves);
        }, changed);
        changed();
      }

      for (const [key, value] of Object.entries(said)) addRow(key, value);
      body.append(
        references,
        el("section", { class: "stack", "aria-label": "What is said" }, el("h3", {}, "What is said"), rows, el("div", { class: "row" }, button("Add a line", () => addRow().focus()), button("Save", save))),
        trouble,
        el("div", { class: "row dialog-acts" }, button("Rename", rename), button("Merge into…", merge), button("Remove", remove, { class: "danger" })),
      );

      verbs.references(gallery, { identity: who }).then(
        (found) => {
          seen = new Set(found.map((one) => one.id));
          show(
            references,
            el("h3", {}, count(found.length, "reference", "references")),
            el(
              "ul",
              { class: "strip wide-strip" },
              found.map((one) =>
                el("li", {}, ofReference(gallery, one, `Reference ${one.id}`), el("span", { class: "hint" }, moment(one.created)), Object.entries(one.metadata).map(([key, value]) => el("span", { class: "hint" }, `${key}=${value}`))),
              ),
            ),
          );
        },
        (error) => wrong(references, error),
      );
    },
    { wide: true },
  );
}

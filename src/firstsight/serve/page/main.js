// The page: which view is shown, which gallery, and what is said when the service is gone.

import { empty, loading, wrong } from "./answers.js";
import { askKey } from "./dialogs.js";
import { button, el, field, show, tick } from "./elements.js";
import { notice } from "./notices.js";
import { hasKey, keep, line, prompts } from "./service.js";
import { choose, model, refresh, session } from "./session.js";
import * as verbs from "./verbs.js";
import { view as compare } from "./compare.js";
import { view as draw } from "./draw.js";
import { view as enroll } from "./enroll.js";
import { view as events } from "./events.js";
import { view as gallery } from "./gallery.js";
import { view as identify } from "./identify.js";
import { view as ofModel } from "./model.js";

const VIEWS = { draw, compare, enroll, identify, gallery, events, model: ofModel };
const NO_GALLERY_NEEDED = new Set(["compare", "model"]);

const content = document.getElementById("content");
const banner = document.getElementById("banner");
const menu = document.getElementById("menu");
const nav = document.getElementById("views");
const whose = document.getElementById("whose");
const foot = document.getElementById("foot");

let current = null;
let turn = 0;

prompts.key = (complaint) => askKey(complaint, keep);

const wanted = () => {
  const name = location.hash.replace(/^#\/?/, "").split("/")[0];
  return VIEWS[name] ? name : "draw";
};

async function route({ focus = true } = {}) {
  const name = wanted();
  const mine = ++turn;
  current?.leave();
  current = null;
  for (const link of nav.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = name[0].toUpperCase() + name.slice(1);
  document.title = `${title} – FirstSight`;
  fold(true);
  if (!session.galleries.length || !session.model) {
    show(content, loading());
    try {
      await Promise.all([refresh(), model()]);
    } catch (error) {
      if (mine === turn) failed(error);
      return;
    }
    if (mine !== turn) return;
    paintWhose();
  }
  if (!session.gallery && !NO_GALLERY_NEEDED.has(name)) {
    show(content, noGallery());
    return;
  }
  current = VIEWS[name]();
  show(content, current.node);
  if (focus) content.querySelector("h1")?.focus({ preventScroll: true });
  if (focus) scrollTo(0, 0);
  try {
    await current.start();
  } catch (error) {
    if (mine === turn) failed(error);
  }
}

function failed(error) {
  const place = el("div", {});
  wrong(place, error);
  show(content, el("h1", { tabindex: "-1" }, "This did not work"), place, el("div", { class: "row" }, button("Try again", () => route(), { class: "main" })));
}

function noGallery() {
  const name = el("input", { type: "text", value: "main", required: true, maxlength: "64" });
  const kept = tick("Keep the pictures, so that the gallery can show them and be rebuilt for another model", { checked: true });
  const trouble = el("div", {});
  return empty(
    "There is no gallery yet",
    el(
      "form",
      {
        class: "stack",
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await verbs.create(name.value.trim(), kept.box.checked);
            choose(name.value.trim());
            await refresh();
            paintWhose();
            route();
          } catch (error) {
            wrong(trouble, error);
          }
        },
      },
      field("Its name", name),
      kept.node,
      trouble,
      el("div", { class: "row" }, el("button", { class: "main" }, "Make it")),
    ),
  );
}

function paintWhose() {
  if (session.galleries.length > 1) {
    const select = el(
      "select",
      {
        "aria-label": "Gallery",
        onchange: () => {
          choose(select.value);
          paintWhose();
          route();
        },
      },
      session.galleries.map((one) => el("option", { value: one.gallery }, one.gallery)),
    );
    select.value = session.gallery;
    show(whose, select);
  } else show(whose);
  const here = session.galleries.find((one) => one.gallery === session.gallery);
  const parts = [`Model ${session.model?.name ?? ""} (${session.model?.fingerprint ?? ""}).`];
  if (here) parts.unshift(`Gallery ${here.gallery}, pictures ${here.keep_sources ? "kept" : "not kept"}.`);
  show(foot, `${parts.join(" ")} Nothing leaves this service. `, hasKey() && button("Forget the key", () => (keep(""), location.reload()), { class: "link-button" }));
}

function fold(closed) {
  menu.setAttribute("aria-expanded", String(!closed));
  nav.classList.toggle("open", !closed);
}
menu.addEventListener("click", () => fold(menu.getAttribute("aria-expanded") === "true"));
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu.getAttribute("aria-expanded") === "true") {
    fold(true);
    menu.focus();
  }
});

line.addEventListener("lost", (event) => {
  banner.hidden = false;
  show(banner, `The service does not answer. Trying again in ${event.detail} s; what was not acknowledged was not done.`);
});
line.addEventListener("back", () => {
  banner.hidden = true;
  notice("The service is back.");
  if (content.querySelector(".error") || !current) route({ focus: false });
});
line.addEventListener("key", () => session.model && paintWhose());

// The skip link moves the focus; its address would be taken for a view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  content.focus();
});

// A picture that is dropped beside its place would replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
addEventListener("hashchange", () => {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  route();
});
route({ focus: false });

// Gallery: who is enrolled, with pictures; searched, described, renamed, merged, removed with a way back.

import { empty, loading, many, wrong } from "./answers.js";
import { button, count, el, field, show } from "./elements.js";
import { open } from "./identity.js";
import { leaving } from "./notices.js";
import { refresh, session, shown } from "./session.js";
import { ofIdentity } from "./thumbnails.js";
import * as verbs from "./verbs.js";

const PAGE = 60;

/** `team=red, shift=late night` as cards show it: a condition begins at a word with a "=", so values may hold blanks. */
const conditions = (text) => text.trim().split(/(?:,\s*|\s+)(?=[^\s=]+=)/).filter(Boolean);

export function view() {
  const gallery = session.gallery;
  let asked = null;
  let timer = 0;
  let trail = []; // the identity before each page that was passed

  const search = el("input", { type: "search", autocomplete: "off", oninput: () => later(), placeholder: "part of a name" });
  const where = el("input", { type: "text", autocomplete: "off", oninput: () => later(), placeholder: "team=red" });
  const sum = el("p", { class: "hint", role: "status" });
  const grid = el("div", { class: "grid-place" });
  const pages = el("nav", { class: "row pages", "aria-label": "Pages" });

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      trail = [];
      list();
    }, 200);
  }

  async function list() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const query = { search: search.value.trim(), where: conditions(where.value), limit: PAGE + 1, after: trail.at(-1) };
    let found;
    try {
      found = await verbs.identities(gallery, query, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404 && trail.length) {
        trail = []; // the one before this page is gone
        return list();
      }
      show(pages);
      wrong(grid, error);
      return;
    }
    const gone = leaving(gallery);
    const page = found.slice(0, PAGE);
    const here = page.filter((one) => !gone.has(one.identity));
    const asking = query.search || query.where.length;
    const all = (shown()?.identities ?? 0) - gone.size;
    show(sum, asking ? `${count(here.length, "identity", "identities")}${found.length > PAGE ? " and more" : ""} of ${all.toLocaleString("en")}` : count(Math.max(0, all), "identity", "identities"));
    if (here.length) {
      show(grid, el("ul", { class: "grid", "aria-label": "Identities" }, here.map(card)));
    } else if (asking || trail.length) {
      show(grid, empty("Nobody is called that", el("p", {}, "Search is by a part of the name; conditions are written team=red, shift=late night.")));
    } else {
      show(grid, empty("Nobody is enrolled yet", el("p", {}, el("a", { href: "#/draw" }, "Draw a symbol"), " or ", el("a", { href: "#/enroll" }, "enroll a picture"), ".")));
    }
    show(
      pages,
      trail.length > 0 && button("Earlier", () => (trail.pop(), list())),
      found.length > PAGE && button("Later", () => (trail.push(page.at(-1).identity), list().then(() => scrollTo(0, 0)))),
    );
  }

  function card(one) {
    return el(
      "li",
      { class: "identity" },
      el(
        "button",
        { type: "button", class: "identity-card", onclick: () => open(gallery, one, changed) },
        ofIdentity(gallery, one.identity),
        el("span", { class: "who" }, one.identity),
        el("span", { class: "hint" }, many(one)),
        Object.keys(one.metadata).length > 0 && el("span", { class: "hint said" }, Object.entries(one.metadata).map(([key, value]) => `${key}=${value}`).join(", ")),
      ),
    );
  }

  async function changed() {
    await refresh();
    await list();
  }

  const node = el(
    "div",
    { class: "view gallery" },
    el("h1", { tabindex: "-1" }, "Gallery"),
    el("div", { class: "filters", role: "search" }, field("Search", search), field("Where", where)),
    sum,
    grid,
    pages,
  );
  return {
    node,
    start: async () => {
      show(grid, loading());
      await changed();
    },
    leave: () => {
      clearTimeout(timer);
      asked?.abort();
    },
  };
}

// Events: what was asked and done, as far as it was recorded, and who was there on a day.

import { empty, loading, wrong } from "./answers.js";
import { button, count, el, field, moment, percent, show } from "./elements.js";
import { session } from "./session.js";
import * as verbs from "./verbs.js";

const PAGE = 100;
const VERBS = ["identify", "verify", "enroll", "replace", "rename", "merge", "remove", "annotate"];

const MOST = 10000;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The day by the reader's clock. */
function today() {
  const now = new Date();
  return new Date(now - 60000 * now.getTimezoneOffset()).toISOString().slice(0, 10);
}

/** The moment at which a day of the reader's clock begins, `later` days on. */
function midnight(day, later = 0) {
  if (!day) return "";
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + later);
  return at.toISOString();
}

function outcome(event) {
  if (event.same === null || event.same === undefined) return "";
  if (event.verb === "identify") return event.same ? "known" : "unknown";
  return event.same ? "same" : "not the same";
}

/** The probability with the score and the one that was needed: alone it may contradict the outcome. */
function sure(event) {
  const told = percent(event.probability);
  if (!told || event.threshold === null) return told;
  const { score, threshold } = event;
  const places = [3, 4, 5, 6, 7, 8].find((n) => score.toFixed(n) !== threshold.toFixed(n)) ?? 3;
  return `${told} (score ${score.toFixed(places)}, needs ${threshold.toFixed(places)})`;
}

export function table(caption, columns, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))))),
    ),
  );
}

export function view() {
  const gallery = session.gallery;
  let many = PAGE;

  const identity = el("input", { type: "search", autocomplete: "off", onchange: again });
  const verb = el("select", { onchange: again }, el("option", { value: "" }, "any"), VERBS.map((one) => el("option", { value: one }, one)));
  const since = el("input", { type: "date", onchange: again });
  const until = el("input", { type: "date", onchange: again });
  const place = el("div", {});
  const pages = el("nav", { class: "row pages", "aria-label": "Pages of events" });

  const day = el("input", { type: "date", value: today(), onchange: attend });
  const there = el("div", {});
  const trouble = el("div", { class: "trouble" });

  function again() {
    many = PAGE;
    list();
  }

  async function list() {
    try {
      const asking = identity.value || verb.value || since.value || until.value;
      const found = await verbs.events(gallery, {
        identity: identity.value.trim(),
        verb: verb.value,
        since: midnight(since.value),
        until: midnight(until.value, 1),
        last: many + 1,
      });
      const page = found.reverse().slice(0, many);
      if (!page.length) {
        show(place, empty(asking ? "No such event" : "Nothing is recorded yet", el("p", {}, "Questions are recorded only where whoever asks wants it: in Identify, tick “Record who it was”.")));
      } else {
        show(
          place,
          table(
            "Events",
            ["When", "What", "Who", "Outcome", "Probability", "Place", "Direction", "Asked by"],
            page.map((one) => [moment(one.at), one.verb, one.identity ?? el("span", { class: "hint" }, one.verb === "identify" && !one.same ? "unknown" : "removed since"), outcome(one), sure(one), one.place || "", one.direction || "", one.actor || ""]),
          ),
        );
      }
      const more = found.length > page.length;
      show(
        pages,
        more && many < MOST - 1 && button("Show earlier ones", () => ((many = Math.min(4 * many, MOST - 1)), list())),
        more && many >= MOST - 1 && el("p", { class: "hint" }, `These are the newest ${count(page.length, "event", "events")}; choose days to see earlier ones.`),
      );
    } catch (error) {
      show(pages);
      wrong(place, error);
    }
  }

  const clock = (text) => (text ? new Date(text).toLocaleTimeString(undefined, { timeStyle: "short" }) : "–");

  function lasting(seconds) {
    if (!seconds) return "–";
    const minutes = Math.round(seconds / 60);
    if (!minutes) return "under a minute";
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  }

  async function attend() {
    show(trouble);
    if (!day.value) {
      show(there, empty("No day is chosen"));
      return;
    }
    try {
      const found = await verbs.attendance(gallery, { day: day.value, zone: ZONE });
      show(
        there,
        found.length
          ? table(
              `Attendance on ${day.value}`,
              ["Who", "First in", "Last out", "There for", "Seen", "To be known"],
              found.map((one) => [one.identity, clock(one.first_in), clock(one.last_out), lasting(one.seconds), one.events, one.notes.join("; ")]),
            )
          : empty("Nobody was recorded on this day", el("p", {}, "Attendance comes from questions recorded with a direction, in or out.")),
        el("p", { class: "hint" }, found.length ? `${count(found.length, "identity", "identities")}; times of ${ZONE}` : ""),
      );
    } catch (error) {
      wrong(there, error);
    }
  }

  async function download() {
    show(trouble);
    if (!day.value) return;
    try {
      const sheet = await verbs.attendanceCsv(gallery, { day: day.value, zone: ZONE });
      const address = URL.createObjectURL(new Blob(["\ufeff", sheet], { type: "text/csv" })); // by the mark spreadsheets know UTF-8
      const link = el("a", { href: address, download: `attendance-${gallery}-${day.value}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    } catch (error) {
      wrong(trouble, error);
    }
  }

  const node = el(
    "div",
    { class: "view events" },
    el("h1", { tabindex: "-1" }, "Events"),
    el(
      "section",
      { class: "card stack", "aria-labelledby": "attendance-title" },
      el("h2", { id: "attendance-title" }, "Attendance"),
      el("div", { class: "filters" }, field("Day", day), button("Download as CSV", download)),
      trouble,
      there,
    ),
    el(
      "section",
      { class: "card stack", "aria-labelledby": "events-title" },
      el("h2", { id: "events-title" }, "All that was recorded"),
      el("div", { class: "filters", role: "search" }, field("Identity", identity), field("What", verb), field("From", since), field("To", until)),
      place,
      pages,
    ),
  );
  return {
    node,
    start: async () => {
      show(place, loading());
      show(there, loading());
      await Promise.all([list(), attend()]);
    },
    leave: () => {},
  };
}

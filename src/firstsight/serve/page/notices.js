// Notices: what was done, said to eyes and ears; a removal waits here, so that it can be undone.

import { button, el } from "./elements.js";

const place = document.getElementById("notices");
const ears = document.getElementById("said");

/** Say a sentence to screen readers, nothing on the screen. */
export function say(text) {
  ears.textContent = "";
  requestAnimationFrame(() => (ears.textContent = text));
}

/** A sentence for some seconds. The next one takes its place, unless there is something to do or it is of a failure. */
export function notice(text, { seconds = 5, action, label, failure = false } = {}) {
  const node = el("div", { class: "notice" }, el("p", {}, text));
  const close = () => node.remove();
  if (action) node.append(button(label, () => (close(), action()), { class: "quiet" }));
  const passing = !action && !failure;
  if (passing) for (const older of place.querySelectorAll(".passing")) older.remove();
  node.classList.toggle("passing", passing);
  place.append(node);
  say(text);
  if (seconds) setTimeout(close, 1000 * seconds);
  return close;
}

const waiting = new Map();
const SECONDS = 7;

/** Names whose removal waits, of a gallery. */
export const leaving = (gallery) => new Set([...waiting.values()].filter((w) => w.gallery === gallery).map((w) => w.identity));

const nameOf = (gallery, identity) => JSON.stringify([gallery, identity.normalize("NFC").trim()]);

/** Before a name is used again: what waits to be removed under it is removed now, so that nothing new is. */
export const settle = (gallery, identity) => waiting.get(nameOf(gallery, identity))?.now();

/** Do something final after some seconds, unless it is undone before. */
export function undoable(gallery, identity, act, after) {
  const name = nameOf(gallery, identity);
  const close = notice(`${identity} will be removed, to the last byte.`, {
    seconds: 0,
    label: "Undo",
    action: () => {
      clearTimeout(waiting.get(name)?.timer);
      waiting.delete(name);
      say(`${identity} stays.`);
      after();
    },
  });
  let done = null;
  const now = () => {
    clearTimeout(timer);
    return (done ||= finish());
  };
  async function finish() {
    close();
    try {
      await act(false);
      waiting.delete(name);
      notice(`${identity} is removed.`);
    } catch (error) {
      waiting.delete(name);
      notice(`${identity} was not removed: ${error.message}`, { seconds: 12, failure: true });
    }
    after();
  }
  const timer = setTimeout(now, 1000 * SECONDS);
  waiting.set(name, { gallery, identity, timer, act, now });
}

// Who leaves the page before the time is up has still asked for it.
addEventListener("pagehide", () => {
  for (const { timer, act } of waiting.values()) {
    clearTimeout(timer);
    act(true).catch(() => {});
  }
  waiting.clear();
});

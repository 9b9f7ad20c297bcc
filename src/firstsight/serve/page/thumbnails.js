// Thumbnails of kept pictures, asked for when they come into sight; a letter stands where none is kept.

import { el } from "./elements.js";
import { shown } from "./session.js";
import * as verbs from "./verbs.js";

const SIZE = 160;
const known = new Map(); // "gallery/reference" -> address of the picture
const firsts = new Map(); // "gallery\nidentity" -> reference that stands for it
const AT_ONCE = 4;
const queue = [];
let busy = 0;

const sight = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    queue.push(target.load);
    next();
  }
}, { rootMargin: "200px" });

async function next() {
  if (busy >= AT_ONCE || !queue.length) return;
  busy++;
  try {
    await queue.shift()();
  } catch {
    // A picture that does not come leaves the letter standing.
  } finally {
    busy--;
    next();
  }
}

/** Forget what was fetched of an identity, because it changed. */
export const stale = (gallery, identity) => firsts.delete(`${gallery}\n${identity}`);

async function address(gallery, reference) {
  const name = `${gallery}/${reference}`;
  if (!known.has(name)) known.set(name, URL.createObjectURL(await verbs.picture(gallery, reference, SIZE)));
  return known.get(name);
}

function letter(identity) {
  const first = [...identity.trim()][0] || "?";
  return el("span", { class: "letter", "aria-hidden": "true" }, first.toLocaleUpperCase());
}

/** The picture of a reference. */
export function ofReference(gallery, reference, alt) {
  const node = el("span", { class: "thumb" }, letter(reference.identity));
  if (!reference.kept) return node;
  node.load = async () => node.replaceChildren(el("img", { src: await address(gallery, reference.id), alt, width: 80, height: 80 }));
  sight.observe(node);
  return node;
}

/** The picture that stands for an identity: of its newest reference that is kept. */
export function ofIdentity(gallery, identity) {
  const node = el("span", { class: "thumb" }, letter(identity));
  if (!shown()?.keep_sources) return node;
  node.load = async () => {
    const name = `${gallery}\n${identity}`;
    if (!firsts.has(name)) {
      const found = await verbs.references(gallery, { identity });
      firsts.set(name, found.filter((one) => one.kept).at(-1)?.id ?? null);
    }
    const reference = firsts.get(name);
    if (reference === null) return;
    node.replaceChildren(el("img", { src: await address(gallery, reference), alt: "", width: 80, height: 80 }));
  };
  sight.observe(node);
  return node;
}

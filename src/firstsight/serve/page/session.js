// What one visit knows: the model, the galleries, and which of them is shown.

import * as verbs from "./verbs.js";

const CHOSEN = "firstsight-gallery";

export const session = { model: null, galleries: [], gallery: "" };

/** The gallery shown, as the service lists it. */
export const shown = () => session.galleries.find((one) => one.gallery === session.gallery);

/** Show another gallery. */
export function choose(gallery) {
  session.gallery = gallery;
  sessionStorage.setItem(CHOSEN, gallery);
}

/** Ask the service again which galleries there are. */
export async function refresh() {
  session.galleries = await verbs.galleries();
  const names = session.galleries.map((one) => one.gallery);
  const wanted = session.gallery || sessionStorage.getItem(CHOSEN) || "";
  session.gallery = names.includes(wanted) ? wanted : names.includes("main") ? "main" : names[0] || "";
}

/** The model, asked for once. */
export async function model() {
  session.model ||= await verbs.model();
  return session.model;
}

/** Probability at the model's threshold: where on a bar a match begins; null without a curve. */
export function tickOf(known) {
  const curve = known && known.curve;
  if (!curve || known.threshold === null || !curve.score || !curve.probability) return null;
  return at(curve.score, curve.probability, known.threshold);
}

/** A value between the points of a rising x. */
export function at(x, y, place) {
  if (!x.length) return null;
  if (place <= x[0]) return y[0];
  for (let i = 1; i < x.length; i++) {
    if (place <= x[i]) return y[i - 1] + ((y[i] - y[i - 1]) * (place - x[i - 1])) / (x[i] - x[i - 1]);
  }
  return y[y.length - 1];
}

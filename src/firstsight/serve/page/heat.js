// What matched, laid over a picture: the map of `why` in a warm colour.

import { el } from "./elements.js";

const WARM = [224, 82, 6];
const PLACES = [
  ["upper left", "top", "upper right"],
  ["left", "middle", "right"],
  ["lower left", "bottom", "lower right"],
];

/** A picture with its map. The map can be hidden by the class `bare` of a parent. */
export function overlaid(address, alt, map) {
  const sheet = el("canvas", { width: map.width, height: map.height, class: "heat", "aria-hidden": "true" });
  const pen = sheet.getContext("2d");
  const pixels = pen.createImageData(map.width, map.height);
  map.values.flat().forEach((value, i) => pixels.data.set([...WARM, Math.round(205 * value)], 4 * i));
  pen.putImageData(pixels, 0, 0);
  return el(
    "figure",
    { class: "overlaid" },
    el("div", { class: "layers" }, el("img", { src: address, alt: `${alt}; ${words(map)}` }), sheet),
  );
}

/** Where the map is strongest, in words. */
export function words(map) {
  const sums = [0, 1, 2].map(() => [0, 0, 0]);
  map.values.forEach((row, y) =>
    row.forEach((value, x) => {
      sums[Math.min(2, Math.floor((3 * y) / map.height))][Math.min(2, Math.floor((3 * x) / map.width))] += value;
    }),
  );
  const all = sums.flat().map((sum, i) => [sum, PLACES[Math.floor(i / 3)][i % 3]]);
  const total = all.reduce((before, [sum]) => before + sum, 0);
  if (total === 0) return "no place stands out";
  return `what matched is mostly at the ${all.sort((a, b) => b[0] - a[0]).slice(0, 2).map(([, place]) => place).join(" and the ")}`;
}

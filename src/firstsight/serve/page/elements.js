// Elements: the only place that makes them. What is shown of users' words becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** An HTML element; strings among the children become text. */
export const el = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);

/** An SVG element. */
export const svg = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Put other children into an element. */
export function show(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

let made = 0;

/** A label with its control, and words that explain it. */
export function field(label, control, hint) {
  const id = control.id || `field-${++made}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    control,
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
  );
}

/** A checkbox with its label behind it. */
export function tick(label, properties = {}) {
  const box = el("input", { type: "checkbox", ...properties });
  return { box, node: el("label", { class: "tick" }, box, el("span", {}, label)) };
}

/** A button that is not a submit button. */
export const button = (label, onclick, properties = {}) => el("button", { type: "button", onclick, ...properties }, label);

/** 0.934 -> "93 %", with a digit more near the ends, where it matters. */
export function percent(share) {
  if (share === null || share === undefined) return "";
  const value = 100 * share;
  if (value > 0 && value < 0.01) return "< 0.01 %";
  if (value < 1) return `${value.toFixed(2)} %`;
  if (value >= 99 && value < 100) return `${Math.min(99.9, value).toFixed(1)} %`;
  return `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

/** "1 reference", "2 references". */
export const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** A moment in UTC as the reader's clock shows it. */
export function moment(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

// Drawing: strokes by mouse, touch or pen, kept as points, so that one can be taken back and the paper can change.

import { button, el } from "./elements.js";

const SIDE = 560; // points along a side, whatever the size on the screen
const WIDTH = 18;
const EXPORTED = 280;

/** A sheet to draw on. `onchange` is told after each stroke, undo and clear; `beside` stands beside the buttons. */
export class Sketch {
  constructor({ label, onchange = () => {}, beside = null }) {
    this.strokes = [];
    this.onchange = onchange;
    this.canvas = el("canvas", { width: SIDE, height: SIDE, role: "img", class: "sheet" });
    this.label = label;
    this.current = null;
    this.undoButton = button("Undo stroke", () => this.undo());
    this.clearButton = button("Clear", () => this.clear());
    this.place = el("div", { class: "sheet-place" }, this.canvas);
    this.node = el(
      "div",
      { class: "sketch" },
      this.place,
      el("div", { class: "row sketch-tools" }, el("div", { class: "row" }, this.undoButton, this.clearButton), beside || ""),
    );
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.canvas.addEventListener(end, () => this.end());
    }
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.paint();
    this.scheme.addEventListener("change", this.repaint);
    requestAnimationFrame(() => this.tell(false));
  }

  /** Let go of what outlives the element. */
  close() {
    this.scheme.removeEventListener("change", this.repaint);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  begin(event) {
    if (this.current || (event.pointerType === "mouse" && event.button !== 0)) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.current = { id: event.pointerId, points: [this.point(event)] };
    this.strokes.push(this.current.points);
    this.paint();
  }

  move(event) {
    if (!this.current || event.pointerId !== this.current.id) return;
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of passed.length ? passed : [event]) this.current.points.push(this.point(one));
    this.paint();
  }

  end() {
    if (!this.current) return;
    this.current = null;
    this.tell();
  }

  undo() {
    this.strokes.pop();
    this.tell();
  }

  clear() {
    this.strokes = [];
    this.current = null;
    this.tell();
  }

  get empty() {
    return this.strokes.length === 0;
  }

  tell(changed = true) {
    this.undoButton.disabled = this.clearButton.disabled = this.empty;
    const many = this.strokes.length;
    this.canvas.setAttribute(
      "aria-label",
      `${this.label}: ${many === 0 ? "nothing drawn yet" : `${many} ${many === 1 ? "stroke" : "strokes"} drawn`}`,
    );
    this.canvas.dataset.strokes = many;
    this.paint();
    if (changed) this.onchange();
  }

  paint() {
    this.place.classList.toggle("blank", this.empty);
    const style = getComputedStyle(this.canvas);
    this.draw(this.canvas, style.getPropertyValue("--ink").trim() || "#000", null);
  }

  draw(canvas, ink, paper) {
    const pen = canvas.getContext("2d");
    pen.setTransform(canvas.width / SIDE, 0, 0, canvas.height / SIDE, 0, 0);
    pen.clearRect(0, 0, SIDE, SIDE);
    if (paper) {
      pen.fillStyle = paper;
      pen.fillRect(0, 0, SIDE, SIDE);
    }
    pen.strokeStyle = pen.fillStyle = ink;
    pen.lineWidth = WIDTH;
    pen.lineCap = pen.lineJoin = "round";
    for (const points of this.strokes) {
      pen.beginPath();
      if (points.length < 2) {
        pen.arc(points[0][0], points[0][1], WIDTH / 2, 0, 7);
        pen.fill();
        continue;
      }
      pen.moveTo(...points[0]);
      for (let i = 1; i < points.length - 1; i++) {
        const [x, y] = points[i];
        pen.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
      }
      pen.lineTo(...points[points.length - 1]);
      pen.stroke();
    }
  }

  /** The drawing as a PNG file, black on white whatever the colours of the page. */
  blob() {
    const sheet = el("canvas", { width: EXPORTED, height: EXPORTED });
    this.draw(sheet, "#000", "#fff");
    return new Promise((done) => sheet.toBlob((made) => done(new File([made], "drawing.png", { type: "image/png" })), "image/png"));
  }
}

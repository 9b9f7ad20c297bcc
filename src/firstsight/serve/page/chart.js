// The error rates over the threshold, on a logarithmic scale: false matches fall, false non-matches rise.

import { el, percent, svg } from "./elements.js";

const MARGIN = { left: 60, right: 16, top: 16, bottom: 40 };
const LEAST = 1e-4; // what is less is drawn at the lower end

export class Chart {
  constructor({ score, fmr, fnmr, threshold, narrow = false }) {
    [this.width, this.height] = narrow ? [360, 280] : [720, 300];
    this.low = score[0];
    this.high = score.at(-1);
    const path = (rates) => rates.map((rate, i) => `${i ? "L" : "M"}${this.x(score[i]).toFixed(1)} ${this.y(rate).toFixed(1)}`).join("");
    const right = this.width - MARGIN.right;
    const bottom = this.height - MARGIN.bottom;
    const levels = [1, 0.1, 0.01, 0.001, 0.0001];
    const step = [0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10].find((one) => (this.high - this.low) / one <= (narrow ? 5 : 8)) || 20;
    const marks = [];
    for (let place = Math.ceil(this.low / step) * step; place <= this.high + 1e-9; place += step) marks.push(place);
    this.line = svg("line", { class: "chart-now", y1: MARGIN.top, y2: bottom });
    this.dots = [svg("circle", { class: "chart-dot fmr", r: 5 }), svg("circle", { class: "chart-dot fnmr", r: 5 })];
    const own = this.x(threshold);
    this.node = el(
      "figure",
      { class: "chart" },
      svg(
        "svg",
        { viewBox: `0 0 ${this.width} ${this.height}`, role: "img", "aria-label": "Error rates over the threshold: false matches fall and false non-matches rise as it is raised" },
        levels.map((level) => [
          svg("line", { class: "chart-grid", x1: MARGIN.left, x2: right, y1: this.y(level), y2: this.y(level) }),
          svg("text", { class: "chart-text", x: MARGIN.left - 8, y: this.y(level) + 4, "text-anchor": "end" }, level === 1 ? "100 %" : percent(level).replace(/\.0+ /, " ").replace(/(\.\d*?)0+ /, "$1 ")),
        ]),
        marks.map((place) => svg("text", { class: "chart-text", x: this.x(place), y: bottom + 20, "text-anchor": "middle" }, Number(place.toFixed(6)).toString())),
        svg("text", { class: "chart-text", x: (MARGIN.left + right) / 2, y: this.height - 4, "text-anchor": "middle" }, "threshold (score)"),
        svg("line", { class: "chart-own", x1: own, x2: own, y1: MARGIN.top, y2: bottom }),
        svg("path", { class: "chart-line fmr", d: path(fmr) }),
        svg("path", { class: "chart-line fnmr", d: path(fnmr) }),
        this.line,
        this.dots,
      ),
      el(
        "figcaption",
        { class: "chart-legend" },
        el("span", { class: "key fmr" }, "False matches (FMR)"),
        el("span", { class: "key fnmr" }, "False non-matches (FNMR)"),
        el("span", { class: "key own" }, "The model’s threshold"),
      ),
    );
  }

  x(score) {
    return MARGIN.left + ((score - this.low) / (this.high - this.low)) * (this.width - MARGIN.left - MARGIN.right);
  }

  y(rate) {
    const share = Math.log(Math.max(LEAST, rate)) / Math.log(LEAST);
    return MARGIN.top + share * (this.height - MARGIN.top - MARGIN.bottom);
  }

  /** Put the mark at another threshold. */
  move(place, fmr, fnmr) {
    const x = this.x(place);
    this.line.setAttribute("x1", x);
    this.line.setAttribute("x2", x);
    [fmr, fnmr].forEach((rate, i) => {
      this.dots[i].setAttribute("cx", x);
      this.dots[i].setAttribute("cy", this.y(rate));
    });
  }
}

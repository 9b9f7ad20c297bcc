"use strict";
(() => {
  const data = JSON.parse(document.getElementById("sphere-data").textContent);
  const canvas = document.getElementById("sphere");
  const says = document.getElementById("sphere-name");
  const buttons = [...document.querySelectorAll("#sphere-classes button")];
  const pen = canvas.getContext("2d");
  let turn = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];  // rows: where x, y and z of the screen lie in the data
  let chosen = -1, hovered = -1, size = 0;

  const times = (m, v) => m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
  const rotate = (dx, dy) => {
    const [c, s, d, t] = [Math.cos(dx), Math.sin(dx), Math.cos(dy), Math.sin(dy)];
    const step = [[c, 0, s], [t * s, d, -t * c], [-d * s, t, d * c]];
    turn = step.map((row) => [0, 1, 2].map((j) => row[0] * turn[0][j] + row[1] * turn[1][j] + row[2] * turn[2][j]));
    draw();
  };
  const place = (v) => {
    const [x, y, z] = times(turn, v);
    return [size / 2 + 0.45 * size * x, size / 2 - 0.45 * size * y, z];
  };
  // The edge of a cap: the circle at its angle around the middle.
  const ring = (cap) => {
    const m = cap.middle, least = m.map(Math.abs).indexOf(Math.min(...m.map(Math.abs)));
    const e = [0, 1, 2].map((i) => (i === least ? 1 : 0) - m[least] * m[i]);
    const length = Math.hypot(...e), u = e.map((x) => x / length);
    const v = [m[1] * u[2] - m[2] * u[1], m[2] * u[0] - m[0] * u[2], m[0] * u[1] - m[1] * u[0]];
    const [c, s] = [Math.cos(cap.angle), Math.sin(cap.angle)];
    return Array.from({ length: 73 }, (_, k) => {
      const a = (k / 72) * 2 * Math.PI;
      return m.map((x, i) => c * x + s * (Math.cos(a) * u[i] + Math.sin(a) * v[i]));
    });
  };
  const rings = data.caps.map((cap) => (cap && cap.angle > 0 && cap.angle < 3.14 ? ring(cap) : null));

  function draw() {
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--plot-ink").trim() || "#808080";
    const shown = hovered >= 0 ? hovered : chosen;
    pen.clearRect(0, 0, size, size);
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.55;
    pen.beginPath();
    pen.arc(size / 2, size / 2, 0.45 * size, 0, 2 * Math.PI);
    pen.stroke();
    rings.forEach((points, c) => {
      if (!points) return;
      pen.strokeStyle = data.colours[c];
      pen.lineWidth = c === shown ? 2.5 : 1;
      for (let k = 1; k < points.length; k++) {
        const [x, y, z] = place(points[k - 1]), [x2, y2] = place(points[k]);
        pen.globalAlpha = (c === shown ? 1 : shown >= 0 ? 0.15 : 0.5) * (z > 0 ? 1 : 0.3);
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(x2, y2);
        pen.stroke();
      }
    });
    const order = data.points.map((p, i) => [place(p), i]).sort((a, b) => a[0][2] - b[0][2]);
    for (const [[x, y, z], i] of order) {
      const c = data.labels[i], r = (0.008 + 0.003 * z) * size * (c === shown ? 1.3 : 1);
      pen.globalAlpha = (shown >= 0 && c !== shown ? 0.2 : 1) * (z > 0 ? 0.95 : 0.35);
      pen.fillStyle = data.colours[c];
      pen.beginPath();
      mark(Math.floor(c / 10) % 4, x, y, r);
      pen.fill();
    }
    pen.globalAlpha = 1;
    says.textContent = shown >= 0 ? data.names[shown] : "";
    canvas.dataset.drawn = order.length;
  }
  function mark(kind, x, y, r) {
    if (kind === 0) return pen.arc(x, y, r, 0, 2 * Math.PI);
    const corners = [0, 3, 4, 4][kind], from = [0, -Math.PI / 2, Math.PI / 4, 0][kind];
    for (let k = 0; k < corners; k++) {
      const a = from + (k * 2 * Math.PI) / corners;
      pen.lineTo(x + 1.3 * r * Math.cos(a), y + 1.3 * r * Math.sin(a));
    }
  }
  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, least = 18;
    data.points.forEach((p, i) => {
      const [x, y, z] = place(p), away = Math.hypot(x - px, y - py) + (z > 0 ? 0 : 12);
      if (away < least) [best, least] = [i, away];
    });
    return best < 0 ? -1 : data.labels[best];
  }
  function choose(c) {
    chosen = chosen === c ? -1 : c;
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(i === chosen)));
    draw();
  }

  let held = null, moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    moved = 0;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) {
      const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
      held = [event.clientX, event.clientY];
      moved += Math.abs(dx) + Math.abs(dy);
      rotate((2.4 * dx) / size, (2.4 * dy) / size);
    } else {
      const c = nearest(event);
      if (c !== hovered) {
        hovered = c;
        draw();
      }
    }
  });
  const release = (event) => {
    if (held && moved < 6 && event.type === "pointerup") {
      const c = nearest(event);
      hovered = -1;
      if (c >= 0 ? c !== chosen : chosen >= 0) choose(c >= 0 ? c : chosen);
    }
    held = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
    if (dx || dy) {
      event.preventDefault();
      rotate(0.12 * dx, 0.12 * dy);
    }
  });
  buttons.forEach((button, c) => button.addEventListener("click", () => choose(c)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => {
    const ratio = window.devicePixelRatio || 1;
    size = canvas.clientWidth;
    canvas.width = canvas.height = Math.round(size * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw();
  }).observe(canvas);
  rotate(0.5, 0.35);
})();

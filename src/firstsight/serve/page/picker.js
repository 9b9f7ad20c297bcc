// Where pictures come from: a file, a drop, the clipboard, the pen, the camera.

import { Camera } from "./camera.js";
import { button, el, show } from "./elements.js";
import { Sketch } from "./sketch.js";

const KINDS = "image/png,image/jpeg,image/webp,image/bmp,image/gif,image/tiff,image/avif";

/** Whether a file may be a picture; the service has the last word. */
const pictures = (files) => [...files].filter((file) => !file.type || file.type.startsWith("image/"));

/** A place that takes pictures. `onpick(files)` gets them; `several` allows more than one at a time. */
export class Picker {
  constructor({ label, several = false, draw = true, camera = true, onpick }) {
    this.onpick = onpick;
    this.label = label;
    this.input = el("input", {
      type: "file",
      accept: KINDS,
      multiple: several,
      class: "unseen",
      "aria-label": `${label}: choose ${several ? "pictures" : "a picture"}`,
      onchange: () => {
        this.took([...this.input.files]);
        this.input.value = "";
      },
    });
    const choose = el("label", { class: "as-button" }, several ? "Choose pictures" : "Choose a picture", this.input);
    this.extra = el("div", { class: "picker-extra" });
    this.wrong = el("p", { class: "error", role: "alert", hidden: true });
    const tools = el("div", { class: "row" }, choose);
    if (draw) tools.append(button("Draw", () => this.draw()));
    if (camera) tools.append(button("Camera", () => this.film()));
    this.node = el(
      "div",
      { class: "picker", role: "group", "aria-label": label, tabindex: "-1" },
      el("p", { class: "picker-hint" }, several ? "Drop pictures here, paste them, or" : "Drop a picture here, paste it, or"),
      tools,
      this.wrong,
      this.extra,
    );
    for (const name of ["dragover", "dragenter"]) {
      this.node.addEventListener(name, (event) => {
        event.preventDefault();
        this.node.classList.add("over");
      });
    }
    this.node.addEventListener("dragleave", () => this.node.classList.remove("over"));
    this.node.addEventListener("drop", (event) => {
      event.preventDefault();
      this.node.classList.remove("over");
      this.took([...event.dataTransfer.files]);
    });
  }

  /** What was pasted while this one is the one that is meant. */
  paste(event) {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return false;
    event.preventDefault();
    this.took(files);
    return true;
  }

  took(files) {
    const good = pictures(files);
    this.wrong.hidden = good.length === files.length;
    if (good.length < files.length) {
      show(this.wrong, files.length === 1 ? "That is not a picture." : "Some of these are not pictures.", " PNG, JPEG, WebP, BMP, GIF and TIFF are read.");
    }
    if (good.length) this.onpick(good);
  }

  draw() {
    this.close();
    const sketch = (this.sketch = new Sketch({ label: this.label }));
    const use = button("Use this drawing", async () => {
      if (sketch.empty) return;
      const file = await sketch.blob();
      this.close();
      this.took([file]);
    }, { class: "main" });
    show(this.extra, sketch.node, el("div", { class: "row" }, use));
  }

  film() {
    this.close();
    this.camera = new Camera((file) => this.took([file]));
    show(this.extra, this.camera.node);
    this.camera.open();
  }

  /** Put away sheet and camera. */
  close() {
    this.sketch?.close();
    this.camera?.close();
    this.sketch = this.camera = null;
    show(this.extra);
  }
}

/** Pictures from the clipboard go to one of the pickers; returns how to stop listening. */
export function pasting(which) {
  const listen = (event) => {
    if (event.target.closest?.("input[type=text], input[type=search], textarea, dialog")) return;
    which()?.paste(event);
  };
  document.addEventListener("paste", listen);
  return () => document.removeEventListener("paste", listen);
}

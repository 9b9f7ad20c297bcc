// The webcam: one picture at a time, nothing leaves the page before it is taken.

import { button, el, show } from "./elements.js";

const WHY = {
  NotAllowedError: "The camera was refused. Allow it for this site in the browser, or upload a picture instead.",
  NotFoundError: "No camera was found. Upload a picture instead.",
  NotReadableError: "The camera is used by another program. Close that one, or upload a picture instead.",
};

/** A viewfinder; `take(file)` gets each picture. Closing it switches the camera off. */
export class Camera {
  constructor(take) {
    this.take = take;
    this.stream = null;
    this.node = el("div", { class: "camera" });
  }

  async open() {
    show(this.node, el("p", { class: "hint", role: "status" }, "Waiting for the camera…"));
    if (!navigator.mediaDevices?.getUserMedia) {
      this.refuse("A browser gives no camera to a page that came without encryption from another machine. Upload a picture instead.");
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" }, audio: false });
    } catch (error) {
      this.refuse(WHY[error.name] || `The camera does not work (${error.name}). Upload a picture instead.`);
      return;
    }
    if (!this.node.isConnected) {
      this.close();
      return;
    }
    const video = el("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
    video.muted = true;
    video.srcObject = this.stream;
    show(
      this.node,
      video,
      el(
        "div",
        { class: "row" },
        button("Take the picture", () => this.shoot(video), { class: "main" }),
        button("Switch off", () => this.close()),
      ),
    );
  }

  refuse(sentence) {
    show(this.node, el("p", { class: "error", role: "alert" }, sentence));
  }

  shoot(video) {
    if (!video.videoWidth) return;
    const sheet = el("canvas", { width: video.videoWidth, height: video.videoHeight });
    sheet.getContext("2d").drawImage(video, 0, 0);
    const name = `camera-${new Date().toISOString().slice(11, 19).replaceAll(":", "")}.jpg`;
    sheet.toBlob((made) => this.take(new File([made], name, { type: "image/jpeg" })), "image/jpeg", 0.92);
  }

  close() {
    for (const track of this.stream?.getTracks() || []) track.stop();
    this.stream = null;
    show(this.node);
  }
}

// The verbs, with the names they have in Python and on the command line.

import { ask, post } from "./service.js";

const at = (gallery, verb) => `galleries/${encodeURIComponent(gallery)}/${verb}`;

export const model = () => ask("model");
export const galleries = () => ask("galleries");
export const create = (gallery, keepSources) => post("galleries", { json: { gallery, keep_sources: keepSources } });

export const compare = (left, right, signal) => post("compare", { form: { left, right, why: "true" }, signal });

export const identities = (gallery, query, signal) => ask(at(gallery, "identities"), { query, signal });
export const references = (gallery, query, signal) => ask(at(gallery, "references"), { query, signal });
export const picture = (gallery, reference, size) =>
  ask(at(gallery, `references/${reference}/image`), { query: { size }, as: "blob" });

export const enroll = (gallery, identity, images, { metadata = [], override = [] } = {}) =>
  post(at(gallery, "enroll"), { form: { identity, images, metadata, override } });
export const check = (gallery, images, identity, signal) =>
  post(at(gallery, "check"), { form: { images, identity }, signal });
export const annotate = (gallery, identity, metadata) =>
  post(at(gallery, "annotate"), { json: { identity, metadata } });
export const rename = (gallery, identity, to) => post(at(gallery, "rename"), { json: { identity, to } });
export const merge = (gallery, identity, into) => post(at(gallery, "merge"), { json: { identity, into } });
export const remove = (gallery, identity, keepalive = false) =>
  post(at(gallery, "remove"), { json: { identity }, keepalive });

export const identify = (gallery, images, options = {}, signal) =>
  post(at(gallery, "identify"), { form: { images, ...options }, signal });

export const events = (gallery, query) => ask(at(gallery, "events"), { query });
export const attendance = (gallery, query) => ask(at(gallery, "attendance"), { query });
export const attendanceCsv = (gallery, query) =>
  ask(at(gallery, "attendance"), { query: { ...query, format: "csv" }, as: "blob" });

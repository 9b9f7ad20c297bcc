// What keeps somebody from using a view: run in the page, gives a list of sentences.
() => {
    const said = (node) => (node.textContent || "").trim();
    const of = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)).map((n) => (n ? said(n) : "")).join(" ").trim();
    const name = (node) =>
        (node.getAttribute("aria-labelledby") && of(node.getAttribute("aria-labelledby"))) ||
        (node.getAttribute("aria-label") || "").trim() ||
        (node.labels && [...node.labels].map(said).join(" ").trim()) ||
        (node.tagName === "IMG" ? node.alt : said(node)) ||
        [...node.querySelectorAll("img[alt]")].map((n) => n.alt).join(" ").trim();
    const faults = [];
    const controls = "a[href], button, input, select, textarea, [role=img], [role=region], [role=group], dialog, canvas:not([aria-hidden])";
    for (const node of document.querySelectorAll(controls)) {
        if (!name(node)) faults.push(`no name: ${node.outerHTML.slice(0, 120)}`);
    }
    for (const node of document.querySelectorAll("section, nav")) {
        if (!name(node) || !(node.hasAttribute("aria-label") || node.hasAttribute("aria-labelledby"))) faults.push(`no landmark name: ${node.outerHTML.slice(0, 120)}`);
    }
    for (const node of document.querySelectorAll("img")) if (!node.hasAttribute("alt")) faults.push(`no alt: ${node.src}`);
    for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
        for (const which of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
            for (const id of (node.getAttribute(which) || "").split(/\s+/).filter(Boolean)) {
                if (!document.getElementById(id)) faults.push(`${which} leads nowhere: ${id}`);
            }
        }
    }
    const ids = [...document.querySelectorAll("[id]")].map((n) => n.id);
    for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) faults.push(`id twice: ${id}`);
    for (const node of document.querySelectorAll("[tabindex]")) if (node.tabIndex > 0) faults.push("a positive tabindex");
    const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((n) => Number(n.tagName[1]));
    if (levels.filter((level) => level === 1).length !== 1) faults.push(`first headings: ${levels}`);
    levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) faults.push(`headings skip: ${levels}`); });
    for (const tag of ["main", "header", "nav", "footer"]) if (!document.querySelector(tag)) faults.push(`no ${tag}`);
    if (!document.documentElement.lang || !document.title) faults.push("no language or title");
    for (const node of document.querySelectorAll("th")) if (!node.scope) faults.push("a heading of a table without its scope");
    for (const node of document.querySelectorAll("a[target=_blank]")) faults.push(`opens elsewhere: ${node.href}`);
    return faults;
}

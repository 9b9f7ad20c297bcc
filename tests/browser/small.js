// Controls that are too small for a finger.
() => [...document.querySelectorAll("main button, main select, main input:not([type=checkbox]):not(.unseen), nav a, header button")]
    .filter((node) => node.offsetParent && !node.classList.contains("link-button"))
    .map((node) => [node.getBoundingClientRect(), node.textContent || node.type])
    .filter(([box]) => box.height < 32 || box.width < 32)
    .map(([, text]) => text)

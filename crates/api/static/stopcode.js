// Small conveniences. Every page works without them.
"use strict";

// A filter box above long tables.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const box = document.createElement("input");
  box.type = "search";
  box.className = "filter-box";
  box.placeholder = table.dataset.filter;
  box.setAttribute("aria-label", table.dataset.filter);
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase();
    for (const [row, text] of rows) row.hidden = !text.includes(wanted);
  });
  const panel = table.closest(".panel");
  panel.insertBefore(box, table.closest(".scroll") ?? table);
}

// A copy button on command lines; only where the browser allows it.
for (const shell of navigator.clipboard ? document.querySelectorAll("pre.shell") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy small";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(shell.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  const frame = document.createElement("div");
  frame.className = "shell-frame";
  shell.replaceWith(frame);
  frame.append(shell, button);
}

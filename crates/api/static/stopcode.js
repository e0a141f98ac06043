// Small conveniences. Every page works without them.
"use strict";

// Moments are shown in the reader's own time zone; days, which are counted in UTC, stay as they are.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
function localise(root) {
  for (const element of root.querySelectorAll("time[datetime*=T]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const two = (number) => String(number).padStart(2, "0");
    const name = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at)
      .find((part) => part.type === "timeZoneName")?.value ?? zone;
    element.title = element.textContent;
    element.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())} ${name}`;
  }
}
localise(document);
for (const element of document.querySelectorAll("[data-zone]")) {
  element.textContent = `Times are in your zone, ${zone}; days are counted in UTC`;
}

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

// On a phone the navigation is wider than the screen.
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.behind, details.pad")) folded.open = true;
});

// What is not settled yet is looked at again, until it is.
async function refresh(part) {
  await new Promise((resolve) => { setTimeout(resolve, 1500); });
  let next = part;
  try {
    const answer = await fetch(part.dataset.refresh, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = answer.ok && page.getElementById(part.id);
    if (found) {
      next = found;
      part.replaceWith(next);
      localise(next);
    }
  } catch {
    // The server may be away for a moment.
  }
  if (next.dataset.refresh) await refresh(next);
}
for (const part of document.querySelectorAll("[data-refresh]")) refresh(part);

// Dumps are dragged onto the page, and sent one by one with their progress.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  form.querySelector("[data-drag]").hidden = false;
  let depth = 0;
  const mark = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", () => { depth += 1; mark(); });
  addEventListener("dragleave", () => { depth -= 1; mark(); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    if (event.dataTransfer.files.length > 0 && !button.disabled) {
      input.files = event.dataTransfer.files;
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    sendAll([...input.files], form).finally(() => {
      button.disabled = false;
      input.value = "";
    });
  });
}

// Sends the files in order. When all were taken, goes on to what becomes of them; else says what was not.
async function sendAll(files, form) {
  let list = form.querySelector(".sending");
  list?.remove();
  list = document.createElement("ul");
  list.className = "sending";
  list.setAttribute("aria-live", "polite");
  form.append(list);
  const rows = files.map((file) => addRow(list, file));
  const [taken, known] = [[], []];
  let refused = 0;
  for (const [index, file] of files.entries()) {
    const answer = await send(file, form.elements.machine.value.trim(), rows[index].progress);
    for (const dump of answer.dumps) {
      if (!taken.includes(dump.id)) taken.push(dump.id);
      if (dump.duplicate) known.push(dump.id);
    }
    refused += answer.refused.length;
    rows[index].tell(answer);
  }
  if (taken.length === 0) return;
  const address = `/upload?dumps=${taken.slice(0, 200)}&known=${known.slice(0, 200)}`;
  if (refused === 0) {
    location.assign(address);
    return;
  }
  const link = document.createElement("a");
  link.className = "button";
  link.href = address;
  link.textContent = "See what became of the others";
  form.querySelector(".actions").append(link);
}

function addRow(list, file) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.className = "wrap";
  name.textContent = file.name;
  const progress = document.createElement("progress");
  progress.max = 1;
  progress.value = 0;
  progress.setAttribute("aria-label", `Sending ${file.name}`);
  row.append(name, progress);
  list.append(row);
  const tell = ({ dumps, refused }) => {
    const words = refused.map((one) => {
      const told = one.file_name && one.file_name !== file.name ? `${one.file_name}: ${one.reason}` : one.reason;
      // The name stands beside it already.
      return told.startsWith(`${file.name}: `) ? told.slice(file.name.length + 2) : told;
    });
    if (dumps.length > 0) words.unshift(dumps.length === 1 ? (dumps[0].duplicate ? "known already" : "taken") : `${dumps.length} dumps taken`);
    const outcome = document.createElement("span");
    outcome.className = refused.length > 0 ? "wrap worse" : "better";
    outcome.textContent = words.join("; ");
    progress.replaceWith(outcome);
  };
  return { progress, tell };
}

// One file by the form's own way. A busy server is asked again after the time it names.
async function send(file, machine, progress) {
  const failed = (reason) => ({ dumps: [], refused: [{ reason }] });
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const request = await post(file, machine, progress);
    if (request.status === 429) {
      const seconds = Number(request.getResponseHeader("retry-after")) || 2;
      await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
      continue;
    }
    if (request.status === 0) return failed("the server could not be reached");
    if (request.status === 401) return failed("your session has ended; sign in again");
    try {
      const answer = JSON.parse(request.responseText);
      return request.status < 300 ? { refused: [], ...answer } : failed(answer.detail);
    } catch {
      return failed(`the server answered ${request.status}`);
    }
  }
  return failed("the server is too busy; try again later");
}

function post(file, machine, progress) {
  const body = new FormData();
  body.append("upload_file_minidump", file);
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) progress.value = event.loaded / event.total;
  });
  request.open("POST", `/api/v1/dumps${machine ? `?machine=${encodeURIComponent(machine)}` : ""}`);
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => resolve(request));
    request.send(body);
  });
}

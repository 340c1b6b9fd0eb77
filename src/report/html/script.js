"use strict";

// The page is whole without this. It adds what a page can't do alone: sort a table, enlarge a picture, tell the numbers of a hop that
// is pointed at, and save the JSON. It asks for nothing and keeps nothing.

// What a cell is sorted by: its own key, else its text; a number where it is one; nothing where it is empty.
function keyOf(cell) {
  const text = (cell.getAttribute("data-key") ?? cell.textContent).trim();
  if (text === "") return { kind: 2, value: "" };
  const number = Number(text);
  return Number.isNaN(number) ? { kind: 1, value: text } : { kind: 0, value: number };
}

// Numbers before texts; within a text, digits as the numbers that they are.
function compare(a, b) {
  if (a.kind !== b.kind) return a.kind - b.kind;
  if (a.kind === 0) return a.value - b.value;
  return a.value.localeCompare(b.value, "en", { numeric: true });
}

// The rows in order of a column. Equal ones keep their order, and what is empty comes last either way.
function sorted(rows, column, descending) {
  const keyed = rows.map((row) => ({ row, key: keyOf(row.cells[column]) }));
  keyed.sort((a, b) => {
    if (a.key.kind === 2 || b.key.kind === 2) return a.key.kind - b.key.kind;
    return descending ? compare(b.key, a.key) : compare(a.key, b.key);
  });
  return keyed.map(({ row }) => row);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  if (body.rows.length < 2) return;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...sorted(Array.from(body.rows), column, descending));
    });
  });
}

// The size of a picture after a step: 1 is larger, -1 smaller, 0 its own size; never so small or large that it is lost.
function zoomed(factor, step) {
  if (step === 0) return 1;
  return Math.min(4, Math.max(0.25, step > 0 ? factor * 1.25 : factor / 1.25));
}

function makeZoomable(figure) {
  const pane = figure.querySelector(".scroll");
  const picture = pane.querySelector("svg");
  const [width, height] = ["width", "height"].map((name) => Number(picture.getAttribute(name)));
  const tools = document.createElement("p");
  tools.className = "tools";
  let factor = 1;
  const zoom = (step) => {
    factor = zoomed(factor, step);
    picture.setAttribute("width", String(Math.round(width * factor)));
    picture.setAttribute("height", String(Math.round(height * factor)));
  };
  for (const [name, step] of [["Larger (+)", 1], ["Smaller (−)", -1], ["Own size (0)", 0]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => zoom(step));
    tools.append(button, " ");
  }
  pane.before(tools);
  pane.addEventListener("keydown", (event) => {
    const step = { "+": 1, "=": 1, "-": -1, "0": 0 }[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoom(step);
  });
  const detail = document.createElement("p");
  detail.className = "detail";
  detail.setAttribute("aria-live", "polite");
  detail.textContent = "Point at a box, or reach it with the Tab key, for its numbers.";
  pane.after(detail);
  const tell = (event) => {
    const title = event.target.closest("svg a, svg g[tabindex]")?.querySelector("title");
    if (title) detail.textContent = title.textContent;
  };
  pane.addEventListener("focusin", tell);
  pane.addEventListener("pointerover", tell);
}

// The JSON as it was written into the file.
function takenOut(page) {
  return page.getElementById("nwcheck-report").textContent.trim() + "\n";
}

function makeSavable(page) {
  const button = page.createElement("button");
  button.type = "button";
  button.textContent = "Save the JSON";
  button.addEventListener("click", () => {
    const link = page.createElement("a");
    link.href = URL.createObjectURL(new Blob([takenOut(page)], { type: "application/json" }));
    link.download = "nwcheck.json";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  page.getElementById("json-how").before(button);
}

document.querySelectorAll("table.sorts").forEach(makeSortable);
document.querySelectorAll("figure.topology").forEach(makeZoomable);
makeSavable(document);
// Paper can't be opened by a click.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((part) => part.setAttribute("open", ""));
});

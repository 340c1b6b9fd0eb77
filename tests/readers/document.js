"use strict";

// node document.js SCRIPT PAGE JSON: reads a page into as much of a document as its script uses, runs the script, and uses what it made.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const vm = require("node:vm");

const [script, page, json] = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8"));

class Text {
  constructor(text) { this.text = text; }
  get textContent() { return this.text; }
}

class Element {
  constructor(name, attributes = {}) {
    this.name = name;
    this.attributes = new Map(Object.entries(attributes));
    this.childNodes = [];
    this.parent = null;
    this.heard = new Map();
  }
  get children() { return this.childNodes.filter((node) => node instanceof Element); }
  get textContent() { return this.childNodes.map((node) => node.textContent).join(""); }
  set textContent(text) { this.childNodes = [new Text(text)]; }
  get id() { return this.attributes.get("id"); }
  set className(name) { this.attributes.set("class", name); }
  getAttribute(name) { return this.attributes.get(name) ?? null; }
  setAttribute(name, value) { this.attributes.set(name, value); }
  removeAttribute(name) { this.attributes.delete(name); }
  remove() {
    if (this.parent) this.parent.childNodes = this.parent.childNodes.filter((node) => node !== this);
    this.parent = null;
  }
  append(...nodes) {
    for (const node of nodes.map((node) => (typeof node === "string" ? new Text(node) : node))) {
      if (node.parent) node.parent.childNodes = node.parent.childNodes.filter((other) => other !== node);
      node.parent = this;
      this.childNodes.push(node);
    }
  }
  beside(node, step) {
    node.remove();
    node.parent = this.parent;
    this.parent.childNodes.splice(this.parent.childNodes.indexOf(this) + step, 0, node);
  }
  before(node) { this.beside(node, 0); }
  after(node) { this.beside(node, 1); }
  *all() {
    for (const child of this.children) {
      yield child;
      yield* child.all();
    }
  }
  // `tag.class[attribute]`, one behind the other for what stands within, with commas between.
  matches(selector) {
    const one = (element, part) => {
      const [, tag, name, attribute] = /^([a-z]*)(?:\.([a-z-]+))?(?:\[([a-z-]+)\])?$/.exec(part);
      return (!tag || element.name === tag)
        && (!name || (element.getAttribute("class") ?? "").split(" ").includes(name))
        && (!attribute || element.attributes.has(attribute));
    };
    return selector.split(", ").some((chain) => {
      const parts = chain.split(" ");
      if (!one(this, parts.pop())) return false;
      let outer = this.parent;
      while (parts.length && outer) {
        if (one(outer, parts[parts.length - 1])) parts.pop();
        outer = outer.parent;
      }
      return parts.length === 0;
    });
  }
  querySelectorAll(selector) { return Array.from(this.all()).filter((element) => element.matches(selector)); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  closest(selector) {
    for (let element = this; element; element = element.parent) if (element.matches(selector)) return element;
    return null;
  }
  getElementById(id) { return Array.from(this.all()).find((element) => element.id === id) ?? null; }
  createElement(name) { return new Element(name); }
  addEventListener(event, listener) { this.heard.set(event, listener); }
  hear(event, target = this, more = {}) {
    let prevented = false;
    this.heard.get(event)({ target, preventDefault() { prevented = true; }, ...more });
    return prevented;
  }
  click() { if (this.name === "a") saved.push([this.download, this.href]); else this.hear("click"); }
  get tHead() { return this.querySelector("thead"); }
  get tBodies() { return this.querySelectorAll("tbody"); }
  get rows() { return this.children.filter((child) => child.name === "tr"); }
  get cells() { return this.children; }
}

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'" };
const resolved = (text) => text.replace(/&[a-z0-9#]+;/g, (entity) => ENTITIES[entity]);

// The strict reader has taken the page already: what it is made of is quoted, closed and nested.
function read(html) {
  const root = new Element("document");
  let at = root;
  for (let rest = html.slice(html.indexOf("<html")); rest;) {
    const tag = /^<(\/?)([a-z0-9]+)((?: [A-Za-z-]+="[^"]*")*)(\/?)>/i.exec(rest);
    if (!tag) {
      const end = rest.indexOf("<") < 0 ? rest.length : rest.indexOf("<");
      at.append(new Text(resolved(rest.slice(0, end))));
      rest = rest.slice(end);
      continue;
    }
    const [whole, ends, name, list, closed] = tag;
    rest = rest.slice(whole.length);
    if (ends) {
      at = at.parent;
      continue;
    }
    const attributes = Array.from(list.matchAll(/ ([A-Za-z-]+)="([^"]*)"/g));
    const element = new Element(name, Object.fromEntries(attributes.map(([, key, value]) => [key, resolved(value)])));
    at.append(element);
    if (name === "style" || name === "script") {
      const end = rest.indexOf(`</${name}>`);
      element.append(new Text(rest.slice(0, end)));
      rest = rest.slice(end + name.length + 3);
    } else if (!closed && name !== "meta") {
      at = element;
    }
  }
  assert.equal(at, root);
  return root;
}

const saved = [];
const window = new Element("window");
const root = read(page);
const context = vm.createContext({
  document: root,
  addEventListener: (event, listener) => window.addEventListener(event, listener),
  Blob: class { constructor(parts) { this.text = parts.join(""); } },
  URL: { createObjectURL: (blob) => blob.text, revokeObjectURL() {} },
});
vm.runInContext(script, context);

// What a cell is sorted by.
const cell = (text, key) => { const made = new Element("td", key === undefined ? {} : { "data-key": key }); made.append(text); return made; };
const row = (...cells) => { const made = new Element("tr"); made.append(...cells); return made; };
const order = (cells, descending) => Array.from(context.sorted(cells.map((one) => row(one)), 0, descending), (one) => one.textContent);
const times = [cell("1.20 s", "1200"), cell(""), cell("9 ms", "9"), cell("10 ms", "10"), cell("9.0 ms", "9")];
assert.deepEqual(order(times, false), ["9 ms", "9.0 ms", "10 ms", "1.20 s", ""]);
assert.deepEqual(order(times, true), ["1.20 s", "10 ms", "9 ms", "9.0 ms", ""]);
const addresses = [cell("10.0.0.10"), cell("10.0.0.9"), cell("no answer"), cell("2001:db8::1")];
assert.deepEqual(order(addresses, false), ["10.0.0.9", "10.0.0.10", "2001:db8::1", "no answer"]);

// How far a picture is enlarged.
assert.equal(context.zoomed(1, 0), 1);
assert.ok(context.zoomed(1, 1) > 1 && context.zoomed(1, -1) < 1);
assert.equal(context.zoomed(4, 1), 4);
assert.equal(context.zoomed(0.25, -1), 0.25);

// A table of the page, by its buttons.
const table = root.querySelectorAll("table.sorts").find((table) => table.tBodies[0].rows.length > 2);
assert.ok(table, "a table with rows to sort");
const heads = table.tHead.rows[0].cells;
const before = table.tBodies[0].rows;
heads.forEach((head, column) => {
  const button = head.querySelector("button");
  assert.ok(button.textContent, "the name of the column is that of the button");
  button.click();
  assert.equal(head.getAttribute("aria-sort"), "ascending");
  const keys = table.tBodies[0].rows.map((row) => context.keyOf(row.cells[column]));
  keys.slice(1).forEach((key, at) => assert.ok(context.compare(keys[at], key) <= 0, `${keys[at].value} before ${key.value}`));
  button.click();
  assert.equal(head.getAttribute("aria-sort"), "descending");
  assert.equal(heads.filter((head) => head.getAttribute("aria-sort")).length, 1);
});
assert.deepEqual(new Set(table.tBodies[0].rows), new Set(before), "no row is lost");

// A picture, by its buttons, the keyboard, and what is pointed at.
const figure = root.querySelector("figure.topology");
const pane = figure.querySelector(".scroll");
const width = () => Number(pane.querySelector("svg").getAttribute("width"));
const own = width();
const [larger, smaller, whole] = figure.querySelector(".tools").querySelectorAll("button");
larger.click();
assert.ok(width() > own);
whole.click();
assert.equal(width(), own);
smaller.click();
assert.ok(width() < own);
assert.ok(pane.hear("keydown", pane, { key: "0" }), "the key is used");
assert.equal(width(), own);
assert.ok(pane.hear("keydown", pane, { key: "+" }));
assert.ok(width() > own);
assert.ok(!pane.hear("keydown", pane, { key: "Tab" }), "other keys are left alone");
assert.ok(!pane.hear("keydown", pane, { key: "+", ctrlKey: true }), "the browser's own zoom, too");
const box = pane.querySelectorAll("svg a")[0];
const detail = figure.querySelector(".detail");
pane.hear("focusin", box);
assert.equal(detail.textContent, box.querySelector("title").textContent);
pane.hear("pointerover", pane.querySelectorAll("svg g[tabindex]")[0].querySelector("rect"));
assert.match(detail.textContent, /^this machine/);
pane.hear("pointerover", pane);
assert.match(detail.textContent, /^this machine/);

// The JSON, as the form of that name has it.
const button = root.getElementById("json").querySelectorAll("button");
assert.equal(button.length, 1);
button[0].click();
assert.equal(saved.length, 1);
assert.equal(saved[0][0], "nwcheck.json");
assert.deepEqual(JSON.parse(saved[0][1]), JSON.parse(json));

// Before it is printed all is opened.
const details = root.querySelectorAll("details");
assert.ok(details.length > 0 && details.every((part) => part.getAttribute("open") === null));
window.hear("beforeprint");
assert.ok(details.every((part) => part.getAttribute("open") === ""));

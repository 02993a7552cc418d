"use strict";
// The hierarchy: two rings below the chosen node, and its children as a list. A node is
// [label, task types, accepted samples, samples in the set, children].
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MIDDLE = 92, INNER = 204, OUTER = 296;
  const SMALLEST = 7; // letters, in units of the picture
  const FINEST = 3; // pixels of an arc; neighbours below it are drawn as one
  const WORDS = { 1: "task types", 2: "accepted samples", 3: "samples in the set" };
  const root = JSON.parse(document.getElementById("tree").textContent);
  const picture = document.getElementById("sunburst");
  const list = document.getElementById("children");
  const crumbs = document.getElementById("crumbs");
  const measure = document.getElementById("measure");
  const words = document.getElementById("sunburst-words");
  let way = [root];
  let letter = 11; // units of the picture, which shrinks on a phone

  const size = node => node[Number(measure.value)];
  const shown = number => number.toLocaleString("en");
  // Sizes are compared only among siblings, so that a node that is a task type itself leaves no gap.
  const ordered = node => [...node[4]].sort((one, other) => size(other) - size(one) || (one[0] < other[0] ? -1 : 1));
  const described = node => `${node[0]}: ${shown(size(node))} ${WORDS[measure.value]}`;

  function make(parent, name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  function point(radius, angle) {
    return `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
  }

  function ring(from, to, start, end) {
    const last = Math.min(end, start + 2 * Math.PI - 1e-4); // an arc whose ends meet would not be drawn
    const large = last - start > Math.PI ? 1 : 0;
    return `M ${point(from, start)} L ${point(to, start)} A ${to} ${to} 0 ${large} 1 ${point(to, last)} ` +
      `L ${point(from, last)} A ${from} ${from} 0 ${large} 0 ${point(from, start)} Z`;
  }

  function arc(node, parents, from, to, start, end, odd) {
    const path = make(picture, "path", { d: ring(from, to, start, end) });
    make(path, "title", {}, described(node));
    if (node[4].length) {
      if (odd) path.setAttribute("class", "odd");
      path.setAttribute("tabindex", parents.length === way.length ? "0" : "-1");
      path.setAttribute("role", "button");
      path.setAttribute("aria-label", described(node));
      path.addEventListener("click", () => go([...parents, node]));
      path.addEventListener("keydown", event => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); go([...parents, node]); }
      });
    } else {
      path.setAttribute("class", "leaf");
    }
    label(node[0], from, to, start, end);
  }

  function label(name, from, to, start, end) {
    const middle = (from + to) / 2, angle = (start + end) / 2;
    const height = Math.min(letter, 0.9 * (end - start) * middle);
    if (height < SMALLEST * letter / 11) return;
    const most = Math.floor((to - from - 10) / (0.54 * height));
    const text = name.length > most ? `${name.slice(0, most - 1).trimEnd()}…` : name;
    const degrees = angle * 180 / Math.PI - 90;
    const upright = angle > Math.PI ? " rotate(180)" : "";
    make(picture, "text", {
      transform: `rotate(${degrees.toFixed(2)}) translate(${middle.toFixed(2)} 0)${upright}`,
      "text-anchor": "middle", "dominant-baseline": "central", "font-size": height.toFixed(1),
    }, text);
  }

  function fine(nodes, from, to, start, end) {
    const path = make(picture, "path", { d: ring(from, to, start, end), class: "fine" });
    const total = nodes.reduce((sum, node) => sum + size(node), 0);
    make(path, "title", {}, `${shown(nodes.length)} more: ${shown(total)} ${WORDS[measure.value]}`);
  }

  function divide(parents, from, to, start, end, each) {
    const nodes = ordered(parents.at(-1)).filter(node => size(node) > 0);
    const total = nodes.reduce((sum, node) => sum + size(node), 0);
    let angle = start;
    for (const [number, node] of nodes.entries()) {
      const next = angle + (end - start) * size(node) / total;
      if ((next - angle) * (from + to) / 2 < FINEST) {
        fine(nodes.slice(number), from, to, angle, end);
        return;
      }
      arc(node, parents, from, to, angle, next, number % 2 === 1);
      if (each) each(node, angle, next);
      angle = next;
    }
  }

  function drawPicture() {
    const node = way.at(-1);
    picture.replaceChildren();
    letter = picture.clientWidth && picture.clientWidth < 450 ? 18 : 11;
    picture.setAttribute("font-size", letter);
    const stripes = make(make(picture, "defs", {}), "pattern",
      { id: "stripes", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    make(stripes, "path", { d: "M 0 0 V 6" });
    divide(way, MIDDLE, INNER, 0, 2 * Math.PI,
      (child, start, end) => divide([...way, child], INNER, OUTER, start, end));
    const middle = make(picture, "circle", { r: MIDDLE - 3, class: "middle" });
    make(middle, "title", {}, way.length > 1 ? `Back to ${way.at(-2)[0]}` : described(node));
    if (way.length > 1) {
      middle.setAttribute("tabindex", "0");
      middle.setAttribute("role", "button");
      middle.setAttribute("aria-label", `Back to ${way.at(-2)[0]}`);
      middle.addEventListener("click", () => go(way.slice(0, -1)));
      middle.addEventListener("keydown", event => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); go(way.slice(0, -1)); }
      });
    }
    const large = 1.2 * letter, step = 1.25 * large;
    const lines = wrapped(node[0], Math.floor(2 * MIDDLE / (0.62 * large)), 4);
    lines.forEach((line, number) => make(picture, "text",
      { class: "name", "font-size": large, y: step * (number - lines.length / 2) + large / 3 }, line));
    make(picture, "text", { class: "size", y: step * lines.length / 2 + large / 2 }, shown(size(node)));
  }

  function wrapped(text, width, most) {
    const lines = [];
    for (const word of text.split(" ")) {
      if (lines.length && `${lines.at(-1)} ${word}`.length <= width) lines[lines.length - 1] += ` ${word}`;
      else lines.push(word);
    }
    return lines.length > most ? [...lines.slice(0, most - 1), "…"] : lines;
  }

  function drawList() {
    const nodes = ordered(way.at(-1));
    const largest = Math.max(1, ...nodes.map(size));
    list.replaceChildren(...nodes.map(node => {
      const line = document.createElement(node[4].length ? "button" : "div");
      if (node[4].length) {
        line.type = "button";
        line.addEventListener("click", () => go([...way, node]));
      }
      for (const text of [node[0], shown(size(node))]) {
        line.append(Object.assign(document.createElement("span"), { textContent: text }));
      }
      const bar = make(line, "svg", { "aria-hidden": "true" });
      make(bar, "rect", { height: 4, width: `${(100 * size(node) / largest).toFixed(2)}%` });
      const item = document.createElement("li");
      item.append(line);
      return item;
    }));
    list.scrollTop = 0;
  }

  function drawCrumbs() {
    crumbs.replaceChildren(...way.map((node, number) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: node[0] });
      if (number === way.length - 1) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => go(way.slice(0, number + 1)));
      return button;
    }));
  }

  function draw() {
    const node = way.at(-1);
    drawPicture();
    drawList();
    drawCrumbs();
    words.textContent = `${node[0]}: ${shown(node[4].length)} on the next level; ${shown(node[1])} task types, ` +
      `${shown(node[2])} accepted samples, ${shown(node[3])} in the set.`;
  }

  function go(to) {
    const held = document.activeElement;
    const kept = [picture, list, crumbs].some(each => each.contains(held));
    way = to;
    draw();
    // What had the focus is gone; the crumb of the new place takes it over.
    if (kept) crumbs.lastElementChild.focus({ preventScroll: true });
  }

  measure.addEventListener("change", draw);
  for (const part of document.querySelectorAll(".controls, .walk")) part.hidden = false;
  draw();
})();

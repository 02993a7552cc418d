/* What all parts of the script use. */
const at = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en-GB");
const plural = (count, name) => `${number(count)} ${count === 1 ? name : `${name}s`}`;

/* Text only ever enters the page as text nodes and attributes, never as markup. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function typePath(type) {
  const levels = type.split("~");
  const parts = [];
  levels.slice(0, -1).forEach((level) => parts.push(level, make("i", {}, "/")));
  return [...parts, make("b", {}, levels[levels.length - 1])];
}

/* The first place of a sorted list whose value is larger than this one. */
function placeAfter(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function later(action, wait) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(action, wait); };
}

/* The tree of task types. Branches are drawn once they are opened, and long ones bit by bit. */
const DRAWN_AT_ONCE = 300;
const root = { path: "", name: "All task types", first: 0, end: index.types.length, children: new Map() };
const nodes = new Map([["", root]]);

index.types.forEach((type, place) => {
  let node = root;
  type.split("~").forEach((name) => {
    let child = node.children.get(name);
    if (!child) {
      child = { path: node === root ? name : `${node.path}~${name}`, name, parent: node, first: place, end: place, children: new Map() };
      node.children.set(name, child);
      nodes.set(child.path, child);
    }
    child.end = place + 1;
    node = child;
  });
});
const lowered = index.types.map((type) => type.toLowerCase());

/* Draws into `list`; `choose` is called with the path of the node that somebody picks. */
class Tree {
  constructor(list, choose) {
    this.list = list;
    this.pick = choose;
    this.opened = new Set();
    this.limits = new Map();
    this.focused = "";
    this.wanted = "";
    list.addEventListener("click", (event) => this.click(event));
    list.addEventListener("keydown", (event) => this.press(event));
  }

  /* Open the branches that lead to a node. */
  reveal(path) {
    for (let node = nodes.get(path); node.parent; node = node.parent) {
      const place = [...node.parent.children.keys()].indexOf(node.name);
      if (place >= DRAWN_AT_ONCE) this.limits.set(node.parent.path, place + 1);
      if (node.parent !== root) this.opened.add(node.parent.path);
    }
    this.focused = path;
  }

  draw(choice, selected) {
    this.choice = choice;
    this.selected = selected;
    this.redraw();
    const item = this.list.querySelector('[aria-selected="true"]');
    if (item) item.firstElementChild.scrollIntoView({ block: "nearest" });
  }

  /* Samples up to each task type; with a search, only of the types that have its words in their path. */
  count() {
    this.sums = new Uint32Array(index.types.length + 1);
    this.matching = 0;
    this.choice.counts.forEach((count, type) => {
      const matches = count > 0 && (!this.wanted || lowered[type].includes(this.wanted));
      this.sums[type + 1] = this.sums[type] + (matches ? count : 0);
      this.matching += matches;
    });
  }

  redraw() {
    this.count();
    this.budget = DRAWN_AT_ONCE;
    const hadFocus = this.list.contains(document.activeElement);
    const whole = this.item(root, this.choice.count(0, root.end), 1, false);
    this.list.replaceChildren(whole, ...this.branch(root, 1));
    const items = this.items();
    const current = items.find((item) => item.dataset.path === this.focused && !item.dataset.more) || items[0];
    current.tabIndex = 0;
    if (hadFocus) current.focus();
  }

  /* The children that have something to show, each with its own if it is open. */
  branch(parent, level) {
    const limit = this.limits.get(parent.path) || DRAWN_AT_ONCE;
    const shown = [...parent.children.values()].filter((node) => this.sums[node.end] > this.sums[node.first]);
    const items = shown.slice(0, limit).map((node) => {
      // What a search has found lies open, unless it is too much to look at.
      const deeper = this.wanted && this.budget > 0 && !node.path.toLowerCase().includes(this.wanted);
      const open = node.children.size > 0 && (deeper || this.opened.has(node.path));
      this.budget -= 1;
      const item = this.item(node, this.sums[node.end] - this.sums[node.first], level, open);
      if (open) item.append(make("ul", { role: "group" }, ...this.branch(node, level + 1)));
      return item;
    });
    if (shown.length > limit) {
      items.push(make("li", { role: "treeitem", tabindex: "-1", "aria-level": level, "data-path": parent.path, "data-more": limit },
        make("div", { class: "row" }, make("span", { class: "toggle" }), make("span", { class: "name" }, `${number(shown.length - limit)} more`))));
    }
    return items;
  }

  item(node, count, level, open) {
    const expandable = node !== root && node.children.size > 0;
    return make("li", {
      role: "treeitem", tabindex: "-1", "data-path": node.path, "aria-level": level, "aria-selected": String(node.path === this.selected),
      "aria-expanded": expandable ? String(open) : null, "aria-label": `${node.name}, ${plural(count, "sample")}`,
    }, make("div", { class: "row" }, make("span", { class: "toggle" }, expandable ? icon("chevron") : null),
      make("span", { class: "name" }, node.name), make("span", { class: "count" }, number(count))));
  }

  find(words) {
    this.wanted = words.trim().toLowerCase();
    this.limits.clear();
    this.redraw();
  }

  /* The first task type that the search has found, if any. */
  firstFound() {
    const type = lowered.findIndex((each, place) => each.includes(this.wanted) && this.choice.counts[place]);
    return type < 0 ? null : index.types[type];
  }

  items() {
    return [...this.list.querySelectorAll('[role="treeitem"]')];
  }

  focus() {
    (this.items().find((item) => item.tabIndex === 0) || this.list).focus();
  }

  flip(item, open) {
    this.focused = item.dataset.path;
    if (open) this.opened.add(this.focused);
    else this.opened.delete(this.focused);
    this.redraw();
  }

  choose(item) {
    this.focused = item.dataset.path;
    if (!item.dataset.more) this.pick(this.focused);
    else {
      this.limits.set(this.focused, Number(item.dataset.more) + DRAWN_AT_ONCE);
      const place = this.items().indexOf(item);
      this.redraw();
      this.go(this.items()[place]);
    }
  }

  go(target) {
    if (!target) return;
    this.items().forEach((item) => { item.tabIndex = -1; });
    target.tabIndex = 0;
    this.focused = target.dataset.path;
    target.focus();
  }

  click(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    const expandable = item.hasAttribute("aria-expanded");
    if (expandable && event.target.closest(".toggle")) this.flip(item, item.getAttribute("aria-expanded") !== "true");
    else {
      if (expandable) this.opened.add(item.dataset.path);
      this.choose(item);
    }
  }

  press(event) {
    const item = event.target.closest('[role="treeitem"]');
    const items = this.items();
    const place = items.indexOf(item);
    const expanded = item.getAttribute("aria-expanded");
    const actions = {
      ArrowDown: () => this.go(items[place + 1]),
      ArrowUp: () => this.go(items[place - 1]),
      PageDown: () => this.go(items[Math.min(place + 10, items.length - 1)]),
      PageUp: () => this.go(items[Math.max(place - 10, 0)]),
      Home: () => this.go(items[0]),
      End: () => this.go(items[items.length - 1]),
      ArrowRight: () => (expanded === "false" ? this.flip(item, true) : expanded === "true" && this.go(items[place + 1])),
      ArrowLeft: () => (expanded === "true" ? this.flip(item, false) : this.go(item.parentElement.closest('[role="treeitem"]'))),
      Enter: () => this.choose(item),
      " ": () => this.choose(item),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

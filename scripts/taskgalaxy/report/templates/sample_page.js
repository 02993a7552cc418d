"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const STEP = 24;
  const at = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString("en-GB");
  const narrow = matchMedia("(max-width: 60rem)");

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

  /* Samples: what is chosen, and which samples that leaves. */
  const samples = data.samples;
  const chosen = { type: "", text: "", source: "", pattern: "" };
  let found = [];
  let drawn = 0;

  for (const sample of samples) {
    const given = sample.votes.filter((vote) => vote.vote !== null).length;
    const absent = sample.votes.length - given;
    sample.pattern = `${sample.yes}\u2013${given - sample.yes}` + (absent ? `, ${absent} missing` : "");
    sample.levels = sample.type.split("~");
    const image = data.images[sample.image];
    sample.words = [sample.question, sample.answer, sample.type, image.path, sample.id].join("\n").toLowerCase();
  }

  const isUnder = (type, root) => !root || type === root || type.startsWith(root + "~");

  function passes(sample) {
    return (!chosen.source || data.images[sample.image].source === chosen.source)
      && (!chosen.pattern || sample.pattern === chosen.pattern)
      && (!chosen.text || sample.words.includes(chosen.text));
  }

  function typePath(type) {
    const levels = type.split("~");
    const parts = [];
    levels.slice(0, -1).forEach((level) => parts.push(level, make("i", {}, "/")));
    return [...parts, make("b", {}, levels[levels.length - 1])];
  }

  function thumb(position, alt) {
    const image = position === null ? null : data.images[position];
    if (!image || !image.uri) return make("div", { class: "thumb" }, image ? "not readable" : "");
    return make("button", { type: "button", class: "thumb", "aria-label": `Enlarge ${image.path}`, onclick: () => enlarge(image) },
      make("img", { src: image.uri, alt, loading: "lazy", decoding: "async" }));
  }

  function enlarge(image) {
    at("viewer-image").src = image.uri;
    at("viewer-image").alt = image.path;
    at("viewer-caption").textContent =
      `${image.path} \u00b7 ${image.source} \u00b7 ${image.license} \u00b7 ${image.width} \u00d7 ${image.height} pixels, shown reduced`;
    at("viewer").showModal();
  }

  function voteLine(sample) {
    const items = sample.votes.map((vote) => {
      const kind = vote.vote === null ? "none" : vote.vote ? "yes" : "no";
      return make("li", { class: kind }, icon(kind),
        make("span", {}, `${vote.referee}: ${kind === "none" ? "no vote" : kind}`),
        vote.p_yes === null ? null : make("span", { class: "p", title: "the referee's probability of yes" }, vote.p_yes.toFixed(2)));
    });
    return make("ul", { class: "votes", "aria-label": "Votes" },
      make("li", { class: "total" }, `${sample.yes} of ${sample.votes.length} yes`), ...items);
  }

  function provenance(sample, image) {
    const entries = [
      ["sample", sample.id], ["image", image.id], ["file", image.path],
      ["filter", `${sample.filter_provider}, ${sample.filter_model}`], ["filter request", sample.filter_request],
      ["question", `${sample.qa_provider}, ${sample.qa_model}, prompt ${sample.qa_prompt}`], ["question request", sample.qa_request],
    ];
    for (const vote of sample.votes) {
      entries.push([`referee ${vote.referee}`, vote.model]);
      if (vote.request) entries.push([`${vote.referee} request`, vote.request]);
    }
    return make("dl", { class: "provenance" },
      ...entries.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  }

  function card(sample) {
    const image = data.images[sample.image];
    const details = make("details", {}, make("summary", {}, icon("chevron"), "Provenance"));
    details.addEventListener("toggle", () => details.append(provenance(sample, image)), { once: true });
    return make("li", { class: "card", "data-sample": sample.id },
      thumb(sample.image, image.path),
      make("div", {},
        make("button", { type: "button", class: "type", title: "Show this task type", onclick: () => choose(sample.type) }, ...typePath(sample.type)),
        make("p", { class: "question" }, sample.question),
        make("p", { class: "answer" }, sample.answer),
        voteLine(sample),
        make("p", { class: "meta" },
          `CLIP rank ${sample.rank}, score ${sample.score.toFixed(3)} \u00b7 ${image.source} \u00b7 ${image.license} \u00b7 ${image.width} \u00d7 ${image.height}`)),
      details);
  }

  function showMore() {
    const next = found.slice(drawn, drawn + STEP);
    at("cards").append(...next.map(card));
    drawn += next.length;
    at("more").hidden = drawn >= found.length;
    at("more").textContent = `Show more (${number(found.length - drawn)} left)`;
  }

  function update() {
    const passing = samples.filter(passes);
    found = passing.filter((sample) => isUnder(sample.type, chosen.type));
    drawn = 0;
    at("cards").replaceChildren();
    showMore();
    const types = new Set(found.map((sample) => sample.type)).size;
    at("chosen").textContent = chosen.type ? chosen.type.split("~").join(" / ") : "All task types";
    at("found").textContent = `${number(found.length)} ${found.length === 1 ? "sample" : "samples"} of ${number(types)} task ${types === 1 ? "type" : "types"}`;
    at("empty").hidden = found.length > 0;
    at("clear").hidden = !Object.values(chosen).some(Boolean);
    plant(passing);
  }

  function choose(type) {
    chosen.type = type;
    type.split("~").slice(0, -1).forEach((_, depth, levels) => opened.add(levels.slice(0, depth + 1).join("~")));
    update();
    closeDrawer();
    if (at("cards").getBoundingClientRect().top < 0) at("main").scrollIntoView();
  }

  /* The tree of task types: counts follow the filters, branches are drawn once they are opened. */
  const opened = new Set();
  let focused = "";

  function plant(passing) {
    const wanted = at("find-type").value.trim().toLowerCase();
    const root = { path: "", name: "All task types", count: passing.length, children: new Map() };
    for (const sample of passing) {
      if (wanted && !sample.type.toLowerCase().includes(wanted)) continue;
      let node = root;
      sample.levels.forEach((name, depth) => {
        if (!node.children.has(name)) {
          node.children.set(name, { path: sample.levels.slice(0, depth + 1).join("~"), name, count: 0, children: new Map() });
        }
        node = node.children.get(name);
        node.count += 1;
      });
    }
    const branches = [...root.children.values()].map((child) => branch(child, 1, wanted));
    const hadFocus = at("tree").contains(document.activeElement);
    at("tree").replaceChildren(branch({ ...root, children: new Map() }, 1, ""), ...branches);
    const items = [...at("tree").querySelectorAll('[role="treeitem"]')];
    const current = items.find((item) => item.dataset.path === focused) || items[0];
    current.tabIndex = 0;
    if (hadFocus) current.focus();
  }

  function branch(node, level, wanted) {
    const open = node.children.size > 0 && (opened.has(node.path) || (wanted && !node.path.toLowerCase().includes(wanted)));
    const item = make("li", {
      role: "treeitem", tabindex: "-1", "data-path": node.path, "aria-level": level, "aria-selected": String(node.path === chosen.type),
      "aria-expanded": node.children.size ? String(Boolean(open)) : null, "aria-label": `${node.name}, ${number(node.count)} samples`,
    });
    const toggle = make("span", { class: "toggle" }, node.children.size ? icon("chevron") : null);
    item.append(make("div", { class: "row" }, toggle, make("span", { class: "name" }, node.name), make("span", { class: "count" }, number(node.count))));
    if (open) {
      item.append(make("ul", { role: "group" }, ...[...node.children.values()].map((child) => branch(child, level + 1, wanted))));
    }
    return item;
  }

  function flip(item, open) {
    const path = item.dataset.path;
    if (open) opened.add(path);
    else opened.delete(path);
    focused = path;
    plant(samples.filter(passes));
  }

  at("tree").addEventListener("click", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    const expandable = item.hasAttribute("aria-expanded");
    focused = item.dataset.path;
    if (expandable && event.target.closest(".toggle")) flip(item, item.getAttribute("aria-expanded") !== "true");
    else {
      if (expandable) opened.add(item.dataset.path);
      choose(item.dataset.path);
    }
  });

  at("tree").addEventListener("keydown", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    const items = [...at("tree").querySelectorAll('[role="treeitem"]')];
    const place = items.indexOf(item);
    const expanded = item.getAttribute("aria-expanded");
    const go = (target) => {
      if (!target) return;
      item.tabIndex = -1;
      target.tabIndex = 0;
      focused = target.dataset.path;
      target.focus();
    };
    const actions = {
      ArrowDown: () => go(items[place + 1]),
      ArrowUp: () => go(items[place - 1]),
      Home: () => go(items[0]),
      End: () => go(items[items.length - 1]),
      ArrowRight: () => (expanded === "false" ? flip(item, true) : expanded === "true" && go(items[place + 1])),
      ArrowLeft: () => (expanded === "true" ? flip(item, false) : go(item.parentElement.closest('[role="treeitem"]'))),
      Enter: () => { focused = item.dataset.path; choose(item.dataset.path); },
      " ": () => { focused = item.dataset.path; choose(item.dataset.path); },
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });

  /* The drawer that holds the tree on narrow screens. */
  const behind = [document.querySelector(".top"), document.querySelector("#panel-samples .content")];

  function openDrawer() {
    at("drawer").classList.add("open");
    behind.forEach((element) => { element.inert = true; });
    at("backdrop").hidden = false;
    at("open-drawer").setAttribute("aria-expanded", "true");
    at("close-drawer").focus();
  }

  function closeDrawer() {
    if (!at("drawer").classList.contains("open")) return;
    at("drawer").classList.remove("open");
    behind.forEach((element) => { element.inert = false; });
    at("backdrop").hidden = true;
    at("open-drawer").setAttribute("aria-expanded", "false");
    if (narrow.matches) at("open-drawer").focus({ preventScroll: true });
  }

  narrow.addEventListener("change", closeDrawer);
  at("open-drawer").addEventListener("click", openDrawer);
  at("close-drawer").addEventListener("click", closeDrawer);
  at("backdrop").addEventListener("click", closeDrawer);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeDrawer(); });

  /* Filters. */
  function options(select, all, values) {
    const counts = new Map();
    values.forEach((value) => counts.set(value, (counts.get(value) || 0) + 1));
    select.append(make("option", { value: "" }, all));
    [...counts.keys()].sort().reverse().forEach((value) =>
      select.append(make("option", { value }, `${value} (${number(counts.get(value))})`)));
    select.addEventListener("change", () => { chosen[select.id] = select.value; update(); });
  }

  function later(action) {
    let timer;
    return () => { clearTimeout(timer); timer = setTimeout(action, 120); };
  }

  options(at("source"), "all", samples.map((sample) => data.images[sample.image].source));
  options(at("pattern"), "all", samples.map((sample) => sample.pattern));
  at("text").addEventListener("input", later(() => { chosen.text = at("text").value.trim().toLowerCase(); update(); }));
  at("find-type").addEventListener("input", later(() => plant(samples.filter(passes))));
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("clear").addEventListener("click", () => {
    Object.keys(chosen).forEach((name) => { chosen[name] = ""; });
    ["text", "source", "pattern", "find-type"].forEach((id) => { at(id).value = ""; });
    update();
    at("text").focus();
  });
  at("more").addEventListener("click", showMore);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) showMore(); }, { rootMargin: "400px" })
    .observe(at("more"));

  /* Rejects: the rows of a reason are drawn when it is opened. */
  document.querySelectorAll("details.reason").forEach((details) => {
    details.addEventListener("toggle", () => {
      const rows = data.rejects[details.dataset.key];
      const list = details.querySelector(".rejects");
      const pictured = rows.some((row) => row.image !== null);
      list.classList.toggle("bare", !pictured);
      list.append(...rows.map((row) => make("li", {},
        pictured ? thumb(row.image, "") : null,
        make("div", { class: "words" },
          row.type === null ? null : make("p", { class: "type" }, ...typePath(row.type)),
          row.image !== null && data.images[row.image].path !== row.item ? make("p", { class: "file" }, data.images[row.image].path) : null,
          make("p", { class: "item" }, row.item),
          row.detail === null ? null : make("p", { class: "detail" }, row.detail)))));
    }, { once: true });
  });

  /* Enlarged image. */
  at("close-viewer").addEventListener("click", () => at("viewer").close());
  at("viewer").addEventListener("click", (event) => { if (event.target === at("viewer")) at("viewer").close(); });

  /* Tabs; the address keeps the open one. */
  const tabs = [...document.querySelectorAll('[role="tab"]')];

  function show(tab) {
    tabs.forEach((each) => {
      const on = each === tab;
      each.setAttribute("aria-selected", String(on));
      each.tabIndex = on ? 0 : -1;
      at(each.getAttribute("aria-controls")).hidden = !on;
    });
  }

  function follow() {
    const name = location.hash.slice(1);
    const tab = name.startsWith("stage-") ? at("tab-rejected") : at(`tab-${name}`);
    if (!tab) return;
    show(tab);
    if (name.startsWith("stage-") && at(name)) at(name).scrollIntoView();
  }

  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => {
      show(tab);
      history.replaceState(null, "", `#${tab.id.slice(4)}`);
      scrollTo(0, 0);
    });
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
  addEventListener("hashchange", follow);

  update();
  follow();
})();

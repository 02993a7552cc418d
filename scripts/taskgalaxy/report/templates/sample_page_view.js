/* The samples' view: what is chosen, which samples that leaves, and a page of them as cards.
   The address holds the choice, so that a view can be linked. */
const PAGE = 24;
const NOTHING = { type: "", source: "", votes: "", model: "", text: "" };
const chosen = { ...NOTHING };
let pageNumber = 0;
let marked = null;
let choice;
/* The positions that a search for words has found so far, or null without one, and their task types. */
let hits = null;
let hitTypes;
let searched = 1;
/* Counts changes of the choice: what an older one has begun ends unseen. */
let turn = 0;
let drawing = 0;

const votesKey = (kind) => [kind.yes, kind.no, ...(kind.missing ? [kind.missing] : [])].join("-");
const VOTES = {
  unanimous: (kind) => !kind.missing && (!kind.yes || !kind.no),
  split: (kind) => kind.yes > 0 && kind.no > 0,
  missing: (kind) => kind.missing > 0,
};

function passes(kind) {
  return (!chosen.source || kind.source === chosen.source)
    && (!chosen.model || kind.model === chosen.model)
    && (!chosen.votes || (VOTES[chosen.votes] ? VOTES[chosen.votes](kind) : votesKey(kind) === chosen.votes));
}

/* The images and the cards. */
function thumb(image, alt) {
  const address = image ? addressOf(image) : null;
  const absent = (text) => make("div", { class: "thumb" }, text);
  if (!address) return absent(image ? "not readable" : "");
  const button = make("button", { type: "button", class: "thumb", "aria-label": `Enlarge ${image.path}`, onclick: () => enlarge(image) },
    make("img", { src: address, alt, loading: "lazy", decoding: "async", onerror: () => button.replaceWith(absent("not to be shown")) }));
  return button;
}

function enlarge(image) {
  at("viewer-image").src = addressOf(image);
  at("viewer-image").alt = image.path;
  at("viewer-caption").textContent = `${image.path} \u00b7 ${image.source} \u00b7 ${image.license} \u00b7 ${image.width} \u00d7 ${image.height} pixels`
    + (thumbnails.has(image.id) ? ", shown reduced" : "");
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
    make("li", { class: "total" }, `${sample.votes.filter((vote) => vote.vote).length} of ${sample.votes.length} yes`), ...items);
}

function provenance(sample) {
  const entries = [
    ["sample", make("a", { href: `#samples?sample=${encodeURIComponent(sample.id)}`, title: "A link to this sample" }, sample.id)],
    ["image", sample.image.id], ["file", sample.image.path],
    ["filter", sample.filter], ["filter request", sample.filter_request],
    ["question", sample.qa], ["question request", sample.qa_request],
  ];
  for (const vote of sample.votes) {
    entries.push([`referee ${vote.referee}`, vote.model]);
    if (vote.request) entries.push([`${vote.referee} request`, vote.request]);
  }
  return make("dl", { class: "provenance" },
    ...entries.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function card(sample) {
  const { image } = sample;
  const details = make("details", {}, make("summary", {}, icon("chevron"), "Provenance"));
  details.addEventListener("toggle", () => details.append(provenance(sample)), { once: true });
  return make("li", { class: sample.id === marked ? "card marked" : "card", tabindex: "-1", "data-sample": sample.id },
    thumb(image, image.path),
    make("div", {},
      make("button", { type: "button", class: "type", title: "Show this task type", onclick: () => pickType(sample.type) }, ...typePath(sample.type)),
      make("p", { class: "question" }, sample.question),
      make("p", { class: "answer" }, sample.answer),
      voteLine(sample),
      make("p", { class: "meta" },
        `CLIP rank ${sample.rank}, score ${sample.score.toFixed(3)} \u00b7 ${image.source} \u00b7 ${image.license} \u00b7 ${image.width} \u00d7 ${image.height}`)),
    details);
}

/* A page of cards. */
const node = () => nodes.get(chosen.type) || root;
const total = () => (hits ? hits.length : choice.count(node().first, node().end));
const lastPage = () => Math.max(0, Math.ceil(total() / PAGE) - 1);

function pagePositions() {
  if (hits) return hits.slice(pageNumber * PAGE, (pageNumber + 1) * PAGE);
  return choice.positions(node().first, node().end, pageNumber * PAGE, PAGE);
}

async function drawPage(focus) {
  const mine = drawing += 1;
  if (searched === 1) pageNumber = Math.min(pageNumber, lastPage());
  describe();
  at("cards").setAttribute("aria-busy", "true");
  let samples;
  try {
    samples = await samplesAt(pagePositions());
  } catch {
    if (mine === drawing) standAlone();
    return;
  }
  if (mine !== drawing) return;
  at("cards").replaceChildren(...samples.map(card));
  at("cards").removeAttribute("aria-busy");
  const mark = at("cards").querySelector(".marked");
  const first = mark || at("cards").firstElementChild;
  if (!first) return;
  first.tabIndex = 0;
  if (focus || mark) {
    first.focus({ preventScroll: true });
    first.scrollIntoView({ block: mark ? "center" : "nearest" });
  }
}

function describe() {
  const [count, last] = [total(), lastPage()];
  at("chosen").textContent = chosen.type ? chosen.type.split("~").join(" / ") : "All task types";
  const types = hits ? hitTypes.size : choice.types(node().first, node().end);
  at("found").textContent = `${plural(count, "sample")} of ${plural(types, "task type")}`
    + (searched < 1 ? ` so far, ${Math.floor(100 * searched)} % searched` : "");
  at("clear").hidden = !Object.values(chosen).some(Boolean);
  at("empty").hidden = count > 0 || searched < 1;
  at("pages").hidden = last === 0;
  at("page").value = number(pageNumber + 1);
  at("page-count").textContent = `of ${number(last + 1)}`;
  at("first").disabled = at("previous").disabled = pageNumber === 0;
  at("last").disabled = at("next").disabled = pageNumber >= last;
}

function turnTo(page, focus) {
  const target = Math.max(0, Math.min(page, lastPage()));
  if (target === pageNumber) {
    at("page").value = number(pageNumber + 1);
    return;
  }
  pageNumber = target;
  marked = null;
  remember(true);
  if (at("cards").getBoundingClientRect().top < 0) at("main").scrollIntoView();
  drawPage(focus);
}

/* The folder is not there, or another run's: what the page carries can still be shown. */
function standAlone() {
  alone = true;
  at("alone").hidden = false;
  if (!follow()) update();
}

/* Words are looked for in the text of all samples that the other filters leave, shard by shard. */
async function search(mine) {
  const words = chosen.text.toLowerCase();
  const { first, end } = node();
  const all = choice.count(first, end);
  let pause = performance.now();
  let shown = -1;
  for (let done = 0; done < all || shown < 0;) {
    const next = choice.positions(first, end, done, index.shard_size);
    // Those of a rare kind lie far apart, and no more than two shards are wanted at a time.
    const near = next.filter((position) => position < next[0] + index.shard_size);
    const samples = await samplesAt(near);
    if (performance.now() - pause > 50) {
      await new Promise((go) => { setTimeout(go); });
      pause = performance.now();
    }
    if (mine !== turn) return;
    for (const sample of samples) {
      const text = [sample.question, sample.answer, sample.type, sample.image.path, sample.id].join("\n");
      if (!text.toLowerCase().includes(words)) continue;
      hits.push(sample.position);
      hitTypes.add(sample.type);
    }
    done += samples.length;
    searched = all ? done / all : 1;
    // What is looked at stays as it is while more is found behind it.
    const onPage = pagePositions().length;
    if (onPage === shown) describe();
    else drawPage(false);
    shown = onPage;
  }
}

function update() {
  const mine = turn += 1;
  choice = new Choice(kinds.map(passes));
  hits = chosen.text ? [] : null;
  hitTypes = new Set();
  searched = chosen.text ? 0 : 1;
  tree.draw(choice, chosen.type);
  countTypes();
  if (!hits) return drawPage(false);
  at("cards").replaceChildren();
  return search(mine).catch(() => { if (mine === turn) standAlone(); });
}

function change(what, push = true) {
  Object.assign(chosen, what);
  pageNumber = 0;
  marked = null;
  at("unknown").hidden = true;
  remember(push);
  return update();
}

function pickType(type) {
  tree.reveal(type);
  change({ type });
  closeDrawer();
  if (at("cards").getBoundingClientRect().top < 0) at("main").scrollIntoView();
}

/* The address. */
function remember(push) {
  const state = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
  if (marked) state.set("sample", marked);
  else if (pageNumber) state.set("page", pageNumber + 1);
  const text = String(state);
  setAddress(`#samples${text ? `?${text}` : ""}`, push);
}

async function recall(query) {
  const state = new URLSearchParams(query);
  Object.keys(NOTHING).forEach((name) => { chosen[name] = state.get(name) || ""; });
  if (!nodes.has(chosen.type)) chosen.type = "";
  pageNumber = Math.max(0, (parseInt(state.get("page"), 10) || 1) - 1);
  marked = state.get("sample");
  at("unknown").hidden = true;
  const mine = turn += 1;
  if (marked) {
    const position = await positionOf(marked).catch(() => -1);
    if (mine !== turn) return;
    if (position < 0) {
      at("unknown").textContent = `No sample with the id ${marked} is to be had here.`;
      at("unknown").hidden = false;
      marked = null;
    } else {
      // Under its task type, so that its neighbours are those it is to be compared with.
      Object.assign(chosen, NOTHING, { type: index.types[typeAt(position)] });
      const whole = new Choice(kinds.map(() => true));
      pageNumber = Math.floor((whole.before(position) - whole.sums[node().first]) / PAGE);
    }
  }
  Object.keys(NOTHING).forEach((name) => { if (name !== "type") at(name).value = chosen[name]; });
  tree.reveal(chosen.type);
  update();
}

/* Wiring. */
const tree = new Tree(at("tree"), pickType);

choice = new Choice(kinds.map(() => true));
tree.draw(choice, "");

function countTypes() {
  at("types-found").textContent = tree.wanted ? plural(tree.matching, "task type") : "";
}

function findTypes() {
  tree.find(at("find-type").value);
  countTypes();
}

function options(select, groups) {
  select.append(make("option", { value: "" }, "all"));
  for (const [value, label, test] of groups) {
    const count = kinds.filter(test).reduce((sum, kind) => sum + kind.samples, 0);
    if (count) select.append(make("option", { value }, `${label} (${number(count)})`));
  }
  select.closest("label").hidden = select.options.length < 3;
  select.addEventListener("change", () => change({ [select.id]: select.value }));
}

const distinct = (values) => [...new Set(values)].sort();
options(at("source"), distinct(kinds.map((kind) => kind.source)).map((source) => [source, source, (kind) => kind.source === source]));
options(at("model"), distinct(kinds.map((kind) => kind.model)).map((model) => [model, model, (kind) => kind.model === model]));
options(at("votes"), [
  ["unanimous", "unanimous", VOTES.unanimous], ["split", "split", VOTES.split], ["missing", "with a missing vote", VOTES.missing],
  ...distinct(kinds.map(votesKey)).reverse().map((key) => {
    const [yes, no, missing] = key.split("-");
    return [key, `${yes} yes, ${no} no${missing ? `, ${missing} missing` : ""}`, (kind) => votesKey(kind) === key];
  }),
]);

async function searchWords() {
  const text = at("text").value.trim();
  if (text === chosen.text) return;
  // Whole ids need no search. Words do not begin so.
  if (/^[0-9a-f]{16,}$/.test(text) && await positionOf(text).catch(() => -1) >= 0) {
    if (text === at("text").value.trim()) setAddress(`#samples?sample=${text}`, true, true);
    return;
  }
  if (text === at("text").value.trim()) change({ text }, false);
}

at("text").addEventListener("input", later(searchWords, index.folder ? 400 : 120));
at("filters").addEventListener("submit", (event) => { event.preventDefault(); searchWords(); });
at("find-type").addEventListener("input", later(findTypes, 60));
at("find-type").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  findTypes();
  const type = tree.wanted ? tree.firstFound() : null;
  if (event.key === "ArrowDown") tree.focus();
  else if (type) pickType(type);
});
at("clear").addEventListener("click", () => {
  ["text", "source", "votes", "model", "find-type"].forEach((id) => { at(id).value = ""; });
  tree.wanted = "";
  change(NOTHING);
  at("text").focus();
});
at("first").addEventListener("click", () => turnTo(0));
at("previous").addEventListener("click", () => turnTo(pageNumber - 1));
at("next").addEventListener("click", () => turnTo(pageNumber + 1));
at("last").addEventListener("click", () => turnTo(Infinity));
at("page").addEventListener("change", () => turnTo((parseInt(at("page").value.replace(/\D/g, ""), 10) || 1) - 1));

/* Arrows go from card to card; the page keys, on a card, from page to page. */
at("cards").addEventListener("keydown", (event) => {
  const cards = [...at("cards").children];
  const page = { PageDown: 1, PageUp: -1 }[event.key];
  if (page) {
    event.preventDefault();
    turnTo(pageNumber + page, true);
    return;
  }
  const place = cards.indexOf(event.target);
  if (place < 0) return;
  const columns = cards.filter((each) => each.offsetTop === cards[0].offsetTop).length;
  const target = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + columns, ArrowUp: place - columns, Home: 0, End: cards.length - 1 }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  if (!cards[target]) return;
  event.target.tabIndex = -1;
  cards[target].tabIndex = 0;
  cards[target].focus();
});

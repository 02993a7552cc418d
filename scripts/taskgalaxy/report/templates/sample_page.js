/* The page around the samples: drawer, rejects, enlarged image and tabs. */
const narrow = matchMedia("(max-width: 60rem)");

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

/* Rejects: the rows of a reason are drawn when it is opened. */
document.querySelectorAll("details.reason").forEach((details) => {
  details.addEventListener("toggle", () => {
    const rows = inside.rejects[details.dataset.key];
    const list = details.querySelector(".rejects");
    const pictured = rows.some((row) => row.image !== null);
    list.classList.toggle("bare", !pictured);
    list.append(...rows.map((row) => make("li", {},
      pictured ? thumb(row.image === null ? null : inside.images[row.image], "") : null,
      make("div", { class: "words" },
        row.type === null ? null : make("p", { class: "type" }, ...typePath(row.type)),
        row.image !== null && inside.images[row.image].path !== row.item ? make("p", { class: "file" }, inside.images[row.image].path) : null,
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

function setAddress(address, push, go = false) {
  try {
    history[push ? "pushState" : "replaceState"](null, "", address);
  } catch {
    // A page without an address of its own, such as one inside a report, keeps none.
  }
  if (go) follow(address);
}

/* Show what the address names; without an address, the samples. Other fragments are places on the page.
   Says whether it has chosen samples. */
function follow(address) {
  const [name, query] = (address || location.hash).slice(1).split(/\?(.*)/s);
  const tab = name.startsWith("stage-") ? at("tab-rejected") : at(`tab-${name || "samples"}`);
  if (!tab) return false;
  show(tab);
  if (tab === tabs[0]) recall(query || "");
  if (name.startsWith("stage-") && at(name)) at(name).scrollIntoView();
  return tab === tabs[0];
}

tabs.forEach((tab, place) => {
  tab.addEventListener("click", () => {
    show(tab);
    if (tab === tabs[0]) remember(true);
    else setAddress(`#${tab.id.slice(4)}`, true);
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
addEventListener("hashchange", () => follow());
if (!follow()) recall("");

"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const KEY = `taskgalaxy audit ${data.draw}`;
  const LOCKED = "You have seen the votes: this judgement is final.";

  /* What was said, by sample_id; and whose it is. Kept in the browser after every change. */
  let said = {};
  let place = 0;
  let kept = true;

  function recall() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY)) || {};
      said = found.said || {};
      at("name").value = found.name || "";
    } catch {
      kept = false;
    }
  }

  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ name: at("name").value, said }));
      kept = true;
    } catch {
      kept = false;
    }
    if (!kept) tell("This browser keeps no progress for this page: save before you close it.");
  }

  const tell = (text) => { at("message").textContent = text; };
  const pair = () => data.pairs[place];
  const of = (each) => said[each.sample_id] || { suits: null, right: null, comment: "", saw_votes: false };
  const isJudged = (each) => of(each).suits === "yes" ? of(each).right !== null : of(each).suits !== null;

  function change(fields) {
    said[pair().sample_id] = { ...of(pair()), ...fields };
    keep();
    draw();
  }

  /* The first verdict is open until it is given; then, where it is yes, the second. */
  const openVerdict = () => isJudged(pair()) ? null : of(pair()).suits === "yes" ? "right" : "suits";

  function judge(verdict, value) {
    if (of(pair()).saw_votes) return tell(LOCKED);
    tell("");
    change(verdict === "suits" ? { suits: value, right: value === "yes" ? of(pair()).right : null } : { right: value });
  }

  function judgeByKey(value) {
    if (of(pair()).saw_votes) tell(LOCKED);
    else if (openVerdict()) judge(openVerdict(), value);
    else tell("This pair is judged. The right arrow goes on; Backspace takes the last verdict back.");
  }

  function takeBack() {
    if (of(pair()).saw_votes) return tell(LOCKED);
    tell("");
    if (of(pair()).suits === null) return;
    change(of(pair()).right !== null ? { right: null } : { suits: null });
  }

  function reveal() {
    if (!isJudged(pair())) return tell("The votes are shown after you have judged this pair.");
    change({ saw_votes: true });
    at("told").hidden = false;
    at("reveal").setAttribute("aria-expanded", "true");
    at("told").scrollIntoView({ block: "nearest" });
    tell(LOCKED);
  }

  /* Text only ever enters the page as text nodes, never as markup. */
  function make(tag, ...children) {
    const element = document.createElement(tag);
    element.append(...children);
    return element;
  }

  function told() {
    const { stratum, generator, votes } = pair().told_later;
    const words = (vote) => vote.vote === null ? `no vote (${vote.reason})` : vote.vote ? "yes" : "no";
    return [
      make("p", make("strong", stratum)),
      make("ul", ...votes.map((vote) => make("li", `${vote.referee}: ${words(vote)} `, make("small", vote.model)))),
      make("p", make("small", `question and answer by ${generator}`)),
    ];
  }

  function draw() {
    const shown = pair();
    const judgement = of(shown);
    for (const ask of document.querySelectorAll("fieldset")) {
      const verdict = ask.dataset.verdict;
      if (verdict === "right") ask.hidden = judgement.suits !== "yes";
      for (const button of ask.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(judgement[verdict] === button.dataset.value));
        button.disabled = judgement.saw_votes;
      }
    }
    at("reveal").disabled = !isJudged(shown);
    at("told").replaceChildren(...(judgement.saw_votes ? told() : []));
    const done = data.pairs.filter(isJudged).length;
    at("progress").textContent = `${done} of ${data.pairs.length} judged`;
    at("bar").value = done;
    at("position").textContent = `Pair ${place + 1} of ${data.pairs.length}${isJudged(shown) ? ", judged" : ""}`;
  }

  function go(to) {
    if (to < 0 || to >= data.pairs.length) return;
    place = to;
    const shown = pair();
    const image = data.images[shown.image];
    at("picture").hidden = !image;
    at("no-picture").hidden = Boolean(image);
    if (image) at("picture").src = image;
    at("type").replaceChildren(...shown.levels.flatMap((level, depth) => depth ? [make("i", "/"), level] : [level]));
    at("question").textContent = shown.question;
    at("answer").textContent = shown.answer;
    at("comment").value = of(shown).comment;
    at("told").hidden = !of(shown).saw_votes;
    at("reveal").setAttribute("aria-expanded", String(of(shown).saw_votes));
    at("previous").disabled = place === 0;
    at("next").disabled = place === data.pairs.length - 1;
    tell("");
    draw();
    scrollTo(0, 0);
  }

  function goToUnjudged() {
    const later = [...data.pairs.keys()].map((number) => (place + 1 + number) % data.pairs.length);
    const found = later.find((number) => !isJudged(data.pairs[number]));
    if (found === undefined) tell("All pairs are judged. Save the file and hand it on.");
    else go(found);
  }

  function save() {
    const name = at("name").value.trim();
    if (!name) {
      tell("Write your name first: it tells your file from those of others.");
      at("name").focus();
      return;
    }
    const judgements = data.pairs.filter((each) => of(each).suits || of(each).comment).map((each) => ({ sample_id: each.sample_id, ...of(each) }));
    const file = { kind: data.kind, draw: data.draw, judge: name, strata: data.strata, judgements };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 2) + "\n"], { type: "application/json" }));
    link.download = `judgements-${name.replace(/[^\p{L}\p{N}_-]+/gu, "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    tell(`Saved as ${link.download}, among your downloads.`);
  }

  function startOver() {
    if (!confirm("Forget all judgements that this browser keeps for this draw?")) return;
    said = {};
    at("name").value = "";
    keep();
    at("help").close();
    go(0);
  }

  const keys = {
    1: () => judgeByKey("yes"), y: () => judgeByKey("yes"),
    0: () => judgeByKey("no"), n: () => judgeByKey("no"),
    u: () => judgeByKey("unsure"),
    Backspace: takeBack,
    ArrowLeft: () => go(place - 1), ArrowRight: () => go(place + 1),
    j: goToUnjudged, v: reveal, s: save, c: () => at("comment").focus(),
    "?": () => at("help").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches("input, textarea");
    if (writing && event.key === "Escape") event.target.blur();
    if (writing || at("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : keys[event.key.toLowerCase()];
    if (!act || event.repeat) return;
    event.preventDefault();
    act();
  });

  for (const ask of document.querySelectorAll("fieldset")) {
    for (const button of ask.querySelectorAll("button")) {
      button.addEventListener("click", () => judge(ask.dataset.verdict, button.dataset.value));
    }
  }
  at("comment").addEventListener("input", () => change({ comment: at("comment").value }));
  at("name").addEventListener("input", keep);
  at("previous").addEventListener("click", () => go(place - 1));
  at("next").addEventListener("click", () => go(place + 1));
  at("unjudged").addEventListener("click", goToUnjudged);
  at("reveal").addEventListener("click", reveal);
  at("save").addEventListener("click", save);
  at("open-help").addEventListener("click", () => at("help").showModal());
  at("close-help").addEventListener("click", () => at("help").close());
  at("start-over").addEventListener("click", startOver);

  at("draw").textContent = data.draw;
  if (!data.pairs.length) {
    at("main").hidden = true;
    tell("No pair was voted on, so that there is nothing to judge.");
    return;
  }
  recall();
  const first = data.pairs.findIndex((each) => !isJudged(each));
  go(Math.max(0, first));
  if (!kept) tell("This browser keeps no progress for this page: save before you close it.");
})();

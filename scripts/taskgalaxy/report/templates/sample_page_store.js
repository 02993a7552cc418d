/* The samples: an index of all of them, and their text, inside the page or in shards that are loaded when wanted.
   A sample is named by its position; those of a task type, and of all types under a node, lie side by side. */
const SHARDS_KEPT = 24;
const index = JSON.parse(at("index").textContent);
const inside = JSON.parse(at("inside").textContent);
const insideAt = new Map(inside.positions.map((position, place) => [position, place]));
const thumbnails = new Map(inside.images.map((image) => [image.id, image.uri]));

const kindOf = new { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[index.width](
  Uint8Array.from(atob(index.kind_of), (character) => character.charCodeAt(0)).buffer);
const kinds = index.kinds.map(([source, yes, no, missing, provider, model]) =>
  ({ source, yes, no, missing, model: `${provider}, ${model}`, samples: 0 }));
kindOf.forEach((kind) => { kinds[kind].samples += 1; });

/* Where the samples of each task type begin, and behind the last. */
const starts = new Uint32Array(index.types.length + 1);
index.counts.forEach((count, type) => { starts[type + 1] = starts[type] + count; });
const typeAt = (position) => placeAfter(starts, position) - 1;

/* Whether only the samples inside the page can be shown, although there are more. */
let alone = false;

const loaded = new Map();
const waiting = new Map();

/* What every file in the folder calls. */
window.taskgalaxy = (name, edition, text) => {
  const take = waiting.get(name);
  if (take && edition === index.edition) take(JSON.parse(text));
};

function fetchFile(name) {
  return new Promise((resolve, reject) => {
    const end = () => { waiting.delete(name); script.remove(); reject(new Error(`${name}.js is not to be had`)); };
    const script = make("script", { src: `${index.folder}/${name}.js`, onload: end, onerror: end });
    waiting.set(name, resolve);
    document.head.append(script);
  });
}

function load(name) {
  const wanted = loaded.get(name) || fetchFile(name);
  loaded.delete(name);
  loaded.set(name, wanted);
  if (loaded.size > SHARDS_KEPT) loaded.delete(loaded.keys().next().value);
  return wanted;
}

function unpack(from, place, position) {
  const row = from.samples[place];
  const [filterProvider, filterModel, provider, model, prompt] = from.made[row.made];
  return {
    ...row, position, type: index.types[typeAt(position)], image: from.images[row.image],
    votes: row.votes.map(([vote, p_yes, request], number) =>
      ({ referee: from.panels[row.panel][number][0], model: from.panels[row.panel][number][1], vote, p_yes, request })),
    filter: `${filterProvider}, ${filterModel}`, qa: `${provider}, ${model}, prompt ${prompt}`,
  };
}

/* The samples at these positions. Throws where the folder is missing or belongs to another page. */
async function samplesAt(positions) {
  const shardOf = (position) => Math.floor(position / index.shard_size);
  const outside = index.folder && !alone ? positions.filter((position) => !insideAt.has(position)) : [];
  const numbers = [...new Set(outside.map(shardOf))];
  const shards = await Promise.all(numbers.map((shard) => load(String(shard).padStart(5, "0"))));
  const shard = new Map(numbers.map((each, place) => [each, shards[place]]));
  return positions.map((position) => (insideAt.has(position)
    ? unpack(inside, insideAt.get(position), position)
    : unpack(shard.get(shardOf(position)), position % index.shard_size, position)));
}

/* The position of the sample with this id, or -1. */
async function positionOf(id) {
  const held = inside.samples.findIndex((sample) => sample.id === id);
  if (held >= 0) return inside.positions[held];
  if (!index.folder || alone) return -1;
  const ids = await load("ids");
  const letters = index.id_letters;
  const start = id.slice(0, letters).padEnd(letters);
  for (let found = ids.indexOf(start); found >= 0; found = ids.indexOf(start, found + 1)) {
    if (found % letters) continue;
    const [sample] = await samplesAt([found / letters]);
    if (sample.id === id) return sample.position;
  }
  return -1;
}

/* Where an image is to be had: in the page, or as a file of its source. */
function addressOf(image) {
  if (thumbnails.has(image.id)) return thumbnails.get(image.id);
  return [index.images_at, image.source, image.path].join("/").split("/").map(encodeURIComponent).join("/");
}

/* Which samples pass the filters, counted by task type; `passing` says for every kind whether it does. */
class Choice {
  constructor(passing) {
    this.passing = passing;
    this.every = !alone && passing.every(Boolean);
    const counts = this.every ? index.counts : new Uint32Array(index.types.length);
    if (!this.every) {
      for (let type = 0; type < counts.length; type += 1) {
        for (let position = starts[type]; position < starts[type + 1]; position += 1) counts[type] += this.has(position);
      }
    }
    this.counts = counts;
    this.sums = new Uint32Array(counts.length + 1);
    for (let type = 0; type < counts.length; type += 1) this.sums[type + 1] = this.sums[type] + counts[type];
  }

  has(position) {
    return this.passing[kindOf[position]] && (!alone || insideAt.has(position));
  }

  /* How many pass of the task types from `first` up to `end`, and of how many of these types. */
  count(first, end) {
    return this.sums[end] - this.sums[first];
  }

  types(first, end) {
    let types = 0;
    for (let type = first; type < end; type += 1) types += this.counts[type] > 0;
    return types;
  }

  /* How many before this position pass. */
  before(position) {
    const type = typeAt(position);
    let count = this.sums[type];
    for (let each = starts[type]; each < position; each += 1) count += this.has(each);
    return count;
  }

  /* Up to `limit` positions that pass, of the task types from `first` up to `end`, without the first `skip`. */
  positions(first, end, skip, limit) {
    const wanted = this.sums[first] + skip;
    if (wanted >= this.sums[end]) return [];
    let position = starts[placeAfter(this.sums, wanted) - 1];
    let left = wanted - this.sums[typeAt(position)];
    const found = [];
    for (; position < starts[end] && found.length < limit; position += 1) {
      if (!this.has(position)) continue;
      if (left > 0) left -= 1;
      else found.push(position);
    }
    return found;
  }
}

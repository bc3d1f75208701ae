// Shows snapshots as they come.  Everything that a peer may have chosen is set as text, never as markup.
// Elements stay where they are, and only change: what is selected, or read aloud, is not torn away.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const RETRY = 10000;
const LEAST_ROWS = 1;
const MOST_FREE = 8;
const MOST_ROWS = 16;
const WIDTH = 240;
const HEIGHT = 44;
const WAITING = 4;
const BESIDE = 2;
const NUMBERS = ["count", "seconds", "bytes", "percent", "per minute", "bytes per minute"];

const find = (id) => document.getElementById(id);

function make(tag, className) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  return made;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, name, value) {
  if (value) element.dataset[name] = value;
  else delete element.dataset[name];
}

// Makes `parent` have one child for each of `items`, in order: those that are there are kept and changed.
function fill(parent, items, create, change) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  while (parent.children.length < items.length) parent.append(create());
  items.forEach((item, index) => change(parent.children[index], item));
}

// How values read.

// Returns a number of things, and how many of them it counts at a time: large ones have to fit, too.
function count(value) {
  if (value < 999500) return [rounded(value), ""];
  return [(value / 1e6).toLocaleString("en", { maximumFractionDigits: 1 }), "million"];
}

function rounded(value) {
  const digits = value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function seconds(value) {
  if (value < 0.9995) return [Math.round(value * 1000).toString(), "ms"];
  if (value < 59.95) return [value.toFixed(1), "s"];
  const whole = Math.round(value);
  if (whole < 3600) return [`${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`, "min"];
  const minutes = Math.round(whole / 60);
  return [`${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`, "h"];
}

function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (value >= 999.5 && place < units.length - 1) {
    value /= 1000;
    place += 1;
  }
  return [place ? rounded(value) : String(Math.round(value)), units[place]];
}

function clock(value) {
  return new Date(value * 1000).toLocaleTimeString([], { hourCycle: "h23" });
}

// Returns a number and the sign of its unit.
function parts(value, unit) {
  if (value === null || value === undefined) return ["–", ""];
  switch (unit) {
    case "seconds": return seconds(value);
    case "bytes": return bytes(value);
    case "bytes per minute": return [bytes(value)[0], `${bytes(value)[1]}/min`];
    case "percent": return [rounded(value), "%"];
    case "per minute": return [rounded(value), "/min"];
    case "time": return [clock(value), ""];
    default: return count(value);
  }
}

function words(value, unit) {
  return parts(value, unit).filter(Boolean).join(" ");
}

// A path: its name first, as that is what people look for, then its folder, of which the beginning gives
// way where there is little room.
function path(element, text) {
  if (element.title === text) return;
  const cut = text.lastIndexOf("/") + 1;
  const [file, folder] = element.children;
  element.title = text;
  write(file, text.slice(cut) || text);
  write(folder.firstElementChild, cut < text.length ? text.slice(0, cut) : "");
}

function makePath() {
  const made = make("bdi", "path");
  const folder = make("span", "folder");
  const text = make("bdi");
  text.dir = "ltr";
  folder.append(text);
  made.append(make("span", "file"), folder);
  return made;
}

// The parts of the page.

function counts(items) {
  fill(find("counts").firstElementChild, items, () => {
    const made = make("div");
    const value = make("dd", "value");
    value.append(make("span"), make("small"));
    made.append(make("dt"), value, make("dd", "note"));
    return made;
  }, (element, count) => {
    const [number, sign] = parts(count.value, count.unit);
    const [label, value, note] = element.children;
    mark(element, "tone", count.tone);
    write(label, count.label);
    write(value.firstElementChild, number);
    write(value.lastElementChild, sign);
    write(note, count.note);
  });
}

function makeJob() {
  const made = make("li");
  const who = make("bdi", "who");
  made.append(makePath(), who, make("span", "stage"), make("span", "age"));
  return made;
}

function changeJob(element, job) {
  const [file, who, stage, age] = element.children;
  element.classList.toggle("free", !job);
  path(file, job ? job.file || "(no name yet)" : "free");
  write(who, job ? job.who : "");
  who.title = job ? job.who : "";
  write(stage, job ? job.stage : "");
  mark(stage, "stage", job && job.stage);
  write(age, job ? words(job.age, "seconds") : "");
}

function changeLane(element, lane) {
  const [head, jobs, more] = element.children;
  const [name, slots, note] = head.children;
  write(name, lane.name);
  fill(slots, Array.from({ length: Math.min(lane.slots, 256) }), () => make("i"), () => {});
  [...slots.children].forEach((slot, index) => mark(slot, "stage", lane.jobs[index] && lane.jobs[index].stage));
  write(note, lane.note || `${lane.jobs.length} of ${lane.slots} busy`);
  mark(note, "tone", lane.tone);
  const rows = lane.jobs.slice(0, MOST_ROWS);
  const least = Math.min(lane.slots, Math.max(LEAST_ROWS, Number(element.dataset.rows || 0)));
  while (rows.length < least) rows.push(null);
  element.dataset.rows = Math.min(rows.length, MOST_FREE);
  fill(jobs, rows, makeJob, changeJob);
  write(more, others(lane.jobs.length - rows.length));
}

function others(number) {
  return number > 0 ? `and ${words(number)} more` : "";
}

function lanes(items) {
  fill(find("lanes").querySelector(".lanes"), items, () => {
    const made = make("div", "lane");
    const head = make("div", "lane-head");
    const slots = make("span", "slots");
    slots.setAttribute("aria-hidden", "true");
    head.append(make("h3"), slots, make("p", "note"));
    made.append(head, make("ol", "jobs"), make("p", "more"));
    return made;
  }, changeLane);
}

function waiting(jobs, queue) {
  const section = find("waiting");
  const shown = jobs.slice(0, WAITING);
  section.hidden = !queue;
  write(find("waiting-title"), `Waiting (${words(queue)})`);
  fill(section.querySelector(".jobs"), shown, makeJob, changeJob);
  write(section.querySelector(".more"), others(queue - shown.length));
}

function drawn(points, highest) {
  const across = WIDTH / Math.max(points.length, 1);
  const runs = [];
  let run = [];
  points.forEach((value, index) => {
    if (value === null) {
      if (run.length) runs.push(run);
      run = [];
    } else {
      const height = (HEIGHT - (value / highest) * (HEIGHT - 4)).toFixed(1);
      run.push(`${(index * across).toFixed(1)},${height}`, `${((index + 1) * across).toFixed(1)},${height}`);
    }
  });
  if (run.length) runs.push(run);
  return runs;
}

function changeCurve(element, curve) {
  const [caption, drawing] = element.children;
  const [label, value] = caption.children;
  const [area, line, limit] = drawing.children;
  const known = curve.points.filter((point) => point !== null);
  const top = Math.max(...known, curve.limit || 0, 1e-9);
  const most = Math.max(...known, 0);
  const last = known.length ? known[known.length - 1] : null;
  const runs = drawn(curve.points, top);
  const at = (point) => point.split(",")[0];
  write(label, curve.label);
  write(value, words(last, curve.unit));
  line.setAttribute("d", runs.map((run) => `M${run.join("L")}`).join(""));
  area.setAttribute("d", runs.map((run) =>
    `M${at(run[0])},${HEIGHT}L${run.join("L")}L${at(run[run.length - 1])},${HEIGHT}Z`).join(""));
  const height = (HEIGHT - (curve.limit / top) * (HEIGHT - 4)).toFixed(1);
  limit.setAttribute("d", curve.limit ? `M0,${height}H${WIDTH}` : "");
  drawing.setAttribute("aria-label",
    `${curve.label}: ${words(last, curve.unit)} now, ${words(most, curve.unit)} at most in the last hour`);
  write(element.lastElementChild.firstElementChild, `most ${words(most, curve.unit)}`);
  write(element.lastElementChild.lastElementChild, "now");
}

function curves(items) {
  fill(find("curves").querySelector(".curves"), items, () => {
    const made = make("figure");
    const caption = make("figcaption");
    caption.append(make("span", "label"), make("span"));
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("role", "img");
    for (const name of ["area", "line", "limit"]) {
      const shape = document.createElementNS(SVG, "path");
      shape.setAttribute("class", name);
      drawing.append(shape);
    }
    const axis = make("div", "axis");
    axis.setAttribute("aria-hidden", "true");
    axis.append(make("span"), make("span"));
    made.append(caption, drawing, axis);
    return made;
  }, changeCurve);
}

function kind(unit) {
  if (NUMBERS.includes(unit)) return "number";
  return unit === "sentence" ? unit : "";
}

function changeRow(element, cells, columns) {
  fill(element, cells, () => make("td"), (cell, value) => {
    const unit = columns[[...element.children].indexOf(cell)].unit;
    const isPath = unit === "path";
    cell.className = isPath ? "path-cell" : kind(unit);
    if (!cell.firstElementChild) cell.append(isPath ? makePath() : make("bdi"));
    const text = typeof value === "string" ? value : words(value, unit);
    if (isPath) path(cell.firstElementChild, text);
    else write(cell.firstElementChild, text);
    if (!isPath) cell.title = unit === "" ? text : "";
  });
}

function changeTable(element, table) {
  const [scroll, empty] = element.children;
  const [caption, head, body] = scroll.firstElementChild.children;
  write(caption, table.title);
  scroll.setAttribute("aria-label", table.title);
  head.hidden = !table.rows.length;
  fill(head.firstElementChild, table.columns, () => {
    const made = make("th");
    made.scope = "col";
    return made;
  }, (cell, column) => {
    write(cell, column.label);
    cell.className = kind(column.unit);
  });
  fill(body, table.rows, () => make("tr"), (row, cells) => changeRow(row, cells, table.columns));
  empty.hidden = table.rows.length > 0;
  write(empty, table.empty);
}

function tables(element, items) {
  fill(element, items, () => {
    const made = make("section");
    const scroll = make("div", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    const table = make("table");
    const head = make("thead");
    head.append(make("tr"));
    table.append(make("caption"), head, make("tbody"));
    scroll.append(table);
    made.append(scroll, make("p", "empty"));
    return made;
  }, changeTable);
}

function show(snapshot) {
  document.title = snapshot.name;
  write(find("name"), snapshot.name);
  write(find("about"), snapshot.about);
  find("state").hidden = !snapshot.state;
  write(find("state"), snapshot.state);
  counts(snapshot.counts);
  const jobs = [...snapshot.waiting, ...snapshot.lanes.flatMap((lane) => lane.jobs)];
  find("lanes").classList.toggle("anonymous", !jobs.some((job) => job.who));
  lanes(snapshot.lanes);
  waiting(snapshot.waiting, snapshot.queue);
  curves(snapshot.curves);
  tables(find("first"), snapshot.tables.slice(0, BESIDE));
  tables(find("tables"), snapshot.tables.slice(BESIDE));
}

// Where the snapshots come from.  A page that nobody sees asks for none.

let source = null;
let isPaused = false;
let retry = 0;

function status(state, word) {
  find("status").dataset.state = state;
  write(find("word"), word);
}

function stop() {
  clearTimeout(retry);
  if (source) source.close();
  source = null;
}

function start() {
  stop();
  source = new EventSource("live/events");
  source.onmessage = (event) => {
    show(JSON.parse(event.data));
    status("live", "live");
  };
  source.onerror = () => {
    status("lost", "no connection, trying again");
    if (source && source.readyState === EventSource.CLOSED) retry = setTimeout(start, RETRY);
  };
}

function turn() {
  if (isPaused || document.hidden) {
    stop();
    status("paused", "paused");
  } else {
    start();
  }
}

find("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  find("pause").setAttribute("aria-pressed", String(isPaused));
  turn();
});
document.addEventListener("visibilitychange", turn);
turn();

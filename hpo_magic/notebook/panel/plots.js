// The live plots: draws what `views/drawn.py` computed, and answers to mouse and keyboard.
//
// The kernel sends a study once (the trait `study`), then what is new (custom messages). A `Store`
// holds it, with what the user points at; it is shared by all views of the widget. A `View` is one
// place in a page: plots, table and the card of the chosen trial. Plots are two canvases: the trials,
// and above them what is pointed at. All trials are painted into a picture once (`layer`): while
// ranges are brushed it is shown pale, and only the trials within are painted again above it.
// No library, no network.
//
// All text from the kernel is put in by `textContent`: nothing of the user's becomes markup.

// After Okabe & Ito's palette, which colour-blind people tell apart; contrast above 3 on the page.
const INKS = {
  light: { trial: "#0072b2", best: "#c45a00", start: "#7b4fa6", chosen: "#00805c", failed: "#c2322f", pale: "#8a8f98" },
  dark: { trial: "#56b4e9", best: "#f0a040", start: "#b99be0", chosen: "#3fc79a", failed: "#ff7b72", pale: "#7f858e" },
};
const HEIGHT_PX = 250;
const NEAR_PX = 24; // how far from a mark the mouse may be
const AXIS_PX = 14; // and from an axis that is brushed
const MOST_AXES = 16; // of the parallel coordinates; more are not told apart
const MOST_SLICES = 12;
const MOST_ROWS = 200; // of the table that are shown at once
const MOST_DRAGGED = 150; // trials that are painted anew while the mouse drags; all when it ends
const PALE = 0.22; // how strong the trials outside the brushed ranges are
const FONT = "11px sans-serif";
const [LEFT, BELOW] = [54, 34]; // px, of what stands beside and below axes

// ---------------------------------------------------------------- what is known

// What has to be drawn again: the marks of what is pointed at, curves that grew, which trials are
// within the brushed ranges, or everything.
const [MARKS, POINTS, BRUSH, ALL] = [0, 1, 2, 3];

class Store {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.hovered = null; // numbers of trials
    this.chosen = null;
    this.brushes = new Map(); // by parameter: [low, high], places in [0, 1]
    this.isDragging = false;
    this.extras = {}; // timeline and importance, sent on request
    this.details = new Map();
    this.said = "";
    this.read();
    model.on("change:study", () => this.read());
    model.on("msg:custom", (message) => this.take(message));
  }

  read() {
    const text = this.model.get("study");
    if (!text) return;
    this.study = JSON.parse(text);
    this.seq = this.study.seq;
    this.trials = new Map(this.study.trials.map((t) => [t.number, t]));
    this.add(this.study.points);
    this.changed();
  }

  take(message) {
    if (message.type === "news") {
      this.news(message);
      return;
    }
    if (message.type === "extras") {
      Object.assign(this.extras, message.extras);
      if (message.said) Object.assign(this.study, { said: message.said, taken: message.taken });
    } else if (message.type === "details") this.details.set(message.number, message);
    else if (message.type === "said") this.said = message.text;
    this.changed();
  }

  news(message) {
    if (!this.study || message.seq <= this.seq) return; // the study that came has it
    if (message.seq > this.seq + 1) this.model.send({ type: "again" }); // one was lost
    this.seq = message.seq;
    for (const trial of message.trials ?? []) this.trials.set(trial.number, trial);
    this.add(message.points);
    if (message.frame) this.study.frame = message.frame;
    this.changed(message.trials || message.frame ? ALL : POINTS);
  }

  add(points) {
    for (const [number, step, value, train, planned] of points) {
      const trial = this.trials.get(number);
      if (!trial) continue;
      trial.planned = planned ?? trial.planned;
      trial.step = step;
      if (value === null) continue;
      trial.curve[0].push(step);
      trial.curve[1].push(value);
      if (trial.curve[2]) trial.curve[2].push(train);
    }
  }

  changed(what = ALL) {
    if (what >= BRUSH) this.within = undefined;
    for (const view of this.views) view.wants(what);
  }

  get frame() { return this.study.frame; }
  get all() { return [...this.trials.values()]; }
  get searched() { return this.all.filter((t) => t.kind !== "re-check"); }
  get complete() { return this.searched.filter((t) => t.state === "complete" && t.values.length); }
  get best() { return this.trials.get(this.frame.best); }

  // The chosen trial; till the user chooses, the one whose setting is taken.
  get shown() { return this.trials.get(this.chosen) ?? this.trials.get(this.study.taken) ?? this.best; }

  // What the best trial is called.
  get bestName() {
    if (this.study.goals.length < 2) return "the best seen";
    return this.frame.chosen === null ? "the balanced point" : "your choice";
  }

  hover(number) {
    if (number === this.hovered) return;
    this.hovered = number;
    this.changed(MARKS);
  }

  choose(number) {
    this.chosen = number;
    this.said = "";
    if (number !== null && !this.details.has(number)) this.model.send({ type: "details", number });
    this.changed();
  }

  brush(name, range) {
    if (range) this.brushes.set(name, range);
    else this.brushes.delete(name);
    this.changed(BRUSH);
  }

  // The trials within all brushed ranges; all, where none is brushed.
  get bright() {
    if (this.within === undefined) {
      const ranges = [...this.brushes].map(([name, range]) => [this.placer(name), ...range]);
      this.within = this.all.filter((trial) => ranges.every(([place, low, high]) => {
        const at = place(trial);
        return at !== null && at >= low && at <= high;
      }));
    }
    return this.within;
  }

  // Of them as many as can be painted with each move of the mouse, evenly taken.
  get painted() {
    const { bright } = this;
    const step = this.isDragging ? Math.max(bright.length / MOST_DRAGGED, 1) : 1;
    return step === 1 ? bright : bright.filter((_, k) => Math.floor(k / step) !== Math.floor((k - 1) / step));
  }

  // Returns where a trial is on an axis: a function, for many trials.
  placer(name) {
    if (name === VALUE) return (trial) => (trial.values.length ? this.height(trial.values[0]) : null);
    const k = this.study.moving.findIndex((p) => p.name === name);
    return (trial) => (k < 0 ? null : trial.x[k]);
  }

  placeOf(trial, name) { return this.placer(name)(trial); }

  // Where a value lies between the lowest and the highest that are shown.
  height(value) {
    const { low, high } = this.frame;
    return Math.min(Math.max((value - low) / (high - low), 0), 1);
  }
}

const VALUE = Symbol("value"); // the axis of the values; a parameter may have any name

// ---------------------------------------------------------------- words

const number = (value) => (value === null || value === undefined ? "-"
  : Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(+value.toPrecision(4)));

const count = (n) => n.toLocaleString("en-US");

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

function headline(store, trial) {
  const sign = store.study.signs[trial.state] ?? "";
  const kind = trial.kind === "search" ? "" : `, ${trial.kind}`;
  return `Trial ${trial.number} ${sign} ${trial.ended}${kind}`;
}

function valueText(store, trial) {
  if (trial.texts.length) return store.study.goals.map(([m], k) => `${m} ${trial.texts[k]}`).join(", ");
  const last = trial.curve[1].at(-1);
  return last === undefined ? "" : `${store.study.metric} ${number(last)}`;
}

function epochText(trial) {
  const step = trial.step ?? trial.curve[0].at(-1);
  if (step === undefined) return "";
  return trial.planned >= step ? `epoch ${count(step)} of ${count(trial.planned)}` : `epoch ${count(step)}`;
}

const settingText = (store, trial) => store.study.names
  .map((name, k) => [name, trial.params[k]])
  .filter(([, text]) => text !== null)
  .map(([name, text]) => `${name} ${text}`).join(", ");

function sentence(store, trial) {
  const facts = [valueText(store, trial), trial.state === "running" ? epochText(trial) : trial.took];
  return [headline(store, trial), ...facts, settingText(store, trial)].filter(Boolean).join("; ");
}

// How far a trial's values are from those of the best one, in the metrics' units.
function difference(store, trial) {
  const { best } = store;
  if (!best || !trial.values.length || trial.number === best.number) return "";
  const apart = store.study.goals.map(([metric, sign], k) => [metric, (trial.values[k] - best.values[k]) * sign]);
  if (apart.every(([, by]) => by === 0)) return `as good as ${store.bestName}`;
  const told = apart.filter(([, by]) => by !== 0)
    .map(([metric, by]) => `${metric} ${number(Math.abs(by))} ${by > 0 ? "worse" : "better"}`);
  return `${told.join(", ")} than ${store.bestName}`;
}

// ---------------------------------------------------------------- a plot

// Round values for the marks of an axis.
function ticks(low, high, n, whole = false) {
  const raw = (high - low) / Math.max(n, 1);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  let step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999) ?? raw;
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9 && found.length < 50; k++) {
    found.push(+(k * step).toPrecision(12));
  }
  return found;
}

// A range of values on a range of pixels; `log` scales by orders of magnitude.
function scale([low, high], [from, to], log = false) {
  const f = log ? Math.log : (x) => x;
  const [a, b] = [f(low), f(high)];
  const place = (value) => from + ((f(value) - a) / (b - a || 1)) * (to - from);
  const value = (at) => (log ? Math.exp : f)(a + ((at - from) / (to - from)) * (b - a));
  return Object.assign(place, { low, high, log, value });
}

class Plot {
  constructor(view, key, title) {
    this.view = view;
    this.store = view.store;
    this.key = key;
    this.height = HEIGHT_PX;
    this.marks = []; // {number, x, y}: what can be pointed at
    this.zoom = null; // the enlarged part: {xs, ys}, each [low, high]
    this.title = element("figcaption", { textContent: title });
    this.legend = element("div", { className: "hpo-legend" });
    this.base = element("canvas");
    this.layer = element("canvas"); // all trials; it is never in the page
    this.top = element("canvas", { tabIndex: 0, role: "application" });
    this.top.setAttribute("aria-roledescription", "plot");
    this.rows = element("div", { className: "hpo-rows", tabIndex: 0 }); // it scrolls
    const table = element("details", { className: "hpo-behind" },
      element("summary", { textContent: "As a table" }), this.rows);
    table.addEventListener("toggle", () => this.fillTable(table.open));
    this.table = table;
    this.box = element("div", { className: "hpo-canvas" }, this.base, this.top);
    this.node = element("figure", { className: `hpo-plot hpo-plot-${key}` },
      this.title, this.legend, this.box, table);
    this.node.plot = this; // what a test asks where a trial is
    this.listen();
  }

  listen() {
    const at = (event) => [event.offsetX, event.offsetY];
    this.top.addEventListener("pointermove", (e) => this.pointed(...at(e), e));
    this.top.addEventListener("pointerleave", () => { this.store.hover(null); this.view.tip(null); });
    this.top.addEventListener("pointerdown", (e) => this.pressed(...at(e), e));
    this.top.addEventListener("pointerup", (e) => this.released(...at(e), e));
    this.top.addEventListener("dblclick", () => this.enlarge(null));
    this.top.addEventListener("keydown", (event) => {
      if (!this.key_(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.top.addEventListener("blur", () => { this.store.hover(null); this.view.tip(null); });
  }

  nearest(x, y) {
    let found = null, least = NEAR_PX ** 2;
    for (const mark of this.marks) {
      const apart = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (apart < least && this.isInside(mark)) [found, least] = [mark, apart];
    }
    return found;
  }

  // A rectangle that is dragged in some plots is enlarged; a double click shows all again.

  get canZoom() { return false; }

  isInside({ x, y }) { return !this.zoom || (x > LEFT && x < this.width && y > 0 && y < this.height - BELOW); }

  inside(context, paint) {
    context.save();
    if (this.canZoom) {
      context.beginPath();
      const left = this.zoom ? LEFT : LEFT - 9; // a mark at the edge is seen whole
      context.rect(left, 0, this.width - left, this.height - BELOW + 1);
      context.clip();
    }
    paint();
    context.restore();
  }

  enlarge(corners) {
    if (!this.canZoom || !this.across || (!corners && !this.zoom)) return;
    const part = (axis, k) => corners.map((corner) => axis.value(corner[k])).sort((a, b) => a - b);
    this.zoom = corners && { xs: part(this.across, 0), ys: part(this.up, 1) };
    this.view.speak(corners ? "Enlarged; 0 shows all" : "All is shown");
    this.view.wants(ALL);
  }

  // Enlarge twice around what is pointed at.
  closer() {
    const at = this.marks.find((m) => m.number === this.store.hovered) ?? { x: this.width / 2, y: this.height / 2 };
    const [w, h] = [(this.width - LEFT) / 4, (this.height - BELOW) / 4];
    this.enlarge([[at.x - w, at.y - h], [at.x + w, at.y + h]]);
  }

  pointed(x, y) {
    if (this.corner) {
      const [x0, y0] = this.corner;
      if (this.rectangle || Math.hypot(x - x0, y - y0) > 6) {
        this.rectangle = [[x0, y0], [x, y]];
        this.show(null);
        this.view.wants(MARKS);
        return;
      }
    }
    const mark = this.nearest(x, y);
    this.top.style.cursor = mark ? "pointer" : "default";
    this.show(mark);
  }

  show(mark) {
    this.store.hover(mark ? mark.number : null);
    this.view.tip(mark && this.top, mark);
  }

  pressed(x, y, event) {
    if (!this.canZoom) return;
    this.corner = [x, y];
    this.top.setPointerCapture(event.pointerId);
  }

  released(x, y) {
    const { rectangle } = this;
    this.corner = this.rectangle = null;
    if (rectangle) {
      if (rectangle.every((_, k) => Math.abs(rectangle[0][k] - rectangle[1][k]) > 6)) this.enlarge(rectangle);
      this.view.wants(MARKS);
      return;
    }
    const mark = this.nearest(x, y);
    if (mark) this.store.choose(mark.number);
  }

  // What a key does; true if it is one of ours. Arrows go through the trials.
  key_(event) {
    const order = this.order();
    const at = order.findIndex((m) => m.number === (this.store.hovered ?? this.store.chosen));
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    if (event.key in steps) this.go(order, at < 0 ? (steps[event.key] > 0 ? 0 : order.length - 1) : at + steps[event.key]);
    else if (event.key === "Home") this.go(order, 0);
    else if (event.key === "End") this.go(order, order.length - 1);
    else if ((event.key === "Enter" || event.key === " ") && this.store.hovered !== null) this.store.choose(this.store.hovered);
    else if (event.key === "Escape") { this.store.choose(null); this.show(null); }
    else if (this.canZoom && event.key === "+") this.closer();
    else if (this.canZoom && ["-", "0"].includes(event.key)) this.enlarge(null);
    else return false;
    return true;
  }

  go(order, k) {
    const mark = order[Math.min(Math.max(k, 0), order.length - 1)];
    if (mark) { this.show(mark); this.view.speak(sentence(this.store, this.store.trials.get(mark.number))); }
  }

  // The trials as the arrows go through them: one mark of each, from left to right.
  order() {
    const first = new Map();
    for (const mark of this.marks) if (!first.has(mark.number) && this.isInside(mark)) first.set(mark.number, mark);
    return [...first.values()].sort((a, b) => a.x - b.x || a.y - b.y);
  }

  get isSeen() { return this.top.clientWidth > 0; }

  fit(canvas) {
    const sharp = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.box.clientWidth * sharp), Math.round(this.height * sharp)];
    this.box.style.height = `${this.height}px`;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, this.box.clientWidth, this.height);
    context.font = FONT;
    context.lineJoin = "round";
    return context;
  }

  draw(what) {
    if (!this.isSeen) return;
    this.width = this.box.clientWidth;
    if (what === ALL) {
      const said = this.store.study.said[this.key] ?? this.title.textContent;
      this.top.setAttribute("aria-label", `${said} Arrow keys go through the trials, Enter chooses.`);
      if (this.table.open) this.fillTable(true);
    }
    if (what >= BRUSH || (what === POINTS && this.grows)) this.compose(what === ALL);
    const context = this.fit(this.top);
    for (const [which, ink] of [[this.store.chosen, this.view.inks.chosen], [this.store.hovered, this.view.ink]]) {
      const trial = this.store.trials.get(which);
      if (trial) this.point(context, trial, ink);
    }
    if (this.rectangle) {
      const [[x0, y0], [x1, y1]] = this.rectangle;
      context.strokeStyle = this.view.ink;
      context.lineWidth = 1;
      context.setLineDash([3, 3]);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      context.setLineDash([]);
    }
  }

  // What each plot does: `frame` draws axes and says whether there is anything to draw in them,
  // `paint` draws trials and puts their marks into `marks`, `over` draws what stands above them.
  frame() { return true; }
  paint() {}
  over() {}
  get all() { return this.store.all; }

  compose(isNew) {
    const { store } = this;
    this.explained = [];
    this.resize();
    const context = this.fit(this.base);
    const isFirst = isNew || !this.isFramed;
    this.isFramed = this.frame(context);
    this.marks = [];
    if (this.isFramed) {
      if (isFirst || this.isOutgrown()) {
        const layer = this.fit(this.layer);
        this.inside(layer, () => this.paint(layer, this.all));
        this.fixed = this.marks;
      }
      const isBrushed = store.brushes.size > 0;
      context.globalAlpha = isBrushed ? PALE : 1;
      context.drawImage(this.layer, 0, 0, this.width, this.height);
      context.globalAlpha = 1;
      if (isBrushed) this.inside(context, () => this.paintBright(context));
      this.marks = this.fixed;
      this.inside(context, () => this.over(context));
    }
    this.showLegend();
  }

  paintBright(context) {
    const here = new Set(this.all);
    this.marks = []; // these trials have theirs
    this.paint(context, this.store.painted.filter((trial) => here.has(trial)), true);
  }

  resize() {} // sets the height, where it depends on what is drawn
  isOutgrown() { return false; } // whether all trials have to be painted anew, in other limits

  // What points a trial out: rings around its marks.
  point(context, trial, ink) {
    context.strokeStyle = ink;
    context.lineWidth = 2;
    for (const mark of this.marks) {
      if (mark.number === trial.number && !mark.isQuiet && this.isInside(mark)) circle(context, mark.x, mark.y, 6, false);
    }
  }

  explain(...parts) { this.explained.push(parts); } // glyph, ink, text

  showLegend() {
    const key = JSON.stringify([this.explained, this.zoom]);
    if (key === this.legendKey) return;
    this.legendKey = key;
    this.legend.replaceChildren(...this.explained.map(([glyph, ink, text]) => {
      const mark = element("span", { textContent: glyph });
      mark.setAttribute("aria-hidden", "true");
      mark.style.color = ink;
      return element("span", {}, mark, ` ${text}`);
    }));
    if (this.zoom) this.legend.append(element("button", { type: "button", textContent: "Show all", onclick: () => this.enlarge(null) }));
  }

  // A sentence where there is nothing to draw.
  sorry(context, text) {
    context.fillStyle = this.view.ink;
    context.textAlign = "center";
    context.fillText(text, this.width / 2, this.height / 2);
    return false;
  }

  // A text that lines behind it do not cross out.
  write(context, text, x, y) {
    context.strokeStyle = this.view.paper;
    context.lineWidth = 3;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }

  // Two axes with round marks; returns their scales.
  axes(context, xs, ys, { left = LEFT, right = 12, top = 8, bottom = BELOW, x = "", y = "", whole = true, xText = number } = {}) {
    if (this.zoom) [xs, ys] = [this.zoom.xs, this.zoom.ys]; // none of these is a log scale
    const across = scale(xs, [left, this.width - right], xs.log);
    const up = scale(ys, [this.height - bottom, top], ys.log);
    context.strokeStyle = this.view.grid;
    context.fillStyle = this.view.ink;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of marksOf(ys, 5)) {
      line(context, [[left, up(value)], [this.width - right, up(value)]]);
      context.fillText(number(value), left - 6, up(value));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of marksOf(xs, Math.max(3, Math.floor(this.width / 60)), whole)) {
      context.fillText(xText(value), across(value), this.height - bottom + 5);
    }
    context.fillText(x, (left + this.width - right) / 2, this.height - 13);
    context.save();
    context.translate(10, (this.height - bottom + top) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(y, 0, -5);
    context.restore();
    return [across, up];
  }

  fillTable(isOpen) {
    this.rows.replaceChildren();
    if (isOpen) this.rows.append(plainTable(this.columns(), this.cells(), this.title.textContent));
  }

  // The table behind the plot: a row for each trial.
  columns() { return ["trial", "state", ...this.store.study.goals.map(([m]) => m), ...this.store.study.names]; }
  cells() {
    return this.store.all.map((t) => [t.number, t.ended,
      ...this.store.study.goals.map((_, k) => t.texts[k] ?? ""), ...t.params.map((p) => p ?? "")]);
  }
}

const marksOf = (range, n, whole) => (range.log ? orders(range) : ticks(range[0], range[1], n, whole));

function orders([low, high]) {
  const found = [];
  for (let k = Math.ceil(Math.log10(low)); 10 ** k <= high; k++) found.push(10 ** k);
  return found.length > 1 ? found : [low, Math.sqrt(low * high), high];
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

function circle(context, x, y, radius, isFull) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (isFull) context.fill();
  else context.stroke();
}

const SHAPES = {
  star: Array.from({ length: 10 }, (_, k) => [k % 2 ? 3.4 : 8, (k * Math.PI) / 5 - Math.PI / 2]),
  diamond: [0, 1, 2, 3].map((k) => [6, (k * Math.PI) / 2]),
  up: [0, 1, 2].map((k) => [5, (k * 2 * Math.PI) / 3 - Math.PI / 2]),
  down: [0, 1, 2].map((k) => [5, (k * 2 * Math.PI) / 3 + Math.PI / 2]),
};

function shape(context, name, x, y) {
  context.beginPath();
  for (const [radius, angle] of SHAPES[name]) context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  context.closePath();
  context.fill();
}

function cross(context, x, y, r = 4) {
  line(context, [[x - r, y - r], [x + r, y + r]]);
  line(context, [[x - r, y + r], [x + r, y - r]]);
}

function plainTable(columns, rows, caption) {
  const head = element("tr", {}, ...columns.map((c) => element("th", { scope: "col", textContent: c })));
  const body = rows.slice(0, MOST_ROWS).map((row) => element("tr", {}, ...row.map((c) => element("td", { textContent: c }))));
  const left = rows.length > MOST_ROWS ? `, the first ${MOST_ROWS} of ${rows.length} rows` : "";
  return element("table", {}, element("caption", { textContent: caption + left }),
    element("thead", {}, head), element("tbody", {}, ...body));
}

// ---------------------------------------------------------------- the plots

class Convergence extends Plot {
  get canZoom() { return true; }
  get all() { return this.isSeveral ? [] : this.store.searched; }
  get isSeveral() { return this.store.study.goals.length > 1; }

  frame(context) {
    const { store, isSeveral } = this;
    const { frame, goals } = store.study;
    this.title.textContent = isSeveral ? "Convergence: what the front covers up to each trial"
      : `Convergence of ${goals[0][0]}`;
    if (!frame.line) return this.sorry(context, "No trial is complete yet.");
    this.last = 1;
    for (const trial of store.searched) this.last = Math.max(this.last, trial.number);
    [this.low, this.high] = isSeveral ? [0, 1] : [frame.low, frame.high];
    const margin = 0.06 * (this.high - this.low);
    [this.across, this.up] = this.axes(context, [-0.5, this.last + 0.5], [this.low - margin, this.high + margin],
      { x: "trial", y: isSeveral ? "covered" : goals[0][0] });
    if (!isSeveral) this.tell();
    return true;
  }

  // The legend.
  tell() {
    const { store, low, high, view: { inks } } = this;
    const [, sign] = store.study.goals[0];
    const nOff = store.complete.filter(({ values: [value] }) => value < low || value > high).length;
    this.explain("○", inks.trial, "trial");
    if (nOff) this.explain(sign > 0 ? "▲" : "▼", inks.trial, `off scale (${nOff})`);
    for (const [state, ink, glyph] of [["failed", inks.failed, "×"], ["pruned", inks.trial, "|"]]) {
      const n = store.searched.filter((trial) => trial.state === state).length;
      if (n) this.explain(glyph, ink, `${state} (${n})`);
    }
  }

  height_(value) { return this.up(Math.min(Math.max(value, this.low), this.high)); }

  paint(context, trials) {
    const { low, high, view: { inks } } = this;
    const bad = this.up(this.store.study.goals[0][1] > 0 ? high : low); // where those without a value are
    const radius = this.store.complete.length > 150 ? 2 : 3.5;
    context.lineWidth = 1.2;
    for (const { number: n, state, values: [value] } of trials) {
      const x = this.across(n);
      let y = bad;
      context.strokeStyle = context.fillStyle = state === "failed" ? inks.failed : inks.trial;
      if (state === "complete" && value !== undefined) {
        y = this.height_(value);
        if (value < low || value > high) shape(context, value > high ? "up" : "down", x, y);
        else circle(context, x, y, radius, false);
      } else if (state === "failed") cross(context, x, y);
      else if (state === "pruned") line(context, [[x, y - 5], [x, y + 5]]);
      else continue;
      this.marks.push({ number: n, x, y });
    }
  }

  over(context) {
    const { store, across, view: { inks } } = this;
    if (this.isSeveral) this.marks = [];
    else this.start(context);
    const steps = [];
    for (const [n, value] of store.frame.line) {
      const y = this.height_(value);
      if (steps.length) steps.push([across(n), steps.at(-1)[1]]);
      steps.push([across(n), y]);
      if (this.isSeveral) this.marks.push({ number: n, x: across(n), y });
    }
    steps.push([across(this.last), steps.at(-1)[1]]);
    context.strokeStyle = context.fillStyle = inks.best;
    context.lineWidth = 2;
    line(context, steps);
    if (this.isSeveral) {
      for (const mark of this.marks) circle(context, mark.x, mark.y, 3, true);
      this.explain("━", inks.best, "covered");
      return;
    }
    shape(context, "star", across(store.best.number), this.up(store.best.values[0]));
    this.explain("★", inks.best, "best seen");
  }

  // Its value as a line, so that the gain is seen, where it is on the scale.
  start(context) {
    const { store, across, view: { inks } } = this;
    const start = store.trials.get(store.frame.start);
    if (!start?.values.length) return;
    const y = this.height_(start.values[0]);
    const isOff = start.values[0] < this.low || start.values[0] > this.high;
    context.strokeStyle = context.fillStyle = inks.start;
    context.lineWidth = 1.2;
    context.setLineDash([5, 3]);
    if (!isOff) line(context, [[across(-0.5), y], [across(this.last + 0.5), y]]);
    context.setLineDash([]);
    shape(context, "diamond", across(start.number), y);
    this.explain("◆", inks.start, `start ${start.texts[0]}${isOff ? ", off scale" : ""}`);
  }

  columns() { return ["trial", "state", ...this.store.study.goals.map(([m]) => m)]; }
  cells() { return super.cells().map((row) => row.slice(0, this.columns().length)); }
}

class Curves extends Plot {
  get canZoom() { return true; }
  get grows() { return true; } // with each point

  get drawn() { return this.store.all.filter((trial) => trial.curve[0].length); }

  // Those in training; till the next one reports, the one before.
  get current() {
    const running = this.drawn.filter((trial) => trial.state === "running");
    return running.length || !this.store.study.live ? running : this.drawn.slice(-1);
  }

  get all() { return this.drawn.filter((trial) => trial.state !== "running"); }

  get waiting() { return this.drawn.filter((trial) => trial.state === "waiting"); }

  frame(context) {
    const { store, view: { inks } } = this;
    const { drawn, current } = this;
    this.title.textContent = "Learning curves of all trials, pruned ones cut";
    if (!drawn.length) return this.sorry(context, "No epoch is reported yet.");
    let [low, high] = store.frame.curves ?? [Infinity, -Infinity];
    for (const trial of current) { // its whole curve is seen
      for (const value of [...trial.curve[1], ...(trial.curve[2] ?? [])]) {
        if (value !== null && value !== undefined && (!store.frame.curves || withinReach(value, store.frame.curves))) [low, high] = [Math.min(low, value), Math.max(high, value)];
      }
    }
    if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
    let last = 1;
    for (const trial of drawn) last = Math.max(last, trial.curve[0].at(-1));
    const margin = 0.05 * (high - low);
    this.limits = [low, high, last, this.width].join();
    [this.across, this.up] = this.axes(context, [0.5, last + 0.5], [low - margin, high + margin],
      { x: "epoch", y: store.study.metric ?? "" });
    if (store.best?.curve[0].length) this.explain("━", inks.best, `best seen (${store.best.number})`);
    if (this.waiting.length) this.explain("○", inks.best, `waiting (${this.waiting.length})`);
    if (current.length) this.explain("●", inks.trial, `trial ${current.map((t) => t.number).slice(0, 4).join(", ")}`);
    const train = (store.study.metric ?? "").replace(/^val_/, "");
    if (current.length === 1 && current[0].curve[2]?.some((value) => value !== null)) this.explain("┄", inks.trial, `its ${train}`);
    return true;
  }

  isOutgrown() { return this.limits !== this.painted; }

  paint(context, trials) {
    this.painted = this.limits;
    context.strokeStyle = this.view.inks.trial;
    context.lineWidth = 0.8;
    for (const trial of trials) {
      context.globalAlpha = Math.min(0.55, Math.max(0.1, 12 / trials.length));
      this.curve(context, trial);
      if (trial.state === "pruned") this.cut(context, trial);
    }
  }

  over(context) {
    const { store, view: { inks } } = this;
    this.marks = this.fixed.slice();
    context.lineWidth = 2;
    context.strokeStyle = inks.best;
    if (store.best?.curve[0].length) this.curve(context, store.best);
    for (const { curve: [steps, values] } of this.waiting) circle(context, this.across(steps.at(-1)), this.up(values.at(-1)), 3.5, false);
    context.strokeStyle = context.fillStyle = inks.trial;
    for (const trial of this.current) this.strong(context, trial);
  }

  curve(context, trial) {
    const { across, up } = this;
    const [steps, values] = trial.curve;
    context.beginPath();
    for (let k = 0; k < steps.length; k++) {
      const [x, y] = [across(steps[k]), up(values[k])];
      if (k) context.lineTo(x, y);
      else context.moveTo(x, y);
      this.marks.push({ number: trial.number, x, y, k, isQuiet: true });
    }
    context.stroke();
  }

  cut(context, trial) {
    const [x, y] = [this.across(trial.curve[0].at(-1)), this.up(trial.curve[1].at(-1))];
    context.globalAlpha = 1;
    line(context, [[x, y - 4], [x, y + 4]]);
  }

  strong(context, trial) {
    this.curve(context, trial);
    trial.curve[0].forEach((step, k) => circle(context, this.across(step), this.up(trial.curve[1][k]), 2.5, true));
    if (!trial.curve[2]) return; // not in training
    context.setLineDash([2, 3]);
    context.lineWidth = 1;
    const known = trial.curve[0].map((step, k) => [step, trial.curve[2][k]]).filter(([, v]) => v !== null && v !== undefined);
    line(context, known.map(([step, value]) => [this.across(step), this.up(value)]));
    context.setLineDash([]);
    context.lineWidth = 2;
  }

  point(context, trial, ink) {
    if (!this.across) return;
    context.strokeStyle = ink;
    context.lineWidth = 2.5;
    const before = this.marks;
    this.marks = [];
    this.inside(context, () => this.curve(context, trial));
    this.marks = before;
  }

  order() { // the arrows go from trial to trial, each at the end of its curve
    const ends = new Map(this.marks.filter((m) => this.isInside(m)).map((m) => [m.number, m]));
    return [...ends.values()].sort((a, b) => a.number - b.number);
  }

  columns() { return ["trial", "epoch", this.store.study.metric ?? "value"]; }
  cells() {
    const shown = this.store.shown;
    const trials = shown?.curve[0].length ? [shown, ...this.store.all.filter((t) => t !== shown)] : this.store.all;
    return trials.flatMap((t) => t.curve[0].map((step, k) => [t.number, step, number(t.curve[1][k])]));
  }
}

// A curve that diverges must not flatten all others.
const withinReach = (value, [low, high]) => value > low - 1.5 * (high - low) && value < high + 1.5 * (high - low);

class Parallel extends Plot {
  constructor(...parts) {
    super(...parts);
    this.height = 290;
    this.axis = 0; // where the keyboard is
  }

  get shownAxes() {
    const { store } = this;
    const named = store.study.moving.slice(0, MOST_AXES).map((p) => ({ id: p.name, ...p }));
    const { low, high } = store.frame;
    const marks = low === undefined ? [] : ticks(low, high, 4).map((v) => [store.height(v), number(v)]);
    return [...named, { id: VALUE, name: store.study.goals[0][0], ticks: marks }];
  }

  get all() { return this.store.searched.filter((t) => ["complete", "pruned"].includes(t.state)); }

  frame(context) {
    const { store, view: { inks } } = this;
    this.list = this.shownAxes;
    this.title.textContent = "Parallel coordinates; drag along an axis to brush a range";
    if (!store.complete.length || this.list.length < 2) return this.sorry(context, "No trial is complete yet.");
    const [left, right] = [26, this.width - 64];
    [this.topmost, this.bottom] = [26, this.height - 14];
    this.xs = this.list.map((_, k) => left + (k * (right - left)) / (this.list.length - 1));
    this.y = (place) => this.bottom - place * (this.bottom - this.topmost);
    this.explain("━", inks.best, store.bestName.replace("the ", ""));
    this.explain("━", inks.trial, store.brushes.size ? "within the ranges" : "the best tenth");
    this.explain("━", inks.pale, "others");
    if (this.all.some((t) => t.state === "pruned")) this.explain("┄", inks.pale, "pruned");
    return true;
  }

  paint(context, trials, isBright = false) {
    const { store, view: { inks } } = this;
    const good = new Map(store.frame.good.map((n, k) => [n, k])); // the best ones, above the others
    const rank = (trial) => good.get(trial.number) ?? Infinity;
    this.placers = this.list.map((axis) => store.placer(axis.id));
    context.lineWidth = 0.9;
    context.strokeStyle = isBright ? inks.trial : inks.pale;
    context.globalAlpha = isBright ? Math.max(0.25, Math.min(0.8, 60 / trials.length)) : Math.max(0.14, Math.min(0.6, 20 / trials.length));
    for (const trial of trials) if (isBright || rank(trial) === Infinity) this.path(context, trial, trial.state === "pruned");
    for (const trial of trials.filter((t) => rank(t) < Infinity).sort((a, b) => rank(b) - rank(a))) {
      const isBest = trial.number === store.frame.best;
      context.strokeStyle = isBest ? inks.best : inks.trial;
      context.lineWidth = isBest ? 2.4 : 1.3;
      context.globalAlpha = isBest ? 1 : 0.8;
      this.path(context, trial);
    }
    context.globalAlpha = 1;
  }

  over(context) { this.drawAxes(context, this.topmost, this.bottom); }

  places(trial) { return this.placers.map((place) => place(trial)); }

  // A line through what the trial reached; dashes lead over what it did not.
  path(context, trial, isDotted = false) {
    const reached = this.places(trial)
      .map((place, k) => (place === null ? null : [this.xs[k], this.y(place), k])).filter(Boolean);
    for (const [x, y] of reached) this.marks.push({ number: trial.number, x, y });
    const isWhole = reached.length === this.list.length;
    if (isWhole) {
      context.setLineDash(isDotted ? [2, 3] : []);
      line(context, reached);
    }
    for (let k = 1; k < reached.length; k++) {
      const [a, b] = [reached[k - 1], reached[k]];
      this.marks.push({ number: trial.number, x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, isQuiet: true });
      if (isWhole) continue;
      context.setLineDash(b[2] > a[2] + 1 || isDotted ? [2, 3] : []);
      line(context, [a, b]);
    }
    context.setLineDash([]);
  }

  point(context, trial, ink) {
    if (!this.xs) return;
    context.strokeStyle = ink;
    context.lineWidth = 3;
    const before = this.marks;
    this.marks = [];
    this.path(context, trial);
    this.marks = before;
  }

  drawAxes(context, top, bottom) {
    const { view, store } = this;
    const room = Math.max((this.xs[1] ?? 99) - this.xs[0] - 6, 30);
    this.list.forEach((axis, k) => {
      const x = this.xs[k];
      const hasKeys = document.activeElement === this.top && k === this.axis;
      context.strokeStyle = view.ink;
      context.lineWidth = hasKeys ? 2.5 : 1;
      line(context, [[x, top], [x, bottom]]);
      const range = store.brushes.get(axis.id);
      if (range) {
        context.fillStyle = view.inks.start;
        context.globalAlpha = 0.35;
        context.fillRect(x - 7, this.y(range[1]), 14, Math.max(this.y(range[0]) - this.y(range[1]), 2));
        context.globalAlpha = 1;
      }
      context.fillStyle = view.ink;
      context.textBaseline = "middle";
      context.textAlign = "left";
      for (const [place, text] of axis.ticks) this.write(context, short(context, text, Math.min(room, 58)), x + 4, this.y(place));
      context.textAlign = k ? "center" : "left";
      context.font = `bold ${FONT}`;
      context.fillText(short(context, axis.name, room), k ? x : 2, 10);
      context.font = FONT;
    });
  }

  axisAt(x) {
    const k = (this.xs ?? []).findIndex((at) => Math.abs(at - x) < AXIS_PX);
    return k < 0 ? null : k;
  }

  placeAt(y) { return Math.min(Math.max((this.y(0) - y) / (this.y(0) - this.y(1)), 0), 1); }

  pressed(x, y, event) {
    const k = this.axisAt(x);
    if (k === null) return;
    this.drag = { k, from: y };
    this.show(null);
    this.top.setPointerCapture(event.pointerId);
  }

  pointed(x, y) {
    if (this.drag) {
      if (Math.abs(y - this.drag.from) < 4) return;
      const ends = [this.placeAt(this.drag.from), this.placeAt(y)].sort((a, b) => a - b);
      this.drag.isMoved = this.store.isDragging = true;
      this.store.brush(this.list[this.drag.k].id, ends);
      return;
    }
    super.pointed(x, y);
    if (this.axisAt(x) !== null) this.top.style.cursor = "ns-resize";
  }

  released(x, y) {
    const { drag } = this;
    this.drag = null;
    if (drag?.isMoved) { this.store.isDragging = false; this.store.changed(BRUSH); return; }
    const id = drag && this.list[drag.k].id;
    if (id && this.store.brushes.has(id)) this.store.brush(id, null);
    else super.released(x, y);
  }

  // Left and right go from axis to axis, up and down along it from trial to trial; [ and ] set the
  // ends of its range at the trial that is pointed at, Backspace takes the range away.
  key_(event) {
    if (!this.list || !this.xs) return false;
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const id = () => this.list[this.axis].id;
    if (move) {
      this.axis = Math.min(Math.max(this.axis + move, 0), this.list.length - 1);
      this.view.wants(ALL);
      this.view.speak(`Axis ${this.list[this.axis].name}`);
    } else if (event.key === "[" || event.key === "]") {
      const trial = this.store.trials.get(this.store.hovered);
      const place = trial && this.store.placeOf(trial, id());
      if (place === null || place === undefined) return true;
      const [low, high] = this.store.brushes.get(id()) ?? [0, 1];
      this.store.brush(id(), event.key === "[" ? [place, Math.max(high, place)] : [Math.min(low, place), place]);
    } else if (event.key === "Backspace" || event.key === "Delete") this.store.brush(id(), null);
    else return super.key_(event);
    return true;
  }

  order() {
    const x = this.xs?.[this.axis];
    return this.marks.filter((m) => m.x === x && !m.isQuiet).sort((a, b) => b.y - a.y || a.number - b.number);
  }
}

function short(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let n = text.length;
  while (n > 1 && context.measureText(`${text.slice(0, n)}…`).width > room) n -= 1;
  return `${text.slice(0, n)}…`;
}

class Slices extends Plot {
  get all() { return this.store.complete; }
  get parameters() { return this.store.study.moving.slice(0, MOST_SLICES); }

  resize() {
    this.nAcross = Math.max(1, Math.min(this.parameters.length, Math.floor(this.width / 190)));
    this.height = 190 * Math.max(Math.ceil(this.parameters.length / this.nAcross), 1);
  }

  frame(context) {
    const { store, view: { inks } } = this;
    const { low, high } = store.frame;
    this.title.textContent = `Slices: ${store.study.goals[0][0]} against each parameter, late trials stronger`;
    if (!store.complete.length || !this.parameters.length) return this.sorry(context, "No trial is complete yet.");
    const cell = this.width / this.nAcross;
    const margin = 0.07 * (high - low);
    this.scales = this.parameters.map((parameter, k) => {
      const [x0, y0] = [(k % this.nAcross) * cell, Math.floor(k / this.nAcross) * 190];
      const across = scale([-0.04, 1.04], [x0 + 46, x0 + cell - 10]);
      const up = scale([low - margin, high + margin], [y0 + 150, y0 + 8]);
      this.frameOf(context, parameter, across, up);
      return [across, up];
    });
    this.explain("★", inks.best, store.bestName.replace("the ", ""));
    return true;
  }

  frameOf(context, parameter, across, up) {
    const { view } = this;
    context.strokeStyle = view.grid;
    context.fillStyle = view.ink;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(this.store.frame.low, this.store.frame.high, 3)) {
      line(context, [[across(0), up(value)], [across(1), up(value)]]);
      context.fillText(number(value), across(-0.04) - 2, up(value));
    }
    context.textAlign = "center";
    const room = (across(1) - across(0)) / Math.max(parameter.ticks.length, 1);
    const bottom = up(up.low);
    for (const [place, text] of parameter.ticks) context.fillText(short(context, text, room), across(place), bottom + 9);
    context.font = `bold ${FONT}`;
    context.fillText(short(context, parameter.name, across(1) - across(0)), across(0.5), bottom + 25);
    context.font = FONT;
  }

  paint(context, trials) {
    const { low, high } = this.store.frame;
    const last = Math.max(this.store.complete.at(-1).number, 1);
    const radius = this.store.complete.length > 150 ? 1.8 : 3;
    context.fillStyle = this.view.inks.trial;
    this.scales.forEach(([across, up], k) => {
      for (const trial of trials) {
        if (trial.slices[k] === null) continue;
        const y = up(Math.min(Math.max(trial.values[0], low), high));
        const x = across(trial.slices[k]);
        context.globalAlpha = 0.4 + (0.5 * trial.number) / last;
        circle(context, x, y, radius, true);
        this.marks.push({ number: trial.number, x, y });
      }
    });
    context.globalAlpha = 1;
  }

  over(context) {
    const { best } = this.store;
    context.fillStyle = this.view.inks.best;
    this.scales.forEach(([across, up], k) => {
      if (best && best.slices[k] !== null) shape(context, "star", across(best.slices[k]), up(best.values[0]));
    });
  }
}

class Front extends Plot {
  get all() { return this.store.complete; }

  frame(context) {
    const { store, view: { inks } } = this;
    const { frame, goals } = store.study;
    this.title.textContent = `The front of ${goals.map(([m]) => m).join(" and ")}: what no trial is beyond`;
    if (!frame.pairs) return this.sorry(context, "No trial is complete yet.");
    const full = this.width;
    this.width = full / frame.pairs.length; // of the axes of one pair
    this.parts = frame.pairs.map((pair, place) => {
      context.save();
      context.translate(place * this.width, 0);
      const [across, up] = this.pairOfAxes(context, pair.objective);
      context.restore();
      return { ...pair, up, across: (value) => across(value) + place * this.width };
    });
    this.width = full;
    this.explain("○", inks.trial, "trial");
    this.explain("●", inks.best, "front");
    this.explain("★", inks.best, frame.chosen === null ? "most balanced" : "chosen");
    if (frame.start !== null) this.explain("◆", inks.start, "start");
    return true;
  }

  pairOfAxes(context, objective) {
    const { frame, goals } = this.store.study;
    const better = ([m, sign]) => `${m} (${sign > 0 ? "smaller" : "larger"} is better)`;
    const range = (axis) => Object.assign([axis.low, axis.high], { log: axis.is_log });
    return this.axes(context, range(frame.axes[objective]), range(frame.axes[0]),
      { x: better(goals[objective]), y: goals[0][0], whole: false });
  }

  // Where a trial is in one pair of axes; a wild value at their edge.
  spot({ objective, across, up }, values) {
    const { frame, goals } = this.store.study;
    const at = (k) => goals[k][1] * Math.min(goals[k][1] * values[k], goals[k][1] * frame.axes[k].worst);
    return [across(at(objective)), up(at(0))];
  }

  paint(context, trials) {
    const front = new Set(this.store.frame.front);
    context.strokeStyle = this.view.inks.trial;
    context.fillStyle = this.view.inks.best;
    for (const part of this.parts) {
      for (const trial of trials) {
        const [x, y] = this.spot(part, trial.values);
        circle(context, x, y, front.has(trial.number) ? 4 : 3, front.has(trial.number));
        this.marks.push({ number: trial.number, x, y });
      }
    }
  }

  over(context) {
    const { store, view: { inks } } = this;
    const { frame, goals } = store.study;
    for (const part of this.parts) {
      context.strokeStyle = inks.best;
      context.lineWidth = 1.6;
      const isPost = goals[part.objective][1] > 0;
      line(context, part.corners.flatMap(([x, y], k) => {
        const next = part.corners[k + 1];
        const here = [part.across(x), part.up(y)];
        return next ? [here, isPost ? [part.across(next[0]), part.up(y)] : [part.across(x), part.up(next[1])]] : [here];
      }));
      for (const [which, name, ink] of [[frame.start, "diamond", inks.start], [frame.best, "star", inks.best]]) {
        const trial = store.trials.get(which);
        context.fillStyle = ink;
        if (trial?.values.length) shape(context, name, ...this.spot(part, trial.values));
      }
    }
  }
}

// Plots of what the kernel computes on request: it costs more than a trial may.
class OnRequest extends Plot {
  get values() { return this.store.extras[this.key]; }

  frame(context) {
    if (!this.values) return this.sorry(context, "Being computed …");
    this.top.setAttribute("aria-label", this.values.said);
    return this.values.bars.length ? this.bars(context) : this.sorry(context, this.values.said);
  }
}

class Timeline extends OnRequest {
  get all() { return this.values.bars.map(([n]) => this.store.trials.get(n)).filter(Boolean); }

  get colours() {
    const { inks } = this.view;
    return { complete: inks.trial, "re-check": inks.start, pruned: inks.pale, failed: inks.failed, running: inks.best, waiting: inks.best };
  }

  bars(context) {
    const { values } = this;
    this.isUpright = values.rows === 1 && values.bars.length > 40;
    const rows = Math.max(...values.bars.map(([, row]) => row)) + 1;
    const last = Math.max(...values.bars.map(([, , , end]) => end), 1e-3);
    const longest = Math.max(...values.bars.map(([, , begin, end]) => end - begin), 1e-3);
    this.title.textContent = this.isUpright ? "Timeline: how long each trial took, and how it ended" : "Timeline: when each trial ran, and how it ended";
    [this.across, this.up] = this.axes(context, [0, last * 1.01], this.isUpright ? [0, longest * 1.05] : [rows - 0.4, -0.6],
      { x: "seconds since the first trial began", y: this.isUpright ? "seconds" : values.rows > 1 ? "worker" : "trial", whole: false });
    this.thick = this.isUpright ? Math.max((0.7 * this.width) / values.bars.length, 0.8) : Math.max(Math.min(170 / rows, 12), 1.5);
    const seen = new Map();
    for (const [, , , , outcome] of values.bars) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    for (const [outcome, n] of seen) this.explain("■", this.colours[outcome] ?? this.view.inks.pale, `${outcome} (${n})`);
    return true;
  }

  paint(context, trials) {
    const { across, up, thick, colours } = this;
    const shown = new Set(trials.map((trial) => trial.number));
    for (const [n, row, begin, end, outcome] of this.values.bars) {
      if (!shown.has(n)) continue;
      context.fillStyle = colours[outcome] ?? this.view.inks.pale;
      const box = this.isUpright ? [across(begin), up(end - begin), thick, up(0) - up(end - begin)]
        : [across(begin), up(row) - thick / 2, Math.max(across(end) - across(begin), 2), thick];
      context.fillRect(...box);
      this.marks.push({ number: n, x: box[0] + box[2] / 2, y: box[1] + (this.isUpright ? 0 : thick / 2) });
    }
  }

  over(context) {
    context.fillStyle = context.strokeStyle = this.view.ink;
    context.textAlign = "left";
    for (const [where, text] of this.values.pauses) {
      context.setLineDash([2, 3]);
      line(context, [[this.across(where), 8], [this.across(where), this.height - 34]]);
      context.fillText(`pause ${text}`, this.across(where) + 3, this.height - 48);
    }
    context.setLineDash([]);
  }

  columns() { return ["trial", "begins (s)", "ends (s)", "outcome"]; }
  cells() { return (this.values?.bars ?? []).map(([n, , begin, end, outcome]) => [n, number(begin), number(end), outcome]); }
}

class Importance extends OnRequest {
  get all() { return []; }

  resize() { this.height = Math.max(24 * Math.min(this.values?.bars.length ?? 0, 12) + 40, 90); }

  bars(context) {
    const { view, values } = this;
    const shown = values.bars.slice(0, 12);
    this.title.textContent = values.said;
    const most = Math.max(...shown.map(([, share, spread]) => share + spread), 1e-3) * 1.05;
    const left = Math.min(150, this.width * 0.35);
    const across = scale([0, most], [left, this.width - 16]);
    context.textBaseline = "middle";
    shown.forEach(([name, share, spread], k) => {
      const y = 14 + 24 * k;
      context.fillStyle = view.inks.trial;
      context.fillRect(left, y - 7, across(share) - left, 14);
      context.strokeStyle = context.fillStyle = view.ink;
      context.lineWidth = 1.5;
      line(context, [[across(Math.max(share - spread, 0)), y], [across(Math.min(share + spread, most)), y]]);
      context.textAlign = "right";
      context.fillText(short(context, name, left - 8), left - 6, y);
    });
    context.textAlign = "center";
    for (const share of ticks(0, most, 4)) context.fillText(`${number(share * 100)}%`, across(share), this.height - 26);
    context.fillText("share of the differences", (left + this.width) / 2, this.height - 10);
    return true;
  }

  columns() { return ["parameter", "share", "standard deviation"]; }
  cells() { return (this.values?.bars ?? []).map(([name, share, spread]) => [name, number(share), number(spread)]); }
}

// ---------------------------------------------------------------- beside the plots

// The trial that is chosen, or the best one: its facts, its difference to the best, its log.
class Card {
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.node = element("div", { className: "hpo-card", role: "group" });
    this.node.setAttribute("aria-label", "The chosen trial");
  }

  draw() {
    const { store } = this;
    const trial = store.shown;
    const had = document.activeElement?.dataset?.does;
    if (!trial) return this.node.replaceChildren(element("p", { textContent: "No trial is complete yet." }));
    const isBest = trial.number === store.frame.best;
    this.node.classList.toggle("hpo-chosen", store.chosen !== null);
    const facts = [valueText(store, trial), isBest ? store.bestName : difference(store, trial), trial.took && `took ${trial.took}`];
    if (trial.number === store.study.taken) facts.unshift("chosen by the re-check");
    const reruns = store.all.filter((t) => t.again === trial.number && t.texts.length);
    if (reruns.length) facts.push(`run again: ${reruns.map((t) => t.texts[0]).join(", ")}`);
    if (trial.again !== null) facts.push(`runs the setting of trial ${trial.again} again`);
    this.node.replaceChildren(
      element("div", {},
        element("h4", { textContent: headline(store, trial) }),
        element("p", { textContent: facts.filter(Boolean).join("; ") }),
        this.buttons(trial),
        element("p", { role: "status", className: "hpo-said", textContent: store.said })),
      this.settings(trial, isBest ? null : store.best),
      element("div", { className: "hpo-log" }, ...this.log(trial)));
    if (had) this.node.querySelector(`[data-does="${had}"]`)?.focus();
    return undefined;
  }

  settings(trial, best) {
    const rows = store_rows(this.store, trial, best);
    const columns = ["parameter", `trial ${trial.number}`, ...(best ? [`best (${best.number})`] : [])];
    const table = plainTable(columns, rows, "");
    table.querySelector("caption").remove();
    if (best) table.querySelectorAll("tbody tr").forEach((row, k) => row.classList.toggle("hpo-differs", rows[k][1] !== rows[k][2]));
    return table;
  }

  buttons(trial) {
    const { can } = this.store.study;
    const { model } = this.store;
    const made = [];
    const add = (does, label, title, act) => {
      const one = element("button", { type: "button", textContent: label, title, onclick: act });
      one.dataset.does = does;
      made.push(one);
    };
    if (can.run && trial.kind !== "re-check") add("run", "Run this", "Queue this setting: it is trained next", () => model.send({ type: "run", number: trial.number }));
    if (can.choose && this.store.frame.front?.includes(trial.number)) add("choose", "Choose this point", "Then freeze(), best_model() and the test are of it", () => model.send({ type: "choose", number: trial.number }));
    if (this.store.chosen !== null) add("clear", "Back to the best", "Show the best trial again", () => this.store.choose(null));
    return element("div", { className: "hpo-buttons" }, ...made);
  }

  log(trial) {
    const details = this.store.details.get(trial.number);
    const made = [];
    if (trial.failure) made.push(element("pre", { className: "hpo-failure", textContent: trial.failure }));
    if (!details) return made;
    if (details.failure) made.push(element("pre", { textContent: details.failure }));
    if (details.metrics.length) made.push(element("p", { textContent: details.metrics.map(([m, v]) => `${m} ${v}`).join(", ") }));
    if (details.output) made.push(element("details", { open: true }, element("summary", { textContent: "What it printed" }), element("pre", { textContent: details.output })));
    return made;
  }
}

const store_rows = (store, trial, best) => store.study.names
  .map((name, k) => [name, trial.params[k] ?? "", ...(best ? [best.params[k] ?? ""] : [])])
  .filter(([, a, b]) => a || b);

// All trials, sorted by any column, of all states or of one; a click chooses.
class Table {
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.by = { column: null, isDown: false };
    this.rows = element("div", { className: "hpo-rows", tabIndex: 0, role: "group" });
    this.rows.setAttribute("aria-label", "Table of trials");
    this.states = element("select", { onchange: () => this.draw(true) });
    this.node = element("div", {}, element("label", { textContent: "Show " }, this.states), this.rows);
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-number]");
      if (row) this.store.choose(Number(row.dataset.number));
    });
    this.rows.addEventListener("pointerover", (event) => {
      const row = event.target.closest("tr[data-number]");
      this.store.hover(row ? Number(row.dataset.number) : null);
    });
    this.rows.addEventListener("pointerleave", () => this.store.hover(null));
  }

  // The states that there are; what is chosen of them stays so.
  offer() {
    const found = ["all states", ...new Set(this.store.searched.map((t) => t.state))];
    const key = found.join();
    if (key === this.offered) return;
    this.offered = key;
    const { value } = this.states;
    this.states.replaceChildren(...found.map((state) => element("option", { textContent: state })));
    if (found.includes(value)) this.states.value = value;
  }

  draw(isNew) {
    if (!this.node.clientWidth) return;
    if (isNew) { this.offer(); this.fill(); }
    for (const row of this.rows.querySelectorAll("tr[data-number]")) {
      const n = Number(row.dataset.number);
      row.classList.toggle("hpo-chosen", n === this.store.chosen);
      row.classList.toggle("hpo-hovered", n === this.store.hovered);
    }
  }

  // The columns: a name, the text in a row, and what it is sorted by.
  columns() {
    const { study } = this.store;
    return [
      ["trial", (t) => String(t.number), (t) => t.number],
      ["state", (t) => `${study.signs[t.state] ?? ""} ${t.ended}`, (t) => t.ended],
      ...study.goals.map(([m, sign], k) => [m, (t) => t.texts[k] ?? "", (t) => (t.values.length ? sign * t.values[k] : null)]),
      ["time", (t) => t.took ?? "", (t) => t.started],
      ...study.names.map((name, k) => {
        const place = study.moving.findIndex((p) => p.name === name);
        return [name, (t) => t.params[k] ?? "", (t) => (place < 0 ? t.params[k] : t.x[place])];
      }),
    ];
  }

  fill() {
    const { store } = this;
    const columns = this.columns();
    const key = columns[this.by.column ?? 2][2];
    const sign = this.by.isDown ? -1 : 1;
    const sorted = store.searched.map((t) => [key(t), t]).sort(([a, s], [b, t]) => (a === null) - (b === null)
      || (a === null ? 0 : sign * (a < b ? -1 : a > b ? 1 : 0)) || s.number - t.number).map(([, t]) => t);
    const within = new Set(store.bright);
    const { value: state } = this.states;
    const bright = sorted.filter((t) => within.has(t) && (state === "all states" || t.state === state));
    const reruns = Map.groupBy ? Map.groupBy(store.all.filter((t) => t.again !== null && t.texts.length), (t) => t.again) : new Map();
    const head = element("tr", {}, ...columns.map(([name], k) => {
      const th = element("th", { scope: "col" }, element("button", { type: "button", textContent: name, title: `Sort by ${name}`, onclick: () => this.sort(k) }));
      if (k === this.by.column) th.setAttribute("aria-sort", this.by.isDown ? "descending" : "ascending");
      return th;
    }));
    const body = bright.slice(0, MOST_ROWS).map((trial) => {
      const again = reruns.get(trial.number);
      const row = element("tr", {}, ...columns.map(([, text], k) => {
        const shown = text(trial) + (k === 2 && again ? ` (again ${again.map((t) => t.texts[0]).join(", ")})` : "");
        if (k) return element("td", { textContent: shown });
        const star = trial.number === store.frame.best ? " ★" : "";
        return element("td", {}, element("button", { type: "button", textContent: shown + star, title: `Choose trial ${shown}` }));
      }));
      row.dataset.number = trial.number;
      return row;
    });
    const cut = bright.length > MOST_ROWS ? `The first ${MOST_ROWS} of ${count(bright.length)} trials` : `${count(bright.length)} trials`;
    this.rows.replaceChildren(element("table", {}, element("caption", { textContent: `${cut}, ★ ${store.bestName}` }),
      element("thead", {}, head), element("tbody", {}, ...body)));
  }

  sort(column) {
    this.by = { column, isDown: this.by.column === column && !this.by.isDown };
    this.draw(true);
  }
}

// What is brushed: how many trials, the best of them, and where to go on.
class Brushed {
  constructor(view) {
    this.store = view.store;
    this.node = element("div", { className: "hpo-brushed" });
    this.said = element("span", { role: "status" });
    this.narrow = element("button", { type: "button", textContent: "Search here", title: "A cell with the brushed ranges in place of its own", onclick: () => this.ask() });
    this.clear = element("button", { type: "button", textContent: "Clear", title: "Take all ranges away", onclick: () => { this.store.brushes.clear(); this.store.changed(BRUSH); } });
    this.node.append(this.said, this.narrow, this.clear);
  }

  ask() {
    const ranges = [...this.store.brushes].filter(([id]) => id !== VALUE);
    this.store.model.send({ type: "narrow", ranges: Object.fromEntries(ranges) });
  }

  draw() {
    const { store } = this;
    this.node.hidden = !store.brushes.size;
    if (!store.brushes.size) return;
    const bright = store.bright.filter((t) => t.kind !== "re-check");
    const [[, sign]] = store.study.goals;
    const better = (a, b) => (sign * (b.values[0] - a.values[0]) < 0 ? b : a);
    const [first, ...rest] = bright.filter((t) => t.values.length);
    const best = first && rest.reduce(better, first);
    const told = best ? `; the best of them is trial ${best.number}, ${valueText(store, best)}` : "";
    this.said.textContent = `${count(bright.length)} of ${count(store.searched.length)} trials are within the ranges${told}.`;
    this.narrow.hidden = !store.study.can.narrow || [...store.brushes.keys()].every((id) => id === VALUE);
  }
}

// ---------------------------------------------------------------- one place in a page

class View {
  constructor(store, root) {
    this.store = store;
    this.now = element("div", { className: "hpo-now" });
    this.tipNode = element("div", { className: "hpo-tip", hidden: true });
    this.spoken = element("div", { className: "hpo-spoken", role: "status" });
    const plots = {
      convergence: new Convergence(this, "convergence", "Convergence"),
      curves: new Curves(this, "curves", "Learning curves"),
      parallel: new Parallel(this, "parallel", "Parallel coordinates"),
      front: new Front(this, "front", "The front"),
      slices: new Slices(this, "slices", "Slices"),
      importance: new Importance(this, "importance", "Importance"),
      timeline: new Timeline(this, "timeline", "Timeline"),
    };
    this.plots = Object.values(plots);
    this.parts = [new Card(this), new Brushed(this), new Table(this)];
    const [card, brushed, table] = this.parts;
    const row = element("div", { className: "hpo-grid" }, plots.convergence.node, plots.curves.node, card.node);
    this.front = this.fold("Front", plots.front.node, true);
    this.root = element("div", { className: "hpo-plots" }, this.now, row, this.front, plots.parallel.node, brushed.node,
      this.fold("Table of trials", table.node), this.fold("Slices", plots.slices.node),
      this.fold("Importance", plots.importance.node, false, "importance"),
      this.fold("Timeline", plots.timeline.node, false, "timeline"), this.tipNode, this.spoken);
    this.root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys are not ours
    root.append(this.root);
    this.watch();
    store.views.add(this);
    this.wants(ALL);
  }

  fold(title, node, isOpen = false, request = null) {
    const made = element("details", { open: isOpen }, element("summary", { textContent: title }), node);
    made.addEventListener("toggle", () => {
      if (request) this.store.model.send({ type: "open", what: request, is_open: made.open });
      this.wants(ALL);
    });
    return made;
  }

  watch() {
    this.sizes = new ResizeObserver(([{ contentRect }]) => { // another height changes no plot
      if (contentRect.width !== this.width) this.wants(ALL);
      this.width = contentRect.width;
    });
    this.sizes.observe(this.root);
    this.theme = new MutationObserver(() => this.wants(ALL));
    this.theme.observe(document.body, { attributes: true });
    this.theme.observe(document.documentElement, { attributes: true });
  }

  close() {
    this.store.views.delete(this);
    this.sizes.disconnect();
    this.theme.disconnect();
  }

  // Draw with the next picture of the screen, all that is wanted till then at once.
  wants(what) {
    if (this.wanted === undefined) requestAnimationFrame(() => this.draw());
    this.wanted = Math.max(this.wanted ?? MARKS, what);
  }

  draw() {
    const { store, wanted } = this;
    this.wanted = undefined;
    if (!store.study) return;
    if (wanted === ALL) this.colours();
    this.front.hidden = store.study.goals.length < 2;
    for (const plot of this.plots) plot.draw(wanted);
    const [card, brushed, table] = this.parts;
    if (wanted === ALL) card.draw();
    if (wanted >= BRUSH) brushed.draw();
    if (wanted !== MARKS) this.drawNow();
    if (!store.isDragging) table.draw(wanted >= BRUSH); // its rows follow when the mouse lets go
    this.root.dataset.seq = store.seq;
    this.root.closest(".hpo-panel")?.classList.add("hpo-drawn"); // hides pictures in its place
  }

  // The inks of the page: its own text, and our palette for a light or dark one.
  colours() {
    this.ink = getComputedStyle(this.root).color;
    const [r, g, b] = (this.ink.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
    const isDark = 0.3 * r + 0.6 * g + 0.1 * b > 128;
    this.inks = INKS[isDark ? "dark" : "light"];
    this.paper = isDark ? "#111111" : "#ffffff"; // where the page says nothing
    for (let node = this.root; node; node = node.parentElement) {
      const { backgroundColor } = getComputedStyle(node);
      if (!/^transparent|, 0\)$/.test(backgroundColor)) { this.paper = backgroundColor; break; }
    }
    this.grid = isDark ? "rgba(255,255,255,0.13)" : "rgba(0,0,0,0.09)";
    this.root.classList.toggle("hpo-dark", isDark);
  }

  drawNow() {
    const running = this.store.all.filter((t) => t.state === "running");
    this.now.classList.toggle("hpo-live", this.store.study.live);
    this.now.replaceChildren(...running.map((trial) => {
      const last = trial.curve[1].at(-1);
      const value = last === undefined ? "" : `${this.store.study.metric} ${number(last)}`;
      const kind = trial.kind === "search" ? "" : trial.kind;
      const facts = [kind, epochText(trial), value].filter(Boolean).join(", ");
      return element("div", {}, element("b", { textContent: `▶ Trial ${trial.number}` }), ` ${facts} `,
        element("span", { className: "hpo-quiet", textContent: settingText(this.store, trial) }));
    }));
  }

  tip(canvas, mark) {
    const trial = canvas && this.store.trials.get(mark.number);
    this.tipNode.hidden = !trial;
    if (!trial) return;
    const { store } = this;
    const at = mark.k === undefined ? "" : `epoch ${trial.curve[0][mark.k]}: ${store.study.metric} ${number(trial.curve[1][mark.k])}`;
    const lines = [valueText(store, trial), at, trial.took && `took ${trial.took}`, settingText(store, trial), trial.failure];
    this.tipNode.replaceChildren(element("b", { textContent: headline(store, trial) }),
      ...lines.filter(Boolean).map((text) => element("div", { textContent: text })));
    const [inside, around] = [canvas.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const width = this.tipNode.offsetWidth;
    const x = inside.left - around.left + mark.x;
    this.tipNode.style.left = `${Math.max(Math.min(x + 12, around.width - width - 4), 0)}px`;
    this.tipNode.style.top = `${inside.top - around.top + mark.y + 14}px`;
  }

  speak(text) { this.spoken.textContent = text; }
}

// ---------------------------------------------------------------- what anywidget calls

const stores = new WeakMap();

function storeOf(model) {
  if (!stores.has(model)) stores.set(model, new Store(model));
  return stores.get(model);
}

export default {
  initialize({ model }) { storeOf(model); },
  render({ model, el }) {
    try {
      const view = new View(storeOf(model), el);
      model.send({ type: "ready" });
      return () => view.close();
    } catch (error) {
      model.send({ type: "failed", error: String(error) });
      throw error;
    }
  },
};

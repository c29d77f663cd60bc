// The explorer: its form is the state, the address has the form, and what is drawn follows from it.
// The data and the form are made by modlib/figures/explorer.py.
(async () => {
  const BETWEEN = "#8a8a8a"; // a weight between communities
  const EDGES = 0.1; // of each matrix the strongest tenth is drawn in the graph
  const explorer = document.querySelector(".explorer");
  const form = explorer.querySelector("form");
  const { names, networks, full, shades } = JSON.parse(explorer.querySelector("script").textContent);
  const weights = await inflated(shades);
  const two = d3.format(".2f");
  const number = (value) => (value === null ? "unknown" : two(value).replace("−", "-"));
  const perFrame = ({ sizes }) => d3.sum(d3.pairs(sizes), ([n, m]) => n * m);
  networks.reduce((start, network) => {
    network.start = start;
    return start + network.steps.length * perFrame(network);
  }, 0);

  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // what can be chosen, and what is

  function offer(select, entries, wanted) {
    if (entries.map(String).join() !== [...select.options].map((o) => [o.value, o.text]).join()) {
      select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
    }
    const chosen = entries.find(([value]) => value === wanted) ?? entries.at(-1);
    select.value = chosen[0];
    return select.value;
  }

  function offerCommunities({ offered, hidden, colours }) {
    const communities = offered.map((c) => [c, `community ${c + 1}, ${hidden[c]} neurons`]);
    const labels = [["none", "no community"], ...communities].map(([value, text]) => {
      const label = d3.create("label");
      label.append("input").attr("type", "radio").attr("name", "silenced").attr("value", value);
      if (value !== "none") label.append("span").attr("class", "swatch").style("background", colours[value]);
      label.append("span").text(text);
      return label.node();
    });
    const fieldset = form.querySelector("fieldset");
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...labels);
  }

  let network;
  function choose(wanted) {
    const { task, penalty, strength, order, frame } = form.elements;
    const named = (key, of) => [...new Set(of.map((n) => n[key]))].map((v) => [v, names[v] ?? v]);
    let left = networks;
    for (const select of [task, penalty, strength]) {
      const chosen = offer(select, named(select.name, left), wanted[select.name]);
      left = left.filter((each) => each[select.name] === chosen);
    }
    offer(order, [["layer", "as in their layer"], ["community", "by community"]], wanted.order);
    frame.max = left[0].steps.length - 1;
    frame.value = wanted.frame ?? frame.max;
    if (network !== left[0]) offerCommunities(left[0]);
    [network] = left;
    const { offered } = network;
    form.elements.silenced.value = offered.map(String).includes(wanted.silenced) ? wanted.silenced : "none";
  }

  // what is drawn

  function layers(order) {
    const ends = d3.cumsum(network.sizes);
    const { communities } = network;
    return network.sizes.map((size, depth) => {
      const neurons = d3.range(ends[depth] - size, ends[depth]);
      return order === "layer" ? neurons : d3.sort(neurons, (n) => communities[n]);
    });
  }

  function matrices(frame, order) {
    let offset = network.start + frame * perFrame(network);
    return d3.pairs(layers(order), (rows, columns) => {
      const [first, from, to] = [offset, d3.min(rows), d3.min(columns)];
      offset += rows.length * columns.length;
      const shade = (i, j) => weights[first + (i - from) * columns.length + j - to];
      return { rows, columns, shade };
    });
  }

  const colour = (i) => network.colours[network.communities[i]];
  const within = (i, j) => network.communities[i] === network.communities[j];
  const tint = (i, j) => (within(i, j) ? colour(i) : BETWEEN);
  const layerName = (depth) =>
    depth === 0 ? "inputs" : depth === network.sizes.length - 1 ? "outputs" : `hidden ${depth}`;

  function silent(silenced) {
    const last = network.communities.length - network.sizes.at(-1);
    return (n) => n >= network.sizes[0] && n < last && network.communities[n] === Number(silenced);
  }

  function image({ rows, columns, shade }, gone, depth) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [columns.length, rows.length];
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, canvas.height);
    const colours = network.colours.map((c) => d3.rgb(c));
    const grey = d3.rgb(BETWEEN);
    rows.forEach((i, y) =>
      columns.forEach((j, x) => {
        const { r, g, b } = within(i, j) ? colours[network.communities[i]] : grey;
        const opacity = gone(i) || gone(j) ? 0 : (255 * shade(i, j)) / full;
        pixels.data.set([r, g, b, opacity], 4 * (y * columns.length + x));
      }),
    );
    context.putImageData(pixels, 0, 0);
    const title = `${layerName(depth)} → ${layerName(depth + 1)}`;
    return titled(title, canvas, `Absolute weights, ${title}, ${rows.length} × ${columns.length}`);
  }

  function graph(all, gone, width) {
    const places = new Map();
    [all[0].rows, ...all.map((each) => each.columns)].forEach((layer, x) =>
      layer.forEach((n, rank) => places.set(n, { x, y: (rank + 0.5) / layer.length, n })),
    );
    const edges = all.flatMap(({ rows, columns, shade }) => {
      const pairs = d3.cross(rows, columns, (i, j) => ({ i, j, size: shade(i, j) }));
      const least = Math.max(1, d3.quantile(pairs, 1 - EDGES, (pair) => pair.size));
      return pairs.filter(({ i, j, size }) => size >= least && !gone(i) && !gone(j));
    });
    const radius = Math.min(5, 140 / d3.max(network.sizes));
    const plot = Plot.plot({
      width, height: 300, marginTop: 8, marginLeft: 24, marginRight: 28, marginBottom: 24,
      x: { label: null, ticks: network.sizes.map((_, depth) => depth), tickFormat: layerName, tickSize: 0 },
      y: { axis: null, reverse: true },
      color: { type: "identity" },
      opacity: { type: "identity" },
      marks: [
        Plot.link(edges, {
          x1: ({ i }) => places.get(i).x,
          y1: ({ i }) => places.get(i).y,
          x2: ({ j }) => places.get(j).x,
          y2: ({ j }) => places.get(j).y,
          stroke: ({ i, j }) => tint(i, j),
          strokeOpacity: ({ size }) => 0.15 + (0.75 * size) / full,
          strokeWidth: ({ size }) => (1.4 * size) / full,
        }),
        Plot.dot([...places.values()], {
          x: "x",
          y: "y",
          r: radius,
          fill: ({ n }) => (gone(n) ? "none" : colour(n)),
          stroke: ({ n }) => colour(n),
          strokeWidth: 0.7,
        }),
      ],
    });
    return titled("strongest tenth of the weights", plot, "The neurons in layers, and their strongest weights");
  }

  function curve(label, values, frame, width) {
    const points = d3.zip(network.steps, values).filter(([, value]) => value !== null);
    const step = network.steps[frame];
    const plot = Plot.plot({
      width, height: 130, marginLeft: 28, marginRight: 18, marginBottom: 32,
      x: { type: "symlog", constant: 5, label: "training step", ticks: [0, 10, 100, 1000], tickFormat: "d" },
      y: { domain: [Math.min(0, ...points.map(([, value]) => value)), 1], label: null, ticks: 3, grid: true },
      marks: [
        Plot.ruleX([step], { strokeDasharray: "3 3" }),
        Plot.line(points, { strokeWidth: 2 }),
        Plot.dot(points.filter(([at]) => at === step), { fill: "currentColor", r: 4 }),
      ],
    });
    return titled(`${label} ${number(values[frame])}`, plot, `Curve of ${label} over training`);
  }

  function subTasks(frame, silenced, width) {
    const intact = network.intact[frame];
    const now = silenced === "none" ? intact : network.silenced[frame][silenced];
    const rows = now.map((accuracy, n) => ({ name: `sub-task ${n + 1}`, accuracy, intact: intact[n] }));
    const plot = Plot.plot({
      width, height: 50 + 26 * rows.length, marginLeft: 70, marginRight: 40, marginBottom: 32,
      x: { domain: [0, 1], label: "test accuracy", ticks: 3 },
      y: { label: null, tickSize: 0, domain: rows.map(({ name }) => name) },
      color: { type: "identity" },
      marks: [
        Plot.barX(rows, { x: "accuracy", y: "name", fill: network.colours[silenced] ?? BETWEEN }),
        Plot.ruleX([network.guess], { strokeDasharray: "3 3" }),
        Plot.tickX(rows, { x: "intact", y: "name", strokeWidth: 3 }),
        Plot.text(rows, { x: 1, y: "name", text: ({ accuracy }) => two(accuracy), textAnchor: "start", dx: 8 }),
      ],
    });
    const title = silenced === "none" ? "sub-tasks" : `sub-tasks without community ${Number(silenced) + 1}`;
    return titled(title, plot, `Accuracy of each sub-task, ${rows.map((r) => two(r.accuracy)).join(", ")}`);
  }

  function titled(title, picture, alternative) {
    d3.select(picture).selectAll("[aria-label]").attr("aria-label", null);
    d3.select(picture).attr("role", "img").attr("aria-label", alternative);
    const part = d3.create("div");
    part.append("p").text(title);
    part.append(() => picture);
    return part.node();
  }

  function sentence(frame, silenced) {
    const { task, penalty, strength, steps, measures } = network;
    const found = Object.entries(measures).map(([name, values]) => `${name} ${number(values[frame])}`);
    const now = `${names[task]}, ${names[penalty]} at ${strength}, after ${steps[frame]} steps: ${found.join(", ")}.`;
    if (silenced === "none") return now;
    const left = network.silenced[frame][silenced].map((value, n) => `sub-task ${n + 1} ${two(value)}`);
    return `${now} Without community ${Number(silenced) + 1}: ${left.join(", ")}.`;
  }

  const state = () => Object.fromEntries(new FormData(form));
  const address = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

  function draw() {
    const { order, silenced, frame } = state();
    const [all, gone] = [matrices(Number(frame), order), silent(silenced)];
    const part = (name) => explorer.querySelector(`.${name}`);
    const width = (name) => Math.max(200, part(name).clientWidth);
    form.elements.frame.setAttribute("aria-valuetext", `after ${network.steps[frame]} steps`);
    explorer.querySelector("[role=status]").textContent = sentence(frame, silenced);
    part("matrices").replaceChildren(...all.map((each, depth) => image(each, gone, depth)));
    part("graph").replaceChildren(graph(all, gone, width("graph")));
    const curves = Object.entries(network.measures).map(([name, values]) =>
      curve(name, values, frame, width("curves") / 3 - 8),
    );
    part("curves").replaceChildren(...curves);
    part("sub-tasks").replaceChildren(subTasks(frame, silenced, width("sub-tasks")));
    explorer.querySelector("a").href = `#${new URLSearchParams(new FormData(form))}`;
  }

  function show(wanted) {
    choose(wanted);
    draw();
  }

  form.addEventListener("input", () => {
    show(state());
    history.replaceState(null, "", `#${new URLSearchParams(new FormData(form))}`);
  });
  window.addEventListener("hashchange", () => show(address()));
  window.addEventListener("resize", draw);
  explorer.querySelector("img").hidden = true;
  explorer.querySelectorAll("[hidden]:not(img)").forEach((part) => (part.hidden = false));
  show(address());
})();

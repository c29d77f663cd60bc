// Records that a reader may sort, filter and take away: what was chosen is the state, the address has it, and the
// table follows from it. The data are made by modlib/figures/listing.py, or are the lists of claims on the page.
document.addEventListener("DOMContentLoaded", async () => {
  const FEW = 40; // so many different texts are chosen from, more are searched

  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  function claimed(places) {
    const rows = places.flatMap((section) => {
      const page = section.querySelector("h2").firstChild.textContent;
      return [...section.querySelectorAll("tbody tr")].map((row) => [page, ...cells(row)]);
    });
    const names = cells(places[0].querySelector("thead tr"));
    return { columns: ["page", ...names], rows, shown: 15 };
  }

  const cells = (row) => [...row.children].map((cell) => cell.textContent.trim());
  const make = (tag, told, ...inside) => {
    const made = Object.assign(document.createElement(tag), told);
    made.append(...inside);
    return made;
  };

  // a number is met by '> 0.9', '<0.5', '0.2 .. 0.4' or '3'; a text by a part of it
  function condition(text, numeric) {
    const wanted = text.trim().toLowerCase();
    if (!numeric) return (value) => String(value ?? "").toLowerCase().includes(wanted);
    const [, sign, low, high] = /^([<>]?)\s*(-?[\d.]*\d(?:e-?\d+)?)\s*(?:\.\.\s*(-?[\d.]*\d(?:e-?\d+)?))?$/.exec(wanted) ?? [];
    if (low === undefined || (sign && high !== undefined)) return null;
    if (sign) return (value) => value !== null && (sign === ">" ? value > +low : value < +low);
    return (value) => value !== null && value >= +low && value <= +(high ?? low);
  }

  function before(one, other) {
    if (one === null || other === null) return (one === null) - (other === null); // what is missing comes last
    return typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
  }

  function csv(columns, rows) {
    const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    return [columns, ...rows].map((row) => row.map((value) => quoted(String(value ?? ""))).join(",") + "\n").join("");
  }

  function listing(place, { columns, rows, shown }) {
    const numeric = columns.map((_, n) => rows.every((row) => row[n] === null || typeof row[n] === "number"));
    const state = new URLSearchParams(location.hash.slice(1));
    let first = 0;
    let met = rows;

    const head = make("tr");
    const fields = columns.map((name, n) => {
      const texts = [...new Set(rows.map((row) => row[n]))].sort(before);
      const few = !numeric[n] && texts.length <= FEW;
      const field = make(few ? "select" : "input", { ariaLabel: `only rows whose ${name} is` });
      if (few) field.append(new Option("all", ""), ...texts.map((text) => new Option(text ?? "–", text ?? "")));
      else field.placeholder = numeric[n] ? "> 0.9" : "part of it";
      field.value = state.get(name) ?? "";
      field.addEventListener(few ? "change" : "input", () => chosen(name, field.value));
      const button = make("button", { type: "button", textContent: name });
      button.addEventListener("click", () => chosen("sort", state.get("sort") === name ? `-${name}` : name));
      head.append(make("th", { scope: "col", className: numeric[n] ? "number" : "" }, button, field));
      return field;
    });
    const body = make("tbody");
    const box = make("div", { className: "rows", tabIndex: 0, role: "region", ariaLabel: "rows" });
    box.append(make("table", {}, make("thead", {}, head), body));
    const status = make("span", { role: "status" });
    const turn = (label, by) => {
      const button = make("button", { type: "button", textContent: label });
      button.addEventListener("click", () => draw(first + by * shown));
      return button;
    };
    const [back, on] = [turn("previous", -1), turn("next", 1)];
    const link = make("a", { href: "#", textContent: "these rows as CSV", download: "rows.csv" });
    link.addEventListener("click", () => {
      link.href = URL.createObjectURL(new Blob([csv(columns, met)], { type: "text/csv" }));
    });
    place.replaceChildren(box, make("p", {}, back, on, status, link));

    function chosen(name, value) {
      if (value) state.set(name, value);
      else state.delete(name);
      history.replaceState(null, "", `#${state}`);
      choose();
    }

    function choose() {
      const wanted = columns.map((_, n) => (fields[n].value ? condition(fields[n].value, numeric[n]) : () => true));
      fields.forEach((field, n) => field.setAttribute("aria-invalid", wanted[n] === null));
      const exact = fields.map((field) => field.tagName === "SELECT" && field.value);
      met = rows.filter((row) => row.every((value, n) => (exact[n] ? String(value ?? "") === exact[n] : (wanted[n] ?? (() => true))(value))));
      const [, down, by] = /^(-?)(.*)$/.exec(state.get("sort") ?? "");
      const n = columns.indexOf(by);
      if (n >= 0) {
        const missing = (row) => row[n] === null;
        met.sort((a, b) => (down && !missing(a) && !missing(b) ? before(b[n], a[n]) : before(a[n], b[n])));
      }
      [...head.children].forEach((th, m) => th.setAttribute("aria-sort", m !== n ? "none" : down ? "descending" : "ascending"));
      draw(0);
    }

    function draw(from) {
      first = Math.max(0, Math.min(from, shown * Math.floor((met.length - 1) / shown)));
      const text = (value) => (value === null ? "–" : typeof value === "number" ? String(value) : value);
      const cell = (value, n) => make("td", { className: numeric[n] ? "number" : "", textContent: text(value) });
      body.replaceChildren(...met.slice(first, first + shown).map((row) => make("tr", {}, ...row.map(cell))));
      const last = Math.min(first + shown, met.length);
      const count = (number) => number.toLocaleString("en");
      status.textContent = `${count(met.length && first + 1)} to ${count(last)} of ${count(met.length)}`;
      if (met.length < rows.length) status.textContent += `, chosen of ${count(rows.length)}`;
      back.disabled = first === 0;
      on.disabled = last === met.length;
    }
    choose();
  }

  for (const place of document.querySelectorAll(".records")) {
    const data = place.querySelector("script");
    if (data) listing(place, await inflated(data.textContent.trim()));
    else listing(place, claimed([...document.querySelectorAll("section")].filter((s) => s.querySelector(":scope > h2") && s.querySelector("tbody"))));
  }
});

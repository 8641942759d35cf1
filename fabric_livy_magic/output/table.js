// Makes the result tables of a page live: paging, sorting, search, choice of columns, whole texts, CSV. What it works with is in the
// page: the static table, and all rows as JSON beside it. Texts become text nodes only; no part of the data is ever read as HTML.
// It is in every output that needs it, so its size counts (live_table.py).
(() => {
  "use strict";
  const LONG = 200;
  const MARKS = ["NULL", "NaT"];
  // As printable.py has it.
  const UNPRINTABLE = /\r\n|[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\u2028\u2029\ud800-\udfff]/gu;
  const printable = (text) =>
    text.replace(UNPRINTABLE, (char) => {
      const code = char.charCodeAt(0);
      const hex = code.toString(16);
      return char[1] ? "\n" : code < 256 ? "\\x" + hex.padStart(2, 0) : "\\u" + hex.padStart(4, 0);
    });
  const make = (tag, properties, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const button = (text, title, onclick) => make("button", { type: "button", title, ariaLabel: title, onclick }, text);
  const field = (title, oninput) => make("input", { type: "search", placeholder: title, ariaLabel: title, oninput });
  const counted = (number) => number.toLocaleString("en");
  const is_mark = (value) => typeof value === "number";

  // Nulls are last in both orders; NaN is above all numbers, as Spark has it.
  const by_text = (a, b) => (a < b ? -1 : +(a > b));
  const whole = (text) => (/^-?\d+(\.\d+)?$/.test(text) ? BigInt(text.replace(".", "")) : 0);
  const after_year = (text) => text.replace(/^.?\d+/, "");
  const ORDERS = {
    // Equal as doubles are also different longs and decimals; those of a column have one scale.
    n: (a, b) => isNaN(a) - isNaN(b) || by_text(+a, +b) || by_text(whole(a), whole(b)),
    // A year may have a sign and more than four digits.
    t: (a, b) => parseInt(a) - parseInt(b) || by_text(after_year(a), after_year(b)),
    s: by_text,
  };

  // Line breaks for JSON. It is not parsed, so that numbers keep their digits.
  const indented = (json) => {
    let depth = 0;
    return json.replace(/"(?:[^"\\]|\\.)*"|[[{][\]}]|[[{]|[\]}]|, /g, (part) => {
      if (part[0] === "\"" || (part[1] && part !== ", ")) return part;
      const shuts = /[\]}]/.test(part);
      depth += shuts ? -1 : part === ", " ? 0 : 1;
      const line = "\n" + "  ".repeat(depth);
      return shuts ? line + part : part.trim() + line;
    });
  };
  const copy = (words) => {
    const by_selection = () => {
      const area = document.body.appendChild(make("textarea", { value: words }));
      area.select();
      document.execCommand("copy");
      area.remove();
    };
    // A page that came by plain HTTP has no clipboard.
    if (navigator.clipboard) navigator.clipboard.writeText(words).catch(by_selection);
    else by_selection();
  };
  const download = (words) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([words], { type: "text/csv" })), download: "result.csv" });
    document.body.append(link);
    link.click();
    link.remove();
  };
  // A null is nothing, an empty text "".
  const quoted = (value) => (is_mark(value) ? "" : /^[^",\r\n]+$/.test(value) ? value : `"${value.replaceAll("\"", "\"\"")}"`);

  const enliven = (root) => {
    const { columns, data, rest, ...given } = JSON.parse(root.querySelector("[type='application/json']").textContent);
    const [table, status] = ["table", ".flm-rows"].map((one) => root.querySelector(one));
    const [head, body] = [table.tHead, table.tBodies[0]];
    const rows = [...data[0].keys()];
    let [size, sorted, down, page, at, order, visible] = [given.size, -1, 1, 0, [0, 0], rows, [...columns.keys()]];

    const draw = (to = 0) => {
      const last = Math.max(0, Math.ceil(order.length / size) - 1);
      page = Math.max(0, Math.min(to, last));
      const begin = page * size;
      const drawn = order.slice(begin, begin + size);
      body.replaceChildren(...drawn.map((row) => make("tr", {}, ...visible.map((column) => cell(data[column][row], columns[column])))));
      const range = drawn[0] === undefined ? "no row" : `${counted(begin + 1)}–${counted(begin + drawn.length)}`;
      status.textContent = `${range} of ${search.value ? counted(order.length) + " that match, of " : ""}${rest}`;
      before.disabled = !page;
      after.disabled = page === last;
      focus();
    };
    const cell = (value, { kind, json }) => {
      const words = is_mark(value) ? MARKS[value] : printable(value);
      const is_long = words.length > LONG;
      const opens = is_long || (json && !is_mark(value));
      const text = is_mark(value) || !words ? make("i", {}, words || "empty") : is_long ? words.slice(0, LONG - 1) + "…" : words;
      return make("td", { className: (kind === "n" ? "n" : words.length > 40 ? "l" : "") + (opens ? " o" : "") }, text);
    };
    const draw_head = () => {
      const cells = visible.map((column) => {
        const { name, type, title, kind } = columns[column];
        const ariaSort = column !== sorted ? "none" : down < 0 ? "descending" : "ascending";
        const sort = button(printable(name) + { none: "", descending: " ▾", ascending: " ▴" }[ariaSort], printable(title || type), () => sort_by(column));
        sort.ariaLabel = null;
        return make("th", { className: kind === "n" ? "n" : "", ariaSort }, sort, make("span", {}, printable(type)));
      });
      head.replaceChildren(make("tr", {}, ...cells));
    };
    const update = () => {
      const word = search.value.toLowerCase();
      order = rows.filter((row) => !word || visible.some((column) => !is_mark(data[column][row]) && data[column][row].toLowerCase().includes(word)));
      if (sorted >= 0) {
        const { kind, ranks } = columns[sorted];
        const values = data[sorted];
        order.sort((a, b) => {
          const [x, y] = [values[a], values[b]];
          return is_mark(x) || is_mark(y) ? is_mark(x) - is_mark(y) : down * (ranks ? ranks[a] - ranks[b] : ORDERS[kind](x, y));
        });
      }
      draw();
    };
    const sort_by = (column) => {
      [sorted, down] = column !== sorted ? [column, 1] : down > 0 ? [column, -1] : [-1, 1];
      draw_head();
      update();
      head.rows[0].cells[visible.indexOf(column)].firstChild.focus();
    };

    // One cell is in the order of tab stops; the arrow keys move it.
    const focus = (moves) => {
      at = [body.rows.length, visible.length].map((count, one) => Math.max(0, Math.min(at[one], count - 1)));
      const node = body.rows[at[0]]?.cells[at[1]];
      for (const one of body.querySelectorAll("[tabindex]")) one.removeAttribute("tabindex");
      if (node) node.tabIndex = 0;
      if (moves) node?.focus();
    };
    const detail = make("div", { className: "flm-d", hidden: true });
    const open = () => {
      const [row, column] = [order[page * size + at[0]], visible[at[1]]];
      const [{ name, type, title, json }, value] = [columns[column], data[column][row]];
      if (is_mark(value)) return;
      const shut = () => (detail.hidden = true) && focus(true);
      const text = make("pre", { tabIndex: 0, ariaLabel: "Whole value" }, printable(json ? indented(value) : value));
      const what = make("b", {}, `${printable(name)} · row ${counted(row + 1)}`);
      detail.replaceChildren(what, ` ${printable(title || type)} `, button("Copy", "Copy this value", () => copy(value)), button("Close", "Close (Escape)", shut), text);
      detail.onkeydown = (event) => event.key === "Escape" && shut();
      detail.hidden = false;
      text.focus();
    };
    body.onclick = ({ target }) => {
      const node = target.closest("td");
      if (!node) return;
      at = [node.parentElement.sectionRowIndex, node.cellIndex];
      focus(true);
      if (node.classList.contains("o") && getSelection().isCollapsed) open();
    };
    body.onkeydown = (event) => {
      const [row, column] = at;
      const moves = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], Home: [row, 0], End: [row, Infinity], PageUp: at, PageDown: at };
      const { key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || !(key in moves || key === "Enter")) return;
      event.preventDefault();
      if (key === "Enter") return open();
      if (key[4]) draw(page + (key === "PageUp" ? -1 : key === "PageDown" ? 1 : 0));
      at = moves[key];
      focus(true);
    };

    const search = field("Search", update);
    const before = button("‹", "Page before", () => draw(page - 1));
    const after = button("›", "Next page", () => draw(page + 1));
    const sizes = [...new Set([size, 10, 25, 50, 100])].sort((a, b) => a - b).map((one) => new Option(`${one} rows`, one, one === size, one === size));
    const many = make("select", { ariaLabel: "Rows drawn at a time", onchange: () => draw(0 * (size = +many.value)) }, ...sizes);
    const csv = () => [-1, ...order].map((row) => visible.map((column) => quoted(row < 0 ? columns[column].name : data[column][row])) + "\r\n").join("");
    const chooser = make("div", { className: "flm-d", hidden: true });
    const choose = button("Columns", "Choose the columns", () => {
      chooser.hidden = !chooser.hidden;
      choose.ariaExpanded = !chooser.hidden;
      if (chooser.firstChild) return;
      const boxes = columns.map(({ name }) => make("label", {}, make("input", { type: "checkbox", checked: true }), printable(name)));
      const keep = () => {
        visible = [...columns.keys()].filter((column) => boxes[column].firstChild.checked);
        draw_head();
        update();
      };
      const all = (checked) => () => {
        for (const box of boxes) if (!box.hidden) box.firstChild.checked = checked;
        keep();
      };
      const filter = field("Find a column", () => boxes.forEach((box) => (box.hidden = !box.textContent.toLowerCase().includes(filter.value.toLowerCase()))));
      chooser.append(filter, button("All", "Show these columns", all(true)), button("None", "Hide these columns", all(false)), make("div", { onchange: keep }, ...boxes));
    });
    choose.ariaExpanded = false;

    Object.assign(table, { role: "grid", ariaLabel: "Result" });
    status.role = "status";
    // The keys are the table's: in JupyterLab's command mode, D D would delete the notebook's cell.
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("keydown", (event) => event.stopPropagation());
    table.parentElement.before(make("div", { className: "flm-b" }, search, before, after, many, choose, button("Copy", "Copy the rows as CSV", () => copy(csv())), button("CSV", "Download the rows as CSV", () => download(csv()))), chooser);
    table.parentElement.after(detail);
    draw_head();
    update();
  };

  for (const root of document.querySelectorAll(".flm-t:not([data-live])")) {
    root.dataset.live = "";
    enliven(root);
  }
})();

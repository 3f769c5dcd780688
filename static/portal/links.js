// The create screen and the link page: type-ahead, lines, live total, preview, copy.
// Everything here is a comfort: the forms work without it.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  const later = (wait, act) => {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    };
  };

  // Null when the server cannot be reached, or has signed us out and shows its door.
  const ask = async (url, options) => {
    const answer = await fetch(url, options).catch(() => null);
    return answer && !answer.redirected ? answer : null;
  };

  // Unfold hides the page until its own script has run; nothing hidden takes the focus.
  const whenShown = (act) => {
    const root = document.documentElement;
    const isHidden = () => root.hasAttribute("x-cloak");
    if (!isHidden()) {
      act();
      return;
    }
    const watch = new MutationObserver(() => {
      if (isHidden()) return;
      watch.disconnect();
      act();
    });
    watch.observe(root, { attributes: true, attributeFilter: ["x-cloak"] });
  };

  // --- whom it is for -------------------------------------------------------

  function combo(root) {
    const input = $("#customer-query", root);
    const hidden = $("#customer-id", root);
    const list = $("#customer-options", root);
    const status = $("#customer-status", root);
    const picked = $("#customer-picked", root);
    let options = [];
    let active = -1;
    let asked = 0;

    Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": list.id,
    }).forEach(([name, value]) => input.setAttribute(name, value));

    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
      active = -1;
    };
    const mark = (index) => {
      active = index;
      $$("li", list).forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
      const item = list.children[index];
      if (item) {
        input.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    };
    const choose = (option) => {
      if (option.isNew) {
        $("#who-new").checked = true;
        $("#who-new").dispatchEvent(new Event("change", { bubbles: true }));
        const isMail = option.name.includes("@");
        const field = $(isMail ? "#new-email" : "#new-name");
        field.value = option.name;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        $(isMail ? "#new-name" : "#new-email").focus();
      } else {
        input.value = option.name;
        hidden.value = option.id;
        picked.hidden = false;
        $("#customer-picked-text").textContent = option.email || option.phone || option.name;
        hidden.dispatchEvent(new CustomEvent("picked", { bubbles: true, detail: option }));
        $("#lines [data-cell=description]").focus();
      }
      close();
    };
    const show = (found, term) => {
      options = [...found, { isNew: true, name: term }];
      list.replaceChildren(
        ...options.map((option, index) => {
          const item = document.createElement("li");
          const name = document.createElement(option.isNew ? "span" : "bdi");
          const more = document.createElement("small");
          item.id = `customer-option-${index}`;
          item.setAttribute("role", "option");
          item.setAttribute("aria-selected", "false");
          name.textContent = option.isNew ? `${root.dataset.add} ${option.name}` : option.name;
          more.textContent = option.isNew ? "" : [option.email, option.phone].filter(Boolean).join(" · ");
          item.append(name, more);
          item.addEventListener("mousedown", (event) => {
            event.preventDefault();
            choose(option);
          });
          return item;
        }),
      );
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      status.textContent = found.length ? `${found.length} ${root.dataset.count}` : root.dataset.none;
      if (found.length) mark(0);
    };
    const find = later(180, async () => {
      const term = input.value.trim();
      const ticket = ++asked;
      if (!term) return close();
      const answer = await ask(`${root.dataset.combo}?q=${encodeURIComponent(term)}`, {
        headers: { Accept: "application/json" },
      });
      if (!answer || !answer.ok || ticket !== asked) return undefined;
      return show((await answer.json()).customers, term);
    });

    input.addEventListener("input", () => {
      if (hidden.value) {
        hidden.value = "";
        hidden.dispatchEvent(new CustomEvent("picked", { bubbles: true, detail: null }));
      }
      picked.hidden = true;
      find();
    });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && list.hidden) find();
      if (list.hidden) return;
      const count = options.length;
      if (event.key === "ArrowDown") mark((active + 1) % count);
      else if (event.key === "ArrowUp") mark((active - 1 + count) % count);
      else if (event.key === "Enter" && active >= 0) choose(options[active]);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
  }

  // --- channels that know their address ------------------------------------

  function channels(form) {
    const known = { email: "", phone: "" };
    const apply = () => {
      const who = $("input[name=who]:checked", form)?.value;
      const to = {
        existing: known,
        new: { email: $("#new-email").value.trim(), phone: $("#new-phone").value.trim() },
        nobody: { email: "", phone: "" },
      }[who] || known;
      $$("[data-contact]", form).forEach((label) => {
        const address = to[label.dataset.contact];
        const box = $("input", label);
        const text = $("[data-to]", label);
        const isOpen = who === "existing" && !$("#customer-id").value;
        $("bdi", text).textContent = address || (isOpen ? text.dataset.open : text.dataset.none);
        label.classList.toggle("is-off", !address);
        if (!address && box.checked) {
          box.dataset.was = "on";
          box.checked = false;
        } else if (address && box.dataset.was) {
          delete box.dataset.was;
          box.checked = true;
        }
        box.disabled = !address;
      });
    };
    $$("[data-contact]", form).forEach((label) => {
      known[label.dataset.contact] = $("bdi", label).textContent.trim();
    });
    form.addEventListener("picked", (event) => {
      known.email = event.detail?.email || "";
      known.phone = event.detail?.phone || "";
      apply();
    });
    form.addEventListener("input", apply);
    form.addEventListener("change", apply);
    apply();
  }

  // --- lines and their total -----------------------------------------------

  function lines(form) {
    const box = $("#lines");
    const add = $("#add-line");
    const template = $("#line-template");
    let next = $$("[data-line]", box).length;

    const isBlank = (line) => ["description", "unit_amount"].every((name) => !$(`[data-cell=${name}]`, line).value.trim());
    const tidy = () => {
      const all = $$("[data-line]", box);
      all.forEach((line) => ($("[data-remove]", line).hidden = all.length < 2));
    };
    const append = (focus) => {
      const holder = document.createElement("div");
      holder.innerHTML = template.innerHTML.replaceAll("__i__", String(next)).replaceAll("__n__", String(next + 1));
      next += 1;
      const line = holder.firstElementChild;
      box.append(line);
      tidy();
      if (focus) $("[data-cell=description]", line).focus();
      return line;
    };
    const compute = later(250, async () => {
      const answer = await ask(form.dataset.totals, { method: "POST", body: new FormData(form) });
      if (!answer || !answer.ok) return;
      const sums = await answer.json();
      $$("[data-line]", box).forEach((line, index) => {
        const row = sums.lines[index] || { total: "", errors: {} };
        $("[data-line-total]", line).textContent = row.total;
        $$("[data-cell]", line).forEach((cell) => {
          const error = document.getElementById(cell.getAttribute("aria-describedby"));
          const text = cell.value.trim() ? row.errors[cell.dataset.cell] || "" : "";
          error.textContent = text;
          error.hidden = !text;
          if (text) cell.setAttribute("aria-invalid", "true");
          else cell.removeAttribute("aria-invalid");
        });
      });
      $("#total").textContent = sums.total || sums.zero;
      $("#sums").hidden = !sums.tax || sums.tax === sums.zero;
      $("#net").textContent = sums.net || "";
      $("#tax").textContent = sums.tax || "";
      (sums.providers || []).forEach((provider) => {
        const text = $(`[data-provider="${provider.slug}"] small`);
        if (text) text.textContent = provider.text;
      });
      if (sums.decimals !== undefined) {
        const sample = sums.decimals ? `0.${"0".repeat(sums.decimals)}` : "0";
        $$("[data-cell=unit_amount]", box).forEach((cell) => (cell.placeholder = sample));
      }
      if (sums.total) $("#lines-error").hidden = true;
    });

    // Rows of a spreadsheet: the server reads them, here they only take their places.
    const paste = async (text, start) => {
      const body = new FormData();
      body.set("csrfmiddlewaretoken", $("[name=csrfmiddlewaretoken]", form).value);
      body.set("text", text);
      const answer = await ask(form.dataset.lines, { method: "POST", body });
      if (!answer || !answer.ok) {
        start.value += text.replace(/\s+/g, " ").trim();
        return;
      }
      const found = await answer.json();
      let line = start.closest("[data-line]");
      found.lines.forEach((cells, index) => {
        if (index > 0 || !isBlank(line)) line = append(false);
        Object.entries(cells).forEach(([name, value]) => {
          const cell = $(`[data-cell=${name}]`, line);
          if (value || name === "description") cell.value = value;
        });
      });
      $("#lines-status").textContent = found.said;
      $("[data-cell=unit_amount]", line).focus();
      compute();
    };

    const blank = $$("[data-line]", box).filter(isBlank);
    blank.slice(blank.length === $$("[data-line]", box).length ? 1 : 0).forEach((line) => line.remove());
    add.hidden = false;
    add.addEventListener("click", () => append(true));
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (!button) return;
      const line = button.closest("[data-line]");
      const beside = line.nextElementSibling || line.previousElementSibling;
      line.remove();
      tidy();
      $("[data-cell=description]", beside)?.focus();
      compute();
    });
    box.addEventListener("input", compute);
    box.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text/plain");
      if (event.target.dataset.cell !== "description" || !/[\t\n\r]/.test(text.trim())) return;
      event.preventDefault();
      paste(text, event.target);
    });
    $("#currency").addEventListener("change", compute);
    $("#amount-kind").addEventListener("change", compute);
    tidy();
    if ($$("[data-line]", box).some((line) => !isBlank(line))) compute();
  }

  // --- the preview ----------------------------------------------------------

  function preview(form) {
    const region = $("#preview");
    const button = $("#preview-button");
    let isOpen = false;
    let asked = 0;

    const fillFrame = () => {
      const frame = $("iframe[name=mail-frame]", region);
      if (!frame) return;
      const carrier = document.createElement("form");
      carrier.method = "post";
      carrier.action = form.dataset.mail;
      carrier.target = "mail-frame";
      carrier.hidden = true;
      for (const [name, value] of new FormData(form)) {
        const input = document.createElement("input");
        input.type = "hidden";
        input.name = name;
        input.value = value;
        carrier.append(input);
      }
      document.body.append(carrier);
      carrier.submit();
      carrier.remove();
    };
    const load = async () => {
      const ticket = ++asked;
      const answer = await ask(form.dataset.preview, { method: "POST", body: new FormData(form) });
      if (!answer || ticket !== asked) return true;
      if (answer.status !== 200) return false;
      region.innerHTML = await answer.text();
      region.classList.remove("is-stale");
      fillFrame();
      isOpen = true;
      return true;
    };

    button.addEventListener("click", async (event) => {
      event.preventDefault();
      if (await load()) {
        const card = $("[data-preview-ok]", region);
        if (card && !matchMedia("(min-width: 64rem)").matches) card.scrollIntoView({ block: "start" });
      } else {
        form.dataset.native = "1";
        form.requestSubmit(button); // the server says what is missing, beside the fields
      }
    });
    const refresh = later(600, async () => {
      if (isOpen && !(await load())) region.classList.add("is-stale");
    });
    form.addEventListener("input", refresh);
    form.addEventListener("change", refresh);
    form.addEventListener("picked", refresh);
    if ($("[data-preview-ok]", region)) load();
  }

  // --- once, copy -----------------------------------------------------------

  function once(form) {
    form.addEventListener("submit", () => {
      // after the browser has read which button was pressed
      setTimeout(() => $$("button[type=submit]", form).forEach((button) => (button.disabled = true)), 0);
    });
    addEventListener("pageshow", () => {
      $$("button[type=submit]", form).forEach((button) => (button.disabled = false));
    });
  }

  function goByKeys(form) {
    form.addEventListener("keydown", (event) => {
      const button = $("[data-go]", form);
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || button.disabled) return;
      event.preventDefault();
      form.requestSubmit(button);
    });
  }

  async function copy(text, field) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // no clipboard on plain http: the old way, from the field itself
      if (!field) return false;
      field.focus();
      field.select();
      return document.execCommand("copy");
    }
    return true;
  }

  function copyButton(button) {
    const label = $("[data-label]", button);
    const words = label.textContent;
    button.addEventListener("click", async () => {
      const field = $(button.dataset.copy);
      if (!(await copy(field.value, field))) return;
      label.textContent = button.dataset.done;
      setTimeout(() => (label.textContent = words), 2000);
    });
  }

  function activate(form) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await ask(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
      });
      if (answer && answer.ok) await copy((await answer.json()).url, null);
      location.reload();
    });
  }

  // --- what can still be taken back -----------------------------------------

  // Counts on by the clock, for a tab in the background is seldom woken. The page looks
  // again by itself when it is over.
  const ends = new WeakMap();
  let lookedAt = 0;
  const countDown = () => {
    $$("[data-countdown]").forEach((line) => {
      if (!ends.has(line)) ends.set(line, Date.now() + 1000 * Number(line.dataset.countdown));
      const left = Math.ceil((ends.get(line) - Date.now()) / 1000);
      const figure = $("[data-seconds]", line);
      if (left > 0 && figure) {
        figure.textContent = String(left);
      } else {
        line.textContent = line.dataset.leaving;
        if (Date.now() - lookedAt > 2000) {
          lookedAt = Date.now();
          window.htmx?.trigger("#link-live", "look");
        }
      }
    });
  };
  countDown();
  setInterval(countDown, 500);

  const form = $("#link-form");
  if (form) {
    combo($("[data-combo]", form));
    lines(form);
    if ($("[data-contact]", form)) channels(form);
    preview(form);
    once(form);
    goByKeys(form);
    whenShown(() => ($("[aria-invalid=true]", form) || $("[autofocus]", form))?.focus());
  }
  $$("form[data-once]").forEach(once);
  $$("[data-copy]").forEach(copyButton);
  $$("form[data-activate]").forEach(activate);
})();

// The editor of a message: placeholders by click, the preview while one types.
// A comfort: without it the words are typed by hand and looked at by a test to oneself.
(() => {
  "use strict";

  const form = document.getElementById("text-form");
  if (!form) return;
  const region = document.getElementById("shown");
  const fields = [...form.querySelectorAll("[data-words]")];
  const frames = [...form.querySelectorAll("iframe[data-frame]")];
  let last = form.querySelector("#body") || fields[0];
  let isDirty = false;
  let asked = 0;
  let timer = 0;
  let framed = null;

  // --- writing ----------------------------------------------------------------

  const put = (field, text, from = 0, to = text.length) => {
    const start = field.selectionStart;
    field.focus();
    field.setRangeText(text, start, field.selectionEnd, "end");
    field.setSelectionRange(start + from, start + to);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const chosen = (field) => field.value.slice(field.selectionStart, field.selectionEnd);

  // Not on focus: whoever walks with the Tab key passes fields on the way to a button.
  fields.forEach((field) => {
    field.addEventListener("pointerdown", () => (last = field));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Tab" && event.key !== "Shift") last = field;
    });
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[type=button]");
    if (!button) return;
    const { insert, wrap, replace } = button.dataset;
    const field = form.querySelector(`#${button.dataset.for || last.id}`);
    if (insert) {
      put(last, insert, insert.length);
    } else if (wrap) {
      const words = chosen(field) || button.textContent.trim();
      put(field, `${wrap}${words}${wrap}`, wrap.length, wrap.length + words.length);
    } else if ("buttonBlock" in button.dataset) {
      const words = chosen(field) || button.dataset.text;
      put(field, `\n\n[${words}]({link_url})\n\n`, 3, 3 + words.length);
    } else if (replace) {
      const sms = form.querySelector("#sms");
      sms.value = sms.value.replaceAll(replace, button.dataset.with);
      sms.focus();
      sms.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  form.querySelectorAll("[data-signs]").forEach((signs) => (signs.hidden = false));

  // --- the preview --------------------------------------------------------------

  const fill = (frame) => {
    const carrier = document.createElement("form");
    carrier.method = "post";
    carrier.action = form.dataset.mail;
    carrier.target = frame.name;
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
  // Only where something in the mail changed: nothing flickers while an SMS is written.
  const fillFrames = () => {
    const mail = ["body", "example"].map((name) => form.elements[name]?.value).join("\0");
    if (mail === framed) return;
    framed = mail;
    frames.forEach(fill);
  };
  const load = async () => {
    const ticket = ++asked;
    const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (ticket !== asked) return;
    // Null when the server cannot be reached; redirected when it has signed us out.
    if (!answer || answer.redirected || !answer.ok) {
      region.classList.add("is-stale");
      return;
    }
    const made = await answer.text();
    if (ticket !== asked) return;
    const holder = document.createElement("div");
    holder.innerHTML = made;
    for (const id of ["findings", "shown"]) {
      document.getElementById(id).replaceChildren(...holder.querySelector(`#${id}`).childNodes);
    }
    region.classList.remove("is-stale");
    fillFrames();
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(load, 600);
  };
  form.addEventListener("input", () => {
    isDirty = true;
    soon();
  });
  form.addEventListener("change", soon);

  // --- leaving ------------------------------------------------------------------

  form.addEventListener("submit", () => {
    isDirty = false;
    setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((one) => (one.disabled = true)), 0);
  });
  addEventListener("pageshow", () => form.querySelectorAll("button[type=submit]").forEach((one) => (one.disabled = false)));
  addEventListener("beforeunload", (event) => {
    if (isDirty) event.preventDefault();
  });

  if (form.querySelector("[role=alert]")) {
    isDirty = true;
    form.querySelector("[aria-invalid=true]")?.focus();
    fillFrames();
  } else {
    load();
  }
})();

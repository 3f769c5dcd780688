// Sharing by hand: keeps the addresses in step with the text and notes what was opened.
// Without this file the same buttons post the form, which notes it and leads on.
(() => {
  "use strict";

  const form = document.querySelector("form[data-share]");
  if (!form) return;
  const text = form.querySelector("textarea");
  const missing = form.querySelector("[data-missing]");
  const trouble = form.querySelector("[data-trouble]");
  const { url, above } = form.dataset;
  const isDraft = form.hasAttribute("data-draft");

  // A draft is payable once it is shared; the page then shows it so.
  const showAgain = () => setTimeout(() => location.reload(), 1500);

  const refresh = () => {
    const words = text.value.replaceAll(url, above);
    form.querySelectorAll("a[data-template]").forEach((link) => {
      const said = link.dataset.way === "email" ? text.value.replaceAll("\n", "\r\n") : text.value;
      link.href = link.dataset.template
        .replace("{text}", () => encodeURIComponent(said))
        .replace("{words}", () => encodeURIComponent(words));
    });
    missing.hidden = text.value.includes(url);
  };

  // keepalive: the page may be gone by then, on a phone where the app takes its place
  const note = async (way) => {
    const body = new FormData(form);
    body.set("way", way);
    const answer = await fetch(form.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      keepalive: true,
    }).catch(() => null);
    const isNoted = Boolean(answer && answer.ok && !answer.redirected);
    const said = answer && answer.status >= 400 ? await answer.json().catch(() => null) : null;
    trouble.textContent = isNoted ? "" : said?.message || form.dataset.failed;
    trouble.hidden = isNoted;
    return isNoted;
  };

  const copy = async (value) => {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // no clipboard on plain http: the old way
      const field = document.createElement("textarea");
      field.value = value;
      form.append(field);
      field.select();
      const isCopied = document.execCommand("copy");
      field.remove();
      return isCopied;
    }
    return true;
  };

  text.addEventListener("input", refresh);
  form.querySelectorAll("a[data-way]").forEach((link) => link.addEventListener("click", () => note(link.dataset.way)));
  form.querySelectorAll("[data-copy-way]").forEach((button) => {
    const label = button.querySelector("[data-label]");
    const words = label.textContent;
    button.addEventListener("click", async () => {
      const way = button.dataset.copyWay;
      const isCopied = await copy(way === "copy_link" ? url : text.value);
      if (!(await note(way)) || !isCopied) return;
      label.textContent = button.dataset.done;
      setTimeout(() => (label.textContent = words), 2000);
      if (isDraft) showAgain();
    });
  });
  if (isDraft) form.addEventListener("submit", showAgain);
  refresh();
})();

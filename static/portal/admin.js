// Small repairs of what Unfold's pages lack for screen readers.
document.addEventListener("DOMContentLoaded", () => {
  // Select2 draws its own box and leaves the field's label behind.
  const name = (select) => {
    const box = select.nextElementSibling?.querySelector("[role=combobox], .select2-search__field");
    const label = select.labels?.[0]?.textContent.replace("*", "").trim();
    if (box && label) {
      box.setAttribute("aria-label", label);
    }
  };
  // SimpleBar calls every scrolling box of a page the same.
  const number = (box, index) => {
    if (index > 0 && !box.dataset.numbered) {
      box.dataset.numbered = index;
      box.setAttribute("aria-label", `${box.getAttribute("aria-label")} ${index + 1}`);
    }
  };
  const nameAll = () => {
    document.querySelectorAll("select.select2-hidden-accessible").forEach(name);
    document.querySelectorAll(".simplebar-content-wrapper[aria-label]").forEach(number);
  };
  nameAll();
  new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
});

// <button data-copy="#id" data-copied="Copied">: puts the text, or value, of #id on the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy][data-copied]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source) {
    return;
  }
  const text = source.value ?? source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // no clipboard without https: mark the text, so that Ctrl+C takes it
    getSelection().selectAllChildren(source);
    return;
  }
  button.textContent = button.dataset.copied;
});

// What looks for news by itself (data-poll) rests while nobody sees the page, and while
// something of it is ticked (data-poll="selector"), so that no tick is lost.
document.addEventListener("htmx:beforeRequest", (event) => {
  const rests = event.target.dataset?.poll;
  if (rests !== undefined && (document.hidden || (rests && document.querySelector(rests)))) {
    event.preventDefault();
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    document.querySelectorAll("[data-poll]").forEach((poller) => window.htmx?.trigger(poller, "look"));
  }
});

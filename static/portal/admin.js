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
  const nameAll = () => document.querySelectorAll("select.select2-hidden-accessible").forEach(name);
  nameAll();
  new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
});

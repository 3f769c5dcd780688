// What Unfold writes as inline code, as named components: the CSP build of Alpine
// evaluates plain expressions only. Loaded, deferred, before Alpine.
document.addEventListener("alpine:init", () => {
  const Alpine = window.Alpine;
  const unfoldTheme = window.theme;

  Alpine.data("theme", (chosen) =>
    Object.assign(unfoldTheme(chosen), {
      sortRecords: window.sortRecords,
      moveRecords: (event) => moveRecords(event), // a const of app.js, not on window
    }),
  );

  Alpine.data("searchForm", window.searchForm);

  Alpine.data("searchDropdown", () =>
    Object.assign(window.searchDropdown(), {
      onFocus() {
        this.openSearchResults = true;
        this.currentIndex = 0;
      },
      onEscape() {
        this.openSearchResults = false;
        const input = this.$refs.searchInput;
        if (input.value === "") {
          input.blur();
        } else {
          input.value = "";
        }
      },
    }),
  );

  Alpine.data("searchCommand", () => {
    const unfold = window.searchCommand();
    return Object.assign({}, unfold, {
      onEnter(event, keepsHistory) {
        if (!event.metaKey && !event.ctrlKey) {
          this.selectItem(keepsHistory, false);
        }
      },
      // also out of a field; what one may begin is there before anything is typed
      handleShortcut(event) {
        if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) {
          event.preventDefault();
          if (!this.openCommandResults) {
            this.handleOpen();
          }
        }
      },
      handleOpen() {
        this.cameFrom = document.activeElement;
        unfold.handleOpen.call(this);
        window.htmx.trigger(this.$refs.searchInputCommand, "opened");
      },
      // one press leaves, whatever is typed, to where one came from
      handleEscape() {
        this.$refs.searchInputCommand.value = "";
        unfold.handleEscape.call(this);
        this.cameFrom?.focus();
      },
      handleContentLoaded(event) {
        unfold.handleContentLoaded.call(this, event);
        this.currentIndex = this.totalItems > 0 ? 1 : 0;
      },
      selectItem(keepsHistory, inNewTab) {
        if (this.items?.[this.currentIndex - 1]) {
          unfold.selectItem.call(this, keepsHistory, inNewTab);
        }
      },
    });
  });

  Alpine.data("shell", (firstTab, isModelPage) => ({
    activeTab: firstTab,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: (localStorage.getItem("sidebarDesktopOpen") ?? "1") === "1",
    init() {
      this.activeTab = isModelPage ? getCurrentTab() || firstTab : "";
      this.$watch("sidebarDesktopOpen", (open) =>
        localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"),
      );
    },
    toggleSidebar() {
      this.sidebarDesktopOpen = !this.sidebarDesktopOpen;
    },
    formAction() {
      const here = location.pathname + location.search;
      return this.activeTab && this.activeTab !== "general"
        ? `${here}#${this.activeTab}`
        : here;
    },
  }));
});

/* Links marked data-merchant-portal open in a new tab that knows nothing of this page.
   It adds, loads, stores and asks nothing else; without it they are plain links. */
(function () {
  "use strict";
  var script = document.currentScript;
  var home = script && script.src ? new URL(script.src).origin : "";
  document.addEventListener(
    "click",
    function (event) {
      var link = event.target instanceof Element && event.target.closest("a[data-merchant-portal]");
      if (!link || link.origin !== home) return;
      link.target = "_blank";
      link.rel = "noopener";
    },
    true
  );
})();
